"""Depthwise convolution (groups = C = OC): each channel has its own kernel; `compiled.depthwise` has the loops.

There is no sum over channels, hence no matrix product: 16 neighbouring channels are 16 lanes of a vector. float32.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from pellucid.kernels import jit
from pellucid.kernels.geometry import Window, conv_output_shape
from pellucid.kernels.sliding import bias_vector, taps, whole, work_blocks
from pellucid.kernels.threads import address, parallel_for, scratch_address
from pellucid.typing import Array, IntArray, Shape


class Frame(NamedTuple):
    """Sizes as the compiled loops take them, the taps' distances in bytes, and the blocks of images."""

    sizes: tuple[int, ...]  # H W C, OH OW, top left, HP WP, SH SW
    taps: IntArray
    blocks: list[slice]

    def of(self, images: slice) -> tuple[int, ...]:
        return (images.stop - images.start, *self.sizes)

    def padded(self) -> int:
        """This thread's scratch memory for one padded image."""
        return scratch_address("depthwise.padded", self.sizes[2] * self.sizes[7] * self.sizes[8])


def _frame(x_shape: Shape, window: Window, taps_multiple: int = 1) -> Frame:
    n, h, w, c = x_shape
    (top, bottom), (left, right) = window.padding
    oh, ow = window.output(h, w)
    hp, wp = h + top + bottom, w + left + right
    blocks = work_blocks(n, 0, 4 * n * c * (h * w + oh * ow))
    return Frame(
        (h, w, c, oh, ow, top, left, hp, wp, *window.stride), taps(window, wp, c, 1, multiple=taps_multiple), blocks
    )


def forward(x: Array, w: Array, b: Array | None, window: Window, out: Array | None = None) -> Array:
    """y[..., c] = x[..., c] ∗ w[:, :, 0, c] + b[c]."""
    y = np.empty(conv_output_shape(x.shape, w.shape, window), np.float32) if out is None else out
    p, kernels, bias = _frame(x.shape, window), jit.load("depthwise"), bias_vector(b, x.shape[3])
    x0, w0, b0, y0 = address(x), address(w), address(bias), address(y)

    def block(index: int) -> None:
        part = p.blocks[index]
        x1, y1 = x0 + part.start * x.strides[0], y0 + part.start * y.strides[0]
        kernels.forward(p.of(part), p.taps, x1, w0, b0, y1, p.padded())

    parallel_for(block, len(p.blocks))
    return y


def input_gradient(dy: Array, w: Array, x_shape: Shape, window: Window, out: Array | None = None) -> Array:
    """dx: with stride 1 the convolution of dy with the kernel turned by 180°, else each dy spread over its window."""
    kh, kw, _, c = w.shape
    (top, bottom), (left, right) = window.padding
    margins = [window.extent(axis) - 1 for axis in (0, 1)]
    if window.stride == (1, 1) and max(top, bottom) <= margins[0] and max(left, right) <= margins[1]:
        around = ((margins[0] - top, margins[0] - bottom), (margins[1] - left, margins[1] - right))
        turned = np.ascontiguousarray(w[::-1, ::-1])
        return forward(dy, turned, None, Window((kh, kw), (1, 1), around, window.dilation), out)
    dx = np.empty(x_shape, np.float32) if out is None else out
    p, kernels = _frame(x_shape, window), jit.load("depthwise")
    dy0, w0, dx0 = address(dy), address(w), address(dx)

    def block(index: int) -> None:
        part = p.blocks[index]
        dy1, dx1 = dy0 + part.start * dy.strides[0], dx0 + part.start * dx.strides[0]
        kernels.input_gradient(p.of(part), p.taps, dy1, w0, dx1, p.padded())

    parallel_for(block, len(p.blocks))
    return dx


def weight_gradient(x: Array, dy: Array, kernel: tuple[int, ...], window: Window) -> Array:
    """dw for w of shape `kernel` (KH, KW, 1, C)."""
    c = kernel[3]
    p, kernels = _frame(x.shape, window, taps_multiple=9), jit.load("depthwise")
    dw = np.zeros((len(p.blocks), len(p.taps), whole(c)), np.float32)
    x0, dy0, dw0 = address(x), address(dy), address(dw)

    def block(index: int) -> None:
        part = p.blocks[index]
        x1, dy1 = x0 + part.start * x.strides[0], dy0 + part.start * dy.strides[0]
        kernels.weight_gradient(p.of(part), p.taps, x1, dy1, dw0 + index * dw.strides[0], p.padded())

    parallel_for(block, len(p.blocks))
    return dw.sum(axis=0)[: kernel[0] * kernel[1], :c].reshape(kernel)
