"""The Winograd convolutions of a block of images, forward and backward; `kernels.winograd.plan` explains the method."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from pellucid.kernels.jit import ByAddress, by_address, inner
from pellucid.kernels.vectors.border import clear
from pellucid.kernels.vectors.records import read
from pellucid.kernels.vectors.simd import LANES, load, splat, store
from pellucid.kernels.vectors.tile import LOWEST, NONE, ONE, Into, Sum, fours, rows_of, sweep, sweep_outer, whole
from pellucid.kernels.winograd.gradients import INPUT_GRADIENT, OF_GRADIENT, Buffers
from pellucid.kernels.winograd.lines import F4
from pellucid.kernels.winograd.records import POOLED, Backward, Forward
from pellucid.kernels.winograd.tiles import FORMS, OF_IMAGE, OUTPUTS, Output, Strip, Tiles
from pellucid.kernels.winograd.weights import apart, kernel_gradient_3x3

SUM_TILES = 1024  # the length of a sum of the weight gradient


class Group(NamedTuple):
    """Tiles of the images that share the products: as in `Tiles`, bytes from image to image, the table of the tiles'
    distances, and whole vectors of channels.
    """

    at: int
    far: int
    image: int
    places: int
    channels: int


class Part(NamedTuple):
    """Images from `start` on, some rows of tiles of each, and how many tiles that is."""

    start: int
    images: int
    rows: Strip
    tiles: int


@inner
def group_of(p, at, places, channels):
    """The tiles, at an address, of so many channels."""
    tiles, wide = p.cut.strip * p.sizes.tw, whole(channels)
    far = (p.cut.group * tiles * wide + LANES) * F4
    return Group(at=at, far=far, image=tiles * wide * F4, places=places, channels=wide)


@inner
def tiles_of(group, i):
    """The tiles of image i of a group."""
    return Tiles(at=group.at + i * group.image, far=group.far)


@inner
def part_of(p, start, end, low, top):
    """The images of a group that begins at `start`, and a strip of their rows of tiles from `low` on, below `top`."""
    images, high = min(p.cut.group, end - start), min(low + p.cut.strip, top)
    rows = Strip(low=low, high=high)
    return Part(start=start, images=images, rows=rows, tiles=images * (high - low) * p.sizes.tw)


@inner
def outputs_of(p):
    """The numbers of an image's output."""
    s = p.sizes
    return (s.oh // 2) * (s.ow // 2) * s.oc if p.mode == POOLED else s.oh * s.ow * s.oc


@inner
def products(p, of, length, to, many):
    """The 36 products of `many` tiles of `length` channels with transformed kernels."""
    for f in range(36):
        terms = rows_of(of.at + f * of.far, of.places, many, p.zeros, length)
        into = Into(out=to.at + f * to.far, outs=to.places, channels=to.channels, floor=LOWEST)
        sweep(terms, p.w + f * apart(length, to.channels), p.zeros, NONE, into)


def forward_of(m: int) -> ByAddress:
    """The forward pass of a form."""
    transform_image, output_image = OF_IMAGE[m], OUTPUTS[m]

    def forward(arguments: Any, piece: Any, scratch: Any) -> None:
        """A part of a block of images; `records.Forward` says what lies where."""
        p = read(Forward, arguments)
        s, size, block = p.sizes, outputs_of(p), piece // p.parts
        first, top = s.th * (piece % p.parts) // p.parts, s.th * (piece % p.parts + 1) // p.parts
        u = group_of(p, scratch + p.at.u, p.at_u, s.channels)
        v = group_of(p, scratch + p.at.v, p.at_v, s.oc)
        end = min(s.n, (block + 1) * p.cut.size)
        for start in range(block * p.cut.size, end, p.cut.group):
            for low in range(first, top, p.cut.strip):
                part = part_of(p, start, end, low, top)
                for i in range(part.images):
                    image = p.x + (start + i) * s.height * s.width * s.channels * F4
                    transform_image(s, image, part.rows, tiles_of(u, i), scratch, p.zeros)
                products(p, u, s.channels, v, part.tiles)
                for i in range(part.images):
                    o = (start + i) * size
                    output = Output(y=p.y + o * F4, beside=p.switch + o, bias=p.bias, mode=p.mode)
                    output_image(s, tiles_of(v, i), part.rows, output, scratch)

    return by_address(forward, f"forward_{m}")


@inner
def fold(sums, total, floats):
    """total += sums, sums = 0, of all frequencies."""
    for o in range(0, 36 * floats * F4, LANES * F4):
        store(total + o, load(total + o) + load(sums + o))
        store(sums + o, splat(np.float32(0)))


def sums_of(m: int) -> Any:
    """The sums of the weight gradient."""
    transform_image = OF_IMAGE[m]

    @inner
    def add_sums(p, part, u, v, scratch):
        """Add the 36 products of tiles of images and of dy, (C in fours, OC), to those in scratch memory."""
        s, floats = p.sizes, fours(p.sizes.channels) * v.channels
        for i in range(part.images):
            image = p.x + (part.start + i) * s.height * s.width * s.channels * F4
            transform_image(s, image, part.rows, tiles_of(u, i), scratch, p.zeros)
        for f in range(36):
            terms = Sum(
                x=u.at + f * u.far,
                places=p.at_c,
                many=fours(s.channels),
                runs=p.zeros,
                count=ONE,
                run=part.tiles,
                xstep=u.channels * F4,
            )
            dw = scratch + p.at.sums + f * floats * F4
            into = Into(out=dw, outs=p.at_dw, channels=v.channels, floor=LOWEST)
            sweep_outer(terms, v.at + f * v.far, v.channels * F4, into, v.channels * F4)

    return add_sums


def dy_of(m: int) -> Any:
    """The tiles of dy."""
    transform_dy = OF_GRADIENT[m]

    @inner
    def tiles_of_dy(p, part, v, buffers):
        """Those of some images."""
        size = outputs_of(p)
        for i in range(part.images):
            o = (part.start + i) * size
            beside = p.switch + o if p.mode == POOLED else p.y + o * F4
            output = Output(y=p.dy + o * F4, beside=beside, bias=NONE, mode=p.mode)
            transform_dy(p.sizes, output, part.rows, tiles_of(v, i), buffers)

    return tiles_of_dy


def gradient_of(m: int) -> Any:
    """The input gradient, from the tiles of dy."""
    input_gradient_image = INPUT_GRADIENT[m]

    @inner
    def input_gradient(p, part, u, v, buffers):
        """dx of some images; their rows that follow are added to."""
        s = p.sizes
        products(p, v, s.oc, u, part.tiles)
        for i in range(part.images):
            dx = p.dx + (part.start + i) * s.height * s.width * s.channels * F4
            input_gradient_image(s, tiles_of(u, i), dx, part.rows, buffers)

    return input_gradient


def backward_of(m: int) -> ByAddress:
    """The backward pass of a form."""
    tiles_of_dy, add_sums, input_gradient = dy_of(m), sums_of(m), gradient_of(m)

    def backward(arguments: Any, block: Any, scratch: Any) -> None:
        """A block of images; `records.Backward` says what lies where. Tiles of dy serve both gradients.

        The 36 sums of the weight gradient are taken in scratch memory. With M = 4 they go back through Gᵀ at the end:
        dw (blocks, 9, C, OC). With M = 2, dw (blocks, 36, C, OC), they are added up after every SUM_TILES tiles and
        begun anew: the rounding errors of a sum grow with its length.
        """
        p = read(Backward, arguments)
        s = p.sizes
        u = group_of(p, scratch + p.at.u, p.at_u, s.channels)
        v = group_of(p, scratch + p.at.v, p.at_v, s.oc)
        db = p.db + block * v.channels * F4
        buffers = Buffers(rows=scratch, lines=scratch + p.at.lines, carry=scratch + p.at.carry, db=db)
        floats, sums, summed = fours(s.channels) * v.channels, scratch + p.at.sums, 0
        total = p.dw + block * p.partial * floats * F4
        if p.dw != 0:
            clear(sums, 36 * floats)
        if p.dw != 0 and m == 2:
            clear(total, 36 * floats)
        end = min(s.n, (block + 1) * p.cut.size)
        for start in range(block * p.cut.size, end, p.cut.group):
            for low in range(0, s.th, p.cut.strip):
                part = part_of(p, start, end, low, p.sizes.th)
                tiles_of_dy(p, part, v, buffers)
                if p.dw != 0:
                    add_sums(p, part, u, v, scratch)
                    summed += part.tiles
                    if m == 2 and summed >= SUM_TILES:
                        fold(sums, total, floats)
                        summed = 0
                if p.dx != 0:
                    input_gradient(p, part, u, v, buffers)
        if p.dw != 0 and m == 2:
            fold(sums, total, floats)
        elif p.dw != 0:
            kernel_gradient_3x3(sums, total, floats)

    return by_address(backward, f"backward_{m}")


FORWARD = {m: forward_of(m) for m in FORMS}
BACKWARD = {m: backward_of(m) for m in FORMS}
"""For each M."""
