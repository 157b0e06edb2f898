# mypy: ignore-errors
# Numba gives these functions their types when it compiles them.
"""The loops of the Winograd convolution F(4x4, 3x3); `kernels.winograd` explains the method and calls these.

Tiles are stored (36, tile, channels), channels rounded up to whole vectors, so that each of the 36 products reads
straight on. `far` is the distance from one of the 36 to the next; a cache line more than the tiles fill, or with
powers of two all 36 would fall on the same few places of the cache. A transform goes over an image in two
passes: down the columns, whole rows at a time, into a buffer of one row of tiles; then along that row, tile by tile.
So what neighbouring tiles share is computed once, and the buffer stays in the first-level cache.
"""

from __future__ import annotations

import numpy as np

from pellucid.kernels.compiled.simd import (
    LANES,
    above,
    beats,
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
from pellucid.kernels.compiled.tile import sweep, sweep_outer
from pellucid.kernels.jit import compiled, inner

F4 = 4  # bytes in a float32

PLAIN, RELU, POOLED = 0, 1, 2
"""What follows the convolution, and so how the gradient of its output is found: see `fetch_dy_rows`."""


@inner
def whole(channels):
    """Channels rounded up to whole vectors."""
    return (channels + LANES - 1) // LANES * LANES


# The four one-dimensional transforms. With points 0, ±1, ±2, ∞ (Lavin & Gray 2016, arXiv:1509.09308, section 4.3):


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
def at(m0, m1, m2, m3, m4, m5):
    """Aᵀ m: six frequencies to four outputs."""
    two, four, eight = splat(np.float32(2)), splat(np.float32(4)), splat(np.float32(8))
    sum1, dif1, sum2, dif2 = m1 + m2, m1 - m2, m3 + m4, m3 - m4
    return m0 + sum1 + sum2, dif1 + two * dif2, sum1 + four * sum2, dif1 + eight * dif2 + m5


@inner
def a(d0, d1, d2, d3):
    """A d, the transpose of `at`: the gradient of four outputs to that of six frequencies."""
    two, four, eight = splat(np.float32(2)), splat(np.float32(4)), splat(np.float32(8))
    even1, odd1, even2, odd2 = d0 + d2, d1 + d3, d0 + four * d2, two * d1 + eight * d3
    return d0, even1 + odd1, even1 - odd1, even2 + odd2, even2 - odd2, d3


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
def transform_image(x, height, width, channels, top, left, th, tw, zeros, rows, u, far):
    """One image at x (H, W, C) → its tiles at u: Bᵀ d B of each 6x6 window, windows 4 apart."""
    step = whole(channels) * F4
    wp = 4 * tw + 2
    nothing = splat(np.float32(0))
    for ty in range(th):
        line = width * channels * F4
        r = 4 * ty - top
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
                q = rows + j * step + c * F4
                if inside:
                    o, left_over = (s * channels + c) * F4, channels - c
                    v0, v1, v2, v3, v4, v5 = bt(
                        load_some(p0 + o, left_over), load_some(p1 + o, left_over), load_some(p2 + o, left_over),
                        load_some(p3 + o, left_over), load_some(p4 + o, left_over), load_some(p5 + o, left_over),
                    )  # fmt: skip
                else:
                    v0 = v1 = v2 = v3 = v4 = v5 = nothing
                store(q, v0)
                store(q + wp * step, v1)
                store(q + 2 * wp * step, v2)
                store(q + 3 * wp * step, v3)
                store(q + 4 * wp * step, v4)
                store(q + 5 * wp * step, v5)
        for tx in range(tw):
            for f in range(6):
                p = rows + (f * wp + 4 * tx) * step
                q = u + (ty * tw + tx) * step + f * 6 * far
                for c in range(0, step, LANES * F4):
                    v0, v1, v2, v3, v4, v5 = bt(
                        load(p + c), load(p + c + step), load(p + c + 2 * step),
                        load(p + c + 3 * step), load(p + c + 4 * step), load(p + c + 5 * step),
                    )  # fmt: skip
                    store(q + c, v0)
                    store(q + c + far, v1)
                    store(q + c + 2 * far, v2)
                    store(q + c + 3 * far, v3)
                    store(q + c + 4 * far, v4)
                    store(q + c + 5 * far, v5)


@inner
def inverse_along(m, tw, step, far, rows):
    """A row of tiles at m, their six frequencies along the row → four pixels: rows (6, 4·TW, channels)."""
    for tx in range(tw):
        for f in range(6):
            p = m + tx * step + f * 6 * far
            q = rows + (f * tw + tx) * 4 * step
            for c in range(0, step, LANES * F4):
                v0, v1, v2, v3 = at(
                    load(p + c), load(p + c + far), load(p + c + 2 * far),
                    load(p + c + 3 * far), load(p + c + 4 * far), load(p + c + 5 * far),
                )  # fmt: skip
                store(q + c, v0)
                store(q + c + step, v1)
                store(q + c + 2 * step, v2)
                store(q + c + 3 * step, v3)


@inner
def column(rows, plane):
    """The four outputs of one column of a row of tiles: Aᵀ of the six rows."""
    return at(
        load(rows), load(rows + plane), load(rows + 2 * plane),
        load(rows + 3 * plane), load(rows + 4 * plane), load(rows + 5 * plane),
    )  # fmt: skip


@inner
def output_image(m, far, bias, y, oh, ow, oc, th, tw, rectify, rows):
    """Tiles at m → y (OH, OW, OC) = Aᵀ m A + bias, then ReLU where `rectify`."""
    step = whole(oc) * F4
    for ty in range(th):
        inverse_along(m + ty * tw * step, tw, step, far, rows)
        height = min(4, oh - 4 * ty)
        line = ow * oc * F4
        for j in range(ow):
            for c in range(0, oc, LANES):
                v0, v1, v2, v3 = column(rows + j * step + c * F4, 4 * tw * step)
                plus = load(bias + c * F4)
                v0, v1, v2, v3 = v0 + plus, v1 + plus, v2 + plus, v3 + plus
                if rectify:
                    v0, v1, v2, v3 = relu(v0), relu(v1), relu(v2), relu(v3)
                q = y + 4 * ty * line + (j * oc + c) * F4
                store_some(q, v0, oc - c)
                if height > 1:
                    store_some(q + line, v1, oc - c)
                if height > 2:
                    store_some(q + 2 * line, v2, oc - c)
                if height > 3:
                    store_some(q + 3 * line, v3, oc - c)


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


@inner
def pooled_image(m, far, bias, y, switch, ph, pw, oc, tw, rows):
    """Tiles at m → y (PH, PW, OC) = 2x2 max-pooling of ReLU of (Aᵀ m A + bias), and the switches."""
    step = whole(oc) * F4
    for ty in range((ph + 1) // 2):
        inverse_along(m + ty * tw * step, tw, step, far, rows)
        for j in range(pw):
            for c in range(0, oc, LANES):
                p, plane = rows + 2 * j * step + c * F4, 4 * tw * step
                plus = load(bias + c * F4)
                a0, a1, a2, a3 = column(p, plane)
                b0, b1, b2, b3 = column(p + step, plane)
                best, place = largest(a0 + plus, b0 + plus, a1 + plus, b1 + plus)
                o = (2 * ty * pw + j) * oc + c
                store_some(y + o * F4, best, oc - c)
                store_bytes(switch + o, place, oc - c)
                if 2 * ty + 1 < ph:
                    best, place = largest(a2 + plus, b2 + plus, a3 + plus, b3 + plus)
                    o += pw * oc
                    store_some(y + o * F4, best, oc - c)
                    store_bytes(switch + o, place, oc - c)


@compiled
def forward(sizes, mode, group, x, w, bias, y, switch, at_u, at_v, zeros, rows, u, m):
    """A block of images x (N, H, W, C) → y (N, OH, OW, OC), with w (36, C, OC) already transformed.

    `mode` POOLED gives y (N, OH//2, OW//2, OC) and the switches; RELU and PLAIN ignore `switch`.
    `group` images go through the 36 products together. `sizes` is that of `kernels.winograd`.
    """
    n, height, width, channels, oc, oh, ow, top, left, th, tw = sizes
    tiles, cp, op = th * tw, whole(channels), whole(oc)
    far_u, far_v = (group * tiles * cp + LANES) * F4, (group * tiles * op + LANES) * F4
    lowest = np.float32(-np.inf)
    if mode == POOLED:
        oh, ow = oh // 2, ow // 2
    for start in range(0, n, group):
        images = min(group, n - start)
        for i in range(images):
            image = x + (start + i) * height * width * channels * F4
            transform_image(
                image, height, width, channels, top, left, th, tw, zeros, rows, u + i * tiles * cp * F4, far_u
            )
        for f in range(36):
            sweep(
                u + f * far_u, at_u, images * tiles, zeros, 1, channels, F4, w + f * channels * op * F4, zeros, 0,
                m + f * far_v, at_v, op, lowest,
            )  # fmt: skip
        for i in range(images):
            source, o = m + i * tiles * op * F4, (start + i) * oh * ow * oc
            if mode == POOLED:
                pooled_image(source, far_v, bias, y + o * F4, switch + o, oh, ow, oc, tw, rows)
            else:
                output_image(source, far_v, bias, y + o * F4, oh, ow, oc, th, tw, mode == RELU, rows)


@inner
def fetch_dy_rows(dy, y, switch, oh, ow, oc, ty, tw, mode, lines, db):
    """Four rows of the gradient of the convolution's own output → lines (4, 4·TW, OC), zero outside; db += their sum.

    PLAIN: dy itself. RELU: dy where y > 0. POOLED: dy of the pooled output, at the pixel that the switch names.
    """
    step = whole(oc) * F4
    nothing = splat(np.float32(0))
    for k in range(4):
        i = 4 * ty + k
        for j in range(4 * tw):
            inside = i < oh and j < ow
            for c in range(0, oc, LANES):
                v = nothing
                if inside:
                    if mode == POOLED:
                        o = ((i // 2) * (ow // 2) + j // 2) * oc + c
                        if i < oh // 2 * 2 and j < ow // 2 * 2:
                            here = byte_is(switch + o, (i % 2) * 2 + j % 2, oc - c)
                            v = where(here, load_some(dy + o * F4, oc - c), nothing)
                    else:
                        o = ((i * ow + j) * oc + c) * F4
                        v = load_some(dy + o, oc - c)
                        if mode == RELU:
                            v = where(above(load_some(y + o, oc - c), nothing), v, nothing)
                    store(db + c * F4, load(db + c * F4) + v)
                store(lines + (k * 4 * tw + j) * step + c * F4, v)


@inner
def transform_dy(dy, y, switch, oh, ow, oc, th, tw, mode, lines, rows, v, far, db):
    """The gradient of one image's output → its tiles at v: A dy Aᵀ of each 4x4 tile."""
    step = whole(oc) * F4
    plane = 4 * tw * step
    for ty in range(th):
        fetch_dy_rows(dy, y, switch, oh, ow, oc, ty, tw, mode, lines, db)
        for o in range(0, plane, LANES * F4):
            p, q = lines + o, rows + o
            v0, v1, v2, v3, v4, v5 = a(load(p), load(p + plane), load(p + 2 * plane), load(p + 3 * plane))
            store(q, v0)
            store(q + plane, v1)
            store(q + 2 * plane, v2)
            store(q + 3 * plane, v3)
            store(q + 4 * plane, v4)
            store(q + 5 * plane, v5)
        for tx in range(tw):
            for f in range(6):
                p = rows + f * plane + 4 * tx * step
                q = v + (ty * tw + tx) * step + f * 6 * far
                for c in range(0, step, LANES * F4):
                    v0, v1, v2, v3, v4, v5 = a(
                        load(p + c), load(p + c + step), load(p + c + 2 * step), load(p + c + 3 * step)
                    )
                    store(q + c, v0)
                    store(q + c + far, v1)
                    store(q + c + 2 * far, v2)
                    store(q + c + 3 * far, v3)
                    store(q + c + 4 * far, v4)
                    store(q + c + 5 * far, v5)


@inner
def input_gradient_image(u, far, dx, height, width, channels, top, left, th, tw, rows, carry):
    """Tiles at u → dx (H, W, C) = the sum of B u Bᵀ over the 6x6 windows, which overlap by two pixels."""
    step = whole(channels) * F4
    wp = 4 * tw + 2
    plane = wp * step
    nothing = splat(np.float32(0))
    for o in range(0, 2 * plane, LANES * F4):
        store(carry + o, nothing)
    for ty in range(th):
        spread_along(u + ty * tw * step, tw, step, far, rows)
        for j in range(wp):
            for c in range(0, channels, LANES):
                p, q = rows + j * step + c * F4, carry + j * step + c * F4
                v0, v1, v2, v3, v4, v5 = b(
                    load(p), load(p + plane), load(p + 2 * plane),
                    load(p + 3 * plane), load(p + 4 * plane), load(p + 5 * plane),
                )  # fmt: skip
                v0, v1 = v0 + load(q), v1 + load(q + plane)
                store(q, v4)
                store(q + plane, v5)
                if 0 <= j - left < width:
                    r = 4 * ty - top
                    at_column, line = dx + ((j - left) * channels + c) * F4, width * channels * F4
                    if 0 <= r < height:
                        store_some(at_column + r * line, v0, channels - c)
                    if 0 <= r + 1 < height:
                        store_some(at_column + (r + 1) * line, v1, channels - c)
                    if 0 <= r + 2 < height:
                        store_some(at_column + (r + 2) * line, v2, channels - c)
                    if 0 <= r + 3 < height:
                        store_some(at_column + (r + 3) * line, v3, channels - c)
    # The last two rows, and rows that no window reached.
    for r in range(4 * th - top, height):
        for s in range(width):
            for c in range(0, channels, LANES):
                k = r - (4 * th - top)
                v = nothing
                if r >= 0 and k < 2 and s + left < wp:
                    v = load(carry + k * plane + (s + left) * step + c * F4)
                if r >= 0:
                    store_some(dx + ((r * width + s) * channels + c) * F4, v, channels - c)
    for r in range(min(height, 4 * th - top)):
        for s in range(max(0, wp - left), width):
            for c in range(0, channels, LANES):
                store_some(dx + ((r * width + s) * channels + c) * F4, nothing, channels - c)


@inner
def spread_along(u, tw, step, far, rows):
    """A row of tiles at u, their six frequencies along the row → six pixels, overlapping: rows (6, 4·TW + 2, C)."""
    wp = 4 * tw + 2
    for f in range(6):
        for c in range(0, step, LANES * F4):
            last0 = last1 = splat(np.float32(0))
            for tx in range(tw):
                p = u + tx * step + f * 6 * far + c
                q = rows + (f * wp + 4 * tx) * step + c
                v0, v1, v2, v3, v4, v5 = b(
                    load(p),
                    load(p + far),
                    load(p + 2 * far),
                    load(p + 3 * far),
                    load(p + 4 * far),
                    load(p + 5 * far),
                )
                store(q, v0 + last0)
                store(q + step, v1 + last1)
                store(q + 2 * step, v2)
                store(q + 3 * step, v3)
                last0, last1 = v4, v5
            q = rows + (f * wp + 4 * tw) * step + c
            store(q, last0)
            store(q + step, last1)


@compiled
def backward(sizes, mode, group, x, dy, y, switch, wt, dx, dw, db, at_u, at_v, at_c, at_dw, zeros, rows, lines, u, v):
    """A block of images: dx (N, H, W, C) from wt (36, OC, C); dw (36, C in fours, OC) and db (OC,) are added to.

    A gradient whose address is 0 is not wanted. The tiles of dy are transformed once and serve both gradients.
    """
    n, height, width, channels, oc, oh, ow, top, left, th, tw = sizes
    tiles, cp, op = th * tw, whole(channels), whole(oc)
    far_u, far_v = (group * tiles * cp + LANES) * F4, (group * tiles * op + LANES) * F4
    four = (channels + 3) // 4 * 4
    lowest = np.float32(-np.inf)
    dy_image = (oh // 2) * (ow // 2) * oc if mode == POOLED else oh * ow * oc
    for start in range(0, n, group):
        images = min(group, n - start)
        for i in range(images):
            o = (start + i) * dy_image
            target = v + i * tiles * op * F4
            transform_dy(dy + o * F4, y + o * F4, switch + o, oh, ow, oc, th, tw, mode, lines, rows, target, far_v, db)
        if dw != 0:
            for i in range(images):
                image, target = x + (start + i) * height * width * channels * F4, u + i * tiles * cp * F4
                transform_image(image, height, width, channels, top, left, th, tw, zeros, rows, target, far_u)
            for f in range(36):
                sweep_outer(
                    u + f * far_u, at_c, four, zeros, 1, images * tiles, cp * F4, v + f * far_v,
                    op * F4, dw + f * four * op * F4, op * F4, at_dw, op,
                )  # fmt: skip
        if dx != 0:
            for f in range(36):
                sweep(
                    v + f * far_v, at_v, images * tiles, zeros, 1, oc, F4, wt + f * oc * cp * F4, zeros, 0,
                    u + f * far_u, at_u, cp, lowest,
                )  # fmt: skip
            for i in range(images):
                source, image = u + i * tiles * cp * F4, dx + (start + i) * height * width * channels * F4
                input_gradient_image(source, far_u, image, height, width, channels, top, left, th, tw, rows, lines)
