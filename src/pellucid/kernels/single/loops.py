"""The rows of work of `kernels.single.plan`: pieces of one layer's computation on one sample (see `crew.task_loop`)."""

from __future__ import annotations

import numpy as np

from pellucid.kernels.jit import by_address
from pellucid.kernels.vectors.border import put_inside
from pellucid.kernels.vectors.memory import unpacked
from pellucid.kernels.vectors.simd import LANES
from pellucid.kernels.vectors.tile import CHUNK, FLOAT, NONE, ONE, sweep
from pellucid.kernels.winograd.lines import F4, whole
from pellucid.kernels.winograd.tiles import (
    POOLED,
    RELU,
    output_image_3x3,
    pooled_image_3x3,
    transform_image_3x3,
)
from pellucid.kernels.winograd.weights import apart

TOGETHER = 2  # of the 36 products so many are one piece


@by_address
def pad(arguments, piece, scratch):
    """x (H, W, C) into its border of zeros."""
    put_inside(*unpacked(arguments, 9))


@by_address
def correlate(arguments, piece, scratch):
    """CHUNK outputs of a direct convolution, by 32 channels."""
    x, w, b, y, places, outs, many, runs, count, run, channels, rectify = unpacked(arguments, 12)
    chunks = (many + CHUNK - 1) // CHUNK
    low, c = piece % chunks * CHUNK, piece // chunks * 2 * LANES
    floor = np.float32(0) if rectify != 0 else np.float32(-np.inf)
    sweep(
        x, places + 8 * low, min(CHUNK, many - low), runs, count, run, FLOAT, w + c * count * run * F4, b + c * F4,
        NONE, y + c * F4, outs + 8 * low, min(2 * LANES, channels - c), floor,
    )  # fmt: skip


@by_address
def tiles(arguments, piece, scratch):
    """Bᵀ d B of a row of tiles: of the strip that begins at row `first`."""
    x, height, width, channels, top, left, tw, zeros, u, strip, first = unpacked(arguments, 11)
    wide = whole(channels)
    transform_image_3x3(
        x, height, width, channels, top, left, first + piece, first + piece + 1, tw, zeros, scratch,
        u + piece * tw * wide * F4, (strip * tw * wide + LANES) * F4,
    )  # fmt: skip


@by_address
def products(arguments, piece, scratch):
    """Some of the 36 products of a strip."""
    u, at_u, w, v, at_v, many, channels, oc, far_u, far_v, zeros = unpacked(arguments, 11)
    for f in range(piece * TOGETHER, (piece + 1) * TOGETHER):
        sweep(
            u + f * far_u, at_u, many, zeros, ONE, channels, FLOAT, w + f * apart(channels, whole(oc)), zeros, NONE,
            v + f * far_v, at_v, whole(oc), np.float32(-np.inf),
        )  # fmt: skip


@by_address
def outputs(arguments, piece, scratch):
    """The outputs of a row of tiles, with ReLU and pooling."""
    v, far, b, y, switch, oh, ow, oc, tw, mode, first = unpacked(arguments, 11)
    ty = first + piece
    source = v + piece * tw * whole(oc) * F4
    if mode == POOLED:
        pooled_image_3x3(source, far, b, y, switch, oh, ow, oc, ty, ty + 1, tw, scratch)
    else:
        output_image_3x3(source, far, b, y, oh, ow, oc, ty, ty + 1, tw, mode == RELU, scratch)
