# mypy: ignore-errors
# Numba gives these functions their types when it compiles them.
"""Depthwise convolution: every channel has a kernel of its own, so 16 channels are 16 lanes.

Such a convolution does so little with each number that reading memory is most of its time: images are not copied
into a frame of zeros first. Windows inside the image take the fast loop, those that stick out a careful one.
"""

from __future__ import annotations

from pellucid.kernels.compiled.border import clear
from pellucid.kernels.compiled.simd import LANES, load, load_some, store, store_some
from pellucid.kernels.jit import compiled, inner


@inner
def span(first, dilation, size, pixels):
    """The taps t with 0 ≤ first + t·dilation < pixels: begin, end."""
    begin = (dilation - 1 - first) // dilation if first < 0 else 0
    return begin, max(begin, min(size, (pixels - first + dilation - 1) // dilation))


@inner
def columns_inside(ow, sw, left, reach, width):
    """The outputs of a row whose windows lie inside the image from side to side: begin, end."""
    begin = min(ow, (left + sw - 1) // sw)
    room = width - reach + left
    return begin, max(begin, min(ow, room // sw + 1 if room >= 0 else 0))


@inner
def six(x, apart, taps, t0, t1, w, step, start, count):
    """Six neighbouring outputs of 16 channels: start + Σ_taps x·w."""
    s0 = s1 = s2 = s3 = s4 = s5 = start
    for k in range(t0, t1):
        p, v = x + taps[k], load_some(w + k * step, count)
        s0 = s0 + load_some(p, count) * v
        s1 = s1 + load_some(p + apart, count) * v
        s2 = s2 + load_some(p + 2 * apart, count) * v
        s3 = s3 + load_some(p + 3 * apart, count) * v
        s4 = s4 + load_some(p + 4 * apart, count) * v
        s5 = s5 + load_some(p + 5 * apart, count) * v
    return s0, s1, s2, s3, s4, s5


@inner
def careful(x, taps, u0, u1, v0, v1, kw, w, step, start, count):
    """One output of 16 channels, from the taps u0 ≤ u < u1, v0 ≤ v < v1."""
    total = start
    for u in range(u0, u1):
        for v in range(v0, v1):
            k = u * kw + v
            total = total + load_some(x + taps[k], count) * load_some(w + k * step, count)
    return total


@compiled
def forward(sizes, taps, x, w, bias, y):
    """x (N, H, W, C), w (taps, C) → y (N, OH, OW, C)."""
    n, height, width, channels, oh, ow, kh, kw, sh, sw, dh, dw, top, left = sizes
    step = channels * 4
    apart = sw * step
    s0, s1 = columns_inside(ow, sw, left, (kw - 1) * dw + 1, width)
    for i in range(n):
        for r in range(oh):
            r0 = r * sh - top
            u0, u1 = span(r0, dh, kh, height)
            row = x + ((i * height + r0) * width - left) * step
            out = y + (i * oh + r) * ow * step
            s = 0
            while s < ow:
                p, q = row + s * apart, out + s * step
                # Channels go by innermost: memory is read straight on, and neighbours meet in the cache.
                if s >= s0 and s + 6 <= s1:
                    for c in range(0, step, LANES * 4):
                        count = (step - c) // 4
                        a, b, d, e, f, g = six(p + c, apart, taps, u0 * kw, u1 * kw, w + c, step, load(bias + c), count)
                        store_some(q + c, a, count)
                        store_some(q + c + step, b, count)
                        store_some(q + c + 2 * step, d, count)
                        store_some(q + c + 3 * step, e, count)
                        store_some(q + c + 4 * step, f, count)
                        store_some(q + c + 5 * step, g, count)
                    s += 6
                else:
                    v0, v1 = span(s * sw - left, dw, kw, width)
                    for c in range(0, step, LANES * 4):
                        count = (step - c) // 4
                        one = careful(p + c, taps, u0, u1, v0, v1, kw, w + c, step, load(bias + c), count)
                        store_some(q + c, one, count)
                    s += 1


@compiled
def input_gradient(sizes, taps, dy, w, dx):
    """dx (N, H, W, C): every dy is spread over its window."""
    n, height, width, channels, oh, ow, kh, kw, sh, sw, dh, dw, top, left = sizes
    step = channels * 4
    for i in range(n):
        clear(dx + i * height * width * step, height * width * channels)
        for r in range(oh):
            r0 = r * sh - top
            u0, u1 = span(r0, dh, kh, height)
            row = dx + ((i * height + r0) * width - left) * step
            for s in range(ow):
                v0, v1 = span(s * sw - left, dw, kw, width)
                p, q = dy + ((i * oh + r) * ow + s) * step, row + s * sw * step
                for c in range(0, step, LANES * 4):
                    count = (step - c) // 4
                    d = load_some(p + c, count)
                    for u in range(u0, u1):
                        for v in range(v0, v1):
                            k = u * kw + v
                            o = q + c + taps[k]
                            store_some(o, load_some(o, count) + d * load_some(w + k * step + c, count), count)


@inner
def add_careful(x, taps, u0, u1, v0, v1, kw, d, dw, step, count):
    """dw[u, v] += x·d for the taps u0 ≤ u < u1, v0 ≤ v < v1."""
    for u in range(u0, u1):
        for v in range(v0, v1):
            p = dw + (u * kw + v) * step
            store(p, load(p) + load_some(x + taps[u * kw + v], count) * d)


@inner
def add_inside(x, apart, taps, many, dy, step, columns, g, wide, count):
    """dw += Σ x·dy over the inside of a row, nine taps at a time. `taps` comes in nines."""
    for k in range(0, many, 9):
        t0, t1, t2, t3, t4 = taps[k], taps[k + 1], taps[k + 2], taps[k + 3], taps[k + 4]
        t5, t6, t7, t8 = taps[k + 5], taps[k + 6], taps[k + 7], taps[k + 8]
        q = g + k * wide
        a0, a1, a2, a3 = load(q), load(q + wide), load(q + 2 * wide), load(q + 3 * wide)
        a4, a5, a6, a7 = load(q + 4 * wide), load(q + 5 * wide), load(q + 6 * wide), load(q + 7 * wide)
        a8, p, o = load(q + 8 * wide), x, dy
        for _ in range(columns):
            d = load_some(o, count)
            a0, a1 = a0 + load_some(p + t0, count) * d, a1 + load_some(p + t1, count) * d
            a2, a3 = a2 + load_some(p + t2, count) * d, a3 + load_some(p + t3, count) * d
            a4, a5 = a4 + load_some(p + t4, count) * d, a5 + load_some(p + t5, count) * d
            a6, a7 = a6 + load_some(p + t6, count) * d, a7 + load_some(p + t7, count) * d
            a8 = a8 + load_some(p + t8, count) * d
            p += apart
            o += step
        store(q, a0)
        store(q + wide, a1)
        store(q + 2 * wide, a2)
        store(q + 3 * wide, a3)
        store(q + 4 * wide, a4)
        store(q + 5 * wide, a5)
        store(q + 6 * wide, a6)
        store(q + 7 * wide, a7)
        store(q + 8 * wide, a8)


@compiled
def weight_gradient(sizes, taps, x, dy, dwide, db):
    """dw (taps, C whole vectors) += Σ x·dy and db += Σ dy over a block of images. `taps` comes in nines."""
    n, height, width, channels, oh, ow, kh, kw, sh, sw, dh, dw, top, left = sizes
    step, wide = channels * 4, (channels + LANES - 1) // LANES * LANES * 4
    apart = sw * step
    inside0, inside1 = columns_inside(ow, sw, left, (kw - 1) * dw + 1, width)
    for i in range(n):
        for r in range(oh):
            r0 = r * sh - top
            u0, u1 = span(r0, dh, kh, height)
            s0, s1 = (inside0, inside1) if u0 == 0 and u1 == kh else (ow, ow)
            row = x + ((i * height + r0) * width - left) * step
            for c in range(0, channels, LANES):
                count = channels - c
                p, o, g = row + c * 4, dy + ((i * oh + r) * ow * channels + c) * 4, dwide + c * 4
                total = load(db + c * 4)
                for s in range(ow):
                    d = load_some(o + s * step, count)
                    total = total + d
                    if s < s0 or s >= s1:
                        v0, v1 = span(s * sw - left, dw, kw, width)
                        add_careful(p + s * apart, taps, u0, u1, v0, v1, kw, d, g, wide, count)
                store(db + c * 4, total)
                if s1 > s0:
                    add_inside(p + s0 * apart, apart, taps, len(taps), o + s0 * step, step, s1 - s0, g, wide, count)
