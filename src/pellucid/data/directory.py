"""A folder of the user's own IDX files, found by their names."""

from __future__ import annotations

import os
import re
from pathlib import Path
from threading import Thread
from typing import NamedTuple

import numpy as np

from pellucid import checks
from pellucid.checked import checked_late
from pellucid.data import idx, targets
from pellucid.data.dataset import Dataset
from pellucid.data.digits import are_digits
from pellucid.data.incoming import brought
from pellucid.errors import DataError
from pellucid.specs import InputSpec
from pellucid.typing import Array, DTypeLike

_NAME = re.compile(r"(?P<set>.*?)(?P<part>train|t10k|test)-(?P<kind>images|labels)([-.]idx\d[-.]\w+)?(\.gz)?$")

_WORTH_A_THREAD = 1 << 24  # bytes

_PARTS = {"train": "train", "t10k": "test", "test": "test"}


class IdxFiles(NamedTuple):
    """The four files of a data set."""

    train_images: Path
    train_labels: Path
    test_images: Path
    test_labels: Path


def find_idx_files(who: str, path: str | os.PathLike[str]) -> IdxFiles:
    """The four files in a folder, by the names that MNIST, Fashion-MNIST, EMNIST, KMNIST and QMNIST use.

    `train-images-idx3-ubyte`, `t10k-labels.idx1-ubyte`, `emnist-letters-test-images-idx3-ubyte`…, with or
    without `.gz`. Where a file lies there both raw and gzipped, the raw one is taken.

    Raises
    ------
    DataError
        If one is missing, or two data sets share the folder; the message lists what was found.
    """
    folder = Path(path)
    if not folder.is_dir():
        raise DataError(f"{who}: there is no folder {folder}. Give the folder that holds the IDX files.")
    names = sorted(file.name for file in folder.iterdir() if file.is_file())
    found: dict[str, dict[str, Path]] = {}
    for name in names:
        if match := _NAME.match(name):
            role = f"{_PARTS[match['part']]}_{match['kind']}"
            stem = name.removesuffix(".gz").replace(".idx", "-idx")
            found.setdefault(role, {}).setdefault(stem, folder / name)  # sorted: the raw name comes first
    return IdxFiles(*(_only(who, folder, role, found.get(role, {}), names) for role in IdxFiles._fields))


def _only(who: str, folder: Path, role: str, candidates: dict[str, Path], names: list[str]) -> Path:
    if len(candidates) == 1:
        return next(iter(candidates.values()))
    what = role.replace("_", " ")
    if candidates:
        listed = ", ".join(sorted(candidates))
        raise DataError(f"{who}: {folder} holds several {what}: {listed}. Keep one data set in a folder.")
    usual = (
        ("t10k" if role.startswith("test") else "train")
        + "-"
        + ("images-idx3" if "images" in role else "labels-idx1")
        + "-ubyte"
    )
    listed = ", ".join(names[:12]) + (f" and {len(names) - 12} more" if len(names) > 12 else "")
    raise DataError(f"{who}: {folder} holds no {what}, such as {usual}.gz. Found: {listed or 'no files'}.")


def read_pair(who: str, images: Path, labels: Path) -> tuple[Array, Array]:
    """Images (N, H, W) or (N, H, W, C) and integer labels (N,) of one part, their counts equal.

    QMNIST's labels have eight columns, of which the first is the class.

    Raises
    ------
    DataError
        If the files hold arrays of other kinds, or their counts differ.
    """
    x, t = idx.read_idx(images), idx.read_idx(labels)
    if t.ndim == 2 and t.shape[1] == 8:
        t = t[:, 0]
    if x.ndim not in (3, 4):
        raise DataError(f"{who}: {images} must hold images (N, H, W), magic number 2051, got {x.dtype} {x.shape}.")
    if t.ndim != 1 or t.dtype.kind not in "iu":
        raise DataError(f"{who}: {labels} must hold labels (N,), magic number 2049, got {t.dtype} {t.shape}.")
    if len(x) != len(t):
        raise DataError(
            f"{who}: {images} holds {len(x)} images, {labels} holds {len(t)} labels. They belong to different sets."
        )
    if x.size == 0:
        raise DataError(f"{who}: {images} is empty, its shape is {x.shape}.")
    return x, t


def shaped(x: Array, *, flatten: bool) -> Array:
    """Images (N, H, W) as vectors (N, D) or as images with a channel (N, H, W, 1), in the same memory."""
    if flatten:
        return x.reshape(len(x), -1)
    return x[..., None] if x.ndim == 3 else x


def scaled(x: Array, dtype: DTypeLike) -> Array:
    """`uint8` pixels divided by 255, in one pass; other numbers, and bytes of 0 and 1, as they are, in `dtype`."""
    if x.dtype != np.uint8 or x.max(initial=0) <= 1:
        return x.astype(dtype, copy=False)
    result = np.empty(x.shape, dtype)
    if x.nbytes < _WORTH_A_THREAD:
        _divide(x, result)
        return result
    half = len(x) // 2  # a page of memory that is written for the first time costs more than the division
    helper = Thread(target=_divide, args=(x[:half], result[:half]))
    helper.start()
    _divide(x[half:], result[half:])
    helper.join()
    return result


def _divide(x: Array, result: Array) -> None:
    np.divide(x, result.dtype.type(255), out=result, dtype=result.dtype)


@checked_late
@checks.within_memory
def load_directory(
    path: str | os.PathLike[str],
    *,
    flatten: bool = True,
    normalize: bool = True,
    transpose: bool | None = None,
    digits: bool | None = None,
    like: Dataset | InputSpec | None = None,
    dtype: DTypeLike = np.float32,
) -> tuple[Dataset, Dataset]:
    """The training and test data of a folder with the user's own IDX files.

    Parameters
    ----------
    path : folder
        See `find_idx_files` for the names.
    flatten : bool, default=True
        Samples are vectors (D,), otherwise images (H, W, C).
    normalize : bool, default=True
        Divide pixels (`uint8`) by 255.
    transpose : bool, optional
        Exchange rows and columns of each image. By default only where the files are named `emnist…`: EMNIST
        stores its images lying on their side.
    digits : bool, optional
        Whether they are digits prepared as MNIST's, so that `pellucid predict` prepares a picture of a digit in the
        same way. By default it is seen: ten classes of 28x28, in a box of 20x20, centred by mass.
    like : Dataset or InputSpec, optional
        Prepared as that one was, whatever the type of the numbers in the files: `network.inputs` says it of a network.
        `normalize` and `digits` say nothing then.
    dtype : float32 or float64, default=float32

    Raises
    ------
    DataError
        If files are missing or do not belong together, or cannot be brought to the form of `like`.
    FileFormatError
        If one is not a sound IDX file.
    LabelError
        If labels are negative.

    Examples
    --------
    >>> for part, count in (("train", 30), ("t10k", 10)):
    ...     pl.write_idx(f"{part}-images-idx3-ubyte", np.zeros((count, 8, 8), np.uint8))
    ...     pl.write_idx(f"{part}-labels-idx1-ubyte", np.arange(count, dtype=np.uint8) % 3)
    >>> train, test = pl.load_directory(".", flatten=False)
    >>> train
    <Dataset: 30 samples of shape (8, 8, 1), 3 classes, float32>
    """
    who = "load_directory"
    dtype = checks.float_dtype(who, dtype)
    files = find_idx_files(who, path)
    if transpose is None:
        transpose = files.train_images.name.startswith("emnist")
    pairs = [
        read_pair(who, files.train_images, files.train_labels),
        read_pair(who, files.test_images, files.test_labels),
    ]
    classes = max(targets.class_targets(who, t, None, len(t))[1] for _, t in pairs)
    if transpose:
        pairs = [(x.swapaxes(1, 2), t) for x, t in pairs]
    known = like.described() if isinstance(like, Dataset) else like
    if known is None:
        kinds = {x.dtype for x, _ in pairs}
        if normalize and len(kinds) > 1 and np.dtype(np.uint8) in kinds:
            raise DataError(
                f"{who}: training samples are {pairs[0][0].dtype}, test samples {pairs[1][0].dtype}, of which only "
                "uint8 is divided by 255. Save both as uint8."
            )
        spec = _spec(who, pairs[0][0], classes, normalize, digits)
        train, test = (_dataset(x, t, classes, flatten, normalize, dtype, spec) for x, t in pairs)
    else:
        images = (files.train_images, files.test_images)
        train, test = (
            _alike(x, t, classes, flatten, dtype, known, str(path)) for (x, t), path in zip(pairs, images, strict=True)
        )
    if train.sample_shape != test.sample_shape:
        raise DataError(
            f"{who}: training samples have shape {train.sample_shape}, test samples {test.sample_shape}. "
            "They belong to different sets."
        )
    return train, test


def _alike(x: Array, t: Array, classes: int, flatten: bool, dtype: DTypeLike, known: InputSpec, label: str) -> Dataset:
    """The samples in the form of others."""
    if known.kind == "table":
        columns = ", ".join(known.columns[:4])
        raise DataError(f"{label}: holds images, and those to be like are columns of a table ({columns}, …).")
    made = brought(x, known.shape, known, label).x
    data = Dataset(made.reshape(len(made), -1) if flatten else made, t, classes=classes, dtype=dtype)
    data.inputs = known.replace(class_names=None)
    return data


def _spec(who: str, x: Array, classes: int, normalize: bool, digits: bool | None) -> InputSpec:
    """How pixels (N, H, W) or (N, H, W, C) are prepared here."""
    shape = (*x.shape[1:], 1) if x.ndim == 3 else x.shape[1:]
    if x.dtype == np.uint8:
        low, high = 0.0, 1.0 if normalize else 255.0
    else:  # numbers of another kind stay as they are
        low, high = float(x.min()), float(x.max())
    if digits is None:
        digits = x.dtype == np.uint8 and normalize and are_digits(x, classes)
    elif digits and (shape != (28, 28, 1) or high > 1):
        raise DataError(f"{who}: digits=True needs grey images of 28 x 28, scaled to 0–1, got {shape} up to {high:g}.")
    return InputSpec("digits" if digits else "images", shape, low, high)


def _dataset(
    x: Array, t: Array, classes: int, flatten: bool, normalize: bool, dtype: DTypeLike, spec: InputSpec
) -> Dataset:
    x = shaped(x, flatten=flatten)
    made = Dataset(scaled(x, dtype) if normalize else x, t, classes=classes, dtype=dtype)
    made.inputs = spec
    return made
