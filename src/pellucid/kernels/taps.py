"""Convolution tap by tap: each tap of the kernel adds its share to the outputs whose pixel lies in the image.

    y[outputs of (u,v)] += x[pixels of (u,v)] · w[u,v]

No border of zeros is built, and taps that no output needs cost nothing. It serves where padding or dilation reach so
far beyond the image that the border would be nearly all there is.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from pellucid.kernels.geometry import Window, conv_output_shape
from pellucid.typing import Array, Shape


def tap_slices(window: Window, x_shape: Shape) -> Iterator[tuple[Shape, tuple[slice, slice], tuple[slice, slice]]]:
    """For each tap that sees the image: (u, v), the outputs whose tap lies in it, and the pixels that they see."""
    outputs = window.output(x_shape[1], x_shape[2])
    rows, columns = (_seeing(window, axis, outputs[axis], x_shape[1 + axis]) for axis in (0, 1))
    for u, *row in rows:
        for v, *column in columns:
            yield (u, v), (row[0], column[0]), (row[1], column[1])


def _seeing(window: Window, axis: int, outputs: int, pixels: int) -> list[tuple[int, slice, slice]]:
    """The taps along an axis that lie in the image for any output, with these outputs and the pixels they see."""
    (before, _), stride, dilation = window.padding[axis], window.stride[axis], window.dilation[axis]
    first = max(0, -(-(before - (outputs - 1) * stride) // dilation))
    end = min(window.size[axis], (before + pixels - 1) // dilation + 1)
    taps = ((u, *_in_image(u * dilation - before, stride, outputs, pixels)) for u in range(first, end))
    return [tap for tap in taps if tap[1].stop]


def _in_image(offset: int, stride: int, outputs: int, pixels: int) -> tuple[slice, slice]:
    """Outputs i with 0 ≤ i·stride + offset < pixels, and those pixels."""
    first = max(0, -(offset // stride))
    last = min(outputs - 1, (pixels - 1 - offset) // stride)
    if last < first:
        return slice(0, 0), slice(0, 0)
    return slice(first, last + 1), slice(first * stride + offset, last * stride + offset + 1, stride)


def _by_group(a: Array, groups: int) -> Array:
    """a (N, H, W, C) → (N, groups, H·W, C//groups): each image is a product of its own, as in `im2col`."""
    return a.reshape(len(a), -1, groups, a.shape[3] // groups).transpose(0, 2, 1, 3)


def _matrices(w: Array, groups: int) -> Array:
    """w (C//groups, OC) → (groups, C//groups, OC//groups)."""
    return w.reshape(len(w), groups, -1).transpose(1, 0, 2)


def _add(target: Array, product: Array) -> None:
    """target (N, H, W, C) += product (N, groups, H·W, C//groups)."""
    target += product.transpose(0, 2, 1, 3).reshape(target.shape)


def conv2d(x: Array, w: Array, b: Array | None, window: Window, groups: int, out: Array | None = None) -> Array:
    """x (N, H, W, C), w (KH, KW, C//groups, OC) → y (N, OH, OW, OC)."""
    y = np.empty(conv_output_shape(x.shape, w.shape, window), x.dtype) if out is None else out
    y[...] = 0 if b is None else b
    for tap, (rows, columns), (i, j) in tap_slices(window, x.shape):
        _add(y[:, rows, columns], _by_group(x[:, i, j], groups) @ _matrices(w[tap], groups))
    return y


def conv2d_input_gradient(
    dy: Array, w: Array, x_shape: Shape, window: Window, groups: int, out: Array | None = None
) -> Array:
    """dx[pixels of (u,v)] += dy[outputs of (u,v)] · w[u,v]ᵀ."""
    dx = np.empty(x_shape, dy.dtype) if out is None else out
    dx.fill(0)
    for tap, (rows, columns), (i, j) in tap_slices(window, x_shape):
        _add(dx[:, i, j], _by_group(dy[:, rows, columns], groups) @ _matrices(w[tap], groups).transpose(0, 2, 1))
    return dx


def conv2d_weight_gradient(x: Array, dy: Array, w_shape: Shape, window: Window, groups: int) -> Array:
    """dw[u,v] = x[pixels of (u,v)]ᵀ · dy[outputs of (u,v)]."""
    dw = np.zeros(w_shape, x.dtype)
    for tap, (rows, columns), (i, j) in tap_slices(window, x.shape):
        seen = _by_group(x[:, i, j], groups).transpose(0, 1, 3, 2)
        product = (seen @ _by_group(dy[:, rows, columns], groups)).sum(axis=0)  # (groups, C//groups, OC//groups)
        dw[tap] = product.transpose(1, 0, 2).reshape(w_shape[2:])
    return dw
