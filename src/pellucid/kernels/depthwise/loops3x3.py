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
from pellucid.kernels.vectors.several import column_of, loads_some, put_some, rows_of
from pellucid.kernels.vectors.simd import LANES, load_some, splat, store_some, times_plus

STRIP_BYTES = 64 * 1024  # rows that stay in the second-level cache while the channels go by


three_rows, pixels_of_rows, nine = rows_of(3), column_of(3), loads_some(9)


@inner
def three_pixels(rows, column, width, step, count):
    """The pixels of three rows in one column; zeros outside."""
    nothing = splat(np.float32(0))
    return pixels_of_rows(rows, column * step, count) if 0 <= column < width else (nothing, nothing, nothing)


@inner
def call_up(p, step, line, stride):
    """Ask for the pixels of the next strip that a step of the window takes: one, or two by two."""
    will_read(p)
    if stride == 2:
        will_read(p + step)
        will_read(p + line)
        will_read(p + step + line)


@inner
def output(kept, window, y, ahead, count):
    """From a window, three columns, the output at y. Kept are the kernel and the bias."""
    a, b, c = window
    w0, w1, w2, w3, w4, w5, w6, w7, w8, bias = kept
    will_write(ahead)
    first, second = bias + a[0] * w0 + a[1] * w3 + a[2] * w6, times_plus(b[1], w4, b[0] * w1) + b[2] * w7
    store_some(y, first + (second + c[0] * w2 + c[1] * w5 + c[2] * w8), count)


@inner
def sums(kept, window, dy, ahead, count):
    """The sums Σ x·dy of the nine taps, and Σ dy, with one window and the gradient of its output, at dy, added."""
    a, b, c = window
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
        z, step, width, ow = p.sizes, p.sizes.channels * 4, p.sizes.width, p.sizes.ow
        line = width * step
        strip = max(1, STRIP_BYTES // (stride * line))
        own = piece * 10 * step if gradient else 0  # the sums of this piece
        for i in range(piece * z.size, min(z.n, (piece + 1) * z.size)):
            for begin in range(0, z.oh, strip):
                for o in range(0, step, LANES * 4):
                    count, image = (step - o) // 4, p.x + i * z.height * line + o
                    at = p.y + (i * z.oh + begin) * ow * step + o
                    t, plus = p.taps + own + o, p.last + own + o
                    kept = nine(t, step, count) + (load_some(plus, count),)  # noqa: RUF005  # no star here
                    for r in range(begin, min(begin + strip, z.oh)):
                        row = r * stride - z.top
                        ahead = image + (row + 3 + (strip - 1) * stride) * line
                        rows = three_rows(image, row, z.height, line, p.zeros)
                        a = three_pixels(rows, -z.left, width, step, count)
                        if stride == 1:
                            b = three_pixels(rows, 1 - z.left, width, step, count)
                        for s in range(0, ow * stride, stride):
                            call_up(ahead + s * step, step, line, stride)
                            if stride == 2:
                                b = three_pixels(rows, s + 1 - z.left, width, step, count)
                            c = three_pixels(rows, s + 2 - z.left, width, step, count)
                            if gradient:
                                kept = sums(kept, (a, b, c), at, at + strip * ow * step, count)
                            else:
                                output(kept, (a, b, c), at, at + strip * ow * step, count)
                            a, b = (b, c) if stride == 1 else (c, b)
                            at += step
                    if gradient:
                        put_some(t, step, kept[:9], count)
                        store_some(plus, kept[9], count)

    return by_address(walk, name)


LOOPS = {
    (record, stride): windows(f"{name}_{stride}", record, stride)
    for record, name in ((Outputs3x3, "forward"), (Sums3x3, "weight_gradient"))
    for stride in (1, 2)
}
"""For each record and stride."""
