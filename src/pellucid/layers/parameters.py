"""Named arrays that everybody who holds them shares."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import combinations
from typing import Any, NoReturn

import numpy as np

from pellucid import checks
from pellucid.arrays import as_array
from pellucid.checked import checked_late
from pellucid.errors import ArgumentError, ShapeError, StateError
from pellucid.typing import Array, ArrayLike


class Parameters(dict[str, "Array"]):
    """Named arrays that are written in place.

    `params["W"] = value` copies the value into the array that is there, so that a network and its layers, which
    share their arrays, never part company. A name that is not there, or a value of another shape, raises, and none can
    be taken away.

    Examples
    --------
    >>> params = pl.layers.Parameters(b=np.zeros(2))
    >>> held = params["b"]
    >>> params["b"] = [1, 2]
    >>> held  # the same array, written in place
    array([1., 2.])
    >>> params["b"] = [1, 2, 3]
    Traceback (most recent call last):
        ...
    pellucid.errors.ShapeError: Parameters: b must have shape (2,), got (3,).
    """

    @checked_late
    def __init__(self, given: Mapping[str, Any] | None = None, /, **arrays: Any) -> None:
        super().__init__(given or {}, **arrays)

    def __setitem__(self, key: str, value: ArrayLike) -> None:
        if not isinstance(key, str) or key not in self:
            checks.unknown_name("Parameters", "array", key, self)
        array = self[key]
        if value is array:  # what `params[key] -= step` ends with
            return
        value = as_array("Parameters", key, value)
        if value.shape != array.shape:
            raise ShapeError(f"Parameters: {key} must have shape {array.shape}, got {value.shape}.")
        if value.dtype.kind not in "fiub":
            raise ArgumentError(f"Parameters: {key} must be real numbers, got {value.dtype}.")
        array[...] = value

    @checked_late
    def update(  # type: ignore[override]  # as dict's own
        self, given: Mapping[str, Any] | Iterable[tuple[str, Any]] = (), /, **named: Any
    ) -> None:
        """Write several values in place."""
        for key, value in dict(given, **named).items():
            self[key] = value

    def __ior__(self, other: Any) -> Parameters:  # type: ignore[override, misc]  # dict's makes new entries
        self.update(other)
        return self

    def _refuse(self, *_: Any) -> NoReturn:
        raise StateError("Parameters: the arrays belong to a layer and stay; their values are written in place.")

    __delitem__ = pop = popitem = clear = setdefault = _refuse

    def takes(self, other: Any) -> bool:
        """Whether `other` has the same names and shapes, so that its values can be written here."""
        return (
            isinstance(other, Mapping)
            and other.keys() == self.keys()
            and all(np.shape(other[key]) == array.shape for key, array in self.items())
        )

    def __reduce__(self) -> tuple[Any, tuple[dict[str, Array]]]:
        """Copy and pickle as a whole: item by item there would be nothing to write into."""
        return _restored, (dict(self),)


def _restored(arrays: dict[str, Array]) -> Parameters:
    """Arrays as they come out of a pickle; what was mapped from a file that others read is copied, to be written to."""
    return Parameters({key: a if a.flags.writeable else np.array(a) for key, a in arrays.items()})


def settled(
    who: str, arrays: Mapping[str, Array], dtype: np.dtype[Any], kinds: str = "f", *, copied: bool = False
) -> Parameters:
    """Return the arrays as compiled loops read them: floats of `dtype`, in C order, aligned, writable.

    Arrays that are so already are kept unless they are to be copied. Where `kinds` has "iub", counts stay whole
    numbers. Two names of one array stay so.
    """
    for key, array in arrays.items():
        if not isinstance(array, np.ndarray) or array.dtype.kind not in kinds:
            came: Any = getattr(array, "dtype", type(array).__name__)
            counts = " Counts belong into self.buffers." if getattr(came, "kind", "f") in "iub" else ""
            raise ArgumentError(f"{who}: create_params must make {key} an array of {dtype}, got {came}.{counts}")
    for (one, a), (other, b) in combinations(arrays.items(), 2):
        if a is not b and np.may_share_memory(a, b):
            raise ArgumentError(
                f"{who}: {other} lies in the memory of {one}, and a step of one would move the other. Copy it, or "
                f"compute it from {one} in forward."
            )
    made = {id(array): _settled(array.copy() if copied else array, dtype) for array in arrays.values()}
    return Parameters({key: made[id(array)] for key, array in arrays.items()})


def _settled(array: Array, dtype: np.dtype[Any]) -> Array:
    return np.require(array, dtype if array.dtype.kind == "f" else array.dtype.newbyteorder("="), ["C", "A", "W"])
