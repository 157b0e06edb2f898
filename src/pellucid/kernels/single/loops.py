"""The rows of work of `kernels.single.plan`: pieces of one layer's computation on one sample (see `crew.task_loop`)."""

from __future__ import annotations

import numpy as np

from pellucid.kernels.jit import by_address
from pellucid.kernels.single.records import Correlate, Outputs, Pad, Products, Transform
from pellucid.kernels.vectors.border import put_inside
from pellucid.kernels.vectors.records import read
from pellucid.kernels.vectors.simd import LANES
from pellucid.kernels.vectors.tile import CHUNK, FLOAT, LOWEST, NONE, Into, Sum, rows_of, sweep, whole
from pellucid.kernels.winograd.lines import F4
from pellucid.kernels.winograd.tiles import OF_IMAGE, OUTPUTS, Output, Strip, Tiles
from pellucid.kernels.winograd.weights import apart

transform_image, output_image = OF_IMAGE[4], OUTPUTS[4]  # of 3x3 kernels
TOGETHER = 2  # of the 36 products so many are one piece


@by_address
def pad(arguments, piece, scratch):
    """x (H, W, C) into its border of zeros."""
    p = read(Pad, arguments)
    put_inside(p.frame, p.x, p.padded)


@by_address
def correlate(arguments, piece, scratch):
    """CHUNK outputs of a direct convolution, by 32 channels."""
    p = read(Correlate, arguments)
    chunks = (p.many + CHUNK - 1) // CHUNK
    low, c = piece % chunks * CHUNK, piece // chunks * 2 * LANES
    floor = np.float32(0) if p.rectify != 0 else LOWEST
    terms = Sum(
        x=p.x,
        places=p.places + 8 * low,
        many=min(CHUNK, p.many - low),
        runs=p.runs,
        count=p.taps,
        run=p.run,
        xstep=FLOAT,
    )
    into = Into(out=p.y + c * F4, outs=p.outs + 8 * low, channels=min(2 * LANES, p.channels - c), floor=floor)
    sweep(terms, p.w + c * p.taps * p.run * F4, p.b + c * F4, NONE, into)


@by_address
def tiles(arguments, piece, scratch):
    """Bᵀ d B of a row of tiles."""
    p = read(Transform, arguments)
    s, wide, row = p.sizes, whole(p.sizes.channels), p.first + piece
    to = Tiles(at=p.u + piece * s.tw * wide * F4, far=(p.strip * s.tw * wide + LANES) * F4)
    transform_image(s, p.x, Strip(low=row, high=row + 1), to, scratch, p.zeros)


@by_address
def products(arguments, piece, scratch):
    """Some of the 36 products of a strip."""
    p = read(Products, arguments)
    s, wide = p.sizes, whole(p.sizes.oc)
    far_u = (p.strip * s.tw * whole(s.channels) + LANES) * F4
    far_v = (p.strip * s.tw * wide + LANES) * F4
    for f in range(piece * TOGETHER, (piece + 1) * TOGETHER):
        terms = rows_of(p.u + f * far_u, p.at_u, p.rows * s.tw, p.zeros, s.channels)
        into = Into(out=p.v + f * far_v, outs=p.at_v, channels=wide, floor=LOWEST)
        sweep(terms, p.w + f * apart(s.channels, wide), p.zeros, NONE, into)


@by_address
def outputs(arguments, piece, scratch):
    """The outputs of a row of tiles."""
    p = read(Outputs, arguments)
    s, wide, row = p.sizes, whole(p.sizes.oc), p.first + piece
    of = Tiles(at=p.v + piece * s.tw * wide * F4, far=(p.strip * s.tw * wide + LANES) * F4)
    output = Output(y=p.y, beside=p.switch, bias=p.b, mode=p.mode)
    output_image(s, of, Strip(low=row, high=row + 1), output, scratch)
