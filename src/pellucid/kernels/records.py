"""Records: what a compiled loop is told, by name, and what lies behind each of its addresses.

A record is a `NamedTuple` of whole numbers, of other records, and of arrays, each of which says its shape:

    class Sum(NamedTuple):
        count: int
        columns: int
        parts: Slot = reads("count columns")
        y: Slot = writes("columns")

The plan makes one, for a `crew.tasks.Row`. Arrays that it leaves out come with each call. Every array is compared with
what the record says of it, and becomes an address; the loop gets the record back, with addresses in the place of arrays
(`vectors.records.read`). So a wrong shape is an error that names the array, and never a read past it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from operator import attrgetter
from typing import Any, NamedTuple, TypeAlias, get_type_hints

import numpy as np

from pellucid.errors import ShapeError
from pellucid.kernels import addresses
from pellucid.kernels.addresses import FLOAT
from pellucid.typing import Array, IntArray, Shape

Shaped: TypeAlias = "str | Callable[[Any], Shape]"
"""The names of the numbers of a record that are the shape of an array, or a function of the record."""


@dataclass(frozen=True)
class Role:
    """What a record says of one of its arrays."""

    shape: Callable[[Any], Shape]
    dtype: np.dtype[Any]
    written: bool
    optional: bool


Slot: TypeAlias = Any
"""The type of a field that holds an array for the plan, and an address for the loop."""


class Later:
    """Stands for what is not there yet; its number is 0 until it is."""


LATER: Any = Later()
"""The default of a number that comes with each call; that of an array is its `Role`."""


class Expected(NamedTuple):
    """What comes with each call: where it is in the row, and of an array what the record says of it."""

    place: int
    shape: Shape
    role: Role | None
    name: str


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


def address_of(array: Array | IntArray | Later | None, shape: Shape, role: Role, name: str) -> int:
    """The address of an array that is what a record says of it; this is asked some ten times a call of a kernel.

    Raises
    ------
    ShapeError
        If it is not.
    """
    if not isinstance(array, np.ndarray):
        if isinstance(array, Later) or (array is None and role.optional):
            return 0
        raise ShapeError(f"{name}: there must be an array here.")
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


def numbers(record: Any, held: list[Array | IntArray]) -> list[int]:
    """The record as the loop reads it, whole numbers in a row, 0 for what comes later. What it has addresses of is held
    in `held`.
    """
    kind: Any = type(record)
    row: list[int] = []
    for name, value in zip(kind._fields, record, strict=True):
        role = kind._field_defaults.get(name)
        if hasattr(value, "_fields"):
            row += numbers(value, held)
        elif isinstance(value, Later):
            row.append(0)
        elif isinstance(role, Role):
            row.append(address_of(value, role.shape(record), role, f"{kind.__name__}.{name}"))
            held += [value] if isinstance(value, np.ndarray) else []
        else:
            row.append(int(value))
    return row


def expected(record: Any) -> dict[str, Expected]:
    """What a record says of all that comes with each call."""
    kind: Any = type(record)
    found = {}
    for name, value in zip(kind._fields, record, strict=True):
        if value is LATER or isinstance(value, Role):
            role = None if value is LATER else value
            shape = () if role is None else role.shape(record)
            found[name] = Expected(place(record, name), shape, role, f"{kind.__name__}.{name}")
    return found


def place(record: Any, field: str) -> int:
    """Where the number of a field is in the row of a record."""
    return sum(map(_length, record[: record._fields.index(field)]))


def _length(value: Any) -> int:
    """Numbers of a field in the row."""
    return sum(map(_length, value)) if hasattr(value, "_fields") else 1


def nested(kind: type) -> dict[str, type]:
    """The fields of a record that are records."""
    hints = get_type_hints(kind)
    return {field: hint for field, hint in hints.items() if hasattr(hint, "_fields")}
