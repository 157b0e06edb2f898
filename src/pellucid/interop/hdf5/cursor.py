"""Bytes read in order, never beyond their end."""

from __future__ import annotations

from typing import NoReturn

from pellucid.errors import FileFormatError
from pellucid.interop.strict_json import AGAIN

UNDEFINED = (1 << 64) - 1
"""An address of HDF5 that leads nowhere."""


class Source:
    """A whole file in memory, and what its errors begin with.

    `budget` is what may still be looked at: parts that overlap would otherwise make a small file a large one.
    """

    def __init__(self, data: bytes | memoryview, label: str) -> None:
        self.data = memoryview(data)
        self.label = label
        self.budget = 8 * len(data) + (1 << 16)

    def damaged(self, what: str) -> NoReturn:
        """Raise FileFormatError."""
        raise FileFormatError(f"{self.label}: the HDF5 file is damaged: {what}. {AGAIN}")

    def refuse(self, what: str, remedy: str) -> NoReturn:
        """Raise FileFormatError for what is sound, and is not read here."""
        raise FileFormatError(f"{self.label}: {what} is not read. {remedy}")

    def part(self, place: int, length: int) -> memoryview:
        """Return `length` bytes from a place on."""
        if not (place >= 0 and 0 <= length <= len(self.data) - place):
            self.damaged(f"{length} bytes at {place} lie outside its {len(self.data)}")
        self.budget -= length
        if self.budget < 0:
            self.damaged("its parts overlap")
        return self.data[place : place + length]

    def cursor(self, place: int, length: int) -> Cursor:
        """Return a cursor over `length` bytes from a place on."""
        return Cursor(self, self.part(place, length))


class Cursor:
    """A place in a piece of a file, which goes on with every reading."""

    def __init__(self, source: Source, data: memoryview) -> None:
        self.source = source
        self.data = data
        self.place = 0

    @property
    def left(self) -> int:
        """The bytes up to the end."""
        return len(self.data) - self.place

    def take(self, length: int) -> memoryview:
        """Return the next bytes."""
        if length > self.left:
            self.source.damaged(f"{length} bytes were announced, and {self.left} follow")
        self.place += length
        return self.data[self.place - length : self.place]

    def number(self, size: int) -> int:
        """Return the next unsigned number."""
        return int.from_bytes(self.take(size), "little")

    def skip(self, length: int) -> None:
        """Leave some bytes out."""
        self.take(length)

    def expect(self, magic: bytes) -> None:
        """Read a signature; raise where another stands there."""
        found = bytes(self.take(len(magic)))
        if found != magic:
            self.source.damaged(f"{magic!r} must stand where {found!r} does")

    def version(self, *known: int) -> int:
        """Read a version of one byte; raise where it is none of the known ones."""
        found = self.number(1)
        if found not in known:
            self.source.damaged(f"a part has version {found}, known are {', '.join(map(str, known))}")
        return found
