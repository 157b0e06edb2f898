"""Winograd's transform of the kernels, G w Gᵀ: 16 kernels at a time, written where the products read them."""

from __future__ import annotations

from typing import Any

import numpy as np

from pellucid.kernels.jit import ByAddress, by_address, inner
from pellucid.kernels.vectors.records import read
from pellucid.kernels.vectors.several import loads, loads_some, put
from pellucid.kernels.vectors.simd import LANES, splat, store, times_plus
from pellucid.kernels.vectors.tile import whole
from pellucid.kernels.winograd.lines import F4, six
from pellucid.kernels.winograd.records import Transform

PANEL, VECTOR = 2 * LANES, LANES * F4
CHANNELS = 4  # kernels of so many channels are transformed in one piece


@inner
def times(number, v):
    """A number times a vector."""
    return splat(np.float32(number)) * v


@inner
def plus(number, v, w):
    """The same, added to w and rounded once."""
    return times_plus(splat(np.float32(number)), v, w)


@inner
def g3(w0, w1, w2):
    """G w for F(4, 3): three taps to six frequencies."""
    even, odd = times(-1 / 6, w0 + w2), times(1 / 6, w1)
    even2, odd2 = plus(1 / 24, w0, times(1 / 6, w2)), times(1 / 12, w1)
    return times(1 / 4, w0), even - odd, even + odd, even2 + odd2, even2 - odd2, w2


@inner
def g5(w0, w1, w2, w3, w4):
    """G w for F(2, 5): five taps to six frequencies."""
    even, odd = times(-1 / 6, w0 + w2 + w4), times(1 / 6, w1 + w3)
    even2 = plus(2 / 3, w4, plus(1 / 24, w0, times(1 / 6, w2)))
    odd2 = plus(1 / 12, w1, times(1 / 3, w3))
    return times(1 / 4, w0), even - odd, even + odd, even2 + odd2, even2 - odd2, w4


@inner
def apart(channels, wide):
    """Bytes from one of the 36 to the next; a cache line more than they fill, as with the tiles."""
    return (channels * wide + LANES) * F4


@inner
def place(c, o, channels, wide):
    """Bytes to channel c, output o in panels of 32 outputs (the last of 16 if that is enough)."""
    first = o // PANEL * PANEL
    return (first * channels + c * min(PANEL, wide - first) + o - first) * F4


def transform(r: int, g: Any) -> ByAddress:
    """The loop for RxR kernels."""
    column, row = loads_some(r), loads(r)

    def transform_kernels(arguments: Any, piece: Any, scratch: Any) -> None:
        """w (R·R, C, OC) → out (36, C · whole(OC) + 16) in panels, for CHANNELS channels."""
        t = read(Transform, arguments)
        wide = whole(t.oc)
        far, tap = apart(t.channels, wide), t.channels * t.oc * F4
        for c in range(piece * CHANNELS, min(t.channels, (piece + 1) * CHANNELS)):
            for o in range(0, t.oc, LANES):
                p, q = t.w + (c * t.oc + o) * F4, t.out + place(c, o, t.channels, wide)
                for v in range(r):
                    put(scratch + v * VECTOR, r * VECTOR, g(*column(p + v * tap, r * tap, t.oc - o)))
                for f in range(6):
                    put(q + 6 * f * far, far, g(*row(scratch + f * r * VECTOR, VECTOR)))

    return by_address(transform_kernels, f"transform_{r}x{r}")


TRANSFORM = {3: transform(3, g3), 5: transform(5, g5)}
"""For each R; 36 vectors of scratch memory are enough."""


@inner
def g3_back(s0, s1, s2, s3, s4, s5):
    """Gᵀ s of F(4, 3), the transpose of `g3`: six frequencies to three taps."""
    even, even2 = times(1 / 6, s1 + s2), s3 + s4
    return (
        times(1 / 4, s0) - even + times(1 / 24, even2),
        times(1 / 6, s2 - s1) + times(1 / 12, s3 - s4),
        times(1 / 6, even2) - even + s5,
    )


@inner
def kernel_gradient_3x3(sums, dw, floats):
    """Gᵀ s G: sums (36, `floats`) → dw (9, `floats`)."""
    far = floats * F4
    for o in range(0, far, LANES * F4):
        p, q = sums + o, dw + o
        a, b, d = g3_back(*six(p, far)), g3_back(*six(p + 6 * far, far)), g3_back(*six(p + 12 * far, far))
        e, f, g = g3_back(*six(p + 18 * far, far)), g3_back(*six(p + 24 * far, far)), g3_back(*six(p + 30 * far, far))
        for k in range(3):
            column = g3_back(a[k], b[k], d[k], e[k], f[k], g[k])
            for u in range(3):
                store(q + (3 * u + k) * far, column[u])
