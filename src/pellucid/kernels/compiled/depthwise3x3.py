# mypy: ignore-errors
# Numba gives these functions their types when it compiles them.
"""Depthwise convolution with 3x3 kernels and stride 1 or 2, the usual ones: a window of nine vectors goes along a row.

Each step loads one new column of three pixels, or two with stride 2; the kernel, or the nine sums of its gradient, stay
in registers for a strip of rows. Rows outside the image are read from a row of zeros. Most of the time is reading and
writing: so the pixels of the next strip are prefetched.
"""

from __future__ import annotations

import numpy as np

from pellucid.kernels.compiled.prefetch import will_read, will_write
from pellucid.kernels.compiled.simd import LANES, load_some, splat, store_some
from pellucid.kernels.jit import compiled, inner

STRIP_BYTES = 64 * 1024  # rows that stay in the second-level cache while the channels go by


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


@inner
def three_taps(w, step, count):
    """Three neighbouring vectors of the kernel or its gradient."""
    return load_some(w, count), load_some(w + step, count), load_some(w + 2 * step, count)


@inner
def put_taps(w, step, count, v0, v1, v2):
    """Write them."""
    store_some(w, v0, count)
    store_some(w + step, v1, count)
    store_some(w + 2 * step, v2, count)


def for_stride(stride):
    """(forward, weight_gradient) for stride 1 or 2 in both directions, a constant to the compiler."""

    @compiled
    def forward(sizes, x, w, bias, y, zeros):
        """x (N, H, W, C), w (9, C) → y (N, OH, OW, C), a strip of rows at a time."""
        n, height, width, channels, oh, ow, top, left = sizes
        step = channels * 4
        line = width * step
        strip = max(1, STRIP_BYTES // (stride * line))
        for i in range(n):
            for begin in range(0, oh, strip):
                for c in range(0, step, LANES * 4):
                    count, q = (step - c) // 4, y + (i * oh + begin) * ow * step + c
                    w0, w1, w2 = three_taps(w + c, step, count)
                    w3, w4, w5 = three_taps(w + c + 3 * step, step, count)
                    w6, w7, w8 = three_taps(w + c + 6 * step, step, count)
                    plus = load_some(bias + c, count)
                    for r in range(begin, min(begin + strip, oh)):
                        image, row = x + i * height * line + c, r * stride - top
                        ahead = image + (row + 3 + (strip - 1) * stride) * line
                        p0, p1, p2 = three_rows(image, row, height, line, zeros)
                        a0, a1, a2 = three_pixels(p0, p1, p2, -left, width, step, count)
                        if stride == 1:
                            b0, b1, b2 = three_pixels(p0, p1, p2, 1 - left, width, step, count)
                        for s in range(0, ow * stride, stride):
                            will_read(ahead + s * step)
                            if stride == 2:
                                will_read(ahead + (s + 1) * step)
                                will_read(ahead + s * step + line)
                                will_read(ahead + (s + 1) * step + line)
                                b0, b1, b2 = three_pixels(p0, p1, p2, s + 1 - left, width, step, count)
                            will_write(q + strip * ow * step)
                            c0, c1, c2 = three_pixels(p0, p1, p2, s + 2 - left, width, step, count)
                            first, second = plus + a0 * w0 + a1 * w3 + a2 * w6, b0 * w1 + b1 * w4 + b2 * w7
                            store_some(q, first + (second + c0 * w2 + c1 * w5 + c2 * w8), count)
                            if stride == 1:
                                a0, a1, a2, b0, b1, b2 = b0, b1, b2, c0, c1, c2
                            else:
                                a0, a1, a2 = c0, c1, c2
                            q += step

    @compiled
    def weight_gradient(sizes, x, dy, sums, zeros):
        """sums (10, C) += Σ x·dy for the nine taps and Σ dy over a block of images, a strip of rows at a time."""
        n, height, width, channels, oh, ow, top, left = sizes
        step = channels * 4
        line = width * step
        strip = max(1, STRIP_BYTES // (stride * line))
        for i in range(n):
            for begin in range(0, oh, strip):
                for c in range(0, step, LANES * 4):
                    count, g = (step - c) // 4, sums + c
                    s0, s1, s2 = three_taps(g, step, count)
                    s3, s4, s5 = three_taps(g + 3 * step, step, count)
                    s6, s7, s8 = three_taps(g + 6 * step, step, count)
                    total, o = load_some(g + 9 * step, count), dy + (i * oh + begin) * ow * step + c
                    for r in range(begin, min(begin + strip, oh)):
                        image, row = x + i * height * line + c, r * stride - top
                        ahead = image + (row + 3 + (strip - 1) * stride) * line
                        p0, p1, p2 = three_rows(image, row, height, line, zeros)
                        a0, a1, a2 = three_pixels(p0, p1, p2, -left, width, step, count)
                        if stride == 1:
                            b0, b1, b2 = three_pixels(p0, p1, p2, 1 - left, width, step, count)
                        for s in range(0, ow * stride, stride):
                            will_read(ahead + s * step)
                            if stride == 2:
                                will_read(ahead + (s + 1) * step)
                                will_read(ahead + s * step + line)
                                will_read(ahead + (s + 1) * step + line)
                                b0, b1, b2 = three_pixels(p0, p1, p2, s + 1 - left, width, step, count)
                            will_read(o + strip * ow * step)
                            c0, c1, c2 = three_pixels(p0, p1, p2, s + 2 - left, width, step, count)
                            d = load_some(o, count)
                            s0, s1, s2 = s0 + a0 * d, s1 + b0 * d, s2 + c0 * d
                            s3, s4, s5 = s3 + a1 * d, s4 + b1 * d, s5 + c1 * d
                            s6, s7, s8 = s6 + a2 * d, s7 + b2 * d, s8 + c2 * d
                            total = total + d
                            if stride == 1:
                                a0, a1, a2, b0, b1, b2 = b0, b1, b2, c0, c1, c2
                            else:
                                a0, a1, a2 = c0, c1, c2
                            o += step
                    put_taps(g, step, count, s0, s1, s2)
                    put_taps(g + 3 * step, step, count, s3, s4, s5)
                    put_taps(g + 6 * step, step, count, s6, s7, s8)
                    store_some(g + 9 * step, total, count)

    return forward, weight_gradient


forward, weight_gradient = zip(for_stride(1), for_stride(2), strict=True)  # at stride − 1
