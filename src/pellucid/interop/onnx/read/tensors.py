"""The tensors of an ONNX file as arrays: their sizes are compared with the bytes that are there before any is made."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from pellucid.errors import FileFormatError
from pellucid.interop.strict_json import AGAIN
from pellucid.typing import Array

DTYPES = {
    code: np.dtype(name)
    for code, name in {
        1: "f4",
        2: "u1",
        3: "i1",
        4: "u2",
        5: "i2",
        6: "i4",
        7: "i8",
        9: "?",
        10: "f2",
        11: "f8",
        12: "u4",
        13: "u8",
    }.items()
}
"""The types of elements that are read, by ONNX's number."""

MAX_AXES = 32

_FIELDS = {"f4": "float_data", "f8": "double_data", "i8": "int64_data", "u4": "uint64_data", "u8": "uint64_data"}
"""Where a tensor without raw data holds its numbers; the others lie in int32_data."""


def read_tensor(tensor: Any, who: str) -> Array:
    """Return the array of a TensorProto.

    Raises
    ------
    FileFormatError
        If its numbers lie in another file, its type is not known here, or its shape and its bytes disagree.
    """
    if tensor.data_location == 1 or tensor.external_data:
        raise FileFormatError(
            f"{who} lies in another file, and none but the one named is opened. Put all into one: "
            "onnx.save(onnx.load(path), new_path)."
        )
    dtype = DTYPES.get(tensor.data_type)
    if dtype is None or tensor.HasField("segment"):
        raise FileFormatError(
            f"{who} is of type {tensor.data_type} of ONNX's, which is not read here. Export the model in float32."
        )
    shape = tuple(tensor.dims)
    if len(shape) > MAX_AXES or min(shape, default=0) < 0 or math.prod(max(n, 1) for n in shape) >= 1 << 58:
        raise FileFormatError(f"{who} cannot have shape {str(shape)[:80]}. {AGAIN}")
    numbers = _raw(tensor, dtype, who) if tensor.HasField("raw_data") else _typed(tensor, dtype, who)
    if numbers.size != math.prod(shape):
        raise FileFormatError(f"{who} has shape {shape} and holds {numbers.size} numbers. {AGAIN}")
    return numbers.reshape(shape)


def _raw(tensor: Any, dtype: np.dtype[Any], who: str) -> Array:
    data = tensor.raw_data
    if len(data) % dtype.itemsize or len(getattr(tensor, _FIELDS.get(dtype.str[1:], "int32_data"))):
        raise FileFormatError(f"{who} holds {len(data)} bytes, which are no numbers of {dtype}. {AGAIN}")
    if dtype.kind == "b":
        return np.asarray(np.frombuffer(data, np.uint8) != 0)
    return np.frombuffer(data, dtype.newbyteorder("<")).astype(dtype, copy=False)


def _typed(tensor: Any, dtype: np.dtype[Any], who: str) -> Array:
    field = np.array(getattr(tensor, _FIELDS.get(dtype.str[1:], "int32_data")))
    if dtype == np.float16:  # its bits stand there, as whole numbers
        return _whole(field, np.dtype(np.uint16), who).view(np.float16)
    return _whole(field, dtype, who) if dtype.kind in "iu" else field.astype(dtype)


def _whole(field: Array, dtype: np.dtype[Any], who: str) -> Array:
    limits = np.iinfo(dtype)
    if field.size and not limits.min <= int(field.min()) <= int(field.max()) <= limits.max:
        raise FileFormatError(f"{who} holds numbers that are none of {dtype}. {AGAIN}")
    return field.astype(dtype)
