"""From images to Winograd's tiles, and from tiles to outputs; `kernels.winograd.plan` explains the method.

The loops serve two forms F(MxM, RxR), M + R = 7: F(4x4, 3x3) and F(2x2, 5x5). Both read 6x6 windows, M pixels from one
to the next, and have 36 frequencies; a window gives MxM outputs.

Tiles are stored (36, tile, channels), channels rounded up to whole vectors, so that each of the 36 products reads
straight on. `far` is the distance from one of the 36 to the next; a cache line more than the tiles fill, or with
powers of two all 36 would fall on the same few places of the cache. A transform goes over an image in two
passes: down the columns, whole rows at a time, into a buffer of one row of tiles; then along that row, tile by tile.
So what neighbouring tiles share is computed once, and the buffer stays in the first-level cache.

Functions make the loops, once for each form: M and the transforms of a line are constants to the compiler. They are
found by M.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from pellucid.kernels.jit import inner
from pellucid.kernels.vectors.several import column_of, put, rows_of
from pellucid.kernels.vectors.simd import LANES, load, relu, splat, store_bytes, store_some
from pellucid.kernels.vectors.tile import whole
from pellucid.kernels.winograd.lines import AT, F4, bt, largest, six
from pellucid.kernels.winograd.records import POOLED, RELU

FORMS = 4, 2
"""M of each."""
rows_of_window, column_of_window = rows_of(6), column_of(6)


class Strip(NamedTuple):
    """Rows low … high − 1 of an image's tiles."""

    low: int
    high: int


class Tiles(NamedTuple):
    """Tiles in memory: where the first one's first number is, and the bytes from one of the 36 to the next."""

    at: int
    far: int


class Output(NamedTuple):
    """Where an image's outputs go, or their gradient dy comes from; where the switches are, or y."""

    y: int
    beside: int
    bias: int
    mode: int


def _of_image(m: int) -> Any:
    """The loop from images to tiles."""

    @inner
    def transform_image(s, x, strip, tiles, rows, zeros):
        """One image at x (H, W, C) → a strip of its tiles: Bᵀ d B of each 6x6 window."""
        step = whole(s.channels) * F4
        wp = m * s.tw + 6 - m
        nothing = splat(np.float32(0))
        for ty in range(strip.low, strip.high):
            line = s.width * s.channels * F4
            p = rows_of_window(x, m * ty - s.top, s.height, line, zeros)
            for j in range(wp):
                column = j - s.left
                inside = 0 <= column < s.width
                for c in range(0, s.channels, LANES):
                    v = nothing, nothing, nothing, nothing, nothing, nothing
                    if inside:
                        v = bt(*column_of_window(p, (column * s.channels + c) * F4, s.channels - c))
                    put(rows + j * step + c * F4, wp * step, v)
            for tx in range(s.tw):
                for f in range(6):
                    p = rows + (f * wp + m * tx) * step
                    q = tiles.at + ((ty - strip.low) * s.tw + tx) * step + f * 6 * tiles.far
                    for c in range(0, step, LANES * F4):
                        put(q + c, tiles.far, bt(*six(p + c, step)))

    return transform_image


def _inverse_along(m: int) -> Any:
    """The first pass from products to outputs."""
    at = AT[m]

    @inner
    def inverse_along(u, tw, step, far, rows):
        """A row of tiles at u, their six frequencies along the row → M pixels: rows (6, M·TW, channels)."""
        for tx in range(tw):
            for f in range(6):
                p = u + tx * step + f * 6 * far
                q = rows + (f * tw + tx) * m * step
                for c in range(0, step, LANES * F4):
                    put(q + c, step, at(*six(p + c, far)))

    return inverse_along


def _plain(m: int, inverse_along: Any) -> Any:
    """The second pass to outputs."""
    at = AT[m]

    @inner
    def plain(s, tiles, strip, output, rows):
        """A strip of tiles → y (OH, OW, OC) = Aᵀ u A + bias, then ReLU in mode RELU."""
        step, line, rectify = whole(s.oc) * F4, s.ow * s.oc * F4, output.mode == RELU
        for ty in range(strip.low, strip.high):
            inverse_along(tiles.at + (ty - strip.low) * s.tw * step, s.tw, step, tiles.far, rows)
            height = min(m, s.oh - m * ty)
            for j in range(s.ow):
                for c in range(0, s.oc, LANES):
                    v = at(*six(rows + j * step + c * F4, m * s.tw * step))
                    plus = load(output.bias + c * F4)
                    q = output.y + m * ty * line + (j * s.oc + c) * F4
                    for k in range(m):
                        if k < height:
                            total = v[k] + plus
                            store_some(q + k * line, relu(total) if rectify else total, s.oc - c)

    return plain


def _pooled(m: int, inverse_along: Any) -> Any:
    """The second pass to pooled outputs."""
    at = AT[m]

    @inner
    def pooled(s, tiles, strip, output, rows):
        """The same → y (PH, PW, OC) = 2x2 max-pooling of ReLU of (Aᵀ u A + bias), and the switches."""
        half = m // 2  # rows of y that a row of tiles gives
        step, oc = whole(s.oc) * F4, s.oc
        ph, pw, plane = s.oh // 2, s.ow // 2, m * s.tw * step
        for ty in range(strip.low, min(strip.high, (ph + half - 1) // half)):
            inverse_along(tiles.at + (ty - strip.low) * s.tw * step, s.tw, step, tiles.far, rows)
            for j in range(pw):
                for c in range(0, oc, LANES):
                    p = rows + 2 * j * step + c * F4
                    plus = load(output.bias + c * F4)
                    v, w = at(*six(p, plane)), at(*six(p + step, plane))
                    for k in range(half):
                        if half * ty + k < ph:
                            best, place = largest(
                                v[2 * k] + plus, w[2 * k] + plus, v[2 * k + 1] + plus, w[2 * k + 1] + plus
                            )
                            o = ((half * ty + k) * pw + j) * oc + c
                            store_some(output.y + o * F4, best, oc - c)
                            store_bytes(output.beside + o, place, oc - c)

    return pooled


def _to_outputs(m: int) -> Any:
    """The loop from products to outputs, plain or pooled."""
    inverse_along = _inverse_along(m)
    plain, pooled = _plain(m, inverse_along), _pooled(m, inverse_along)

    @inner
    def output_image(s, tiles, strip, output, rows):
        """A strip of tiles → the outputs that they give, as the mode says."""
        if output.mode == POOLED:
            pooled(s, tiles, strip, output, rows)
        else:
            plain(s, tiles, strip, output, rows)

    return output_image


OF_IMAGE = {m: _of_image(m) for m in FORMS}
OUTPUTS = {m: _to_outputs(m) for m in FORMS}
