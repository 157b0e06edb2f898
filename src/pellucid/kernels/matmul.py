"""The matrix product for the pool: NumPy's, on one thread each, over blocks of the result.

Left to itself OpenBLAS uses threads of its own, which go on spinning for milliseconds after a product and take the
cores from the package's pool. Here the pool does it. The blocks depend on the shapes alone, so the number of threads
does not change the bits.
"""

from __future__ import annotations

import numpy as np

from pellucid.kernels import blas
from pellucid.kernels.threads import blocks_of, parallel_for
from pellucid.typing import Array

# Products of fewer multiplications are not worth sharing out (about 50 µs).
SMALL = 2_000_000
BLOCKS = 4


def matmul(a: Array, b: Array, *, out: Array | None = None) -> Array:
    """a (M, K) · b (K, N) → (M, N), float32 or float64; a and b may be transposed views."""
    m, k = a.shape
    n = b.shape[1]
    c = np.empty((m, n), np.result_type(a, b)) if out is None else out
    if m * n * k < SMALL:
        with blas.single_threaded():
            return np.matmul(a, b, out=c)
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
