"""Matrix products in which a row's sums are added in one order, whatever the other rows are.

A BLAS adds up a sum by the size of the whole product, so that the output of one sample has other last bits than the
same sample's in a batch. Here the order follows from W alone: x·W is a sum of parts of `part_of(W)` numbers, each added
up straight on, and the parts in their order; dy·Wᵀ is added up straight on. So predictions and explanations have the
same bits for any batch. Without Numba, and in float64, a BLAS multiplies each row alone.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from pellucid.kernels import jit
from pellucid.kernels.addresses import own
from pellucid.kernels.crew import tasks
from pellucid.kernels.crew.tasks import Row, Task
from pellucid.kernels.crew.threads import blocks_of, parallel_for
from pellucid.kernels.dense.matmul import SMALL, is_plain, total, transposed_row
from pellucid.kernels.dense.records import DEPTH, PARTS, SPARE, ProductPart, Times
from pellucid.kernels.panels import panels, whole
from pellucid.typing import Array

# Numbers of a matrix that make a part: 256 KB, some 4 µs.
PART = 64 * 1024
# Rows that are multiplied at once, and columns: what a piece adds to stays in the second-level cache.
ROWS, COLUMNS = 256, 512
# A product is cut into so many pieces at least.
PIECES = 4
BLOCKS = 8
"""Of rows that a BLAS multiplies one by one."""


def part_of(d: int, k: int) -> int:
    """Numbers of a part of each sum, for W (D, K)."""
    many = max(1, min(PARTS, d * k // PART))
    return -(-d // (many * DEPTH)) * DEPTH


def rows_times(x: Array, w: Array) -> Array:
    """x (N, D) · W (D, K) → (N, K)."""
    if not is_plain(x, w) or not x.size or not w.size:
        return _one_by_one(x, w)
    (n, d), k = x.shape, w.shape[1]
    if d * k < 2 * PART and n * d * k < SMALL:  # one part
        y = np.empty((n, k), np.float32)
        jit.load("dense.few").few_rows(own(x), own(w), own(y), n, d, k)
        return y
    row = one_row(d, k) if n == 1 else _some_rows(n, d, k)
    y = np.empty((n, k), np.float32)
    many = -(-d // part_of(d, k))
    if many == 1:
        tasks.run(row, x=x.reshape(row.shape("x")), w=w, y=y.reshape(row.shape("y")))
        return y
    task, parts = Task(), np.empty(row.shape("y"), np.float32)
    task.add(row, x=x.reshape(row.shape("x")), w=w, y=parts)
    task.add(total(many, n * k), parts=parts.reshape(many, n * k), y=y.reshape(-1), b=None)
    task.run()
    return y


@lru_cache(maxsize=256)
def one_row(d: int, k: int) -> Row:
    """The row of parts of x (D,) · W (D, K)."""
    part = part_of(d, k)
    pieces = -(-d // part)
    return Row(jit.load("dense.row").times, pieces, Times(d, part, k, pieces))


@lru_cache(maxsize=256)
def _some_rows(n: int, d: int, k: int) -> Row:
    """The row of parts of x (N, D) · W (D, K), for N > 1."""
    part, columns = part_of(d, k), min(k, COLUMNS)
    parts, width, wide, across = -(-d // part), DEPTH + 16, whole(columns), -(-k // columns)
    blocks = max(-(-n // ROWS), -(-PIECES // (parts * across)))
    rows = min(n, -(-n // (12 * blocks)) * 12)  # whole tiles
    record = ProductPart(
        n=n,
        d=d,
        k=k,
        part=part,
        parts=parts,
        rows=rows,
        columns=columns,
        at_row=np.arange(rows) * 4 * width,
        at_sum=np.arange(rows) * 4 * wide,
        at_out=np.arange(rows) * 4 * k,
        zeros=np.zeros(wide + SPARE, np.float32),
    )
    pieces = parts * -(-n // rows) * across
    return Row(jit.load("dense.product").product_part, pieces, record, DEPTH * wide + rows * (width + wide) + SPARE)


def rows_times_transposed(dy: Array, w: Array) -> Array:
    """dy (N, K) · Wᵀ, W (D, K) → (N, D)."""
    if not is_plain(dy, w) or not dy.size or not w.size:
        return _one_by_one(dy, w.T)
    dx = np.empty((len(dy), len(w)), np.float32)
    tasks.run(transposed_row(*dy.shape, len(w)), w=w, panels=panels(dy.T[None]), dx=dx)
    return dx


def _one_by_one(x: Array, w: Array) -> Array:
    """The same by a BLAS, a product for each row."""
    y = np.empty((len(x), 1, w.shape[1]), np.result_type(x, w))
    parts = blocks_of(len(x), -(-len(x) // BLOCKS) or 1)

    def block(index: int) -> None:
        np.matmul(x[parts[index], None], w, out=y[parts[index]])

    parallel_for(block, len(parts))
    return y[:, 0]
