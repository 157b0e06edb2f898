# mypy: ignore-errors
# Numba gives these functions their types when it compiles them.
"""A row times a matrix, y = x·W: every weight is read once and used once, so reading is all the time there is.

The rows of W are read straight on, 128 columns at a time in eight vectors of sums.
"""

from __future__ import annotations

import numpy as np

from pellucid.kernels.compiled.simd import LANES, load, load_one, load_some, splat, store, store_some
from pellucid.kernels.jit import compiled, inner

_NONE = np.float32(0)


@inner
def row_times_matrix(x, w, length, columns, y):
    """x (K,), W (K, N) at addresses x and w, K = `length`, N = `columns` → y (N,)."""
    step = columns * 4
    c = 0
    while c + 128 <= columns:
        a0 = a1 = a2 = a3 = a4 = a5 = a6 = a7 = splat(_NONE)
        row = w + c * 4
        for k in range(length):
            v = load_one(x + k * 4)
            a0, a1 = a0 + load(row) * v, a1 + load(row + 64) * v
            a2, a3 = a2 + load(row + 128) * v, a3 + load(row + 192) * v
            a4, a5 = a4 + load(row + 256) * v, a5 + load(row + 320) * v
            a6, a7 = a6 + load(row + 384) * v, a7 + load(row + 448) * v
            row += step
        q = y + c * 4
        store(q, a0)
        store(q + 64, a1)
        store(q + 128, a2)
        store(q + 192, a3)
        store(q + 256, a4)
        store(q + 320, a5)
        store(q + 384, a6)
        store(q + 448, a7)
        c += 128
    while c < columns:
        count = columns - c
        total = splat(_NONE)
        for k in range(length):
            total = total + load_some(w + k * step + c * 4, count) * load_one(x + k * 4)
        store_some(y + c * 4, total, count)
        c += LANES


@compiled
def times(x, w, length, columns, y):
    """`row_times_matrix` for a call from Python."""
    row_times_matrix(x, w, length, columns, y)
