"""A strict reader of HDF5, on bytes: groups, attributes and arrays.

Why not the library: of three thousand damaged files of Keras, libhdf5 1.14.6 crashed in one and hung in another, and
a crash of C takes the program with it. Here every address, size and count is compared with the file before anything
is taken, no address is followed twice on the way down, and arrays are only read where they lie in one piece in the
file itself. Links, external files, virtual, chunked and compressed arrays are refused: Keras writes none.

The HDF Group, "HDF5 File Format Specification Version 3.0".
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from pellucid.interop.hdf5 import messages
from pellucid.interop.hdf5.cursor import UNDEFINED, Cursor, Source
from pellucid.interop.hdf5.messages import Place, Text, read_dtype, read_layout, read_messages, read_shape
from pellucid.interop.hdf5.names import dense, linked, table_of_names
from pellucid.typing import Array, Shape

MAGIC = b"\x89HDF\r\n\x1a\n"
MAX_DEPTH = 64
"""Of groups in groups."""


def open_hdf5(data: bytes | memoryview, label: str) -> Group:
    """Return the outermost group of a file.

    Raises
    ------
    FileFormatError
        Here and later, wherever the file is damaged or has what is not read.
    """
    source = Source(data, label)
    start = source.cursor(0, min(len(data), 96))
    start.expect(MAGIC)
    version = start.version(0, 1, 2, 3)
    start.skip(4 if version < 2 else 0)
    if (start.number(1), start.number(1)) != (8, 8):
        source.refuse("a file whose addresses have other than eight bytes", messages.SAVE)
    start.skip((9 if version == 0 else 13) if version < 2 else 1)
    base, _, end = start.number(8), start.number(8), start.number(8)
    if base != 0 or end > len(data):
        source.damaged(f"it ends at byte {len(data)}, and {end} are announced")
    start.skip(16 if version < 2 else 0)  # of an old one, the driver, and the name of the outermost group, which is ""
    return Group(source, start.number(8), "", ())


class Group:
    """Named groups and arrays, and texts or small arrays as attributes."""

    def __init__(self, source: Source, address: int, path: str, above: tuple[int, ...]) -> None:
        if address in above or len(above) > MAX_DEPTH:
            source.damaged(f"{path[:200]!r} holds itself")
        self.path = path
        self._source = source
        self._way = (*above, address)
        self._children: dict[str, int] = {}
        self._groups: dict[str, Group] = {}
        self.attributes: dict[str, Any] = {}
        for kind, content in read_messages(source, address):
            if kind == messages.SYMBOL_TABLE:
                self._add(table_of_names(source, content.number(8), content.number(8)))
            elif kind == messages.LINK:
                self._add([linked(content)])
            elif kind == messages.ATTRIBUTE:
                self.attributes.update([_attribute(content)])
            elif kind in (messages.LINK_INFO, messages.ATTRIBUTE_INFO):
                dense(kind, content)

    def _add(self, named: Any) -> None:
        for name, address in named:
            if name in self._children:
                self._source.damaged(f"the name {name[:80]!r} stands twice")
            self._children[name] = address

    def __iter__(self) -> Iterator[str]:
        return iter(self._children)

    def __contains__(self, name: str) -> bool:
        return name in self._children

    def group(self, path: str) -> Group:
        """Return the group of that name, or of several, such as "layers/dense"; raise where there is none."""
        found = self
        for name in filter(None, path.split("/")):
            if name not in found._groups:
                inner = Group(self._source, found._address(name), f"{found.path}/{name}", found._way)
                found._groups[name] = inner
            found = found._groups[name]
        return found

    def dataset(self, path: str) -> Dataset:
        """Return the array of that name; raise where there is none."""
        place, _, name = path.rpartition("/")
        above = self.group(place)
        return Dataset(self._source, above._address(name), f"{above.path}/{name}")

    def _address(self, name: str) -> int:
        if name not in self._children:
            self._source.damaged(f"{self.path[:200]!r} has no {name[:80]!r}")
        return self._children[name]


class Dataset:
    """An array in a file: its shape and dtype, which agree with the bytes that are there."""

    shape: Shape
    dtype: np.dtype[Any]

    def __init__(self, source: Source, address: int, path: str) -> None:
        self.path = path
        self._source = source
        found: dict[int, Any] = {}
        readers = {messages.DATASPACE: read_shape, messages.DATATYPE: read_dtype, messages.LAYOUT: read_layout}
        for kind, content in read_messages(source, address):
            if kind in readers:
                found[kind] = readers[kind](content)
            elif kind in (messages.EXTERNAL, messages.FILTERS):
                source.refuse(f"{path[:200]!r}, which is compressed or lies in another file,", messages.SAVE)
        if set(found) != set(readers) or found[messages.DATASPACE] is None:
            source.damaged(f"{path[:200]!r} is no array")
        self.shape, dtype, self._place = (found[kind] for kind in readers)
        if isinstance(dtype, Text):
            source.refuse(f"{path[:200]!r}, an array of text,", messages.SAVE)
        self.dtype = dtype
        self._expect_covered()

    def _expect_covered(self) -> None:
        wanted = math.prod(self.shape) * self.dtype.itemsize
        held = self._place.length if isinstance(self._place, Place) else len(self._place)
        if held != wanted:
            self._source.damaged(
                f"{self.path[:200]!r} of shape {self.shape} and {self.dtype} takes {wanted} bytes, and has {held}"
            )

    def read(self) -> Array:
        """Return the numbers as an array of its own, in the byte order of this machine."""
        place = self._place
        data = self._source.part(*place) if isinstance(place, Place) else place
        return np.frombuffer(data, self.dtype).reshape(self.shape).astype(self.dtype.newbyteorder("="))


# Attributes


def _attribute(cursor: Cursor) -> tuple[str, Any]:
    """Return the name and the value: a text, a list of texts, or an array; None for what is none of these."""
    version = cursor.version(1, 2, 3)
    cursor.skip(1)
    sizes = [cursor.number(2) for _ in range(3)]
    cursor.skip(1 if version == 3 else 0)
    name, dtype, space = (cursor.take(-(-size // 8) * 8 if version == 1 else size) for size in sizes)
    key = _text(cursor, name)
    kind, shape = read_dtype(Cursor(cursor.source, dtype)), read_shape(Cursor(cursor.source, space))
    if shape is None:
        return key, None
    count = math.prod(shape)
    itemsize = (kind.size or 16) if isinstance(kind, Text) else kind.itemsize
    data = cursor.take(count * itemsize)
    if not isinstance(kind, Text):
        return key, np.frombuffer(data, kind).reshape(shape).astype(kind.newbyteorder("="))
    parts = [data[i * itemsize : (i + 1) * itemsize] for i in range(count)]
    texts = [_text(cursor, part if kind.size else _in_heap(cursor.source, part)) for part in parts]
    return key, texts if shape else texts[0]


def _text(cursor: Cursor, data: memoryview) -> str:
    try:
        return bytes(data).rstrip(b"\0").decode()
    except UnicodeDecodeError:
        cursor.source.damaged("a text is not UTF-8")


def _in_heap(source: Source, reference: memoryview) -> memoryview:
    """Return the bytes of a text, which a heap of the file holds under a number."""
    told = Cursor(source, reference)
    length, address, wanted = told.number(4), told.number(8), told.number(4)
    if length == 0 or address == UNDEFINED:
        return reference[:0]
    start = source.cursor(address, 16)
    start.expect(b"GCOL")
    start.skip(4)
    heap = source.cursor(address + 16, start.number(8) - 16)
    while heap.left >= 16:
        number = heap.number(2)
        heap.skip(6)
        size = heap.number(8)
        if number == wanted and size >= length:
            return heap.take(length)
        heap.skip(min(-(-size // 8) * 8, heap.left))
    return source.damaged("a text is missing")
