"""Addresses of arrays, and the look at an array before compiled code is given one.

A compiled loop knows shapes as numbers and arrays as addresses. If the two disagree it reads and writes past the
array. So whoever gives it an address says what the loop will take to be there: `reads` and `writes` compare that with
the array, and refuse. It costs a fifth of a microsecond.
"""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Callable
from typing import Any

import numpy as np

from pellucid.errors import ShapeError
from pellucid.typing import Array, IntArray, Shape

FLOAT, DOUBLE = np.dtype(np.float32), np.dtype(np.float64)
INTEGER, BYTE = np.dtype(np.int64), np.dtype(np.uint8)


def reads(array: Array | IntArray, shape: Shape, dtype: np.dtype[Any] = FLOAT, who: str = "kernels") -> int:
    """The address of an array that compiled loops will read as `shape` numbers in C order."""
    if array.shape != shape or array.dtype != dtype or not array.flags.c_contiguous:
        _refuse(array, shape, dtype, who)
    return _address(array)


def writes(array: Array | IntArray, shape: Shape, dtype: np.dtype[Any] = FLOAT, who: str = "kernels") -> int:
    """The same of an array that they will write."""
    address = reads(array, shape, dtype, who)
    if not array.flags.writeable:
        raise ShapeError(f"{who}: an array {shape} is to be written, and is read-only. Give a copy of it.")
    return address


def _refuse(array: Array | IntArray, shape: Shape, dtype: np.dtype[Any], who: str) -> None:
    raise ShapeError(
        f"{who}: an array must be {dtype} {tuple(shape)} in C order here, got {array.dtype} {array.shape} with strides "
        f"{array.strides}. What was planned for one shape cannot take another."
    )


def _slowly(array: Array) -> int:
    return array.ctypes.data


def _from_struct(array: Array) -> int:
    """The field `data` of NumPy's C struct of an array, which follows what every Python object begins with: a quarter
    of the time of `array.ctypes.data`.
    """
    return ctypes.c_size_t.from_address(id(array) + object.__basicsize__).value


def _quickest() -> Callable[[Array], int]:
    known = sys.implementation.name == "cpython" and all(
        _from_struct(a) == _slowly(a) for a in (np.zeros(3), np.ones(2)[1:])
    )
    return _from_struct if known else _slowly


_address = _quickest()
own = _address
"""The address of memory that the kernels made for themselves, from the shapes that the loops are told."""
