"""The loop of max and average pooling, forward and backward: 16 channels at a time, each pixel read once."""

from __future__ import annotations

from typing import Any, NamedTuple

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


class Seen(NamedTuple):
    """The pixels that a window sees, for some channels: its corner, taps u0 … u1 − 1 by v0 … v1 − 1 that are inside the
    image, bytes of a row and of a pixel.
    """

    corner: int
    u0: int
    u1: int
    v0: int
    v1: int
    line: int
    step: int


@inner
def inside(first, size, pixels):
    """The taps of a window at `first` (maybe negative) that lie in the image: begin, end."""
    return max(0, -first), min(size, pixels - first)


@inner
def largest(s, kw, count):
    """The largest pixel of a window, and its place u·KW + v, the first among equals."""
    best, place = splat(np.float32(-np.inf)), splat(np.float32(s.u0 * kw + s.v0))
    for u in range(s.u0, s.u1):
        for v in range(s.v0, s.v1):
            pixel = load_some(s.corner + u * s.line + v * s.step, count)
            better = beats(pixel, best)
            best = where(better, pixel, best)
            place = where(better, splat(np.float32(u * kw + v)), place)
    return best, place


@inner
def to_winner(s, kw, switch, d, count):
    """Add d at the pixel that the switches name."""
    for u in range(s.u0, s.u1):
        for v in range(s.v0, s.v1):
            p, here = s.corner + u * s.line + v * s.step, byte_is(switch, u * kw + v, count)
            store_some(p, load_some(p, count) + where(here, d, splat(np.float32(0))), count)


@inner
def total(s, count):
    """The sum of the pixels of a window."""
    pixels = splat(np.float32(0))
    for u in range(s.u0, s.u1):
        for v in range(s.v0, s.v1):
            pixels = pixels + load_some(s.corner + u * s.line + v * s.step, count)
    return pixels


@inner
def to_all(s, d, count):
    """Add d at every pixel of a window."""
    for u in range(s.u0, s.u1):
        for v in range(s.v0, s.v1):
            p = s.corner + u * s.line + v * s.step
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
                    corner = image + (r * s.sh - s.top) * line + (q * s.sw - s.left) * step
                    for c in range(0, s.channels, LANES):
                        count, y = s.channels - c, p.y + (o + c) * 4
                        seen = Seen(corner=corner + c * 4, u0=u0, u1=u1, v0=v0, v1=v1, line=line, step=step)
                        if greatest and gradient:
                            to_winner(seen, s.kw, p.beside + o + c, load_some(y, count), count)
                        elif greatest:
                            best, place = largest(seen, s.kw, count)
                            store_some(y, best, count)
                            store_bytes(p.beside + o + c, place, count)
                        else:
                            share = load_one(p.beside + (r * s.ow + q) * 4)
                            if gradient:
                                to_all(seen, load_some(y, count) * share, count)
                            else:
                                store_some(y, total(seen, count) * share, count)
                    o += s.channels

    return by_address(walk, name)


LOOPS = {
    (record, gradient): pooling(f"{name}_{'backward' if gradient else 'forward'}", record, gradient)
    for record, name in ((MaxPass, "max"), (AveragePass, "average"))
    for gradient in (False, True)
}
"""For each record, forward and backward."""
