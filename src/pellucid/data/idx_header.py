"""The header of an IDX file, which declares element type and sizes, and whether it can be believed."""

from __future__ import annotations

import math
from io import BufferedReader
from typing import Any, NamedTuple

import numpy as np

from pellucid.data.inflate import GZIP_MAGIC, Inflater
from pellucid.errors import FileFormatError
from pellucid.typing import Shape

MAX_AXES = 8

TYPES = {0x08: ">u1", 0x09: ">i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}

AGAIN = "Download or write it again."

_OTHER_FORMATS = {
    b"PK\x03\x04": "a ZIP archive; unpack it first",
    b"\x93NUM": "a NumPy file; read it with np.load",
    b"\x89PNG": "a PNG picture",
    GZIP_MAGIC: "gzipped twice; unpack it once with gunzip",
}


class Header(NamedTuple):
    """What the first bytes of an IDX file declare."""

    dtype: np.dtype[Any]
    shape: Shape

    @property
    def nbytes(self) -> int:
        """The bytes of the elements, as an exact Python int."""
        return math.prod(self.shape) * self.dtype.itemsize

    @property
    def length(self) -> int:
        """The bytes of the header itself."""
        return 4 + 4 * len(self.shape)

    def __str__(self) -> str:
        return f"{self.dtype.newbyteorder('=')} {self.shape} = {self.nbytes} bytes"


def read_header(source: BufferedReader | Inflater, max_bytes: int, label: str) -> Header:
    """Read the magic number and the sizes; `label` begins the messages.

    Raises
    ------
    FileFormatError
        If the magic number is wrong, the header is cut short, or it declares more than `max_bytes`.
    """
    magic = source.read(4)
    if len(magic) < 4:
        raise FileFormatError(f"{label}: an IDX file begins with a magic number of 4 bytes, got {len(magic)}. {AGAIN}")
    code, axes = magic[2], magic[3]
    if magic[:2] != b"\0\0" or code not in TYPES or not 1 <= axes <= MAX_AXES:
        raise FileFormatError(
            f"{label}: not an IDX file: expected the magic number 00 00, an element type "
            f"(08 09 0B 0C 0D 0E) and 1 to {MAX_AXES} axes, got {magic.hex(' ').upper()}{_guess(magic)}."
        )
    sizes = source.read(4 * axes)
    if len(sizes) < 4 * axes:
        raise FileFormatError(
            f"{label}: the header ends after {len(sizes)} of the {4 * axes} bytes of its sizes. {AGAIN}"
        )
    header = Header(np.dtype(TYPES[code]), tuple(int(n) for n in np.frombuffer(sizes, ">u4")))
    # An empty axis makes the product 0, whatever the others declare; counted as 1 it leaves those bounded.
    if math.prod(max(n, 1) for n in header.shape) * header.dtype.itemsize > max_bytes:
        raise FileFormatError(
            f"{label}: the header declares {header}, more than the {max_bytes} allowed. "
            "If the file is sound, raise max_bytes."
        )
    return header


def _guess(magic: bytes) -> str:
    if magic.lstrip().startswith(b"<"):
        return "; it is a web page, sent in place of a file that is not there. Download it from elsewhere"
    return next((f"; it is {what}" for start, what in _OTHER_FORMATS.items() if magic.startswith(start)), "")


def expect_length(got: int, header: Header, label: str) -> None:
    """Raise FileFormatError unless `got` bytes are what the header declares."""
    if got != header.nbytes:
        fault = "truncated" if got < header.nbytes else "too long"
        raise FileFormatError(
            f"{label}: the file is {fault}: the header declares {header}, {max(got, 0)} follow it. {AGAIN}"
        )
