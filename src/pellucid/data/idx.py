"""IDX, the file format of MNIST: a header of big-endian sizes, then the array in C order.

    00 00 TT NN   NN axes of elements of type TT:
                  08 uint8, 09 int8, 0B int16, 0C int32, 0D float32, 0E float64
    sizes         NN unsigned 32-bit integers
    elements

The magic number 2051 of the images is 00 00 08 03, the 2049 of the labels is 00 00 08 01.
The reader is strict: a file is exactly its header and its data, or it is refused with the reason.
"""

from __future__ import annotations

import gzip
import math
import os
from io import BufferedReader
from pathlib import Path
from typing import BinaryIO, NoReturn

import numpy as np

from pellucid import checks
from pellucid.checked import checked, checked_late
from pellucid.data.idx_header import AGAIN, MAX_AXES, TYPES, Header, expect_length, read_header
from pellucid.data.inflate import GZIP_MAGIC, MAX_RATIO, Inflater, trailer_size
from pellucid.errors import ArgumentError, FileFormatError, ShapeError
from pellucid.files import atomic_file
from pellucid.typing import Array, ArrayLike

MAX_BYTES = 4 << 30
"""The largest array that `read_idx` makes unless it is told otherwise: 4 GiB."""

_CODES = {np.dtype(kind).newbyteorder("="): code for code, kind in TYPES.items()}


@checked
@checks.within_memory
def read_idx(path: str | os.PathLike[str], *, max_bytes: int = MAX_BYTES) -> Array:
    """The array of an IDX file, raw or gzipped (the content decides, not the name), in native byte order.

    Memory is taken only when the size that the header declares agrees with the file: with its length if it is
    raw, with its gzip trailer and with what so many compressed bytes could hold if it is gzipped.

    Raises
    ------
    DataError
        If there is no such file, or it cannot be opened.
    FileFormatError
        If it is not IDX, is truncated or damaged, goes on after its data, or declares more than `max_bytes`.

    Examples
    --------
    >>> pl.write_idx("labels-idx1-ubyte.gz", np.array([3, 1, 4], np.uint8))
    >>> pl.read_idx("labels-idx1-ubyte.gz")
    array([3, 1, 4], dtype=uint8)
    """
    max_bytes = checks.size("read_idx", "max_bytes", max_bytes)
    label = f"read_idx: {os.fspath(path)}"
    with checks.open_file("read_idx", path) as file:
        gzipped = file.peek(2)[:2] == GZIP_MAGIC
        array, header = (_read_gzipped if gzipped else _read_raw)(file, max_bytes, label)
    if not header.dtype.isnative:
        array = array.byteswap(inplace=True).view(header.dtype.newbyteorder("="))
    return array.reshape(header.shape)


def _read_raw(file: BufferedReader, max_bytes: int, label: str) -> tuple[Array, Header]:
    header = read_header(file, max_bytes, label)
    expect_length(_size(file) - header.length, header, label)
    array = np.empty(math.prod(header.shape), header.dtype)
    expect_length(file.readinto(array.view(np.uint8).data), header, label)
    return array, header


def _read_gzipped(file: BufferedReader, max_bytes: int, label: str) -> tuple[Array, Header]:
    size = _size(file)
    declared_by_gzip = trailer_size(file, size)
    source = Inflater(file, label)
    header = read_header(source, max_bytes, label)
    total = header.length + header.nbytes
    if total > size * MAX_RATIO:
        raise FileFormatError(f"{label}: the header declares {header}, which {size} gzipped bytes cannot hold. {AGAIN}")
    if total % (1 << 32) != declared_by_gzip:
        _refuse(source, header, label)
    array = np.empty(math.prod(header.shape), header.dtype)
    content, filled = array.view(np.uint8), 0
    for piece in source.pieces(header.nbytes):
        content[filled : filled + len(piece)] = np.frombuffer(piece, np.uint8)
        filled += len(piece)
    expect_length(filled, header, label)
    source.expect_end()
    return array, header


def _refuse(source: Inflater, header: Header, label: str) -> NoReturn:
    """Inflate without keeping anything, to say which of the reasons made the sizes differ."""
    expect_length(sum(map(len, source.pieces(header.nbytes))), header, label)
    source.expect_end()
    raise FileFormatError(f"{label}: the gzip trailer does not agree with the data. {AGAIN}")


def _size(file: BufferedReader) -> int:
    return os.fstat(file.fileno()).st_size


@checked_late
def write_idx(path: str | os.PathLike[str], array: ArrayLike) -> None:
    """Write an array as IDX, gzipped if the name ends in `.gz`. The same array gives the same bytes.

    The file appears whole or not at all: what was at `path` stays until the new file is complete.

    Raises
    ------
    ArgumentError
        If IDX has no element type for the array's dtype.
    ShapeError
        If the array has no axis, more than eight, or one longer than 32 bits can say.
    DataError
        If the file cannot be written.

    Examples
    --------
    >>> pl.write_idx("ramp.idx", np.arange(6, dtype=np.float32).reshape(2, 3))
    >>> pl.read_idx("ramp.idx").dtype
    dtype('float32')
    """
    array = np.asarray(array)
    code = _CODES.get(array.dtype.newbyteorder("="))
    if code is None:
        raise ArgumentError(
            f"write_idx: array must be uint8, int8, int16, int32, float32 or float64, got {array.dtype}. "
            "Convert it, for example array.astype(np.int32)."
        )
    if not 1 <= array.ndim <= MAX_AXES or max(array.shape) >= 1 << 32:
        raise ShapeError(f"write_idx: array must have 1 to {MAX_AXES} axes below 2**32, got {array.shape}. Reshape it.")
    with atomic_file("write_idx", path) as file:
        if not Path(path).name.endswith(".gz"):
            _emit(file, array, code)
            return
        with gzip.GzipFile(filename="", mode="wb", compresslevel=6, fileobj=file, mtime=0) as member:
            _emit(member, array, code)


def _emit(file: BinaryIO | gzip.GzipFile, array: Array, code: int) -> None:
    file.write(bytes([0, 0, code, array.ndim]) + np.array(array.shape, ">u4").tobytes())
    rows = max(1, (1 << 20) // max(1, array[:1].nbytes))  # about 1 MiB at a time, so no second copy of the whole
    for start in range(0, len(array), rows):
        file.write(array[start : start + rows].astype(TYPES[code]).tobytes())
