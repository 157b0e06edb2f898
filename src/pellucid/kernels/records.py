"""Records: what a compiled loop is told, by name, and what lies behind each of its addresses.

A record is a `NamedTuple` of whole numbers, of other records, and of arrays, each of which says its shape:

    class Sum(NamedTuple):
        count: int
        columns: int
        parts: Slot = reads("count columns")
        y: Slot = writes("columns")

The plan makes one with its arrays and gives it to `Task.add`, which compares every array with what the record says
of it and hands the loop its address. The loop gets the record back, with addresses in the place of arrays
(`vectors.records.read`). So a wrong shape is an error that names the array, and never a read past it.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from operator import attrgetter
from typing import Any, NamedTuple, TypeAlias, get_type_hints

import numpy as np

from pellucid.errors import ShapeError
from pellucid.kernels import addresses
from pellucid.kernels.addresses import FLOAT
from pellucid.typing import Array, IntArray, Shape

Shaped: TypeAlias = "str | Callable[[Any], Shape]"
"""The names of the numbers of a record that are the shape of an array, or a function of the record."""


class Role(NamedTuple):
    """What a record says of one of its arrays."""

    shape: Callable[[Any], Shape]
    dtype: np.dtype[Any]
    written: bool
    optional: bool


Slot: TypeAlias = Any
"""The type of a field that holds an array for the plan, and an address for the loop."""


class Later:
    """Stands for an array that is not there yet; its address is 0 until it is."""


def reads(shape: Shaped, dtype: np.dtype[Any] = FLOAT, *, optional: bool = False) -> Slot:
    """An array that the loop reads; where it is optional, None becomes the address 0."""
    return Role(_shaped(shape), dtype, False, optional)


def writes(shape: Shaped, dtype: np.dtype[Any] = FLOAT, *, optional: bool = False) -> Slot:
    """An array that the loop writes."""
    return Role(_shaped(shape), dtype, True, optional)


def _shaped(shape: Shaped) -> Callable[[Any], Shape]:
    if callable(shape):
        return shape
    names = shape.split()
    look: Callable[[Any], Any] = attrgetter(*names)
    return look if len(names) > 1 else lambda record: (look(record),)


def address_of(array: Array | IntArray, shape: Shape, role: Role, name: str) -> int:
    """The address of an array that is what a record says of it; this is asked some ten times a call of a kernel."""
    flags = array.flags
    if (
        array.shape == shape
        and array.dtype is role.dtype
        and flags.c_contiguous
        and (flags.writeable or not role.written)
    ):
        return addresses.own(array)
    address = addresses.writes if role.written else addresses.reads
    return address(array, shape, role.dtype, name)


def numbers(record: Any, held: list[Array | IntArray | None]) -> list[int]:
    """The record as the loop reads it, whole numbers in a row; what it has addresses of is added to `held`.

    Raises
    ------
    ShapeError
        If an array is not what the record says of it.
    """
    kind: Any = type(record)
    layout = _layout(kind)
    row = list(record)
    for place, role, name in layout.slots:
        array = row[place]
        held.append(array)
        if isinstance(array, np.ndarray):
            row[place] = address_of(array, role.shape(record), role, name)
        elif isinstance(array, Later) or (array is None and role.optional):
            row[place] = 0
        else:
            raise ShapeError(f"{name}: there must be an array here.")
    for place in layout.records:  # from the last, so that the places before stay where they are
        row[place : place + 1] = numbers(row[place], held)
    return row


class _Layout(NamedTuple):
    """Where a record has arrays (with what messages call them) and, from the last, other records."""

    slots: tuple[tuple[int, Role, str], ...]
    records: tuple[int, ...]


@cache
def _layout(kind: type) -> _Layout:
    fields: tuple[str, ...] = kind._fields  # type: ignore[attr-defined]
    roles: dict[str, Any] = kind._field_defaults  # type: ignore[attr-defined]
    slots = tuple((i, roles[f], f"{kind.__name__}.{f}") for i, f in enumerate(fields) if f in roles)
    return _Layout(slots, tuple(reversed([fields.index(f) for f in nested(kind)])))


def place(record: Any, field: str) -> int:
    """Where the number of a field is in the row of a record."""
    before = record[: record._fields.index(field)]
    return sum(place(value, value._fields[-1]) + 1 if hasattr(value, "_fields") else 1 for value in before)


def nested(kind: type) -> dict[str, type]:
    """The fields of a record that are records."""
    hints = get_type_hints(kind)
    return {field: hint for field, hint in hints.items() if hasattr(hint, "_fields")}
