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
from pellucid.kernels.records import numbers
from pellucid.typing import Array, IntArray

CHECK = os.environ.get("PELLUCID_CHECK", "") not in ("", "0")
"""Whether every record is compared with its arrays once more before a task starts, as in the tests."""
BEFORE = 3
"""Numbers of a row before its arguments."""


class Task:
    """Rows of work, done one after the other. One thread at a time runs it.

    `scratch` floats of memory are each thread's own while it works. A row is a record, whose arrays are compared with
    what it says of them (`kernels.records`), and held until the work is done.
    """

    def __init__(self, scratch: int = 0) -> None:
        self.scratch = scratch
        self.rows: list[list[int]] = []
        self.held: list[Array | IntArray | None] = []
        self.told: list[Any] = []  # the records, where they are looked at again
        self.pieces = self.needed = 0

    def add(self, function: ByAddress, pieces: int, record: Any, *, wait: bool = True) -> None:
        """Add a row, which begins when all before it are done or, not waiting, with the one before."""
        self.needed = self.pieces if wait else self.needed
        row = numbers(record, self.held)
        self.rows.append([function.address, self.pieces, self.needed, *row])
        self.pieces += pieces
        if CHECK:
            self.told.append(record)

    def table(self) -> IntArray:
        """The rows, and one more where the next would begin."""
        width = max(map(len, self.rows))
        rows = [row + [0] * (width - len(row)) for row in [*self.rows, [0, self.pieces]]]
        return np.array(rows, np.int64)

    def run(self, table: IntArray | None = None) -> None:
        """Do the work, of the rows as they are or of a table that was made of them."""
        self.expect_unchanged()
        table = self.table() if table is None else table
        workers = helpers() if self.pieces > 1 else None
        seats = 1 if workers is None else min(1 + workers.helpers, self.pieces)
        with scratch("tasks", (seats * self.bytes_each,), np.uint8) as memory:
            head = self.head(table, memory, seats)
            jit.load("crew.task_loop").lead(own(head), 0 if workers is None else workers.wake())

    def expect_unchanged(self) -> None:
        """Raise ShapeError where an array is no longer what a row says of it."""
        for row, record in zip(self.rows, self.told, strict=False):
            if numbers(record, []) != row[BEFORE:]:
                raise ShapeError(f"kernels: an array of {type(record).__name__} moved before its task began.")

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
