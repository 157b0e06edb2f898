"""Winograd's transform of the kernels, G w Gᵀ: 16 kernels at a time, written where the products read them."""

from __future__ import annotations

import numpy as np

from pellucid.kernels.jit import by_address, inner
from pellucid.kernels.vectors.records import read
from pellucid.kernels.vectors.simd import LANES, load_some, splat, store
from pellucid.kernels.vectors.tile import whole
from pellucid.kernels.winograd.lines import F4, six
from pellucid.kernels.winograd.records import Transform

PANEL = 2 * LANES
CHANNELS = 4  # kernels of so many channels are transformed in one piece


@inner
def times(number, v):
    """A number times a vector."""
    return splat(np.float32(number)) * v


@inner
def g3(w0, w1, w2):
    """G w for F(4, 3): three taps to six frequencies."""
    even, odd = times(-1 / 6, w0 + w2), times(1 / 6, w1)
    even2, odd2 = times(1 / 24, w0) + times(1 / 6, w2), times(1 / 12, w1)
    return times(1 / 4, w0), even - odd, even + odd, even2 + odd2, even2 - odd2, w2


@inner
def g5(w0, w1, w2, w3, w4):
    """G w for F(2, 5): five taps to six frequencies."""
    even, odd = times(-1 / 6, w0 + w2 + w4), times(1 / 6, w1 + w3)
    even2 = times(1 / 24, w0) + times(1 / 6, w2) + times(2 / 3, w4)
    odd2 = times(1 / 12, w1) + times(1 / 3, w3)
    return times(1 / 4, w0), even - odd, even + odd, even2 + odd2, even2 - odd2, w4


@inner
def column3(p, row, count):
    """A column of taps, `row` bytes apart, transformed."""
    return g3(load_some(p, count), load_some(p + row, count), load_some(p + 2 * row, count))


@inner
def column5(p, row, count):
    """The same for five taps."""
    return g5(
        load_some(p, count),
        load_some(p + row, count),
        load_some(p + 2 * row, count),
        load_some(p + 3 * row, count),
        load_some(p + 4 * row, count),
    )


@inner
def apart(channels, wide):
    """Bytes from one of the 36 to the next; a cache line more than they fill, as with the tiles."""
    return (channels * wide + LANES) * F4


@inner
def place(c, o, channels, wide):
    """Bytes to channel c, output o in panels of 32 outputs (the last of 16 if that is enough)."""
    first = o // PANEL * PANEL
    return (first * channels + c * min(PANEL, wide - first) + o - first) * F4


@by_address
def transform_3x3(arguments, piece, scratch):
    """w (9, C, OC) → out (36, C · whole(OC) + 16) in panels, for CHANNELS channels."""
    t = read(Transform, arguments)
    w, out, channels, oc = t.w, t.out, t.channels, t.oc
    wide = whole(oc)
    far, tap = apart(channels, wide), channels * oc * F4
    for c in range(piece * CHANNELS, min(channels, (piece + 1) * CHANNELS)):
        for o in range(0, oc, LANES):
            p, q, count = w + (c * oc + o) * F4, out + place(c, o, channels, wide), oc - o
            a, b, d = (
                column3(p, 3 * tap, count),
                column3(p + tap, 3 * tap, count),
                column3(p + 2 * tap, 3 * tap, count),
            )
            for f in range(6):
                row = g3(a[f], b[f], d[f])
                for k in range(6):
                    store(q + (6 * f + k) * far, row[k])


@by_address
def transform_5x5(arguments, piece, scratch):
    """w (25, C, OC) → out (36, C · whole(OC) + 16) in panels, for CHANNELS channels."""
    t = read(Transform, arguments)
    w, out, channels, oc = t.w, t.out, t.channels, t.oc
    wide = whole(oc)
    far, tap = apart(channels, wide), channels * oc * F4
    for c in range(piece * CHANNELS, min(channels, (piece + 1) * CHANNELS)):
        for o in range(0, oc, LANES):
            p, q, count = w + (c * oc + o) * F4, out + place(c, o, channels, wide), oc - o
            a, b = column5(p, 5 * tap, count), column5(p + tap, 5 * tap, count)
            d, e = column5(p + 2 * tap, 5 * tap, count), column5(p + 3 * tap, 5 * tap, count)
            g = column5(p + 4 * tap, 5 * tap, count)
            for f in range(6):
                row = g5(a[f], b[f], d[f], e[f], g[f])
                for k in range(6):
                    store(q + (6 * f + k) * far, row[k])


TRANSFORM = {3: transform_3x3, 5: transform_5x5}
"""For each R."""


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
