"""Compiled kernels on all threads: a table of work that nobody leaves for Python until it is done.

`parallel_for` shares out any function, but a helper needs the interpreter lock before it begins and between its
blocks, and whoever waits for that lock is put to sleep: some 30 µs a call, often more. Here helpers take a task that
lies at their door while they watch it (`crew.waiting`), and call its functions by their addresses.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from pellucid.kernels import addresses, jit
from pellucid.kernels.addresses import FLOAT, own
from pellucid.kernels.crew.threads import helpers, scratch
from pellucid.kernels.crew.workers import LINE
from pellucid.kernels.jit import ByAddress
from pellucid.kernels.records import numbers
from pellucid.typing import Array, IntArray, Shape

BEFORE = 3
"""Numbers of a row before its arguments."""


class Task:
    """Rows of work, done one after the other. One thread at a time runs it.

    `scratch` floats of memory are each thread's own while it works. Rows name arrays by their addresses, which `reads`,
    `writes` and `own` give: they compare the array with what the row says of it (`addresses`), and hold it.
    """

    def __init__(self, scratch: int = 0) -> None:
        self.scratch = scratch
        self.rows: list[list[int]] = []
        self.held: list[Array | IntArray | None] = []
        self.pieces = self.needed = 0

    def reads(self, array: Array | IntArray | None, shape: Shape, dtype: np.dtype[Any] = FLOAT) -> int:
        """The address of an array that a row will read."""
        self.held.append(array)
        return 0 if array is None else addresses.reads(array, shape, dtype)

    def writes(self, array: Array | IntArray | None, shape: Shape, dtype: np.dtype[Any] = FLOAT) -> int:
        """The address of an array that a row will write."""
        self.held.append(array)
        return 0 if array is None else addresses.writes(array, shape, dtype)

    def own(self, array: Array | IntArray) -> int:
        """The address of memory that was made for this work."""
        self.held.append(array)
        return own(array)

    def add(self, function: ByAddress, pieces: int, record: Any, *, wait: bool = True) -> None:
        """Add a row, which begins when all before it are done or, not waiting, with the one before."""
        self.needed = self.pieces if wait else self.needed
        row = numbers(record, self.held) if hasattr(record, "_fields") else record
        self.rows.append([function.address, self.pieces, self.needed, *row])
        self.pieces += pieces

    def table(self) -> IntArray:
        """The rows, and one more where the next would begin."""
        width = max(map(len, self.rows))
        rows = [row + [0] * (width - len(row)) for row in [*self.rows, [0, self.pieces]]]
        return np.array(rows, np.int64)

    def run(self, table: IntArray | None = None) -> None:
        """Do the work, of the rows as they are or of a table that was made of them."""
        table = self.table() if table is None else table
        workers = helpers() if self.pieces > 1 else None
        seats = 1 if workers is None else min(1 + workers.helpers, self.pieces)
        with scratch("tasks", (seats * self.bytes_each,), np.uint8) as memory:
            head = self.head(table, memory, seats)
            jit.load("crew.task_loop").lead(own(head), 0 if workers is None else workers.wake())

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
