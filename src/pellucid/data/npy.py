"""NumPy's `.npy`, read without trust: no pickle, no Python, and no memory that the file does not cover.

    93 'NUMPY' 01 00   then the length of the header, 2 bytes little-endian (4 from version 2 on)
    {'descr': '<f4', 'fortran_order': False, 'shape': (3, 784), }   and spaces
    the numbers

`np.load` evaluates that dictionary as Python and takes memory for what it declares; here a pattern reads it, and the
sizes are compared with the file first.
"""

from __future__ import annotations

import math
import os
import re
from io import BufferedReader
from typing import IO

import numpy as np

from pellucid import checks
from pellucid.errors import FileFormatError
from pellucid.typing import Array, Shape

MAX_HEADER = 1 << 12
_PIECE = 1 << 20  # bytes read at a time

MAX_AXES = 32
AGAIN = "The file is damaged; copy, download or save it again."

# A size may be split in one way only, or a long number that does not match would take for ever.
_SIZES = r"(?:\d{1,15}, ?)*\d{0,15}"
_HEADER = re.compile(
    r"\{'descr': ?'([<>|=]?(?:b1|f[248]|[iu][1248]))', ?'fortran_order': ?(True|False), ?"
    r"'shape': ?\((" + _SIZES + r")\),? ?\} *\n?"
)
_DESCR = re.compile(r"'descr': ?'([^']{1,16})'")


def read_npy(path: str | os.PathLike[str], who: str = "read_npy") -> Array:
    """Return the array of numbers in a `.npy` file, in native byte order and C order.

    Raises
    ------
    DataError
        If there is no such file, or it cannot be opened.
    FileFormatError
        If it is not such a file, holds something other than numbers, or is not as long as its header says.
    """
    label = f"{who}: {os.fspath(path)}"
    with checks.open_file(who, path) as file:
        return read_array(file, os.fstat(file.fileno()).st_size, label)


def _read_header(file: BufferedReader | IO[bytes], label: str) -> tuple[Shape, bool, np.dtype[np.generic]]:
    """Return shape, whether in Fortran order, and dtype, leaving `file` at the first number."""
    start = file.read(8)
    width = 2 if start[6:7] == b"\1" else 4
    length = int.from_bytes(file.read(width), "little")
    text = file.read(min(length, MAX_HEADER)).decode("latin-1")
    match = _HEADER.fullmatch(text)
    if start[:6] != b"\x93NUMPY" or len(text) != length or match is None:
        raise FileFormatError(f"{label}: must be an array of numbers as NumPy saves it{_guess(text)}.")
    descr, fortran, sizes = match.groups()
    shape = tuple(int(n) for n in sizes.replace(",", " ").split())
    if len(shape) > MAX_AXES or math.prod(max(n, 1) for n in shape) >= 1 << 60:
        raise FileFormatError(f"{label}: no array has the shape {str(shape)[:80]} that it declares. {AGAIN}")
    return shape, fortran == "True", np.dtype(descr)


def _guess(text: str) -> str:
    kind = _DESCR.search(text)
    if kind is None:
        return f", got {text[:80]!r}"
    if "O" in kind[1]:
        return "; it holds Python objects, a pickle, and is not opened: write np.save(path, array.astype(float))"
    return f"; it holds {kind[1]!r}: convert it to numbers"


def read_array(file: BufferedReader | IO[bytes], size: int, label: str) -> Array:
    """Return the array that the next `size` bytes of a file hold, as `read_npy` does."""
    start = file.tell()
    shape, fortran, dtype = _read_header(file, label)
    nbytes, left = math.prod(shape) * dtype.itemsize, size - (file.tell() - start)
    if nbytes != left:
        fault = "truncated" if left < nbytes else "too long"
        raise FileFormatError(
            f"{label}: the file is {fault}: shape {shape} of {dtype} takes {nbytes} bytes, "
            f"{max(left, 0)} follow. {AGAIN}"
        )
    flat = np.empty(math.prod(shape), dtype)
    _fill(flat.view(np.uint8), file, label)
    if dtype.kind == "b" and flat.size and flat.view(np.uint8).max() > 1:
        raise FileFormatError(f"{label}: holds bytes other than 0 and 1 as booleans. {AGAIN}")
    array = flat.reshape(shape, order="F" if fortran else "C")
    return np.asarray(array, dtype.newbyteorder("="), order="C")


def _fill(content: Array, file: BufferedReader | IO[bytes], label: str) -> None:
    """Read bytes into an array, piece by piece: an archive may declare more than it holds."""
    filled = 0
    while filled < len(content):
        piece = file.read(min(len(content) - filled, _PIECE))
        if not piece:
            raise FileFormatError(
                f"{label}: the file is truncated: {len(content) - filled} of {len(content)} bytes are missing. {AGAIN}"
            )
        content[filled : filled + len(piece)] = np.frombuffer(piece, np.uint8)
        filled += len(piece)
