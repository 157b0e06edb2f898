"""The loop of max and average pooling, forward and backward: 16 channels at a time, each pixel read once."""

from __future__ import annotations

from typing import Any

import numpy as np

from pellucid.kernels.jit import ByAddress, by_address, inner
from pellucid.kernels.pooling.plan import AveragePass, MaxPass
from pellucid.kernels.vectors.border import clear
from pellucid.kernels.vectors.records import read
from pellucid.kernels.vectors.simd import (
    LANES,
    beats,
    byte_is,
    load_one,
    load_some,
    splat,
    store_bytes,
    store_some,
    where,
)


@inner
def inside(first, size, pixels):
    """The taps of a window at `first` (maybe negative) that lie in the image: begin, end."""
    return max(0, -first), min(size, pixels - first)


@inner
def largest(corner, taps, line, step, kw, count):
    """The largest pixel of a window, and its place u·KW + v, the first among equals."""
    u0, u1, v0, v1 = taps
    best, place = splat(np.float32(-np.inf)), splat(np.float32(u0 * kw + v0))
    for u in range(u0, u1):
        for v in range(v0, v1):
            pixel = load_some(corner + u * line + v * step, count)
            better = beats(pixel, best)
            best = where(better, pixel, best)
            place = where(better, splat(np.float32(u * kw + v)), place)
    return best, place


@inner
def to_winner(corner, taps, line, step, kw, switch, d, count):
    """Add d at the pixel that the switches name."""
    u0, u1, v0, v1 = taps
    for u in range(u0, u1):
        for v in range(v0, v1):
            p, here = corner + u * line + v * step, byte_is(switch, u * kw + v, count)
            store_some(p, load_some(p, count) + where(here, d, splat(np.float32(0))), count)


@inner
def total(corner, taps, line, step, count):
    """The sum of the pixels of a window."""
    u0, u1, v0, v1 = taps
    pixels = splat(np.float32(0))
    for u in range(u0, u1):
        for v in range(v0, v1):
            pixels = pixels + load_some(corner + u * line + v * step, count)
    return pixels


@inner
def to_all(corner, taps, line, step, d, count):
    """Add d at every pixel of a window."""
    u0, u1, v0, v1 = taps
    for u in range(u0, u1):
        for v in range(v0, v1):
            p = corner + u * line + v * step
            store_some(p, load_some(p, count) + d, count)


def pooling(name: str, record: type, gradient: bool) -> ByAddress:
    """The way of the window over images, for one of the four passes: constants to the compiler."""
    greatest = record is MaxPass

    def walk(arguments: Any, piece: Any, scratch: Any) -> None:
        """A piece is `size` images."""
        p = read(record, arguments)
        s = p.sizes
        step = s.channels * 4
        line = s.width * step
        o = piece * s.size * s.oh * s.ow * s.channels
        for i in range(piece * s.size, min(s.n, (piece + 1) * s.size)):
            image = p.x + i * s.height * line
            if gradient:
                clear(image, s.height * s.width * s.channels)
            for r in range(s.oh):
                u0, u1 = inside(r * s.sh - s.top, s.kh, s.height)
                for q in range(s.ow):
                    v0, v1 = inside(q * s.sw - s.left, s.kw, s.width)
                    taps, corner = (u0, u1, v0, v1), image + (r * s.sh - s.top) * line + (q * s.sw - s.left) * step
                    for c in range(0, s.channels, LANES):
                        count, at, y = s.channels - c, corner + c * 4, p.y + (o + c) * 4
                        if greatest and gradient:
                            to_winner(at, taps, line, step, s.kw, p.beside + o + c, load_some(y, count), count)
                        elif greatest:
                            best, place = largest(at, taps, line, step, s.kw, count)
                            store_some(y, best, count)
                            store_bytes(p.beside + o + c, place, count)
                        else:
                            share = load_one(p.beside + (r * s.ow + q) * 4)
                            if gradient:
                                to_all(at, taps, line, step, load_some(y, count) * share, count)
                            else:
                                store_some(y, total(at, taps, line, step, count) * share, count)
                    o += s.channels

    return by_address(walk, name)


LOOPS = {
    (record, gradient): pooling(f"{name}_{'backward' if gradient else 'forward'}", record, gradient)
    for record, name in ((MaxPass, "max"), (AveragePass, "average"))
    for gradient in (False, True)
}
"""For each record, forward and backward."""
