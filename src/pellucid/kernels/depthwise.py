"""Depthwise convolution (groups = C = OC): each channel has its own kernel; `compiled.depthwise` has the loops.

There is no sum over channels, hence no matrix product: 16 neighbouring channels are 16 lanes of a vector. float32.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from pellucid.kernels import jit
from pellucid.kernels.geometry import Window, conv_output_shape
from pellucid.kernels.sliding import bias_vector, taps, whole, work_blocks
from pellucid.kernels.threads import address, parallel_for
from pellucid.typing import Array, IntArray, Shape


class Frame(NamedTuple):
    """Sizes as the compiled loops take them, the taps' distances in bytes, and the blocks of images."""

    sizes: tuple[int, ...]  # H W C, OH OW, KH KW, SH SW, DH DW, top left
    taps: IntArray
    blocks: list[slice]

    def of(self, images: slice) -> tuple[int, ...]:
        return (images.stop - images.start, *self.sizes)

    def usual(self, images: slice) -> tuple[int, ...]:
        """The sizes that matter to the 3x3 kernels: N H W C, OH OW, top left."""
        return (images.stop - images.start, *self.sizes[:5], *self.sizes[11:])


def _is_usual(window: Window) -> bool:
    return window.size == (3, 3) and window.stride == window.dilation == (1, 1)


def _row_of_zeros(x_shape: Shape) -> Array:
    return np.zeros(x_shape[2] * x_shape[3], np.float32)


def _frame(x_shape: Shape, window: Window, taps_multiple: int = 1) -> Frame:
    n, h, w, c = x_shape
    oh, ow = window.output(h, w)
    sizes = (
        h,
        w,
        c,
        oh,
        ow,
        *window.size,
        *window.stride,
        *window.dilation,
        window.padding[0][0],
        window.padding[1][0],
    )
    blocks = work_blocks(n, 2 * n * oh * ow * c * window.size[0] * window.size[1], 4 * n * c * (h * w + oh * ow))
    return Frame(sizes, taps(window, w, c, 1, multiple=taps_multiple), blocks)


def forward(x: Array, w: Array, b: Array | None, window: Window, out: Array | None = None) -> Array:
    """y[..., c] = x[..., c] ∗ w[:, :, 0, c] + b[c]."""
    y = np.empty(conv_output_shape(x.shape, w.shape, window), np.float32) if out is None else out
    p, kernels, bias = _frame(x.shape, window), jit.load("depthwise"), bias_vector(b, x.shape[3])
    x0, w0, b0, y0 = address(x), address(w), address(bias), address(y)
    usual, zeros = jit.load("depthwise3x3") if _is_usual(window) else None, _row_of_zeros(x.shape)

    def block(index: int) -> None:
        part = p.blocks[index]
        x1, y1 = x0 + part.start * x.strides[0], y0 + part.start * y.strides[0]
        if usual is not None:
            usual.forward(p.usual(part), x1, w0, b0, y1, address(zeros))
        else:
            kernels.forward(p.of(part), p.taps, x1, w0, b0, y1)

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
        kernels.input_gradient(p.of(part), p.taps, dy1, w0, dx1)

    parallel_for(block, len(p.blocks))
    return dx


def weight_gradient(x: Array, dy: Array, kernel: tuple[int, ...], window: Window) -> tuple[Array, Array]:
    """(dw, db) for w of shape `kernel` (KH, KW, 1, C)."""
    c = kernel[3]
    p, kernels = _frame(x.shape, window, taps_multiple=9), jit.load("depthwise")
    usual, zeros = jit.load("depthwise3x3") if _is_usual(window) else None, _row_of_zeros(x.shape)
    dw = np.zeros((len(p.blocks), len(p.taps), c if usual is not None else whole(c)), np.float32)
    db = np.zeros((len(p.blocks), whole(c)), np.float32)
    x0, dy0, dw0, db0 = address(x), address(dy), address(dw), address(db)

    def block(index: int) -> None:
        part = p.blocks[index]
        x1, dy1 = x0 + part.start * x.strides[0], dy0 + part.start * dy.strides[0]
        sums = dw0 + index * dw.strides[0], db0 + index * db.strides[0]
        if usual is not None:
            usual.weight_gradient(p.usual(part), x1, dy1, *sums, address(zeros))
        else:
            kernels.weight_gradient(p.of(part), p.taps, x1, dy1, *sums)

    parallel_for(block, len(p.blocks))
    return dw.sum(axis=0)[: kernel[0] * kernel[1], :c].reshape(kernel), db.sum(axis=0)[:c]
