"""From images to Winograd's tiles and back; `kernels.winograd.plan` explains the method.

The loops serve two forms F(MxM, RxR), M + R = 7: F(4x4, 3x3) and F(2x2, 5x5). Both read 6x6 windows, M pixels from one
to the next, and have 36 frequencies; a window gives MxM outputs.

Tiles are stored (36, tile, channels), channels rounded up to whole vectors, so that each of the 36 products reads
straight on. `far` is the distance from one of the 36 to the next; a cache line more than the tiles fill, or with
powers of two all 36 would fall on the same few places of the cache. A transform goes over an image in two
passes: down the columns, whole rows at a time, into a buffer of one row of tiles; then along that row, tile by tile.
So what neighbouring tiles share is computed once, and the buffer stays in the first-level cache.

Functions make the loops, once for each form: M and the transforms of a line are constants to the compiler.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from pellucid.kernels.jit import inner
from pellucid.kernels.vectors.simd import (
    LANES,
    above,
    byte_is,
    load,
    load_some,
    relu,
    splat,
    store,
    store_bytes,
    store_some,
    where,
)
from pellucid.kernels.winograd.lines import F4, a2, a4, at2, at4, b, bt, largest, put, six, whole
from pellucid.kernels.winograd.records import POOLED, RELU


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


class Buffers(NamedTuple):
    """Memory for a row of tiles between the passes, for rows of dy, for rows of dx; and the sums of dy."""

    rows: int
    lines: int
    carry: int
    db: int


def tiles_of_image(m):
    """The loop from images to tiles."""

    @inner
    def transform_image(s, x, strip, tiles, rows, zeros):
        """One image at x (H, W, C) → a strip of its tiles: Bᵀ d B of each 6x6 window."""
        step, height = whole(s.channels) * F4, s.height
        wp = m * s.tw + 6 - m
        nothing = splat(np.float32(0))
        for ty in range(strip.low, strip.high):
            line = s.width * s.channels * F4
            r = m * ty - s.top
            # A row outside the image is read from a row of zeros.
            p0 = x + r * line if 0 <= r < height else zeros
            p1 = x + (r + 1) * line if 0 <= r + 1 < height else zeros
            p2 = x + (r + 2) * line if 0 <= r + 2 < height else zeros
            p3 = x + (r + 3) * line if 0 <= r + 3 < height else zeros
            p4 = x + (r + 4) * line if 0 <= r + 4 < height else zeros
            p5 = x + (r + 5) * line if 0 <= r + 5 < height else zeros
            for j in range(wp):
                column = j - s.left
                inside = 0 <= column < s.width
                for c in range(0, s.channels, LANES):
                    v = nothing, nothing, nothing, nothing, nothing, nothing
                    if inside:
                        o, left_over = (column * s.channels + c) * F4, s.channels - c
                        v = bt(
                            load_some(p0 + o, left_over), load_some(p1 + o, left_over), load_some(p2 + o, left_over),
                            load_some(p3 + o, left_over), load_some(p4 + o, left_over), load_some(p5 + o, left_over),
                        )  # fmt: skip
                    put(rows + j * step + c * F4, wp * step, v)
            for tx in range(s.tw):
                for f in range(6):
                    p = rows + (f * wp + m * tx) * step
                    q = tiles.at + ((ty - strip.low) * s.tw + tx) * step + f * 6 * tiles.far
                    for c in range(0, step, LANES * F4):
                        put(q + c, tiles.far, bt(*six(p + c, step)))

    return transform_image


def images_of_tiles(m, at):
    """The loop from products to outputs, plain or pooled."""

    @inner
    def inverse_along(u, tw, step, far, rows):
        """A row of tiles at u, their six frequencies along the row → M pixels: rows (6, M·TW, channels)."""
        for tx in range(tw):
            for f in range(6):
                p = u + tx * step + f * 6 * far
                q = rows + (f * tw + tx) * m * step
                for c in range(0, step, LANES * F4):
                    put(q + c, step, at(*six(p + c, far)))

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

    @inner
    def output_image(s, tiles, strip, output, rows):
        """A strip of tiles → the outputs that they give, as the mode says."""
        if output.mode == POOLED:
            pooled(s, tiles, strip, output, rows)
        else:
            plain(s, tiles, strip, output, rows)

    return output_image


def tiles_of_gradient(m, a):
    """The loop from the gradient of the outputs to tiles."""

    @inner
    def fetch_pooled_rows(s, output, ty, to):
        """M rows of the gradient of the convolution's own output → lines (M, M·TW, OC), 0 outside; db += their sum.
        It is dy (PH, PW, OC), the gradient of the pooled output, at the pixel that the switch names.
        """
        step, oc, db = whole(s.oc) * F4, s.oc, to.db
        line, ph, pw = m * s.tw * step, s.oh // 2, s.ow // 2
        nothing = splat(np.float32(0))
        for k in range(m // 2):
            i = m // 2 * ty + k
            for j in range(m // 2 * s.tw):
                for c in range(0, oc, LANES):
                    a = b = d = e = nothing
                    if i < ph and j < pw:
                        o, count = (i * pw + j) * oc + c, oc - c
                        v, p = load_some(output.y + o * F4, count), output.beside + o
                        a, b = where(byte_is(p, 0, count), v, nothing), where(byte_is(p, 1, count), v, nothing)
                        d, e = where(byte_is(p, 2, count), v, nothing), where(byte_is(p, 3, count), v, nothing)
                        store(db + c * F4, load(db + c * F4) + ((a + b) + (d + e)))
                    q = to.lines + 2 * k * line + 2 * j * step + c * F4
                    store(q, a)
                    store(q + step, b)
                    store(q + line, d)
                    store(q + line + step, e)

    @inner
    def fetch_rows(s, output, ty, to):
        """The same from the gradient dy (OH, OW, OC) of the output itself; where y > 0 in mode RELU."""
        step, oc, db, rectify = whole(s.oc) * F4, s.oc, to.db, output.mode == RELU
        nothing = splat(np.float32(0))
        for k in range(m):
            i = m * ty + k
            for j in range(m * s.tw):
                for c in range(0, oc, LANES):
                    v = nothing
                    if i < s.oh and j < s.ow:
                        o, count = ((i * s.ow + j) * oc + c) * F4, oc - c
                        v = load_some(output.y + o, count)
                        if rectify:
                            v = where(above(load_some(output.beside + o, count), nothing), v, nothing)
                        store(db + c * F4, load(db + c * F4) + v)
                    store(to.lines + (k * m * s.tw + j) * step + c * F4, v)

    @inner
    def transform_dy(s, output, strip, tiles, to):
        """The gradient of one image's output → a strip of its tiles: A dy Aᵀ of each MxM tile."""
        step = whole(s.oc) * F4
        plane = m * s.tw * step
        for ty in range(strip.low, strip.high):
            if output.mode == POOLED:
                fetch_pooled_rows(s, output, ty, to)
            else:
                fetch_rows(s, output, ty, to)
            for o in range(0, plane, LANES * F4):
                put(to.rows + o, plane, a(to.lines + o, plane))
            for tx in range(s.tw):
                for f in range(6):
                    p = to.rows + f * plane + m * tx * step
                    q = tiles.at + ((ty - strip.low) * s.tw + tx) * step + f * 6 * tiles.far
                    for c in range(0, step, LANES * F4):
                        put(q + c, tiles.far, a(p + c, step))

    return transform_dy


def gradient_of_tiles(m):
    """The loop from products to the gradient of the image."""

    @inner
    def onto(last, v):
        """Six pixels v, added to what the window M pixels before it, `last`, has at the same places."""
        return (
            v[0] + last[m],
            v[1] + last[m + 1],
            v[2] + last[4] if m == 2 else v[2],
            v[3] + last[5] if m == 2 else v[3],
            v[4],
            v[5],
        )

    @inner
    def spread_along(u, tw, step, far, rows):
        """A row of tiles at u, six frequencies along the row → six pixels, overlapping: rows (6, M·TW + 6 − M, C)."""
        wp = m * tw + 6 - m
        nothing = splat(np.float32(0))
        for f in range(6):
            for c in range(0, step, LANES * F4):
                q = rows + f * wp * step + c
                v = nothing, nothing, nothing, nothing, nothing, nothing
                for tx in range(tw):
                    v = onto(v, b(*six(u + tx * step + f * 6 * far + c, far)))
                    for k in range(m):
                        store(q + (m * tx + k) * step, v[k])
                for k in range(m, 6):
                    store(q + (m * tw + k - m) * step, v[k])

    @inner
    def input_gradient_image(s, tiles, dx, strip, to):
        """A strip of tiles → dx (H, W, C) = the sum of B u Bᵀ over the 6x6 windows.

        Windows overlap by 6 − M pixels; `carry` keeps the rows of dx that the next row of tiles adds to.
        """
        step, carry, channels = whole(s.channels) * F4, to.carry, s.channels
        wp = m * s.tw + 6 - m
        plane, line = wp * step, s.width * channels * F4
        nothing = splat(np.float32(0))
        if strip.low == 0:
            for o in range(0, (6 - m) * plane, LANES * F4):
                store(carry + o, nothing)
        for ty in range(strip.low, strip.high):
            spread_along(tiles.at + (ty - strip.low) * s.tw * step, s.tw, step, tiles.far, to.rows)
            for j in range(wp):
                for c in range(0, channels, LANES):
                    q = carry + j * step + c * F4
                    v = b(*six(to.rows + j * step + c * F4, plane))
                    inside, at_column = 0 <= j - s.left < s.width, dx + ((j - s.left) * channels + c) * F4
                    for k in range(6):
                        total = v[k] + load(q + k * plane) if k < 6 - m else v[k]
                        r = m * ty - s.top + k
                        if k >= m:
                            store(q + (k - m) * plane, total)
                        elif inside and 0 <= r < s.height:
                            store_some(at_column + r * line, total, channels - c)
        if strip.high < s.th:
            return
        # The last 6 − M rows, and rows that no window reached.
        reached = m * s.th - s.top
        for r in range(reached, s.height):
            for j in range(s.width):
                for c in range(0, channels, LANES):
                    k = r - reached
                    v = nothing
                    if r >= 0 and k < 6 - m and j + s.left < wp:
                        v = load(carry + k * plane + (j + s.left) * step + c * F4)
                    if r >= 0:
                        store_some(dx + r * line + (j * channels + c) * F4, v, channels - c)
        for r in range(min(s.height, reached)):
            for j in range(max(0, wp - s.left), s.width):
                for c in range(0, channels, LANES):
                    store_some(dx + r * line + (j * channels + c) * F4, nothing, channels - c)

    return input_gradient_image


transform_image_3x3, transform_image_5x5 = tiles_of_image(4), tiles_of_image(2)
output_image_3x3, output_image_5x5 = images_of_tiles(4, at4), images_of_tiles(2, at2)
transform_dy_3x3, transform_dy_5x5 = tiles_of_gradient(4, a4), tiles_of_gradient(2, a2)
input_gradient_3x3, input_gradient_5x5 = gradient_of_tiles(4), gradient_of_tiles(2)
"""By the size of the kernel."""
