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
def put_inside(x, height, width, channels, top, left, hp, wp, padded):
    """x (H, W, C) → padded (HP, WP, C) with x at (top, left) and zeros around it."""
    for i in range(hp):
        line = padded + i * wp * channels * 4
        if top <= i < top + height:
            clear(line, left * channels)
            copy(x + (i - top) * width * channels * 4, line + left * channels * 4, width * channels)
            clear(line + (left + width) * channels * 4, (wp - left - width) * channels)
        else:
            clear(line, wp * channels)


@inner
def take_inside(padded, height, width, channels, top, left, wp, x):
    """The reverse: x (H, W, C) is the part of padded at (top, left)."""
    for i in range(height):
        source = padded + ((i + top) * wp + left) * channels * 4
        copy(source, x + i * width * channels * 4, width * channels)
