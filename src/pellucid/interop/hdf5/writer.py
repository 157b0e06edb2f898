"""A file of HDF5 from nested names and arrays, in the form that every version of the library reads.

A superblock, then every object: of an array its numbers and a header that says its shape, dtype and place, of a group
a header with a link to each of its members. Members stand before what links to them, so that nothing is filled in
afterwards but the superblock. The same arrays give the same bytes.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeAlias

import numpy as np

from pellucid.interop.hdf5.cursor import UNDEFINED
from pellucid.interop.hdf5.messages import DATASPACE, DATATYPE, LAYOUT, LINK, LINK_INFO
from pellucid.interop.hdf5.reader import MAGIC
from pellucid.typing import Array

Members: TypeAlias = "Mapping[str, Members | Array]"
GROUP_INFO = 10
SUPERBLOCK = 96

_FLOATS = {4: (31, 32, 23, 8, 23, 127), 8: (63, 64, 52, 11, 52, 1023)}
"""Of floats: the place of the sign, the bits, where the exponent lies and its size, the mantissa's size, the bias."""


def encode_hdf5(members: Members) -> bytes:
    """Return the bytes of a file that holds float arrays by name, in groups in groups.

    Examples
    --------
    >>> from pellucid.interop.hdf5 import encode_hdf5, open_hdf5
    >>> file = open_hdf5(encode_hdf5({"layers": {"dense": np.ones(3, np.float32)}}), "it")
    >>> file.dataset("layers/dense").read()
    array([1., 1., 1.], dtype=float32)
    """
    made = bytearray(SUPERBLOCK)
    root = _group(made, members)
    head = MAGIC + bytes([0, 0, 0, 0, 0, 8, 8, 0]) + _numbers(2, 4, 16) + bytes(4)
    made[:SUPERBLOCK] = head + _numbers(8, 0, UNDEFINED, len(made), UNDEFINED, 0, root) + bytes(24)
    return bytes(made)


def _numbers(size: int, *values: int) -> bytes:
    return b"".join(value.to_bytes(size, "little") for value in values)


def _group(made: bytearray, members: Members) -> int:
    """Append a group and all that it holds; return its address."""
    places = {
        name: _array(made, member) if isinstance(member, np.ndarray) else _group(made, member)
        for name, member in members.items()
    }
    messages = [(LINK_INFO, bytes(2) + _numbers(8, UNDEFINED, UNDEFINED)), (GROUP_INFO, bytes(2))]
    for name, place in places.items():
        text = name.encode()
        messages.append((LINK, bytes([1, 0x11, 1]) + _numbers(2, len(text)) + text + _numbers(8, place)))
    return _header(made, messages)


def _array(made: bytearray, array: Array) -> int:
    array = np.ascontiguousarray(array, array.dtype.newbyteorder("<")).reshape(array.shape)
    sign, bits, exponent, width, mantissa, bias = _FLOATS[array.itemsize]
    dtype = bytes([0x11, 0x20, sign, 0]) + _numbers(4, array.itemsize) + _numbers(2, 0, bits)
    space = bytes([1, array.ndim, 0]) + bytes(5) + _numbers(8, *array.shape)
    place = _append(made, array.tobytes())
    return _header(
        made,
        [
            (DATASPACE, space),
            (DATATYPE, dtype + bytes([exponent, width, 0, mantissa]) + _numbers(4, bias)),
            (LAYOUT, bytes([3, 1]) + _numbers(8, place if array.nbytes else UNDEFINED, array.nbytes)),
        ],
    )


def _header(made: bytearray, messages: list[tuple[int, bytes]]) -> int:
    parts = [(kind, content + bytes(-len(content) % 8)) for kind, content in messages]
    body = b"".join(_numbers(2, kind, len(content)) + bytes(4) + content for kind, content in parts)
    return _append(made, bytes([1, 0]) + _numbers(2, len(parts)) + _numbers(4, 1, len(body), 0) + body)


def _append(made: bytearray, content: bytes) -> int:
    made += bytes(-len(made) % 8)
    place = len(made)
    made += content
    return place
