"""An image with its border of zeros: written out so that the loops of a kernel need no tests at the edges."""

from __future__ import annotations

import numpy as np

from pellucid.kernels.jit import inner
from pellucid.kernels.vectors.simd import LANES, load_some, splat, store_some


@inner
def copy(p, q, count):
    """Copy `count` floats from address p to address q."""
    for k in range(0, count, LANES):
        store_some(q + 4 * k, load_some(p + 4 * k, count - k), count - k)


@inner
def clear(q, count):
    """Set `count` floats at address q to 0."""
    for k in range(0, count, LANES):
        store_some(q + 4 * k, splat(np.float32(0)), count - k)


@inner
def put_inside(f, x, padded):
    """x (H, W, C) → padded (HP, WP, C) with x at (top, left) and zeros around it, as a frame f says."""
    for i in range(f.hp):
        line = padded + i * f.wp * f.channels * 4
        if f.top <= i < f.top + f.height:
            clear(line, f.left * f.channels)
            copy(x + (i - f.top) * f.width * f.channels * 4, line + f.left * f.channels * 4, f.width * f.channels)
            clear(line + (f.left + f.width) * f.channels * 4, (f.wp - f.left - f.width) * f.channels)
        else:
            clear(line, f.wp * f.channels)
