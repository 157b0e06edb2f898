# mypy: ignore-errors
# Numba gives these functions their types when it compiles them.
"""Depthwise convolution with 3x3 kernels and stride 1, the usual one: a window of nine vectors slides along a row.

Each step loads one new column of three pixels; the kernel, or the nine sums of its gradient, stay in registers.
Rows outside the image are read from a row of zeros.
"""

from __future__ import annotations

import numpy as np

from pellucid.kernels.compiled.simd import LANES, load_some, splat, store_some
from pellucid.kernels.jit import compiled, inner


@inner
def three_rows(image, r, height, line, zeros):
    """The addresses of rows r, r + 1, r + 2."""
    p0 = image + r * line if 0 <= r < height else zeros
    p1 = image + (r + 1) * line if 0 <= r + 1 < height else zeros
    p2 = image + (r + 2) * line if 0 <= r + 2 < height else zeros
    return p0, p1, p2


@inner
def three_pixels(p0, p1, p2, column, width, step, count):
    """The pixels of three rows in one column; zeros outside."""
    if 0 <= column < width:
        o = column * step
        return load_some(p0 + o, count), load_some(p1 + o, count), load_some(p2 + o, count)
    nothing = splat(np.float32(0))
    return nothing, nothing, nothing


@compiled
def forward(sizes, x, w, bias, y, zeros):
    """x (N, H, W, C), w (9, C) → y (N, OH, OW, C)."""
    n, height, width, channels, oh, ow, top, left = sizes
    step = channels * 4
    for i in range(n):
        for r in range(oh):
            p0, p1, p2 = three_rows(x + i * height * width * step, r - top, height, width * step, zeros)
            for c in range(0, step, LANES * 4):
                count, q = (step - c) // 4, y + (i * oh + r) * ow * step + c
                k = w + c
                w0, w1, w2 = load_some(k, count), load_some(k + step, count), load_some(k + 2 * step, count)
                k += 3 * step
                w3, w4, w5 = load_some(k, count), load_some(k + step, count), load_some(k + 2 * step, count)
                k += 3 * step
                w6, w7, w8 = load_some(k, count), load_some(k + step, count), load_some(k + 2 * step, count)
                plus = load_some(bias + c, count)
                a0, a1, a2 = three_pixels(p0 + c, p1 + c, p2 + c, -left, width, step, count)
                b0, b1, b2 = three_pixels(p0 + c, p1 + c, p2 + c, 1 - left, width, step, count)
                for s in range(ow):
                    c0, c1, c2 = three_pixels(p0 + c, p1 + c, p2 + c, s + 2 - left, width, step, count)
                    first, second = plus + a0 * w0 + a1 * w3 + a2 * w6, b0 * w1 + b1 * w4 + b2 * w7
                    store_some(q, first + (second + c0 * w2 + c1 * w5 + c2 * w8), count)
                    a0, a1, a2, b0, b1, b2 = b0, b1, b2, c0, c1, c2
                    q += step


@compiled
def weight_gradient(sizes, x, dy, dw, db, zeros):
    """dw (9, C) += Σ x·dy and db (C) += Σ dy over a block of images."""
    n, height, width, channels, oh, ow, top, left = sizes
    step = channels * 4
    for i in range(n):
        for c in range(0, step, LANES * 4):
            count = (step - c) // 4
            total = s0 = s1 = s2 = s3 = s4 = s5 = s6 = s7 = s8 = splat(np.float32(0))
            o = dy + i * oh * ow * step + c
            for r in range(oh):
                p0, p1, p2 = three_rows(x + i * height * width * step + c, r - top, height, width * step, zeros)
                a0, a1, a2 = three_pixels(p0, p1, p2, -left, width, step, count)
                b0, b1, b2 = three_pixels(p0, p1, p2, 1 - left, width, step, count)
                for s in range(ow):
                    c0, c1, c2 = three_pixels(p0, p1, p2, s + 2 - left, width, step, count)
                    d = load_some(o, count)
                    s0, s1, s2 = s0 + a0 * d, s1 + b0 * d, s2 + c0 * d
                    s3, s4, s5 = s3 + a1 * d, s4 + b1 * d, s5 + c1 * d
                    s6, s7, s8 = s6 + a2 * d, s7 + b2 * d, s8 + c2 * d
                    total = total + d
                    a0, a1, a2, b0, b1, b2 = b0, b1, b2, c0, c1, c2
                    o += step
            g = dw + c
            store_some(g, load_some(g, count) + s0, count)
            store_some(g + step, load_some(g + step, count) + s1, count)
            store_some(g + 2 * step, load_some(g + 2 * step, count) + s2, count)
            store_some(g + 3 * step, load_some(g + 3 * step, count) + s3, count)
            store_some(g + 4 * step, load_some(g + 4 * step, count) + s4, count)
            store_some(g + 5 * step, load_some(g + 5 * step, count) + s5, count)
            store_some(g + 6 * step, load_some(g + 6 * step, count) + s6, count)
            store_some(g + 7 * step, load_some(g + 7 * step, count) + s7, count)
            store_some(g + 8 * step, load_some(g + 8 * step, count) + s8, count)
            store_some(db + c, load_some(db + c, count) + total, count)
