"""Compiled kernels on all threads: a table of work that nobody leaves for Python until it is done.

`parallel_for` shares out any function, but a helper needs the interpreter lock before it begins and between its
blocks, and whoever waits for that lock is put to sleep: some 30 µs a call, often more. Here helpers take a task that
lies at their door while they watch it (`crew.waiting`), and call its functions by their addresses.
"""

from __future__ import annotations

import os
from typing import Any

import numpy as np

from pellucid.errors import ShapeError
from pellucid.kernels import jit
from pellucid.kernels.addresses import own
from pellucid.kernels.crew.threads import helpers, scratch
from pellucid.kernels.crew.workers import LINE
from pellucid.kernels.jit import ByAddress
from pellucid.kernels.records import LATER, address_of, expected, numbers
from pellucid.typing import Array, IntArray, Shape

CHECK = os.environ.get("PELLUCID_CHECK", "") not in ("", "0")
"""Whether every record is compared with its arrays once more before a task starts, as in the tests."""
BEFORE = 3
"""Numbers of a row before its arguments."""


class Row:
    """A function, the pieces its work is cut into, and the record that it is told.

    What the record leaves out comes with each call. A plan makes the row once for a shape, and all that never changes
    (the numbers, the shapes of the arrays, the addresses of tables) is worked out then. `scratch` floats of memory are
    each thread's own while it works.
    """

    def __init__(self, function: ByAddress, pieces: int, record: Any, scratch: int = 0) -> None:
        self.pieces, self.scratch = pieces, scratch
        self.expected = expected(record)
        self.record = record._replace(**dict.fromkeys(self.expected, LATER))
        self.held: list[Array | IntArray] = []
        self.numbers = np.array([function.address, 0, 0, *numbers(self.record, self.held)], np.int64)

    def shape(self, name: str) -> Shape:
        """The shape of an array that comes with each call."""
        return self.expected[name].shape

    def filled(self, values: dict[str, Any]) -> IntArray:
        """The numbers, with what was given.

        Raises
        ------
        ShapeError
            If an array is not what the record says of it, or is missing.
        """
        if values.keys() != self.expected.keys():
            kind = type(self.record).__name__
            raise ShapeError(f"{kind}: there must be {', '.join(self.expected)} here, got {', '.join(values)}.")
        row = self.numbers.copy()
        for name, value in values.items():
            place, shape, role, said = self.expected[name]
            row[BEFORE + place] = value if role is None else address_of(value, shape, role, said)
        return row


class Task:
    """Rows of work, done one after the other. One thread at a time runs it; it holds its arrays until it is done."""

    def __init__(self) -> None:
        self.rows: list[IntArray] = []
        self.told: list[tuple[Row, dict[str, Any]]] = []
        self.pieces = self.needed = self.scratch = 0

    def add(self, row: Row, *, wait: bool = True, **values: Any) -> None:
        """Add a row, which begins when all before it are done or, not waiting, with the one before."""
        numbers = row.filled(values)
        self.needed = self.pieces if wait else self.needed
        numbers[1], numbers[2] = self.pieces, self.needed
        self.rows.append(numbers)
        self.told.append((row, values))
        self.pieces += row.pieces
        self.scratch = max(self.scratch, row.scratch)

    def table(self) -> IntArray:
        """The rows, and one more where the next would begin."""
        table = np.zeros((len(self.rows) + 1, max(map(len, self.rows))), np.int64)
        for place, row in zip(table, self.rows, strict=False):
            place[: len(row)] = row
        table[-1, 1] = self.pieces
        return table

    def run(self, table: IntArray | None = None) -> None:
        """Do the work, of the rows as they are or of a table that was made of them."""
        if CHECK:
            self.expect_unchanged()
        if self.pieces == 1 and table is None:
            with scratch("tasks", (self.bytes_each,), np.uint8) as memory:
                jit.load("crew.task_loop").alone(own(self.rows[0]), own(memory))
            return
        table = self.table() if table is None else table
        workers = helpers() if self.pieces > 1 else None
        seats = 1 if workers is None else min(1 + workers.helpers, self.pieces)
        with scratch("tasks", (seats * self.bytes_each,), np.uint8) as memory:
            head = self.head(table, memory, seats)
            jit.load("crew.task_loop").lead(own(head), 0 if workers is None else workers.wake())

    def expect_unchanged(self) -> None:
        """Raise ShapeError where an array is no longer what a row says of it."""
        for numbers_then, (row, values) in zip(self.rows, self.told, strict=True):
            if numbers(row.record._replace(**values), []) != numbers_then[BEFORE:].tolist():
                raise ShapeError(f"kernels: an array of {type(row.record).__name__} moved before its task began.")

    @property
    def bytes_each(self) -> int:
        """Of scratch memory for each seat: whole cache lines."""
        return -(-self.scratch // 16) * 64

    def head(self, table: IntArray, memory: Array, seats: int) -> IntArray:
        """The four cache lines that tell helpers what there is to do, and count it: see `crew.task_loop`."""
        lines = np.zeros(5 * LINE, np.int64)
        start = -own(lines) // 8 % LINE
        lines = lines[start : start + 4 * LINE]
        join = jit.load("crew.task_loop").join.address
        lines[:7] = join, own(table), table.strides[0], own(memory), self.bytes_each, self.pieces, seats
        return lines


def run(row: Row, **values: Any) -> None:
    """Do the work of one row."""
    task = Task()
    task.add(row, **values)
    task.run()
