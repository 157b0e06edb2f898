"""Winograd's transforms of one line: six pixels, or a tile's outputs and their gradients, sixteen channels at a time.

With the points 0, ±1, ±2, ∞ (Lavin & Gray 2016, arXiv:1509.09308, section 4.3). Bᵀ and B are the same for both forms;
Aᵀ and A end in the number of outputs, 4 for 3x3 kernels and 2 for 5x5. `winograd.weights` has G.
"""

from __future__ import annotations

import numpy as np

from pellucid.kernels.jit import inner
from pellucid.kernels.vectors.several import loads
from pellucid.kernels.vectors.simd import above, beats, load, splat, where

F4 = 4  # bytes in a float32


six = loads(6)


@inner
def bt(d0, d1, d2, d3, d4, d5):
    """Bᵀ d: six pixels to six frequencies."""
    two, four, five = splat(np.float32(2)), splat(np.float32(4)), splat(np.float32(5))
    even, odd = d4 - four * d2, d3 - four * d1
    even2, odd2 = d4 - d2, two * (d3 - d1)
    return (
        four * d0 - five * d2 + d4,
        even + odd,
        even - odd,
        even2 + odd2,
        even2 - odd2,
        four * d1 - five * d3 + d5,
    )


@inner
def at4(m0, m1, m2, m3, m4, m5):
    """Aᵀ m of F(4, 3): six frequencies to four outputs."""
    two, four, eight = splat(np.float32(2)), splat(np.float32(4)), splat(np.float32(8))
    sum1, dif1, sum2, dif2 = m1 + m2, m1 - m2, m3 + m4, m3 - m4
    return m0 + sum1 + sum2, dif1 + two * dif2, sum1 + four * sum2, dif1 + eight * dif2 + m5


@inner
def at2(m0, m1, m2, m3, m4, m5):
    """Aᵀ m of F(2, 5): six frequencies to two outputs."""
    return m0 + (m1 + m2) + (m3 + m4), (m1 - m2) + splat(np.float32(2)) * (m3 - m4) + m5


@inner
def a4(p, step):
    """A d of F(4, 3), the transpose of `at4`: the gradient of the four outputs at p to that of six frequencies."""
    two, four, eight = splat(np.float32(2)), splat(np.float32(4)), splat(np.float32(8))
    d0, d1, d2, d3 = load(p), load(p + step), load(p + 2 * step), load(p + 3 * step)
    even1, odd1, even2, odd2 = d0 + d2, d1 + d3, d0 + four * d2, two * d1 + eight * d3
    return d0, even1 + odd1, even1 - odd1, even2 + odd2, even2 - odd2, d3


@inner
def a2(p, step):
    """A d of F(2, 5), the transpose of `at2`: the gradient of the two outputs at p to that of six frequencies."""
    d0, d1 = load(p), load(p + step)
    twice = splat(np.float32(2)) * d1
    return d0, d0 + d1, d0 - d1, d0 + twice, d0 - twice, d1


AT, A = {4: at4, 2: at2}, {4: a4, 2: a2}
"""For each M."""


@inner
def b(u0, u1, u2, u3, u4, u5):
    """B u, the transpose of `bt`: the gradient of six frequencies to that of six pixels."""
    two, four, five = splat(np.float32(2)), splat(np.float32(4)), splat(np.float32(5))
    sum1, dif1, sum2, dif2 = u1 + u2, u1 - u2, u3 + u4, two * (u3 - u4)
    return (
        four * u0,
        four * (u5 - dif1) - dif2,
        splat(np.float32(0)) - five * u0 - four * sum1 - sum2,
        dif1 + dif2 - five * u5,
        u0 + sum1 + sum2,
        u5,
    )


@inner
def largest(v0, v1, v2, v3):
    """ReLU of the largest of four, and which it was: 0…3, the first among equals, or 4 where ReLU cut it off."""
    best, place = v0, splat(np.float32(0))
    better = beats(v1, best)
    best, place = where(better, v1, best), where(better, splat(np.float32(1)), place)
    better = beats(v2, best)
    best, place = where(better, v2, best), where(better, splat(np.float32(2)), place)
    better = beats(v3, best)
    best, place = where(better, v3, best), where(better, splat(np.float32(3)), place)
    alive = above(best, splat(np.float32(0)))
    return where(alive, best, splat(np.float32(0))), where(alive, place, splat(np.float32(4)))
