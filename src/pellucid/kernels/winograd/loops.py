"""The Winograd convolutions of a block of images, forward and backward; `kernels.winograd.plan` explains the method."""

from __future__ import annotations

import numpy as np

from pellucid.kernels.jit import by_address, inlined, inner
from pellucid.kernels.vectors.border import clear
from pellucid.kernels.vectors.records import read
from pellucid.kernels.vectors.simd import LANES, load, splat, store
from pellucid.kernels.vectors.tile import FLOAT, LOWEST, NONE, ONE, Into, Sum, sweep, sweep_outer
from pellucid.kernels.winograd.lines import F4, whole
from pellucid.kernels.winograd.records import POOLED, Backward, Forward
from pellucid.kernels.winograd.tiles import (
    Buffers,
    Output,
    Strip,
    Tiles,
    input_gradient_3x3,
    input_gradient_5x5,
    output_image_3x3,
    output_image_5x5,
    transform_dy_3x3,
    transform_dy_5x5,
    transform_image_3x3,
    transform_image_5x5,
)
from pellucid.kernels.winograd.weights import apart, kernel_gradient_3x3

SUM_TILES = 1024  # the length of a sum of the weight gradient


@inner
def fold(sums, total, floats):
    """total += sums, sums = 0."""
    for o in range(0, floats * F4, LANES * F4):
        store(total + o, load(total + o) + load(sums + o))
        store(sums + o, splat(np.float32(0)))


@inner
def products(tiles, places, many, length, w, to, zeros, channels):
    """The 36 products of `many` tiles of `length` channels with transformed kernels, into tiles of `channels`."""
    for f in range(36):
        terms = Sum(
            x=tiles.at + f * tiles.far, places=places[0], many=many, runs=zeros, count=ONE, run=length, xstep=FLOAT
        )
        into = Into(out=to.at + f * to.far, outs=places[1], channels=channels, floor=LOWEST)
        sweep(terms, w + f * apart(length, channels), zeros, NONE, into)


def forward_of(transform_image, output_image):
    """The forward pass, from the loops of a form."""

    @inlined
    def forward(arguments, block, scratch):
        """A block of images; `records.Forward` says what lies where."""
        p = read(Forward, arguments)
        s, group, strip = p.sizes, p.cut.group, p.cut.strip
        tiles, cp, op = strip * s.tw, whole(s.channels), whole(s.oc)
        u = Tiles(at=scratch + p.at.u, far=(group * tiles * cp + LANES) * F4)
        v = Tiles(at=scratch + p.at.v, far=(group * tiles * op + LANES) * F4)
        end = min(s.n, (block + 1) * p.cut.size)
        y_size = (s.oh // 2) * (s.ow // 2) * s.oc if p.mode == POOLED else s.oh * s.ow * s.oc
        for start in range(block * p.cut.size, end, group):
            images = min(group, end - start)
            for low in range(0, s.th, strip):
                rows = Strip(low=low, high=min(low + strip, s.th))
                for i in range(images):
                    image = p.x + (start + i) * s.height * s.width * s.channels * F4
                    to = Tiles(at=u.at + i * tiles * cp * F4, far=u.far)
                    transform_image(s, image, rows, to, scratch, p.zeros)
                together = images * (rows.high - low) * s.tw
                products(u, (p.at_u, p.at_v), together, s.channels, p.w, v, p.zeros, op)
                for i in range(images):
                    o, of = (start + i) * y_size, Tiles(at=v.at + i * tiles * op * F4, far=v.far)
                    output = Output(y=p.y + o * F4, beside=p.switch + o, bias=p.bias, mode=p.mode)
                    output_image(s, of, rows, output, scratch)

    return forward


def backward_of(m, transform_image, transform_dy, input_gradient_image):
    """The backward pass, from M and the loops of a form."""

    @inlined
    def backward(arguments, block, scratch):
        """A block of images; `records.Backward` says what lies where. Tiles of dy serve both gradients.

        The 36 sums (C in fours, OC) of the weight gradient are taken in scratch memory. With M = 4 they go back through
        Gᵀ at the end: dw (blocks, 9, C, OC). With M = 2, dw (blocks, 36, C, OC), they are added up after every
        SUM_TILES tiles and begun anew: the rounding errors of a sum grow with its length.
        """
        p = read(Backward, arguments)
        s, group, strip = p.sizes, p.cut.group, p.cut.strip
        tiles, cp, op = strip * s.tw, whole(s.channels), whole(s.oc)
        u = Tiles(at=scratch + p.at.u, far=(group * tiles * cp + LANES) * F4)
        v = Tiles(at=scratch + p.at.v, far=(group * tiles * op + LANES) * F4)
        buffers = Buffers(
            rows=scratch, lines=scratch + p.at.lines, carry=scratch + p.at.carry, db=p.db + block * op * F4
        )
        end, four = min(s.n, (block + 1) * p.cut.size), (s.channels + 3) // 4 * 4
        image_size = s.height * s.width * s.channels * F4
        floats, summed, dw, total = four * op, 0, 0, 0
        if p.dw != 0:
            dw, total = scratch + p.at.sums, p.dw + block * p.partial * floats * F4
            clear(dw, 36 * floats)
            if m == 2:
                clear(total, 36 * floats)
        dy_size = (s.oh // 2) * (s.ow // 2) * s.oc if p.mode == POOLED else s.oh * s.ow * s.oc
        for start in range(block * p.cut.size, end, group):
            images = min(group, end - start)
            for low in range(0, s.th, strip):
                rows = Strip(low=low, high=min(low + strip, s.th))
                together = images * (rows.high - low) * s.tw
                for i in range(images):
                    o, to = (start + i) * dy_size, Tiles(at=v.at + i * tiles * op * F4, far=v.far)
                    beside = p.switch + o if p.mode == POOLED else p.y + o * F4
                    output = Output(y=p.dy + o * F4, beside=beside, bias=NONE, mode=p.mode)
                    transform_dy(s, output, rows, to, buffers)
                if dw != 0:
                    for i in range(images):
                        to = Tiles(at=u.at + i * tiles * cp * F4, far=u.far)
                        transform_image(s, p.x + (start + i) * image_size, rows, to, scratch, p.zeros)
                    for f in range(36):
                        terms = Sum(
                            x=u.at + f * u.far, places=p.at_c, many=four, runs=p.zeros, count=ONE, run=together,
                            xstep=cp * F4,
                        )  # fmt: skip
                        into = Into(out=dw + f * floats * F4, outs=p.at_dw, channels=op, floor=LOWEST)
                        sweep_outer(terms, v.at + f * v.far, op * F4, into, op * F4)
                    summed += together
                    if m == 2 and summed >= SUM_TILES:
                        fold(dw, total, 36 * floats)
                        summed = 0
                if p.dx != 0:
                    products(v, (p.at_v, p.at_u), together, s.oc, p.w, u, p.zeros, cp)
                    for i in range(images):
                        of = Tiles(at=u.at + i * tiles * cp * F4, far=u.far)
                        input_gradient_image(s, of, p.dx + (start + i) * image_size, rows, buffers)

        if dw != 0 and m == 2:
            fold(dw, total, 36 * floats)
        elif dw != 0:
            kernel_gradient_3x3(dw, total, floats)

    return backward


_forward_3x3 = forward_of(transform_image_3x3, output_image_3x3)
_forward_5x5 = forward_of(transform_image_5x5, output_image_5x5)
_backward_3x3 = backward_of(4, transform_image_3x3, transform_dy_3x3, input_gradient_3x3)
_backward_5x5 = backward_of(2, transform_image_5x5, transform_dy_5x5, input_gradient_5x5)


@by_address
def forward_3x3(arguments, block, scratch):
    """`forward` of F(4x4, 3x3)."""
    _forward_3x3(arguments, block, scratch)


@by_address
def forward_5x5(arguments, block, scratch):
    """`forward` of F(2x2, 5x5)."""
    _forward_5x5(arguments, block, scratch)


@by_address
def backward_3x3(arguments, block, scratch):
    """`backward` of F(4x4, 3x3)."""
    _backward_3x3(arguments, block, scratch)


@by_address
def backward_5x5(arguments, block, scratch):
    """`backward` of F(2x2, 5x5)."""
    _backward_5x5(arguments, block, scratch)


FORWARD = {4: forward_3x3, 2: forward_5x5}
BACKWARD = {4: backward_3x3, 2: backward_5x5}
"""For each M."""
