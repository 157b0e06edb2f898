"""The Winograd convolutions of a block of images, forward and backward; `kernels.winograd.plan` explains the method."""

from __future__ import annotations

import numpy as np

from pellucid.kernels.jit import by_address, inlined, inner
from pellucid.kernels.vectors.border import clear
from pellucid.kernels.vectors.memory import unpacked
from pellucid.kernels.vectors.simd import LANES, load, splat, store
from pellucid.kernels.vectors.tile import FLOAT, NONE, ONE, sweep, sweep_outer
from pellucid.kernels.winograd.lines import F4, whole
from pellucid.kernels.winograd.tiles import (
    POOLED,
    RELU,
    input_gradient_3x3,
    input_gradient_5x5,
    output_image_3x3,
    output_image_5x5,
    pooled_image_3x3,
    pooled_image_5x5,
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


def forward_of(transform_image, output_image, pooled_image):
    """The forward pass, from the loops of a form."""

    @inlined
    def forward(arguments, block, scratch):
        """A block of images x (N, H, W, C) → y (N, OH, OW, OC), with w (36, C, OC) already transformed.

        `mode` POOLED gives y (N, OH//2, OW//2, OC) and the switches; RELU and PLAIN ignore `switch`.
        `group` images, or of one image `strip` rows of tiles, go through the 36 products together. The sizes are those
        of `kernels.winograd.plan`, and so is what lies where in scratch memory.
        """
        (
            n, height, width, channels, oc, oh, ow, top, left, th, tw, size, mode, group, strip, at_lines, at_carry,
            in_u, in_v, zeros, at_u, at_v, x, w, bias, y, switch,
        ) = unpacked(arguments, 27)  # fmt: skip
        rows, u, v = scratch, scratch + in_u, scratch + in_v
        tiles, cp, op = strip * tw, whole(channels), whole(oc)
        far_u, far_v = (group * tiles * cp + LANES) * F4, (group * tiles * op + LANES) * F4
        end = min(n, (block + 1) * size)
        lowest = np.float32(-np.inf)
        if mode == POOLED:
            oh, ow = oh // 2, ow // 2
        for start in range(block * size, end, group):
            images = min(group, end - start)
            for low in range(0, th, strip):
                high = min(low + strip, th)
                for i in range(images):
                    image, target = x + (start + i) * height * width * channels * F4, u + i * tiles * cp * F4
                    transform_image(
                        image, height, width, channels, top, left, low, high, tw, zeros, rows, target, far_u
                    )
                for f in range(36):
                    sweep(
                        u + f * far_u, at_u, images * (high - low) * tw, zeros, ONE, channels, FLOAT,
                        w + f * apart(channels, op), zeros, NONE, v + f * far_v, at_v, op, lowest,
                    )  # fmt: skip
                for i in range(images):
                    source, o = v + i * tiles * op * F4, (start + i) * oh * ow * oc
                    target = y + o * F4
                    if mode == POOLED:
                        pooled_image(source, far_v, bias, target, switch + o, oh, ow, oc, low, high, tw, rows)
                    else:
                        output_image(source, far_v, bias, target, oh, ow, oc, low, high, tw, mode == RELU, rows)

    return forward


def backward_of(m, transform_image, transform_dy, input_gradient_image):
    """The backward pass, from M and the loops of a form."""

    @inlined
    def backward(arguments, block, scratch):
        """A block of images: dx (N, H, W, C) from wt (36, OC, C); its sums dw and db (OC,).

        A gradient whose address is 0 is not wanted. The tiles of dy are transformed once and serve both gradients.
        The 36 sums (C in fours, OC) of the weight gradient are taken in scratch memory. With M = 4 they go back through
        Gᵀ at the end: dw (blocks, 9, C, OC). With M = 2, dw (blocks, 36, C, OC), they are added up after every
        SUM_TILES tiles and begun anew: the rounding errors of a sum grow with its length.
        """
        (
            n, height, width, channels, oc, oh, ow, top, left, th, tw, size, mode, group, strip, at_lines, at_carry,
            in_u, in_v, in_sums, zeros, at_u, at_v, at_c, at_dw, x, dy, y, switch, wt, dx, dws, dbs,
        ) = unpacked(arguments, 33)  # fmt: skip
        rows, lines, carry, u, v = scratch, scratch + at_lines, scratch + at_carry, scratch + in_u, scratch + in_v
        tiles, cp, op = strip * tw, whole(channels), whole(oc)
        far_u, far_v = (group * tiles * cp + LANES) * F4, (group * tiles * op + LANES) * F4
        end = min(n, (block + 1) * size)
        four = (channels + 3) // 4 * 4
        lowest = np.float32(-np.inf)
        image_size = height * width * channels * F4
        floats, summed, dw, total, db = four * op, 0, 0, 0, dbs + block * op * F4
        if dws != 0:
            dw, total = scratch + in_sums, dws + block * (9 if m == 4 else 36) * floats * F4
            clear(dw, 36 * floats)
            if m == 2:
                clear(total, 36 * floats)
        dy_size = (oh // 2) * (ow // 2) * oc if mode == POOLED else oh * ow * oc
        for start in range(block * size, end, group):
            images = min(group, end - start)
            for low in range(0, th, strip):
                high = min(low + strip, th)
                together = images * (high - low) * tw
                for i in range(images):
                    o, target = (start + i) * dy_size, v + i * tiles * op * F4
                    transform_dy(
                        dy + o * F4, y + o * F4, switch + o, oh, ow, oc, low, high, tw, mode,
                        lines, rows, target, far_v, db,
                    )  # fmt: skip
                if dw != 0:
                    for i in range(images):
                        image, target = x + (start + i) * image_size, u + i * tiles * cp * F4
                        transform_image(
                            image, height, width, channels, top, left, low, high, tw, zeros, rows, target, far_u
                        )
                    for f in range(36):
                        sweep_outer(
                            u + f * far_u, at_c, four, zeros, ONE, together, cp * F4, v + f * far_v,
                            op * F4, dw + f * four * op * F4, op * F4, at_dw, op,
                        )  # fmt: skip
                    summed += together
                    if m == 2 and summed >= SUM_TILES:
                        fold(dw, total, 36 * floats)
                        summed = 0
                if dx != 0:
                    for f in range(36):
                        sweep(
                            v + f * far_v, at_v, together, zeros, ONE, oc, FLOAT, wt + f * apart(oc, cp), zeros, NONE,
                            u + f * far_u, at_u, cp, lowest,
                        )  # fmt: skip
                    for i in range(images):
                        source, image = u + i * tiles * cp * F4, dx + (start + i) * image_size
                        input_gradient_image(
                            source, far_u, image, height, width, channels, top, left, low, high, th, tw,
                            rows, carry,
                        )  # fmt: skip

        if dw != 0 and m == 2:
            fold(dw, total, 36 * floats)
        elif dw != 0:
            kernel_gradient_3x3(dw, total, floats)

    return backward


_forward_3x3 = forward_of(transform_image_3x3, output_image_3x3, pooled_image_3x3)
_forward_5x5 = forward_of(transform_image_5x5, output_image_5x5, pooled_image_5x5)
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
