"""The messages in the header of an object: what it is made of.

A header is a list of numbered messages. Of an array they give its shape (1), its dtype (3) and where it lies (8), of
a group its table of names (17) or its single names (6); either may have attributes (12).
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from pellucid.interop.hdf5.cursor import UNDEFINED, Cursor, Source
from pellucid.typing import Shape

DATASPACE, LINK_INFO, DATATYPE, EXTERNAL, LINK, LAYOUT, FILTERS = 1, 2, 3, 7, 6, 8, 11
ATTRIBUTE, CONTINUATION, SYMBOL_TABLE, ATTRIBUTE_INFO = 12, 16, 17, 21

MAX_AXES = 32
MAX_MESSAGES = 10_000
SHARED = 2
"""The flag of a message that stands elsewhere."""

SAVE = "Save the model again with Keras."


class Text(NamedTuple):
    """A dtype of text: of a fixed number of bytes, or 0 where each text lies in the heap."""

    size: int


def read_messages(source: Source, address: int) -> Iterator[tuple[int, Cursor]]:
    """Yield the kind of each message of an object, and its content."""
    if bytes(source.part(address, 4)) == b"OHDR":
        yield from _second_form(source, address)
        return
    start = source.cursor(address, 16)
    start.version(1)
    start.skip(1)
    count = start.number(2)
    start.skip(4)
    blocks = [(address + 16, start.number(4))]
    while blocks and count > 0:
        block = source.cursor(*blocks.pop(0))
        while block.left >= 8 and count > 0:
            kind, size, flags = block.number(2), block.number(2), block.number(1)
            block.skip(3)
            count -= 1
            content = _content(block, kind, size, flags)
            if kind == CONTINUATION:
                blocks.append((content.number(8), content.number(8)))
            else:
                yield kind, content


def _second_form(source: Source, address: int) -> Iterator[tuple[int, Cursor]]:
    """The same of a header as newer libraries write it."""
    start = source.cursor(address, min(34, len(source.data) - address))
    start.skip(4)
    start.version(2)
    flags = start.number(1)
    start.skip(16 * bool(flags & 0x20) + 4 * bool(flags & 0x10))
    size = start.number(1 << (flags & 3))
    blocks = [(address + start.place, size)]
    for _ in range(MAX_MESSAGES):
        if not blocks:
            return
        block = source.cursor(*blocks.pop(0))
        while block.left >= 4 + 2 * bool(flags & 4):
            kind, size, own = block.number(1), block.number(2), block.number(1)
            block.skip(2 * bool(flags & 4))
            content = _content(block, kind, size, own)
            if kind == CONTINUATION:
                place, length = content.number(8), content.number(8)
                source.cursor(place, 4).expect(b"OCHK")
                blocks.append((place + 4, length - 8))  # between its signature and its checksum
            else:
                yield kind, content
    source.damaged("a header goes on without an end")


def _content(block: Cursor, kind: int, size: int, flags: int) -> Cursor:
    if flags & SHARED and kind in (DATASPACE, DATATYPE, LAYOUT, ATTRIBUTE):
        block.source.refuse("a dtype with a name of its own", SAVE)
    return Cursor(block.source, block.take(size))


def read_shape(cursor: Cursor) -> Shape | None:
    """Return the shape of an array; None of one that holds nothing."""
    version, axes, _ = cursor.version(1, 2), cursor.number(1), cursor.number(1)
    kind = cursor.number(1)
    if version == 1:
        cursor.skip(4)
    elif kind == 2:
        return None
    if axes > MAX_AXES:
        cursor.source.damaged(f"an array has {axes} axes")
    shape = tuple(cursor.number(8) for _ in range(axes))
    if math.prod(max(n, 1) for n in shape) >= 1 << 60:
        cursor.source.damaged(f"an array of shape {shape} is larger than one can be")
    return shape


def read_dtype(cursor: Cursor) -> np.dtype[Any] | Text:
    """Return the dtype of numbers, or Text."""
    kind = cursor.number(1) & 15
    bits, size = cursor.number(3), cursor.number(4)
    order = ">" if bits & 1 else "<"
    if kind == 0 and size in (1, 2, 4, 8):
        return np.dtype(f"{order}{'i' if bits & 8 else 'u'}{size}")
    if kind == 1 and size in (2, 4, 8) and not bits & 64:
        return _float(cursor, order, size)
    if kind == 3 and 0 < size < 1 << 20:
        return Text(size)
    if kind == 9 and bits & 15 == 1 and size == 16:
        return Text(0)
    return cursor.source.refuse("an array of something else than numbers or text", SAVE)


_FLOATS = {2: (10, 5, 0, 10, 15), 4: (23, 8, 0, 23, 127), 8: (52, 11, 0, 52, 1023)}
"""Of floats as IEEE 754 has them: where the exponent lies and its size, the same of the mantissa, and the bias."""


def _float(cursor: Cursor, order: str, size: int) -> np.dtype[Any]:
    cursor.skip(4)
    if (*(cursor.number(1) for _ in range(4)), cursor.number(4)) != _FLOATS[size]:
        cursor.source.refuse("an array of floats of a form of its own, such as bfloat16,", "Save it as float32.")
    return np.dtype(f"{order}f{size}")


class Place(NamedTuple):
    """Where the bytes of an array lie."""

    address: int
    length: int


def read_layout(cursor: Cursor) -> Place | memoryview:
    """Return where an array lies, or its bytes where they stand in the header itself."""
    cursor.version(3, 4)
    kind = cursor.number(1)
    if kind == 0:
        return cursor.take(cursor.number(2))
    if kind == 1:
        address, length = cursor.number(8), cursor.number(8)
        return Place(0, 0) if address == UNDEFINED else Place(address, length)
    what = "an array whose parts are compressed or lie in other files" if kind == 3 else "an array in chunks"
    return cursor.source.refuse(what, f"{SAVE} It writes arrays in one piece.")
