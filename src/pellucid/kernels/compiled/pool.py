"""The loops of max and average pooling: 16 channels at a time, each pixel read once."""

from __future__ import annotations

import numpy as np

from pellucid.kernels.compiled.border import clear
from pellucid.kernels.compiled.numbers import unpacked
from pellucid.kernels.compiled.simd import (
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
from pellucid.kernels.jit import by_address, inner


@inner
def inside(first, size, pixels):
    """The taps of a window at `first` (maybe negative) that lie in the image: begin, end."""
    return max(0, -first), min(size, pixels - first)


@by_address
def max_forward(arguments, piece, scratch):
    """x (N, H, W, C) → the largest of each window, and its place u·KW + v, the first among equals."""
    (
        n, height, width, channels, oh, ow, kh, kw, sh, sw, top, left, size, x, y, switch,
    ) = unpacked(arguments, 16)  # fmt: skip
    o = piece * size * oh * ow * channels
    for i in range(piece * size, min(n, (piece + 1) * size)):
        image = x + i * height * width * channels * 4
        for r in range(oh):
            u0, u1 = inside(r * sh - top, kh, height)
            for s in range(ow):
                v0, v1 = inside(s * sw - left, kw, width)
                corner = image + ((r * sh - top) * width + s * sw - left) * channels * 4
                for c in range(0, channels, LANES):
                    count = channels - c
                    best, place = splat(np.float32(-np.inf)), splat(np.float32(u0 * kw + v0))
                    for u in range(u0, u1):
                        for v in range(v0, v1):
                            pixel = load_some(corner + ((u * width + v) * channels + c) * 4, count)
                            better = beats(pixel, best)
                            best = where(better, pixel, best)
                            place = where(better, splat(np.float32(u * kw + v)), place)
                    store_some(y + (o + c) * 4, best, count)
                    store_bytes(switch + o + c, place, count)
                o += channels


@by_address
def max_backward(arguments, piece, scratch):
    """dx (N, H, W, C): each dy is added at the pixel that its switch names."""
    (
        n, height, width, channels, oh, ow, kh, kw, sh, sw, top, left, size, dy, switch, dx,
    ) = unpacked(arguments, 16)  # fmt: skip
    o = piece * size * oh * ow * channels
    for i in range(piece * size, min(n, (piece + 1) * size)):
        image = dx + i * height * width * channels * 4
        clear(image, height * width * channels)
        for r in range(oh):
            u0, u1 = inside(r * sh - top, kh, height)
            for s in range(ow):
                v0, v1 = inside(s * sw - left, kw, width)
                corner = image + ((r * sh - top) * width + s * sw - left) * channels * 4
                for c in range(0, channels, LANES):
                    count = channels - c
                    d = load_some(dy + (o + c) * 4, count)
                    for u in range(u0, u1):
                        for v in range(v0, v1):
                            p = corner + ((u * width + v) * channels + c) * 4
                            here = byte_is(switch + o + c, u * kw + v, count)
                            store_some(p, load_some(p, count) + where(here, d, splat(np.float32(0))), count)
                o += channels


@by_address
def average_forward(arguments, piece, scratch):
    """y = Σ over each window's pixels in the image, times its share (OH, OW)."""
    (
        n, height, width, channels, oh, ow, kh, kw, sh, sw, top, left, size, x, shares, y,
    ) = unpacked(arguments, 16)  # fmt: skip
    o = piece * size * oh * ow * channels
    for i in range(piece * size, min(n, (piece + 1) * size)):
        image = x + i * height * width * channels * 4
        for r in range(oh):
            u0, u1 = inside(r * sh - top, kh, height)
            for s in range(ow):
                v0, v1 = inside(s * sw - left, kw, width)
                corner = image + ((r * sh - top) * width + s * sw - left) * channels * 4
                share = load_one(shares + (r * ow + s) * 4)
                for c in range(0, channels, LANES):
                    total = splat(np.float32(0))
                    for u in range(u0, u1):
                        for v in range(v0, v1):
                            total = total + load_some(corner + ((u * width + v) * channels + c) * 4, channels - c)
                    store_some(y + (o + c) * 4, total * share, channels - c)
                o += channels


@by_address
def average_backward(arguments, piece, scratch):
    """dx: each dy times its share is added to every pixel of its window."""
    (
        n, height, width, channels, oh, ow, kh, kw, sh, sw, top, left, size, dy, shares, dx,
    ) = unpacked(arguments, 16)  # fmt: skip
    o = piece * size * oh * ow * channels
    for i in range(piece * size, min(n, (piece + 1) * size)):
        image = dx + i * height * width * channels * 4
        clear(image, height * width * channels)
        for r in range(oh):
            u0, u1 = inside(r * sh - top, kh, height)
            for s in range(ow):
                v0, v1 = inside(s * sw - left, kw, width)
                corner = image + ((r * sh - top) * width + s * sw - left) * channels * 4
                share = load_one(shares + (r * ow + s) * 4)
                for c in range(0, channels, LANES):
                    part = load_some(dy + (o + c) * 4, channels - c) * share
                    for u in range(u0, u1):
                        for v in range(v0, v1):
                            p = corner + ((u * width + v) * channels + c) * 4
                            store_some(p, load_some(p, channels - c) + part, channels - c)
                o += channels
