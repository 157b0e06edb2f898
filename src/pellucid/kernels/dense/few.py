"""x·W for a small W, in one call: what a pool, a table of work and packed weights would cost is more than the product.

The sums of four rows and 64 columns stay in registers while W goes by, row after row; each is added up straight on.
"""

from __future__ import annotations

from typing import Any

from numba.core import cgutils

from pellucid.kernels.jit import compiled
from pellucid.kernels.vectors.instruction import FLOAT, Number, instruction
from pellucid.kernels.vectors.simd import LANES, constant, masked_load, masked_store, product_plus, spread

COLUMNS = 4 * LANES


def make(rows: int) -> Any:
    """few(x, w, y, d, k, count): y (rows, `count` columns) = x (rows, D) · W (D, `count` of K columns)."""

    def few(builder: Any, x: Any, w: Any, y: Any, d: Any, k: Any, count: Any) -> None:
        x, w, y, d, k, count = (Number(builder, value) for value in (x, w, y, d, k, count))
        left = [(count - LANES * v).value for v in range(COLUMNS // LANES)]
        sums = [[cgutils.alloca_once_value(builder, constant(0.0)) for _ in left] for _ in range(rows)]
        with cgutils.for_range(builder, d.value) as loop:
            i = Number(builder, loop.index)
            vectors = [masked_load(w + i * k * 4 + LANES * 4 * v, lanes) for v, lanes in enumerate(left)]
            for r, row in enumerate(sums):
                number = spread(builder, (x + d * (4 * r) + i * 4).load(FLOAT))
                for total, vector in zip(row, vectors, strict=True):
                    builder.store(product_plus(builder, number, vector, builder.load(total)), total)
        for r, row in enumerate(sums):
            for v, total in enumerate(row):
                masked_store(y + k * (4 * r) + LANES * 4 * v, builder.load(total), left[v])

    few.__qualname__ = f"few_{rows}"
    return instruction()(few)


four, one = make(4), make(1)


@compiled
def few_rows(x, w, y, n, d, k):
    """y (N, K) = x (N, D) · W (D, K), all by their addresses."""
    for c in range(0, k, COLUMNS):
        columns, r = w + c * 4, 0
        while r + 4 <= n:
            four(x + r * d * 4, columns, y + (r * k + c) * 4, d, k, k - c)
            r += 4
        while r < n:
            one(x + r * d * 4, columns, y + (r * k + c) * 4, d, k, k - c)
            r += 1
