"""The names within a group of HDF5, and where each leads."""

from __future__ import annotations

from collections.abc import Iterator

from pellucid.interop.hdf5.cursor import UNDEFINED, Cursor, Source
from pellucid.interop.hdf5.messages import LINK_INFO, SAVE

MAX_NODES = 10_000
"""Of the tree of one group, each of at least eight names."""


def table_of_names(source: Source, tree: int, heap: int) -> Iterator[tuple[str, int]]:
    """Yield the names of a group and the addresses that they lead to, from its tree and its heap of names."""
    start = source.cursor(heap, 32)
    start.expect(b"HEAP")
    start.version(0)
    start.skip(3)
    length, _, place = start.number(8), start.number(8), start.number(8)
    names = source.part(place, length)
    waiting = [tree]
    seen: set[int] = set()
    while waiting:
        address = waiting.pop()
        if address in seen or len(seen) > MAX_NODES:
            source.damaged("the tree of a group has a loop")
        seen.add(address)
        node = source.cursor(address, 8)
        if bytes(node.data[:4]) == b"SNOD":
            yield from _entries(source, node, address, names)
        else:
            waiting += reversed(_branches(source, node, address))


def _branches(source: Source, node: Cursor, address: int) -> list[int]:
    node.expect(b"TREE")
    node.version(0)
    node.skip(1)
    count = node.number(2)
    rest = source.cursor(address + 24, count * 16)
    pairs = [(rest.number(8), rest.number(8)) for _ in range(count)]
    return [branch for _, branch in pairs]


def _entries(source: Source, node: Cursor, address: int, names: memoryview) -> Iterator[tuple[str, int]]:
    node.skip(4)
    node.version(1)
    node.skip(1)
    count = node.number(2)
    rest = source.cursor(address + 8, count * 40)
    for _ in range(count):
        place, target, kind = rest.number(8), rest.number(8), rest.number(4)
        rest.skip(20)
        if kind == 2 or target == UNDEFINED:
            source.refuse("a link to another place or file", SAVE)
        yield _name(source, names, place), target


def _name(source: Source, names: memoryview, place: int) -> str:
    text = bytes(names[place : place + 4096]).partition(b"\0")[0]
    return _checked(source, text)


def _checked(source: Source, text: bytes) -> str:
    try:
        name = text.decode()
    except UnicodeDecodeError:
        source.damaged("a name is not UTF-8")
    if not name or "/" in name or name in (".", ".."):
        source.damaged(f"a name cannot be {name[:80]!r}")
    return name


def linked(cursor: Cursor) -> tuple[str, int]:
    """Return the name and the address of a group's entry that stands in its header."""
    cursor.version(1)
    flags = cursor.number(1)
    kind = cursor.number(1) if flags & 8 else 0
    cursor.skip(8 * bool(flags & 4) + bool(flags & 16))
    name = _checked(cursor.source, bytes(cursor.take(cursor.number(1 << (flags & 3)))))
    if kind != 0:
        cursor.source.refuse("a link to another place or file", SAVE)
    return name, cursor.number(8)


def dense(kind: int, cursor: Cursor) -> None:
    """Refuse a group whose names, or attributes, lie in a heap of their own: only later formats have it."""
    cursor.version(0)
    flags = cursor.number(1)
    cursor.skip((8 if kind == LINK_INFO else 2) * bool(flags & 1))
    if cursor.number(8) != UNDEFINED:
        cursor.source.refuse("a group of the newest format of HDF5", SAVE)
