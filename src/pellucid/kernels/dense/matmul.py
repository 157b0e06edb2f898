"""The matrix product for the pool: NumPy's, on one thread each, over blocks of the result.

Left to itself OpenBLAS uses threads of its own, which go on spinning for milliseconds after a product and take the
cores from the package's pool. Here the pool does it. The blocks depend on the shapes alone, so the number of threads
does not change the bits.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from pellucid.errors import ShapeError
from pellucid.kernels import doors, jit
from pellucid.kernels.crew import blas, tasks
from pellucid.kernels.crew.tasks import Row, Task
from pellucid.kernels.crew.threads import blocks_of, parallel_for
from pellucid.kernels.dense.records import DEPTH, PARTS, ROWS, SPARE, TimesPart, TimesTransposed, Total
from pellucid.kernels.panels import panels
from pellucid.typing import Array

# Products of fewer multiplications are not worth sharing out (about 50 µs).
SMALL = 2_000_000
BLOCKS = 4
# A sum over so many times more numbers than the result is wide is cut itself.
LONG = 8
# Up to so many rows a product with a transposed matrix of many rows is faster here than in a BLAS.
FEW_ROWS = 512
# A sum of rows of so many numbers or more (1 MB) is read by several threads.
LARGE_MATRIX = 250_000


def matmul(a: Array, b: Array, *, out: Array | None = None) -> Array:
    """a (M, K) · b (K, N) → (M, N), float32 or float64; a and b may be transposed views."""
    if (
        a.ndim != 2
        or b.ndim != 2
        or a.shape[1] != b.shape[0]
        or (out is not None and (out.shape != (a.shape[0], b.shape[1]) or not out.flags.writeable))
    ):
        into = "" if out is None else f" into {out.shape}{'' if out.flags.writeable else ', read-only,'}"
        raise ShapeError(f"matmul: {a.shape} times {b.shape}{into} does not fit: (M, K) times (K, N) into (M, N).")
    (m, k), n = a.shape, b.shape[1]
    if out is not None and doors.overlap(out, a, b):
        out[...] = matmul(a, b)
        return out
    c = np.empty((m, n), np.result_type(a, b)) if out is None else out
    if m * n * k < SMALL:
        with blas.single_threaded():
            return np.matmul(a, b, out=c)
    if k >= LONG * max(m, n):
        return _times_long(a, b, c) if m <= FEW_ROWS and is_plain(a, b, c) else _summed(a, b, c)
    if n >= LONG * max(m, k) and m <= FEW_ROWS and is_plain(a, b.T, c):
        return _times_transposed(a, b.T, c)
    # Cut the longer side of the result; whole vectors of 16 to a block.
    length = max(m, n)
    blocks = blocks_of(length, -(-length // (16 * BLOCKS)) * 16)

    def block(index: int) -> None:
        part = blocks[index]
        if m >= n:
            np.matmul(a[part], b, out=c[part])
        else:
            np.matmul(a, b[:, part], out=c[:, part])

    parallel_for(block, len(blocks))
    return c


def _summed(a: Array, b: Array, c: Array) -> Array:
    """Products over parts of K, added up in their order: a small result of long rows is not cut, its sum is."""
    (m, k), n = a.shape, b.shape[1]
    parts = blocks_of(k, -(-k // BLOCKS))
    products = np.empty((len(parts), m, n), c.dtype)

    def block(index: int) -> None:
        np.matmul(a[:, parts[index]], b[parts[index]], out=products[index])

    parallel_for(block, len(parts))
    return np.sum(products, axis=0, out=c)


def add_sum(task: Task, parts: Array, y: Array) -> None:
    """Add to the task: the sum of the parts (count, N)."""
    task.add(total(*parts.shape), parts=parts, y=y, b=None)


@lru_cache(maxsize=128)
def total(many: int, columns: int, relu: bool = False) -> Row:
    """The row of a sum of parts (count, N), with b and ReLU if asked."""
    code = jit.load("dense.row")
    record = Total(many, columns, relu)
    return Row(code.total, -(-columns // code.TOGETHER), record)


def _times_long(x: Array, w: Array, y: Array) -> Array:
    """x (N, D) · w (D, K), D long: parts of each sum, in any order, and then their sum."""
    (n, d), k = x.shape, w.shape[1]
    row, task = _long_row(n, d, k), Task()
    parts = np.empty(row.shape("parts"), np.float32)
    task.add(row, x=x, w=w, parts=parts)
    add_sum(task, parts[: row.pieces * n * k].reshape(row.pieces, n * k), y.reshape(-1))
    task.run()
    return y


@lru_cache(maxsize=128)
def _long_row(n: int, d: int, k: int) -> Row:
    code = jit.load("dense.product")
    part = -(-d // (PARTS * DEPTH)) * DEPTH
    pieces, width = -(-d // part), DEPTH + 16
    tables = {"at_row": np.arange(n) * 4 * width, "at_out": np.arange(n) * 4 * k, "zeros": np.zeros(SPARE, np.float32)}
    record = TimesPart(n, d, k, part, pieces, **tables)
    return Row(code.times_part, pieces, record, DEPTH * (k + code.PANEL) + n * width)


def _times_transposed(dy: Array, w: Array, dx: Array) -> Array:
    """dy (N, K) · wᵀ, w (D, K), D long."""
    tasks.run(transposed_row(*dy.shape, len(w)), w=w, panels=panels(dy.T[None]), dx=dx)
    return dx


@lru_cache(maxsize=128)
def transposed_row(n: int, k: int, d: int) -> Row:
    """The row of dy (N, K) · Wᵀ, W (D, K)."""
    code = jit.load("dense.product")
    record = TimesTransposed(
        n,
        d,
        k,
        at_row=np.arange(ROWS) * 4 * k,
        at_out=np.arange(ROWS) * 4 * code.SAMPLES,
        zeros=np.zeros(128, np.float32),
    )
    return Row(code.times_transposed, -(-d // ROWS), record, ROWS * code.SAMPLES)


def sum_of_rows(a: Array) -> Array:
    """Σ_k a_k of a (K, N): (N,), added in their order."""
    if a.size < LARGE_MATRIX or not is_plain(a):
        return np.asarray(a.sum(axis=0))
    y = np.empty(a.shape[1], a.dtype)
    tasks.run(total(*a.shape), parts=a, y=y, b=None)
    return y


def is_plain(*arrays: Array) -> bool:
    """Whether the compiled loops serve: float32 in C order."""
    return jit.available() and all(a.dtype == np.float32 and a.flags.c_contiguous for a in arrays)
