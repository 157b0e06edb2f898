# mypy: ignore-errors
# Numba gives these functions their types when it compiles them.
"""dy·Wᵀ where W has many short rows: the input gradient of a dense layer after an image.

A BLAS first copies Wᵀ into panels, which takes nearly as long as the arithmetic. Here the rows of W are the single
numbers of the register tile, read where they are, and the few rows of dy its vectors; the result, W·dyᵀ, is turned
while it lies in the first-level cache.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from llvmlite import ir
from numba.core import cgutils, types
from numba.extending import intrinsic

from pellucid.kernels.compiled.numbers import unpacked
from pellucid.kernels.compiled.simd import LANES, load, store_some, vector
from pellucid.kernels.compiled.tile import sweep
from pellucid.kernels.jit import by_address, inner

F4 = 4  # bytes in a float32
ROWS = 96
"""Rows of W in a piece."""

SAMPLES = 128
"""Samples that are taken at once."""

_LOWEST = np.float32(-np.inf)


@intrinsic
def square(typing: Any, rows: Any) -> Any:
    """Sixteen vectors as the columns of what they were the rows of.

    Four times over, vector i is interleaved with vector i + 8: the bits of the row go up by one place each time, and
    those of the column come in below.
    """

    def emit(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        places = [
            ir.Constant(ir.VectorType(ir.IntType(32), LANES), [half * 8 + i // 2 + i % 2 * LANES for i in range(LANES)])
            for half in (0, 1)
        ]
        rows = cgutils.unpack_tuple(builder, args[0])
        for _ in range(4):
            rows = [builder.shuffle_vector(rows[i // 2], rows[i // 2 + 8], places[i % 2]) for i in range(LANES)]
        return cgutils.pack_array(builder, rows)

    return types.UniTuple(vector, LANES)(types.UniTuple(vector, LANES)), emit


@inner
def put_transposed(source, step, rows, columns, target, far):
    """source (rows, columns) → target (columns, rows), rows `step` and `far` bytes apart; source in whole squares."""
    for r in range(0, rows, LANES):
        for c in range(0, columns, LANES):
            p = source + r * step + c * F4
            v = square((
                load(p), load(p + step), load(p + 2 * step), load(p + 3 * step), load(p + 4 * step), load(p + 5 * step),
                load(p + 6 * step), load(p + 7 * step), load(p + 8 * step), load(p + 9 * step), load(p + 10 * step),
                load(p + 11 * step), load(p + 12 * step), load(p + 13 * step), load(p + 14 * step),
                load(p + 15 * step),
            ))  # fmt: skip
            for k in range(LANES):
                if c + k < columns:
                    store_some(target + (c + k) * far + r * F4, v[k], rows - r)


@by_address
def times_transposed(arguments, piece, scratch):
    """ROWS columns of dx (N, D) = dy (N, K) · Wᵀ, W (D, K): Wdyᵀ, turned. dyᵀ (K, N) comes in panels."""
    n, d, k, at_row, at_out, zeros, w, panels, dx = unpacked(arguments, 9)
    low = piece * ROWS
    many = min(ROWS, d - low)
    for first in range(0, n, SAMPLES):
        samples = min(SAMPLES, n - first)
        sweep(
            w + low * k * F4, at_row, many, zeros, 1, k, F4, panels + first * k * F4, zeros, 0, scratch, at_out,
            (samples + LANES - 1) // LANES * LANES, _LOWEST,
        )  # fmt: skip
        put_transposed(scratch, SAMPLES * F4, many, samples, dx + (first * d + low) * F4, d * F4)
