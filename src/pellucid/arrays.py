"""Whatever a user hands over as an array, made into one: the door of every public function that takes arrays.

Lists, buffers (`array.array`, `memoryview`), DataFrames and Series of pandas and polars, and the arrays and tensors of
other libraries that offer `__array__` or `__dlpack__`; none of those libraries is imported for it. What cannot become
an array, or would only by losing something (the mask of a masked array), is refused with the remedy.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from pellucid.errors import DataError
from pellucid.typing import Array, DTypeLike


def numbers(who: str, name: str, value: Any, dtype: DTypeLike | None = None) -> Array:
    """`value` as an array of real numbers, of `dtype` where one is given; DataError for text, objects and the like."""
    array = as_array(who, name, value)
    if array.dtype.kind not in "biuf":
        raise DataError(
            f"{who}: {name} must hold numbers, got {array.dtype}. For tables with text use from_dataframe or load_csv."
        )
    return array if dtype is None else np.asarray(array, dtype)


def as_array(who: str, name: str, value: Any) -> Array:
    """`value` as an array, without a copy where that is possible.

    Raises
    ------
    DataError
        If it cannot become one, or its samples do not all have the same shape.
    """
    if type(value) is np.ndarray and value.dtype != object:
        return value
    if isinstance(value, np.ma.MaskedArray) and np.ma.is_masked(value):
        raise DataError(f"{who}: {name} holds masked values. Fill them: {name}.filled(0), or leave those samples out.")
    try:
        array = _converted(value)
    except Exception as error:  # it comes from the code of another library, which may raise anything
        reason = " ".join(str(error).split())
        remedy = _known_remedy(name, value) or "Give every sample the same shape."
        raise DataError(f"{who}: {name} cannot become an array ({reason}). {remedy}") from error
    if array.ndim == 0 and array.dtype == object:
        message = f"{who}: {name} must be an array or a list of numbers, got {type(value).__name__}."
        raise DataError(f"{message} {_known_remedy(name, value)}".rstrip())
    return array


TIMES = ("date", "time", "duration", "period")
"""How the dtypes of dates and times begin, in pandas and polars."""


def _converted(value: Any) -> Array:
    if hasattr(value, "to_numpy"):  # pandas and polars
        _expect_no_times(value)
        array = np.asarray(value.to_numpy())
    elif hasattr(value, "__dlpack__") and not hasattr(value, "__array__"):
        array = np.from_dlpack(value)
    else:
        array = np.asarray(value)
    return _out_of_objects(array) if array.dtype == object and array.ndim else array


def _expect_no_times(frame: Any) -> None:
    """Raise TypeError for columns of dates or times, which beside numbers would become numbers of nanoseconds."""
    kinds = getattr(frame, "dtypes", getattr(frame, "dtype", None))
    for kind in kinds if np.iterable(kinds) and not isinstance(kinds, str) else [kinds]:
        if str(kind).lower().startswith(TIMES):
            raise TypeError(f"it holds dates or times, {kind}: give numbers, such as the days since the first")


def _out_of_objects(array: Array) -> Array:
    """Numbers that lie in an array of objects, such as a table of integers and truths, or a column of pictures."""
    try:
        plain = np.asarray([np.asarray(item) for item in array.ravel()])
    except ValueError:  # of different shapes
        return array
    return plain.reshape(array.shape + plain.shape[1:]) if plain.dtype.kind in "biuf" else array


def _known_remedy(name: str, value: Any) -> str:
    try:
        return _remedy(name, value)
    except Exception:  # attributes of an object of another library, which may raise anything, too
        return ""


def _remedy(name: str, value: Any) -> str:
    """What to write instead; empty where the kind of value does not tell."""
    if getattr(value, "requires_grad", False):
        return f"It carries gradients: {name}.detach()."
    if str(getattr(value, "device", "cpu")).partition(":")[0].lower() not in ("cpu", "none"):
        return f"It lies on another device: {name}.cpu()."
    if "sparse" in f"{type(value).__module__} {getattr(value, 'layout', '')}":
        return f"Make it dense: {name}.{'to_dense' if hasattr(value, 'to_dense') else 'toarray'}()."
    if hasattr(value, "collect"):
        return f"Compute it first: {name}.collect()."
    if hasattr(value, "float") and hasattr(value, "numpy"):  # a tensor of a dtype that NumPy has not, such as bfloat16
        return f"NumPy may lack its dtype: {name}.float()."
    if isinstance(value, Iterable) and not isinstance(value, (Mapping, Sequence)):
        return f"Write list({name})."
    return ""
