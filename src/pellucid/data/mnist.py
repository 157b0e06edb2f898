"""MNIST, which lies inside the package: 60,000 handwritten digits to train on and 10,000 to test on."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np

from pellucid import checks
from pellucid.checked import checked_late
from pellucid.data.dataset import Dataset
from pellucid.data.directory import find_idx_files, read_pair, scaled, shaped
from pellucid.errors import DataError
from pellucid.specs import InputSpec
from pellucid.typing import Array, DTypeLike

FOLDER = Path(__file__).with_name("mnist_files")
"""The four files, gzipped, with their licence in README.md."""

CLASSES = 10

DIGITS = InputSpec("digits", (28, 28, 1), 0.0, 1.0)


@checked_late
def load_mnist(
    normalize: bool = True,
    flatten: bool = True,
    one_hot_label: bool = False,
    *,
    path: str | os.PathLike[str] | None = None,
    dtype: DTypeLike = np.float32,
) -> tuple[tuple[Array, Array], tuple[Array, Array]]:
    """MNIST as `(x_train, t_train), (x_test, t_test)`, with the arguments that the book gives it.

    Parameters
    ----------
    normalize : bool, default=True
        Pixels of 0–1 in `dtype`, otherwise `uint8` of 0–255.
    flatten : bool, default=True
        x has shape (N, 784), otherwise (N, 28, 28, 1).
    one_hot_label : bool, default=False
        t has shape (N, 10) and `dtype`, otherwise (N,) and `uint8`.
    path : folder, optional
        Reads the user's own files of the same kind instead, for example Fashion-MNIST; raw or gzipped,
        `train-images-idx3-ubyte.gz` or `train-images.idx3-ubyte` and so on.
    dtype : float32 or float64, default=float32

    Raises
    ------
    DataError
        If a file of `path` is missing, images and labels differ in number, or a label is above 9.
    FileFormatError
        If one is not a sound IDX file.

    Examples
    --------
    >>> (x_train, t_train), (x_test, t_test) = pl.load_mnist(flatten=True, normalize=False)
    >>> x_train.shape, x_train.dtype, t_train[:5]
    ((60000, 784), dtype('uint8'), array([5, 0, 4, 1, 9], dtype=uint8))
    """
    who = "load_mnist"
    dtype = checks.float_dtype(who, dtype)
    files = find_idx_files(who, FOLDER if path is None else path)

    def part(images: Path, labels: Path) -> tuple[Array, Array]:
        x, t = read_pair(who, images, labels)
        if t.min() < 0 or t.max() >= CLASSES:
            raise DataError(
                f"{who}: {labels} holds the label {t.max()}, digits are 0..9. Use load_directory for other classes."
            )
        x = shaped(x, flatten=flatten)
        return scaled(x, dtype) if normalize else x, np.eye(CLASSES, dtype=dtype)[t] if one_hot_label else t

    from concurrent.futures import ThreadPoolExecutor  # here, since it would add 10 ms to `import pellucid`

    # zlib and NumPy work without the GIL: the test set costs no time of its own.
    with ThreadPoolExecutor(1) as pool:
        test = pool.submit(part, files.test_images, files.test_labels)
        return part(files.train_images, files.train_labels), test.result()


@checked_late
def mnist(flatten: bool = True, *, dtype: DTypeLike = np.float32) -> tuple[Dataset, Dataset]:
    """MNIST as two data sets `(train, test)`, pixels of 0–1: samples (784,), unflattened (28, 28, 1).

    Examples
    --------
    >>> train, test = pl.mnist(flatten=False)
    >>> train
    <Dataset: 60000 samples of shape (28, 28, 1), 10 classes, float32>
    >>> len(test), float(train.x.max())
    (10000, 1.0)
    """
    train, test = load_mnist(flatten=flatten, dtype=dtype)
    return _dataset(*train), _dataset(*test)


def _dataset(x: Array, t: Array) -> Dataset:
    return Dataset._trusted(x, t.astype(np.intp), CLASSES, tuple("0123456789"), DIGITS)
