"""A file of the user's, brought to the form that a network learnt from: the door of `predict` and `explain`.

What a number, an axis or a picture means stands in the network's `InputSpec`. Where it does not, and two meanings are
possible, the file is refused with what to say; what was done on the way is told in words.
"""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from pellucid import checks
from pellucid.checked import checked
from pellucid.data.archive import read_npz
from pellucid.data.csv_names import names_first
from pellucid.data.csv_text import CsvOptions
from pellucid.data.digits import digit, one_shade
from pellucid.data.features import read_features
from pellucid.data.idx import read_idx
from pellucid.data.npy import read_npy
from pellucid.data.pictures import SUFFIXES, middle, read_picture, resized
from pellucid.data.ranges import expect_near
from pellucid.errors import DataError, FileFormatError, ShapeError
from pellucid.specs import InputSpec
from pellucid.typing import Array, Shape

_PICTURES = (b"\x89PNG", b"\xff\xd8\xff", b"GIF8", b"BM", b"RIFF", b"II*\0", b"MM\0*")

_ASK = "The model file does not say how its {what}. Add --pictures digits (prepared as MNIST's) or --pictures images."


class Incoming(NamedTuple):
    """Samples (N, *shape of the network) as float32, and what there is to say about how they came about."""

    x: Array
    notes: tuple[str, ...] = ()


@checked
@checks.within_memory
def read_inputs(
    path: str | os.PathLike[str],
    input_shape: Shape,
    spec: InputSpec | None = None,
    *,
    pictures: str | None = None,
    table: CsvOptions | None = None,
) -> Incoming:
    """Read the samples of a file: a picture, an IDX file, a `.npy` or `.npz` array, or a CSV table.

    Parameters
    ----------
    path : file; its content decides what it is
    input_shape : tuple of int
        Of one sample, as the network takes it.
    spec : InputSpec, optional
        How the network's samples were prepared: `network.inputs`.
    pictures : {"digits", "images"}, optional
        How pictures are prepared, in place of what `spec` says.
    table : CsvOptions, optional

    Raises
    ------
    DataError, FileFormatError, ShapeError
        If the file is missing, damaged, or does not hold such samples.

    Examples
    --------
    >>> np.save("new.npy", np.zeros((2, 28, 28)))
    >>> pl.data.read_inputs("new.npy", (784,)).x.shape
    (2, 784)
    """
    label = os.fspath(path)
    kind = kind_of(path)
    if kind == "picture":
        return _picture(label, input_shape, spec, pictures)
    if kind == "table":
        return _table(label, input_shape, spec, table or CsvOptions())
    if kind == "pickle":
        raise FileFormatError(f"{label}: is a pickle, which can run any program, and is not opened. Use np.save.")
    array = {"npy": read_npy, "npz": read_npz}[kind](path, "predict") if kind in ("npy", "npz") else read_idx(path)
    notes = []
    if kind == "idx" and array.ndim == 3 and os.path.basename(label).startswith("emnist"):
        array = array.swapaxes(1, 2)
        notes.append("turned upright, as EMNIST's files lie on their side")
    return brought(array, input_shape, spec, label, notes)


def as_written(path: str | os.PathLike[str], table: CsvOptions | None) -> CsvOptions | None:
    """Return the options as a command line means them for this file, if it is a table: `names_first`."""
    return names_first(path, table) if table is not None and kind_of(path) == "table" else table


def brought(
    array: Array, input_shape: Shape, spec: InputSpec | None, label: str, notes: Sequence[str] = ()
) -> Incoming:
    """Return an array as it lay in a file in the form that a network learnt from.

    Whole numbers are pixels, red first; of a network whose preparation is known, floats are prepared already.
    """
    notes = list(notes)
    if spec is not None and spec.layout == "channels-first" and array.dtype.kind in "iu":
        array = _channels_first(array, spec, notes)
    return Incoming(*_scale(_axes(array, input_shape, spec, label), spec, label, notes))


def _channels_first(array: Array, spec: InputSpec, notes: list[str]) -> Array:
    """Pixels as picture files have them, their channels last, turned to the order of the network."""
    last = array.ndim in (3, 4) and array.shape[-3:] == spec.picture_shape != spec.shape
    if not last:
        return array
    notes.append("its channels come last, and were put first as the network takes them")
    return np.moveaxis(array, -1, -3)


def kind_of(path: str | os.PathLike[str]) -> str:
    """Return what a file is: "picture", "table", "npy", "npz", "idx" or "pickle"."""
    with checks.open_file("predict", path) as file:
        start = file.read(8)
    suffix = os.path.splitext(os.fspath(path))[1].lower()
    if start[:6] == b"\x93NUMPY" or suffix == ".npy":
        return "npy"
    if start[:2] == b"PK" or suffix == ".npz":
        return "npz"
    if start.startswith(_PICTURES) or suffix in SUFFIXES:
        return "picture"
    if suffix in (".csv", ".tsv", ".txt"):
        return "table"
    return "pickle" if start[:1] == b"\x80" or suffix in (".pkl", ".pickle") else "idx"


# Arrays: which axis is which


def _axes(array: Array, input_shape: Shape, spec: InputSpec | None, label: str) -> Array:
    """One sample or many as (N, *input_shape), if the axes are in an order that is known."""
    if array.size == 0:
        raise DataError(f"{label}: is empty, its shape is {array.shape}. Give at least one sample.")
    if _is_sample(array.shape, input_shape, spec):
        return array.reshape(1, *input_shape)
    if array.ndim and _is_sample(array.shape[1:], input_shape, spec):
        return array.reshape(len(array), *input_shape)
    shape = spec.shape if spec is not None else input_shape
    raise ShapeError(
        f"{label}: must hold samples of shape {shape}, {math.prod(shape)} numbers each, got an array {array.shape}. "
        f"{_remedy(array.shape, input_shape, spec)}"
    )


def _is_sample(shape: Shape, input_shape: Shape, spec: InputSpec | None) -> bool:
    if math.prod(shape) != math.prod(input_shape):
        return False
    known, bare = spec.shape if spec is not None else input_shape, _bare(shape)
    if shape == input_shape or bare == _bare(known):
        return True
    if len(known) == 1:  # nothing says how such vectors were made of images, but flattened in order is usual
        return (spec is None or spec.kind == "array") and (len(bare) < 3 or bare[-1] in (3, 4))
    return len(_bare(known)) < 3 and len(bare) == 1


def _bare(shape: Shape) -> Shape:
    """A shape without its axes of one, which do not change the order of the numbers."""
    return tuple(n for n in shape if n != 1)


def _remedy(shape: Shape, input_shape: Shape, spec: InputSpec | None) -> str:
    if len(shape) in (3, 4):
        channels, height, width = shape[-3:]
        if _is_sample((height, width, channels), input_shape, spec):
            axes = "0, 2, 3, 1" if len(shape) == 4 else "1, 2, 0"
            return f"The channel axis comes last: x.transpose({axes})."
        if spec is not None and spec.layout == "channels-first" and shape[-3:] == spec.picture_shape:
            axes = "0, 3, 1, 2" if len(shape) == 4 else "2, 0, 1"
            return f"The channel axis comes first in this network: x.transpose({axes})."
    if len(shape) == 2 and _is_sample(shape[:1], input_shape, spec):
        return "Samples are rows: x.T."
    return "Bring it to that shape, a sample in each row."


# Numbers: what is white


def _scale(x: Array, spec: InputSpec | None, label: str, notes: list[str]) -> tuple[Array, tuple[str, ...]]:
    """The numbers as the network learnt from them."""
    whole = x.dtype.kind in "iu"
    made = x.astype(np.float32)
    checks.expect_finite(label, made, "it")
    if spec is not None and spec.kind == "table":
        return spec.standardised(x.astype(np.float64)).astype(np.float32), tuple(notes)
    white = 1.0 if spec is None else spec.white
    pixels = spec is None or spec.kind in ("digits", "images")
    if whole and pixels and white == 1 and x.min() >= 0 and x.max() <= 1:
        notes.append("whole numbers of 0 and 1, taken as black and white")
        made = made if spec is None else spec.standardised(made)
    elif whole and white is not None and not _as_they_stand(x, spec, white):
        depth = _depth(x, spec, label)
        if spec is None:
            notes.append(f"whole numbers, divided by {depth}; the model file does not say how its inputs were scaled")
        elif spec.kind == "array":
            notes.append(f"bytes, divided by {depth}, as the network learnt from 0 to {white:g}")
        elif depth == 65535:
            notes.append("16 bits, divided by 65535")
        if depth != white:
            made = np.divide(x, np.float32(depth), dtype=np.float32) * np.float32(white)
        made = made if spec is None else spec.standardised(made)
    elif spec is not None:
        expect_near(label, x if whole else made, spec)
    return made, tuple(notes)


def _as_they_stand(x: Array, spec: InputSpec | None, white: float) -> bool:
    """Whether whole numbers are features of an array that was learnt from such numbers, not pixels."""
    return spec is not None and spec.kind == "array" and (white == 255 or (x.max() <= 1 and x.min() >= 0))


def _depth(x: Array, spec: InputSpec | None, label: str) -> int:
    low, high = int(x.min()), int(x.max())
    if spec is not None and spec.kind == "array" and x.dtype != np.uint8:
        raise DataError(
            f"{label}: holds {x.dtype} from {low} to {high}, the network learnt from {spec.low:g} to {spec.high:g}. "
            "Scale it as the training data were, and save floats."
        )
    if low >= 0 and high <= 255:
        return 255
    if low >= 0 and x.dtype == np.uint16:
        return 65535
    raise DataError(
        f"{label}: pixels as whole numbers must lie in 0..255, or be uint16 of 0..65535; got {x.dtype} from {low} to "
        f"{high}. Save floats from 0 to 1."
    )


# Pictures and tables


def _picture(label: str, input_shape: Shape, spec: InputSpec | None, pictures: str | None) -> Incoming:
    way = pictures or _way(spec, label)
    known = spec if spec is not None and spec.kind != "table" else _guessed(input_shape, label)
    if known.white is None:
        raise DataError(
            f"{label}: the network learnt from numbers that are no pixels of 0 to 1 or 0 to 255. Give it as .npy, "
            "prepared as the training data were."
        )
    if way == "digits":
        if math.prod(input_shape) != 28 * 28:
            raise DataError(f"{label}: digits are 28 x 28 grey pixels, this network takes {input_shape}.")
        grey, notes = read_picture(label, 1)
        if one_shade(grey):  # white ink on a transparent ground
            grey, notes = read_picture(label, 1, "black")
        made, said = digit(grey[..., 0], label)
        made = made.reshape(28, 28, 1)
    else:
        if len(known.shape) != 3 or known.picture_shape[2] not in (1, 3):
            known = _guessed(input_shape, label).replace(low=known.low, high=known.high)
        height, width, channels = known.picture_shape
        read, notes = read_picture(label, channels)
        cut = middle(read, height, width) if known.sizing == "crop" else read
        made, said = resized(cut, height, width), _resizing(read.shape, cut.shape, height, width)
    x = known.prepared(made[None].astype(np.float32)) if len(known.shape) == 3 else made * np.float32(known.white)
    return Incoming(x.reshape(1, *input_shape), (*notes, *said))


def _way(spec: InputSpec | None, label: str) -> str:
    if spec is not None and spec.kind == "table":
        raise DataError(f"{label}: the network takes columns of a table ({', '.join(spec.columns[:4])}…), no pictures.")
    if spec is None or (spec.kind == "array" and len(spec.shape) != 3):
        raise DataError(f"{label}: {_ASK.format(what='pictures were prepared')}")
    return "digits" if spec.kind == "digits" else "images"


def _guessed(input_shape: Shape, label: str) -> InputSpec:
    """How pictures are most likely prepared for a network that says nothing: from 0 to 1, the usual axes."""
    if len(input_shape) == 3:
        first = input_shape[0] in (1, 3) and input_shape[2] not in (1, 3)
        if first or input_shape[2] in (1, 3):
            return InputSpec("images", input_shape, layout="channels-first" if first else "channels-last", scale=1.0)
    side = math.isqrt(math.prod(input_shape))
    if side * side != math.prod(input_shape):
        raise DataError(f"{label}: samples of shape {input_shape} are no pictures of one or three channels.")
    return InputSpec("images", (side, side, 1), scale=1.0)


def _resizing(shape: Shape, cut: Shape, height: int, width: int) -> tuple[str, ...]:
    if shape[:2] == (height, width):
        return ()
    part = "" if cut == shape else f"cut to its middle {cut[0]} x {cut[1]}, "
    stretched = abs(math.log(cut[0] * width / (cut[1] * height))) > 0.05
    return (
        f"{part}resized from {shape[0]} x {shape[1]} to {height} x {width}"
        + (", which changes its proportions" if stretched else ""),
    )


def _table(label: str, input_shape: Shape, spec: InputSpec | None, options: CsvOptions) -> Incoming:
    features = read_features(label, options, spec.columns if spec is not None else (), math.prod(input_shape))
    notes = features.notes
    if spec is not None and spec.kind == "table":
        return Incoming(spec.standardised(features.x).astype(np.float32).reshape(-1, *input_shape), notes)
    x = features.x.reshape(-1, *input_shape)
    if spec is not None and spec.kind in ("digits", "images") and (x == np.round(x)).all():
        x = x.astype(np.int64)  # pixels as text say nothing of their type
    return Incoming(*_scale(x, spec, label, list(notes)))
