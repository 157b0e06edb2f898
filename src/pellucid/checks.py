"""The one place where messages about bad arguments are built.

Each says *who* (`Affine`), *what* was expected, what *came*, and the *remedy*:
`Affine: x must have shape (N, 784), got (100, 28, 28). Flatten it: x.reshape(len(x), -1).`
"""

from __future__ import annotations

import difflib
import functools
import importlib
import math
import operator
import os
import sys
import warnings
from collections.abc import Callable, Collection, Sequence
from functools import cache
from io import BufferedReader
from pathlib import Path
from types import ModuleType
from typing import Any, NoReturn, ParamSpec, TypeVar

import numpy as np

from pellucid.arrays import as_array
from pellucid.errors import (
    ArgumentError,
    DataError,
    LabelError,
    MissingDependencyError,
    ShapeError,
    StateError,
    UnknownNameError,
)
from pellucid.kinds import is_made_by_us
from pellucid.shown import came
from pellucid.typing import Array, IntArray, Shape

P = ParamSpec("P")
R = TypeVar("R")


def expect_batch(who: str, x: Array, shape: Shape, name: str = "x") -> None:
    """Raise ShapeError unless `x` is a batch (N, *shape)."""
    if x.shape[1:] != shape or x.ndim == 0:
        wanted = "(N, " + ", ".join(map(str, shape)) + ")" if shape else "(N,)"
        raise ShapeError(f"{who}: {name} must have shape {wanted}, got {x.shape}. {_batch_remedy(x.shape, shape)}")


def _batch_remedy(got: Shape, shape: Shape) -> str:
    size = math.prod(shape)
    if got == shape:
        return "A batch axis comes first; for one sample write x[None]."
    if len(shape) == 3 and len(got) == 4 and (got[2], got[3], got[1]) == shape:
        return "The channel axis comes last; try x.transpose(0, 2, 3, 1)."
    if len(shape) == 3 and shape[2] == 1 and got[1:] == shape[:2]:
        return "Add the channel axis: x[..., None]."
    if got and len(got) > 1 and math.prod(got[1:]) == size:
        target = "-1" if len(shape) == 1 else ", ".join(map(str, shape))
        return f"The sizes agree: x.reshape(len(x), {target})."
    return "Check the input shape that the network was built with."


def expect_rank(who: str, x: Array, rank: int, letters: str, name: str = "x") -> None:
    """Raise ShapeError unless `x` has `rank` axes; `letters` names them, such as "N, H, W, C"."""
    if x.ndim != rank:
        raise ShapeError(f"{who}: {name} must have {rank} axes ({letters}), got shape {x.shape}.")


def expect_positive(who: str, name: str, value: float) -> None:
    """Raise ArgumentError unless `value` is a finite number above zero."""
    if not (_is_number(value) and value > 0 and math.isfinite(value)):
        raise ArgumentError(f"{who}: {name} must be a number above 0, got {came(value)}.")


def expect_range(who: str, name: str, value: float, low: float, high: float, *, open_high: bool = False) -> None:
    """Raise ArgumentError unless low <= value <= high (or < high)."""
    if not (_is_number(value) and low <= value and (value < high if open_high else value <= high)):
        raise ArgumentError(f"{who}: {name} must lie in [{low}, {high}{')' if open_high else ']'}, got {came(value)}.")


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float, np.integer, np.floating)) and not isinstance(value, bool)


def size(who: str, name: str, value: Any) -> int:
    """`value` as an int of at least 1."""
    try:
        number = operator.index(value)
    except Exception:  # TypeError most often, but `__index__` is the object's own
        raise ArgumentError(f"{who}: {name} must be a whole number of at least 1, got {came(value)}.") from None
    if number < 1 or isinstance(value, (bool, np.bool_)):
        raise ArgumentError(f"{who}: {name} must be a whole number of at least 1, got {came(value)}.")
    return number


def axis(who: str, name: str, value: Any) -> int:
    """`value` as an axis of a sample: from 0, or from −1 at the end."""
    try:
        number = operator.index(value)
    except Exception:  # TypeError most often, but `__index__` is the object's own
        number = 64
    if not -32 <= number < 32 or isinstance(value, (bool, np.bool_)):
        raise ArgumentError(f"{who}: {name} must be an axis of a sample, such as 0 or -1, got {came(value)}.")
    return number


def seed(who: str, value: Any, name: str = "seed") -> int:
    """`value` as an int of at least 0, which `numpy.random.default_rng` takes; NumPy's integers will do."""
    try:
        number = operator.index(value)
    except Exception:  # TypeError most often, but `__index__` is the object's own
        number = -1
    if number < 0 or isinstance(value, (bool, np.bool_)):
        raise ArgumentError(
            f"{who}: {name} must be a whole number of at least 0, got {came(value)}. The same seed gives the same run."
        )
    return number


def flag(who: str, name: str, value: Any) -> bool:
    """`value` as True or False; 1 and 0, and NumPy's own, will do."""
    if isinstance(value, (bool, np.bool_)) or (isinstance(value, (int, np.integer)) and value in (0, 1)):
        return bool(value)
    raise ArgumentError(f"{who}: {name} must be True or False, got {came(value)}.")


def number(who: str, name: str, value: Any) -> float:
    """`value` as a finite float."""
    if not _is_number(value) or not math.isfinite(value):
        raise ArgumentError(f"{who}: {name} must be a number, got {came(value)}.")
    return float(value)


def shape(who: str, name: str, value: Any) -> Shape:
    """The shape of one sample, given as its sizes or, of a vector, as its length alone."""
    sizes = value if isinstance(value, Sequence) and not isinstance(value, (str, bytes)) else (value,)
    return tuple(size(who, name, n) for n in sizes)


def generator(who: str, rng: Any) -> np.random.Generator:
    """`rng` itself; ArgumentError unless it is a generator of NumPy's."""
    if not isinstance(rng, np.random.Generator):
        raise ArgumentError(f"{who}: rng must be a generator such as np.random.default_rng(0), got {came(rng)}.")
    return rng


def float_dtype(who: str, dtype: Any) -> np.dtype[Any]:
    """`dtype` as NumPy's float32 or float64, the two that networks compute in."""
    try:
        found: np.dtype[Any] = np.dtype(dtype)
    except Exception:  # NumPy asks the object itself, which may fail in any way
        raise ArgumentError(f"{who}: dtype must be float32 or float64, got {came(dtype)}.") from None
    if dtype is None or found not in (np.dtype(np.float32), np.dtype(np.float64)):  # None would mean float64
        raise ArgumentError(f"{who}: dtype must be float32 or float64, got {dtype if dtype is None else found}.")
    return found


def expect_memory(who: str, shape: Shape, itemsize: int = 8) -> None:
    """Raise ShapeError where an array of `shape` is larger than the memory of this machine."""
    needed = math.prod(shape) * itemsize
    if needed > _physical_memory():
        raise ShapeError(f"{who}: an array of shape {shape} takes {needed / 2**30:,.0f} GiB, more than there is.")


@cache
def _physical_memory() -> int:
    """The bytes of memory of this machine; where the system does not tell, what an address of 48 bits reaches."""
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError, OSError):
        return 1 << 48


def pair(who: str, name: str, value: Any) -> tuple[int, int]:
    """`3` or `(3, 5)` as two sizes (height, width)."""
    if isinstance(value, Sequence) and not isinstance(value, str):
        if len(value) != 2:
            raise ArgumentError(f"{who}: {name} must be one size or two (height, width), got {came(value)}.")
        return size(who, name, value[0]), size(who, name, value[1])
    return (size(who, name, value),) * 2


def unknown_name(who: str, what: str, name: object, known: Collection[str]) -> NoReturn:
    """Raise UnknownNameError, offering the nearest known name."""
    near = difflib.get_close_matches(came(name).strip("'\"").lower()[:100], [k.lower() for k in known], n=1, cutoff=0.5)
    by_lower = {k.lower(): k for k in known}
    hint = f"Did you mean {by_lower[near[0]]!r}? " if near else ""
    raise UnknownNameError(f"{who}: unknown {what} {came(name)}. {hint}Known: {', '.join(sorted(known))}.")


def expect_known(who: str, what: str, name: object, known: Collection[str]) -> None:
    """Raise UnknownNameError unless `name` is one of the known ones; the nearest is offered."""
    if not isinstance(name, str) or name not in known:
        unknown_name(who, what, name, known)


def network_in(model: Any) -> Any:
    """What a model holds in `.network`, or else the model itself: whether it is a network is for the caller to see."""
    try:
        return getattr(model, "network", model)
    except Exception:  # the attribute is another's code
        return model


def warn(message: str, category: type[Warning] = UserWarning) -> None:
    """Warn of the line outside the package that led here."""
    frame, level = sys._getframe(1), 2
    while frame.f_back is not None and frame.f_globals.get("__name__", "").startswith("pellucid."):
        frame, level = frame.f_back, level + 1
    warnings.warn(message, category, stacklevel=level)


def expect_made_by(who: str, name: str, value: object, kind: str, maker: str) -> None:
    """Raise ArgumentError unless `value` is of the class called `kind`, of a room that the caller's may not import."""
    if not is_made_by_us(value, kind):
        raise ArgumentError(f"{who}: {name} must be what {maker} returns, got {type(value).__name__}.")


def expect_finite(who: str, x: Array, name: str = "x") -> None:
    """Raise DataError where `x` holds NaN or infinity, naming the first place."""
    if not np.issubdtype(x.dtype, np.floating):
        return
    # The sum is NaN or infinite as soon as one element is: one pass and no mask. Large finite numbers may
    # overflow it, hence the second look before complaining.
    with np.errstate(all="ignore"):
        if np.isfinite(x.sum()):
            return
    bad = ~np.isfinite(x)
    if bad.any():
        where = tuple(int(i) for i in np.argwhere(bad)[0])
        raise DataError(
            f"{who}: {name} holds {int(bad.sum())} NaN or infinite values, the first at index {where}. "
            f"Remove or fill those samples, for example with np.nan_to_num."
        )


def class_indices(who: str, t: Any, classes: int | None = None, samples: int | None = None) -> IntArray:
    """Targets as class indices (N,), whether they came as indices (N,) or (N, 1) or as one-hot rows (N, K).

    Rank decides which: one axis or one column means indices, more columns mean one-hot rows. True and False, and
    floats that are all 0 or 1, are the indices 1 and 0. Other floats, classes outside 0..K-1 and counts that differ
    from `samples` raise LabelError.
    """
    t = as_array(who, "labels", t)
    if t.ndim == 2 and t.shape[1] == 1:
        t = t[:, 0]
    if t.ndim not in (1, 2) or (t.ndim == 2 and classes is not None and t.shape[1] != classes):
        wanted = "(N,) or one-hot (N, K)" if classes is None else f"(N,) or one-hot (N, {classes})"
        raise LabelError(f"{who}: labels must have shape {wanted}, got {t.shape}.")
    if samples is not None and len(t) != samples:
        raise LabelError(f"{who}: {samples} samples came with {len(t)} labels. Give each sample one label.")
    if t.ndim == 2:
        return _indices_of_one_hot(who, t)
    t = _whole(who, t)
    if classes is not None and len(t) and (t.min() < 0 or t.max() >= classes):
        worst = int(t.min()) if t.min() < 0 else int(t.max())
        raise LabelError(
            f"{who}: class labels must lie in 0..{classes - 1}, got {worst}. "
            "Classes count from 0; the last layer needs an output for each."
        )
    indices: IntArray = t
    return indices


def _whole(who: str, t: Array) -> IntArray:
    """Labels (N,) as integers: they are, or they are truth values, also when written as 0.0 and 1.0."""
    if t.dtype.kind in "iu":
        return t
    if t.dtype.kind == "b" or (t.dtype.kind == "f" and ((t == 0) | (t == 1)).all()):
        return t.astype(np.intp)
    if t.dtype.kind != "f":
        remedy = "Names of classes are numbered by np.unique(t, return_inverse=True)."
    elif np.isnan(t).any():
        raise LabelError(f"{who}: the label of sample {int(np.argmax(np.isnan(t)))} is NaN. Remove it or fill it in.")
    else:
        remedy = 'If they count classes, write t.astype(int); numbers to predict need Dataset(x, t, task="regression").'
    raise LabelError(f"{who}: class labels must be integers, got {t.dtype}. {remedy}")


def _indices_of_one_hot(who: str, t: Array) -> IntArray:
    hot = t == 1
    if not ((hot | (t == 0)).all() and (hot.sum(axis=1) == 1).all()):
        row = int(np.argmax(~((hot | (t == 0)).all(axis=1) & (hot.sum(axis=1) == 1))))
        raise LabelError(f"{who}: a one-hot row holds a single 1 and otherwise 0; row {row} is {t[row]}.")
    return np.asarray(hot.argmax(axis=1))


def expect_built(who: str, params_or_shape: object) -> None:
    """Raise StateError where a layer or network has not been built."""
    if params_or_shape is None:
        raise StateError(f"{who}: not built yet. Give the container input_shape=..., or call build(input_shape, rng).")


def require(module: str, feature: str, extra: str) -> ModuleType:
    """Import an optional package where it is used; the error names the feature and the command."""
    try:
        return importlib.import_module(module)
    except ImportError as error:
        package = module.partition(".")[0]
        raise MissingDependencyError(
            f"{feature} needs {package}, which is not installed. Run: pip install 'pellucid[{extra}]'."
        ) from error


def open_file(who: str, path: str | os.PathLike[str]) -> BufferedReader:
    """Open a file to read its bytes; DataError if it is missing (the nearest name is offered) or no file."""
    if not isinstance(path, (str, os.PathLike)):
        raise ArgumentError(f"{who}: a file is named by a string or a Path, got {came(path)}.")
    file = Path(path)
    try:
        if file.is_dir():
            inside = file / "model.safetensors"
            hint = f" Did you mean {inside}?" if inside.exists() else ""
            raise DataError(f"{who}: {file} is a folder; a file is needed.{hint}")
        if not file.exists():
            raise DataError(f"{who}: there is no file {file}.{_nearest_file(file)}")
        if not file.is_file():  # a pipe would block for ever, a device would never end
            raise DataError(f"{who}: {file} is a pipe or a device; a file is needed.")
        return file.open("rb")
    except DataError:
        raise
    except (OSError, ValueError) as error:  # ValueError: a name with a null byte
        reason = getattr(error, "strerror", None) or error
        raise DataError(f"{who}: {file} cannot be opened: {reason}.") from error


def within_memory(read: Callable[P, R]) -> Callable[P, R]:
    """Make a reader of files say DataError where what a file holds does not fit into memory."""

    @functools.wraps(read)
    def call(*arguments: P.args, **options: P.kwargs) -> R:
        try:
            return read(*arguments, **options)
        except MemoryError:
            raise DataError(
                f"{read.__qualname__}: the file holds more than there is memory for. Free some, or take a part of it."
            ) from None

    return call


def _nearest_file(file: Path) -> str:
    if not file.parent.is_dir():
        return f" Nor is there a folder {file.parent}."
    near = difflib.get_close_matches(file.name, [f.name for f in file.parent.iterdir()], n=1)
    return f" Did you mean {file.with_name(near[0])}?" if near else ""
