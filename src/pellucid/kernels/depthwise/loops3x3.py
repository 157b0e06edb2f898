"""Depthwise convolution with 3x3 kernels and stride 1 or 2, the usual ones: a window of nine vectors goes along a row.

Each step loads one new column of three pixels, or two with stride 2; the kernel, or the nine sums of its gradient, stay
in registers for a strip of rows. Rows outside the image are read from a row of zeros. Most of the time is reading and
writing: so the pixels of the next strip are prefetched.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from pellucid.kernels.depthwise.records import Outputs3x3, Sums3x3
from pellucid.kernels.jit import ByAddress, by_address, inner
from pellucid.kernels.vectors.prefetch import will_read, will_write
from pellucid.kernels.vectors.records import read
from pellucid.kernels.vectors.several import column_of, loads_some, put_some, rows_of
from pellucid.kernels.vectors.simd import LANES, load_some, splat, store_some, times_plus

STRIP_BYTES = 64 * 1024  # rows that stay in the second-level cache while the channels go by


three_rows, three_pixels, nine = rows_of(3), column_of(3), loads_some(9)


@inner
def column(rows, number, width, step, count):
    """The pixels of three rows in one column; zeros outside."""
    nothing = splat(np.float32(0))
    return three_pixels(rows, number * step, count) if 0 <= number < width else (nothing, nothing, nothing)


@inner
def output(kept, a, b, c):
    """The output of a window with the columns a, b, c. Kept are the kernel and the bias."""
    w0, w1, w2, w3, w4, w5, w6, w7, w8, bias = kept
    first, second = bias + a[0] * w0 + a[1] * w3 + a[2] * w6, times_plus(b[1], w4, b[0] * w1) + b[2] * w7
    return first + (second + c[0] * w2 + c[1] * w5 + c[2] * w8)


@inner
def sums(kept, a, b, c, d):
    """The sums Σ x·dy of the nine taps, and Σ dy, with one window and the gradient d of its output added."""
    s0, s1, s2, s3, s4, s5, s6, s7, s8, total = kept
    first, second = (s0 + a[0] * d, s1 + b[0] * d, s2 + c[0] * d), (s3 + a[1] * d, s4 + b[1] * d, s5 + c[1] * d)
    return first + second + (s6 + a[2] * d, s7 + b[2] * d, s8 + c[2] * d, total + d)


def row_of(record: Any, stride: int) -> Any:
    """The way of the window along a row, for outputs or for the weight gradient."""

    @inner
    def row(p, rows, at, ahead, kept, count):
        """From three rows the outputs, or with their gradient the sums, at `at`; ahead are pixels of the next strip,
        and bytes to its outputs.
        """
        z, step = p.sizes, p.sizes.channels * 4
        width, line, (pixels, outputs) = z.width, z.width * step, ahead
        a, b = column(rows, -z.left, width, step, count), column(rows, 1 - z.left, width, step, count)
        for s in range(0, z.ow * stride, stride):
            will_read(pixels + s * step)
            if stride == 2:
                will_read(pixels + (s + 1) * step)
                will_read(pixels + s * step + line)
                will_read(pixels + (s + 1) * step + line)
                b = column(rows, s + 1 - z.left, width, step, count)
            c = column(rows, s + 2 - z.left, width, step, count)
            if record is Sums3x3:
                will_read(at + outputs)
                kept = sums(kept, a, b, c, load_some(at, count))
            else:
                will_write(at + outputs)
                store_some(at, output(kept, a, b, c), count)
            a, b = (b, c) if stride == 1 else (c, b)
            at += step
        return kept

    return row


def windows(record: Any, stride: int) -> ByAddress:
    """The way of the window over a block of images, with stride 1 or 2: constants to the compiler."""
    row = row_of(record, stride)

    def walk(arguments: Any, piece: Any, scratch: Any) -> None:
        """A strip of rows at a time."""
        p = read(record, arguments)
        z, step = p.sizes, p.sizes.channels * 4
        line, beside = z.width * step, z.ow * step
        strip = max(1, STRIP_BYTES // (stride * line))
        own = piece * 10 * step if record is Sums3x3 else 0  # the sums of this piece
        for i in range(piece * z.size, min(z.n, (piece + 1) * z.size)):
            for begin in range(0, z.oh, strip):
                for o in range(0, step, LANES * 4):
                    count, image = (step - o) // 4, p.x + i * z.height * line + o
                    taps, last = p.taps + own + o, p.last + own + o
                    kept = nine(taps, step, count) + (load_some(last, count),)  # noqa: RUF005  # Numba has no star here
                    for r in range(begin, min(begin + strip, z.oh)):
                        top = r * stride - z.top
                        ahead = image + (top + 3 + (strip - 1) * stride) * line, strip * beside
                        rows = three_rows(image, top, z.height, line, p.zeros)
                        kept = row(p, rows, p.y + (i * z.oh + r) * beside + o, ahead, kept, count)
                    if record is Sums3x3:
                        put_some(taps, step, kept[:9], count)
                        store_some(last, kept[9], count)

    return by_address(walk, f"{record.__name__.lower()}_{stride}")


LOOPS = {(record, stride): windows(record, stride) for record in (Outputs3x3, Sums3x3) for stride in (1, 2)}
"""For each record and stride."""
