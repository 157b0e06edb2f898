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

PLAIN, RELU, POOLED = 0, 1, 2
"""What follows the convolution, and so how the gradient of its output is found."""


def tiles_of_image(m):
    """The loop from images to tiles."""

    @inner
    def transform_image(x, height, width, channels, top, left, low, high, tw, zeros, rows, u, far):
        """Rows low … high − 1 of the tiles of one image at x (H, W, C) → u: Bᵀ d B of each 6x6 window."""
        step = whole(channels) * F4
        wp = m * tw + 6 - m
        nothing = splat(np.float32(0))
        for ty in range(low, high):
            line = width * channels * F4
            r = m * ty - top
            # A row outside the image is read from a row of zeros.
            p0 = x + r * line if 0 <= r < height else zeros
            p1 = x + (r + 1) * line if 0 <= r + 1 < height else zeros
            p2 = x + (r + 2) * line if 0 <= r + 2 < height else zeros
            p3 = x + (r + 3) * line if 0 <= r + 3 < height else zeros
            p4 = x + (r + 4) * line if 0 <= r + 4 < height else zeros
            p5 = x + (r + 5) * line if 0 <= r + 5 < height else zeros
            for j in range(wp):
                s = j - left
                inside = 0 <= s < width
                for c in range(0, channels, LANES):
                    v = nothing, nothing, nothing, nothing, nothing, nothing
                    if inside:
                        o, left_over = (s * channels + c) * F4, channels - c
                        v = bt(
                            load_some(p0 + o, left_over), load_some(p1 + o, left_over), load_some(p2 + o, left_over),
                            load_some(p3 + o, left_over), load_some(p4 + o, left_over), load_some(p5 + o, left_over),
                        )  # fmt: skip
                    put(rows + j * step + c * F4, wp * step, v)
            for tx in range(tw):
                for f in range(6):
                    p = rows + (f * wp + m * tx) * step
                    q = u + ((ty - low) * tw + tx) * step + f * 6 * far
                    for c in range(0, step, LANES * F4):
                        put(q + c, far, bt(*six(p + c, step)))

    return transform_image


def images_of_tiles(m, at):
    """The loops from products to outputs, plain and pooled."""

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
    def output_image(u, far, bias, y, oh, ow, oc, low, high, tw, rectify, rows):
        """Rows low … high − 1 of tiles, at u → y (OH, OW, OC) = Aᵀ u A + bias, then ReLU where `rectify`."""
        step = whole(oc) * F4
        for ty in range(low, high):
            inverse_along(u + (ty - low) * tw * step, tw, step, far, rows)
            height = min(m, oh - m * ty)
            line = ow * oc * F4
            for j in range(ow):
                for c in range(0, oc, LANES):
                    v = at(*six(rows + j * step + c * F4, m * tw * step))
                    plus = load(bias + c * F4)
                    q = y + m * ty * line + (j * oc + c) * F4
                    for k in range(m):
                        if k < height:
                            total = v[k] + plus
                            store_some(q + k * line, relu(total) if rectify else total, oc - c)

    @inner
    def pooled_image(u, far, bias, y, switch, ph, pw, oc, low, high, tw, rows):
        """The same → y (PH, PW, OC) = 2x2 max-pooling of ReLU of (Aᵀ u A + bias), and the switches."""
        half = m // 2  # rows of y that a row of tiles gives
        step = whole(oc) * F4
        plane = m * tw * step
        for ty in range(low, min(high, (ph + half - 1) // half)):
            inverse_along(u + (ty - low) * tw * step, tw, step, far, rows)
            for j in range(pw):
                for c in range(0, oc, LANES):
                    p = rows + 2 * j * step + c * F4
                    plus = load(bias + c * F4)
                    v, w = at(*six(p, plane)), at(*six(p + step, plane))
                    for k in range(half):
                        if half * ty + k < ph:
                            best, place = largest(
                                v[2 * k] + plus, w[2 * k] + plus, v[2 * k + 1] + plus, w[2 * k + 1] + plus
                            )
                            o = ((half * ty + k) * pw + j) * oc + c
                            store_some(y + o * F4, best, oc - c)
                            store_bytes(switch + o, place, oc - c)

    return output_image, pooled_image


def tiles_of_gradient(m, a):
    """The loop from the gradient of the outputs to tiles."""

    @inner
    def fetch_pooled_rows(dy, switch, ph, pw, oc, ty, tw, lines, db):
        """M rows of the gradient of the convolution's own output → lines (M, M·TW, OC), 0 outside; db += their sum.
        It is dy (PH, PW, OC), the gradient of the pooled output, at the pixel that the switch names.
        """
        step = whole(oc) * F4
        line = m * tw * step
        nothing = splat(np.float32(0))
        for k in range(m // 2):
            i = m // 2 * ty + k
            for j in range(m // 2 * tw):
                for c in range(0, oc, LANES):
                    a = b = d = e = nothing
                    if i < ph and j < pw:
                        o, count = (i * pw + j) * oc + c, oc - c
                        v, p = load_some(dy + o * F4, count), switch + o
                        a, b = where(byte_is(p, 0, count), v, nothing), where(byte_is(p, 1, count), v, nothing)
                        d, e = where(byte_is(p, 2, count), v, nothing), where(byte_is(p, 3, count), v, nothing)
                        store(db + c * F4, load(db + c * F4) + ((a + b) + (d + e)))
                    q = lines + 2 * k * line + 2 * j * step + c * F4
                    store(q, a)
                    store(q + step, b)
                    store(q + line, d)
                    store(q + line + step, e)

    @inner
    def fetch_rows(dy, y, oh, ow, oc, ty, tw, rectify, lines, db):
        """The same from the gradient dy (OH, OW, OC) of the output itself; where y > 0, if `rectify`."""
        step = whole(oc) * F4
        nothing = splat(np.float32(0))
        for k in range(m):
            i = m * ty + k
            for j in range(m * tw):
                for c in range(0, oc, LANES):
                    v = nothing
                    if i < oh and j < ow:
                        o, count = ((i * ow + j) * oc + c) * F4, oc - c
                        v = load_some(dy + o, count)
                        if rectify:
                            v = where(above(load_some(y + o, count), nothing), v, nothing)
                        store(db + c * F4, load(db + c * F4) + v)
                    store(lines + (k * m * tw + j) * step + c * F4, v)

    @inner
    def transform_dy(dy, y, switch, oh, ow, oc, low, high, tw, mode, lines, rows, v, far, db):
        """The gradient of one image's output → rows low … high − 1 of its tiles, at v: A dy Aᵀ of each MxM tile."""
        step = whole(oc) * F4
        plane = m * tw * step
        for ty in range(low, high):
            if mode == POOLED:
                fetch_pooled_rows(dy, switch, oh // 2, ow // 2, oc, ty, tw, lines, db)
            else:
                fetch_rows(dy, y, oh, ow, oc, ty, tw, mode == RELU, lines, db)
            for o in range(0, plane, LANES * F4):
                put(rows + o, plane, a(lines + o, plane))
            for tx in range(tw):
                for f in range(6):
                    p = rows + f * plane + m * tx * step
                    q = v + ((ty - low) * tw + tx) * step + f * 6 * far
                    for c in range(0, step, LANES * F4):
                        put(q + c, far, a(p + c, step))

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
    def input_gradient_image(u, far, dx, height, width, channels, top, left, low, high, th, tw, rows, carry):
        """Rows low … high − 1 of tiles, at u → dx (H, W, C) = the sum of B u Bᵀ over the 6x6 windows.

        Windows overlap by 6 − M pixels; `carry` keeps the rows of dx that the next row of tiles adds to.
        """
        step = whole(channels) * F4
        wp = m * tw + 6 - m
        plane = wp * step
        nothing = splat(np.float32(0))
        if low == 0:
            for o in range(0, (6 - m) * plane, LANES * F4):
                store(carry + o, nothing)
        for ty in range(low, high):
            spread_along(u + (ty - low) * tw * step, tw, step, far, rows)
            for j in range(wp):
                for c in range(0, channels, LANES):
                    q = carry + j * step + c * F4
                    v = b(*six(rows + j * step + c * F4, plane))
                    inside = 0 <= j - left < width
                    at_column, line = dx + ((j - left) * channels + c) * F4, width * channels * F4
                    for k in range(6):
                        total = v[k] + load(q + k * plane) if k < 6 - m else v[k]
                        r = m * ty - top + k
                        if k >= m:
                            store(q + (k - m) * plane, total)
                        elif inside and 0 <= r < height:
                            store_some(at_column + r * line, total, channels - c)
        if high < th:
            return
        # The last 6 − M rows, and rows that no window reached.
        for r in range(m * th - top, height):
            for s in range(width):
                for c in range(0, channels, LANES):
                    k = r - (m * th - top)
                    v = nothing
                    if r >= 0 and k < 6 - m and s + left < wp:
                        v = load(carry + k * plane + (s + left) * step + c * F4)
                    if r >= 0:
                        store_some(dx + ((r * width + s) * channels + c) * F4, v, channels - c)
        for r in range(min(height, m * th - top)):
            for s in range(max(0, wp - left), width):
                for c in range(0, channels, LANES):
                    store_some(dx + ((r * width + s) * channels + c) * F4, nothing, channels - c)

    return input_gradient_image


transform_image_3x3, transform_image_5x5 = tiles_of_image(4), tiles_of_image(2)
(output_image_3x3, pooled_image_3x3), (output_image_5x5, pooled_image_5x5) = (
    images_of_tiles(4, at4),
    images_of_tiles(2, at2),
)
transform_dy_3x3, transform_dy_5x5 = tiles_of_gradient(4, a4), tiles_of_gradient(2, a2)
input_gradient_3x3, input_gradient_5x5 = gradient_of_tiles(4), gradient_of_tiles(2)
"""By the size of the kernel."""
