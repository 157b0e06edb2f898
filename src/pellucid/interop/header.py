"""The header of a safetensors file: which tensors it holds, where, and some text besides.

    8 bytes   N, little-endian
    N bytes   {"name": {"dtype": "F32", "shape": [784, 50], "data_offsets": [0, 156800]}, …}
    the rest  the tensors, little-endian, in C order, without holes

The text stands under the name `__metadata__`, as strings by name.

The reader takes nothing on trust: every size is checked against the file, in Python's unbounded integers,
before anything is allocated. What it accepts the official reader accepts too; the converse does not hold:
equal keys, unknown fields and spaces before the brace are refused here.
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Mapping
from io import BufferedReader
from typing import Any, NamedTuple

import numpy as np

from pellucid.errors import FileFormatError
from pellucid.interop.strict_json import AGAIN, parse_json
from pellucid.typing import Array, Shape

MAX_HEADER = 16 << 20
"""Bytes of the largest header that is read. A network of a thousand layers needs a hundredth of that."""

MAX_AXES = 32

DTYPES = {
    code: np.dtype(name)
    for code, name in {
        "F64": "<f8", "F32": "<f4", "F16": "<f2", "I64": "<i8", "I32": "<i4", "I16": "<i2", "I8": "<i1",
        "U64": "<u8", "U32": "<u4", "U16": "<u2", "U8": "<u1", "BOOL": "?",
    }.items()
}  # fmt: skip
CODES = {dtype: code for code, dtype in DTYPES.items()}


class TensorInfo(NamedTuple):
    """One tensor: what it is, and where it begins and ends in the data."""

    dtype: np.dtype[Any]
    shape: Shape
    start: int
    stop: int


class Header(NamedTuple):
    """A checked header: its tensors in the order of the data, and its text."""

    tensors: dict[str, TensorInfo]
    metadata: dict[str, str]


def read_header(file: BufferedReader, label: str) -> Header:
    """Read and check the header, leaving `file` at the first byte of the data.

    Raises
    ------
    FileFormatError
        If the file is not safetensors, is cut short, goes on after its tensors, or its header is not exact.
    """
    size = os.fstat(file.fileno()).st_size
    start = file.read(8)
    length = int.from_bytes(start, "little")
    if len(start) < 8 or not 2 <= length <= min(MAX_HEADER, size - 8):
        raise FileFormatError(f"{label}: {_wrong_length(start, length, size)}")
    text = file.read(length)
    if text[:1] != b"{":
        raise FileFormatError(f"{label}: the header must begin with '{{', got {text[:1]!r}. {_guess(start)}{AGAIN}")
    fields = parse_json(text, f"{label}: the header")
    metadata = _checked_metadata(fields.pop("__metadata__", None), label)
    tensors = {name: _checked_info(name, entry, label) for name, entry in fields.items()}
    return Header(_in_order(tensors, size - 8 - length, label), metadata)


def encode_header(arrays: Mapping[str, Array], metadata: Mapping[str, str]) -> tuple[bytes, list[str]]:
    """Return the first bytes of a file and the order in which the arrays follow.

    The widest elements come first and spaces fill the header up to a multiple of 8, so that every tensor is
    aligned. The same input gives the same bytes; the official writer orders the metadata at random, so it
    is not used.
    """
    order = sorted(arrays, key=lambda name: (-arrays[name].itemsize, name))
    fields: dict[str, Any] = {"__metadata__": dict(sorted(metadata.items()))}
    stop = 0
    for name in order:
        array = arrays[name]
        start, stop = stop, stop + array.nbytes
        fields[name] = {
            "dtype": CODES[array.dtype],
            "shape": list(array.shape),
            "data_offsets": [start, stop],
        }
    text = json.dumps(fields, ensure_ascii=False, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    return len(text).to_bytes(8, "little") + text, order


def _checked_metadata(metadata: Any, label: str) -> dict[str, str]:
    if metadata is None:  # absent, or null as MLX writes it
        return {}
    if not isinstance(metadata, dict) or not all(isinstance(value, str) for value in metadata.values()):
        raise FileFormatError(f"{label}: __metadata__ must map strings to strings. {AGAIN}")
    return metadata


def _checked_info(name: str, entry: Any, label: str) -> TensorInfo:
    who = f"{label}: tensor {name[:80]!r}"
    if not isinstance(entry, dict) or set(entry) != {"dtype", "shape", "data_offsets"}:
        raise FileFormatError(f"{who} must have exactly dtype, shape and data_offsets, got {str(entry)[:80]}. {AGAIN}")
    code, shape, offsets = entry["dtype"], entry["shape"], entry["data_offsets"]
    if not isinstance(code, str) or code not in DTYPES:
        raise FileFormatError(f"{who} has dtype {str(code)[:20]}; supported are {', '.join(DTYPES)}. Convert it first.")
    if not _are_sizes(shape) or len(shape) > MAX_AXES:
        raise FileFormatError(
            f"{who}: shape must hold at most {MAX_AXES} sizes of at least 0, got {str(shape)[:80]}. {AGAIN}"
        )
    if not _are_sizes(offsets) or len(offsets) != 2:
        raise FileFormatError(f"{who}: data_offsets must be two sizes, begin and end, got {str(offsets)[:80]}. {AGAIN}")
    info = TensorInfo(DTYPES[code], tuple(shape), *offsets)
    _expect_sizes_agree(info, who)
    return info


def _expect_sizes_agree(info: TensorInfo, who: str) -> None:
    nbytes = math.prod(info.shape) * info.dtype.itemsize
    if info.stop - info.start != nbytes:
        raise FileFormatError(
            f"{who}: shape {info.shape} of {info.dtype} takes {nbytes} bytes, "
            f"data_offsets give {info.stop - info.start}. {AGAIN}"
        )
    # An empty axis makes the product 0 whatever the others are; NumPy still has to multiply them.
    if math.prod(max(n, 1) for n in info.shape) * info.dtype.itemsize >= 1 << 62:
        raise FileFormatError(f"{who}: shape {info.shape} is larger than an array can be. {AGAIN}")


def _are_sizes(value: Any) -> bool:
    return isinstance(value, list) and all(type(n) is int and n >= 0 for n in value)


def _in_order(tensors: dict[str, TensorInfo], size: int, label: str) -> dict[str, TensorInfo]:
    """Sort the tensors by place; raise unless they fill `size` bytes without a hole or an overlap."""
    ordered = dict(sorted(tensors.items(), key=lambda item: (item[1].start, item[1].stop)))
    end = 0
    for name, info in ordered.items():
        if info.start != end:
            fault = "overlaps the one before it" if info.start < end else "leaves a hole before it"
            raise FileFormatError(
                f"{label}: tensor {name[:80]!r} at byte {info.start} {fault}, which ends at {end}. {AGAIN}"
            )
        end = info.stop
    if end != size:
        fault = f"is cut short: {size} of the {end} bytes" if size < end else f"goes on after the {end} bytes"
        raise FileFormatError(
            f"{label}: the file {fault} of its tensors{'' if size < end else f', to {size}'}. {AGAIN}"
        )
    return ordered


def _wrong_length(start: bytes, length: int, size: int) -> str:
    if len(start) < 8:
        return f"a safetensors file has at least 8 bytes, this one holds {len(start)}. {_guess(start)}{AGAIN}"
    if MAX_HEADER < length <= size - 8:
        return f"the header has {length} bytes, more than the {MAX_HEADER} allowed. {_guess(start)}{AGAIN}"
    return f"a header of {length} bytes is announced, and {size - 8} bytes follow. {_guess(start)}{AGAIN}"


_OTHER_FORMATS = {
    b"\x89HDF": "It is an HDF5 file, as Keras writes.",
    b"PK\x03\x04": "It is a ZIP archive, such as .npz (see load_book_params), .keras or .pt.",
    b"\x80": "It is a Python pickle, which is never opened: a pickle can run any program.",
    b"{": "It is JSON; load_nielsen reads the networks of Nielsen's book.",
    b"<": "It is a web page, as servers send in place of a file they do not have.",
}


def _guess(start: bytes) -> str:
    return next((f"{what} " for magic, what in _OTHER_FORMATS.items() if start.startswith(magic)), "")
