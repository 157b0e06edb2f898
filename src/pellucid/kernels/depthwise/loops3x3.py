"""Depthwise convolution with 3x3 kernels and stride 1 or 2, the usual ones: a window of nine vectors goes along a row.

Each step loads one new column of three pixels, or two with stride 2; the kernel, or the nine sums of its gradient, stay
in registers for a strip of rows. Rows outside the image are read from a row of zeros. Most of the time is reading and
writing: so the pixels of the next strip are prefetched.
"""

from __future__ import annotations

import numpy as np

from pellucid.kernels.depthwise.records import Outputs3x3, Sums3x3
from pellucid.kernels.jit import by_address, inner
from pellucid.kernels.vectors.prefetch import will_read, will_write
from pellucid.kernels.vectors.records import read
from pellucid.kernels.vectors.simd import LANES, load_some, splat, store_some

STRIP_BYTES = 64 * 1024  # rows that stay in the second-level cache while the channels go by


@inner
def three_rows(image, r, height, line, zeros):
    """The addresses of rows r, r + 1, r + 2."""
    p0 = image + r * line if 0 <= r < height else zeros
    p1 = image + (r + 1) * line if 0 <= r + 1 < height else zeros
    p2 = image + (r + 2) * line if 0 <= r + 2 < height else zeros
    return p0, p1, p2


@inner
def ten(p, step, last, count):
    """Nine vectors, `step` bytes apart, and a last one."""
    return (
        load_some(p, count), load_some(p + step, count), load_some(p + 2 * step, count),
        load_some(p + 3 * step, count), load_some(p + 4 * step, count), load_some(p + 5 * step, count),
        load_some(p + 6 * step, count), load_some(p + 7 * step, count), load_some(p + 8 * step, count),
        load_some(last, count),
    )  # fmt: skip


@inner
def put_ten(p, step, last, count, v):
    """Write them."""
    store_some(p, v[0], count)
    store_some(p + step, v[1], count)
    store_some(p + 2 * step, v[2], count)
    store_some(p + 3 * step, v[3], count)
    store_some(p + 4 * step, v[4], count)
    store_some(p + 5 * step, v[5], count)
    store_some(p + 6 * step, v[6], count)
    store_some(p + 7 * step, v[7], count)
    store_some(p + 8 * step, v[8], count)
    store_some(last, v[9], count)


@inner
def three_pixels(rows, column, width, step, count):
    """The pixels of three rows in one column; zeros outside."""
    if 0 <= column < width:
        o = column * step
        return load_some(rows[0] + o, count), load_some(rows[1] + o, count), load_some(rows[2] + o, count)
    nothing = splat(np.float32(0))
    return nothing, nothing, nothing


@inner
def output(kept, a, b, c, y, ahead, count):
    """From a window with the columns a, b, c the output at y. Kept are the kernel and the bias."""
    w0, w1, w2, w3, w4, w5, w6, w7, w8, bias = kept
    will_write(ahead)
    first, second = bias + a[0] * w0 + a[1] * w3 + a[2] * w6, b[0] * w1 + b[1] * w4 + b[2] * w7
    store_some(y, first + (second + c[0] * w2 + c[1] * w5 + c[2] * w8), count)


@inner
def sums(kept, a, b, c, dy, ahead, count):
    """The sums Σ x·dy of the nine taps, and Σ dy, with one window and the gradient of its output, at dy, added."""
    s0, s1, s2, s3, s4, s5, s6, s7, s8, total = kept
    will_read(ahead)
    d = load_some(dy, count)
    return (
        s0 + a[0] * d, s1 + b[0] * d, s2 + c[0] * d, s3 + a[1] * d, s4 + b[1] * d, s5 + c[1] * d,
        s6 + a[2] * d, s7 + b[2] * d, s8 + c[2] * d, total + d,
    )  # fmt: skip


def windows(name, record, stride):
    """The way of the window over a block of images, for outputs or for the weight gradient, with stride 1 or 2 in both
    directions: constants to the compiler.
    """
    gradient = record is Sums3x3

    def walk(arguments, piece, scratch):
        """A strip of rows at a time."""
        p = read(record, arguments)
        z = p.sizes
        step, width, ow = z.channels * 4, z.width, z.ow
        line = width * step
        strip = max(1, STRIP_BYTES // (stride * line))
        own = piece * 10 * step if gradient else 0  # the sums of this piece
        for i in range(piece * z.size, min(z.n, (piece + 1) * z.size)):
            for begin in range(0, z.oh, strip):
                for o in range(0, step, LANES * 4):
                    count, image = (step - o) // 4, p.x + i * z.height * line + o
                    at = p.y + (i * z.oh + begin) * ow * step + o
                    t, plus = p.taps + own + o, p.last + own + o
                    kept = ten(t, step, plus, count)
                    for r in range(begin, min(begin + strip, z.oh)):
                        row = r * stride - z.top
                        ahead = image + (row + 3 + (strip - 1) * stride) * line
                        rows = three_rows(image, row, z.height, line, p.zeros)
                        a0, a1, a2 = three_pixels(rows, -z.left, width, step, count)
                        if stride == 1:
                            b0, b1, b2 = three_pixels(rows, 1 - z.left, width, step, count)
                        for s in range(0, ow * stride, stride):
                            will_read(ahead + s * step)
                            if stride == 2:
                                will_read(ahead + (s + 1) * step)
                                will_read(ahead + s * step + line)
                                will_read(ahead + (s + 1) * step + line)
                                b0, b1, b2 = three_pixels(rows, s + 1 - z.left, width, step, count)
                            c0, c1, c2 = three_pixels(rows, s + 2 - z.left, width, step, count)
                            a, b, c, ahead_y = (a0, a1, a2), (b0, b1, b2), (c0, c1, c2), at + strip * ow * step
                            if gradient:
                                kept = sums(kept, a, b, c, at, ahead_y, count)
                            else:
                                output(kept, a, b, c, at, ahead_y, count)
                            if stride == 1:
                                a0, a1, a2, b0, b1, b2 = b0, b1, b2, c0, c1, c2
                            else:
                                a0, a1, a2 = c0, c1, c2
                            at += step
                    if gradient:
                        put_ten(t, step, plus, count, kept)

    return by_address(walk, name)


LOOPS = {
    (record, stride): windows(f"{name}_{stride}", record, stride)
    for record, name in ((Outputs3x3, "forward"), (Sums3x3, "weight_gradient"))
    for stride in (1, 2)
}
"""For each record and stride."""
