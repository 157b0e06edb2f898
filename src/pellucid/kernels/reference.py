"""Convolution and pooling as loops: the specification that every faster kernel is tested against.

Read these first. Images are (N, H, W, C), kernels (KH, KW, C//groups, OC), padding ((top, bottom), (left, right)).
"Convolution" is cross-correlation, as everywhere in deep learning: the kernel is not flipped.

    y[n,i,j,o] = b[o] + Σ_{u,v,c} w[u,v,c,o] · x[n, i·SH + u·DH − top, j·SW + v·DW − left, g·CG + c]

with CG = C//groups channels per group and g = o // (OC//groups) the group of output channel o.
Pixels outside the image count as 0 in a convolution and are absent from a maximum.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from pellucid.kernels.geometry import NO_PADDING, Padding, Pair, Window, conv_output_shape, transposed_size
from pellucid.typing import Array, IntArray, Shape


def _taps(window: Window, x_shape: Shape) -> Iterator[tuple[int, int, int, int, int, int]]:
    """Every (i, j, u, v, r, s): output pixel (i, j) sees input pixel (r, s), inside the image, through tap (u, v)."""
    _, h, w, _ = x_shape
    oh, ow = window.output(h, w)
    (sh, sw), ((top, _), (left, _)), (dh, dw) = window.stride, window.padding, window.dilation
    for i, j, u, v in np.ndindex(oh, ow, *window.size):
        r, s = i * sh + u * dh - top, j * sw + v * dw - left
        if 0 <= r < h and 0 <= s < w:
            yield i, j, u, v, r, s


def _groups(channels: int, out_channels: int, groups: int) -> Iterator[tuple[slice, slice]]:
    """The input channels and the output channels of each group."""
    cg, og = channels // groups, out_channels // groups
    for g in range(groups):
        yield slice(g * cg, (g + 1) * cg), slice(g * og, (g + 1) * og)


def conv2d(
    x: Array,
    w: Array,
    b: Array | None = None,
    *,
    stride: Pair = (1, 1),
    padding: Padding = NO_PADDING,
    dilation: Pair = (1, 1),
    groups: int = 1,
) -> Array:
    """x (N, H, W, C), w (KH, KW, C//groups, OC), b (OC,) → y (N, OH, OW, OC); the equation is above."""
    window = Window((w.shape[0], w.shape[1]), stride, padding, dilation)
    y = np.zeros(conv_output_shape(x.shape, w.shape, window), x.dtype)
    for ins, outs in _groups(x.shape[3], w.shape[3], groups):
        for i, j, u, v, r, s in _taps(window, x.shape):
            y[:, i, j, outs] += x[:, r, s, ins] @ w[u, v, :, outs]
    return y if b is None else y + b


def conv2d_input_gradient(
    dy: Array,
    w: Array,
    x_shape: Shape,
    *,
    stride: Pair = (1, 1),
    padding: Padding = NO_PADDING,
    dilation: Pair = (1, 1),
    groups: int = 1,
) -> Array:
    """dx[n,r,s,c] = Σ over the outputs (i,j,o) and taps (u,v) that saw x[n,r,s,c] of  w[u,v,c,o] · dy[n,i,j,o]."""
    window = Window((w.shape[0], w.shape[1]), stride, padding, dilation)
    dx = np.zeros(x_shape, dy.dtype)
    for ins, outs in _groups(x_shape[3], w.shape[3], groups):
        for i, j, u, v, r, s in _taps(window, x_shape):
            dx[:, r, s, ins] += dy[:, i, j, outs] @ w[u, v, :, outs].T
    return dx


def conv2d_weight_gradient(
    x: Array,
    dy: Array,
    w_shape: Shape,
    *,
    stride: Pair = (1, 1),
    padding: Padding = NO_PADDING,
    dilation: Pair = (1, 1),
    groups: int = 1,
) -> Array:
    """dw[u,v,c,o] = Σ_{n,i,j} x[n, i·SH + u·DH − top, j·SW + v·DW − left, c] · dy[n,i,j,o]; db = Σ_{n,i,j} dy."""
    window = Window((w_shape[0], w_shape[1]), stride, padding, dilation)
    dw = np.zeros(w_shape, x.dtype)
    for ins, outs in _groups(x.shape[3], w_shape[3], groups):
        for i, j, u, v, r, s in _taps(window, x.shape):
            dw[u, v, :, outs] += x[:, r, s, ins].T @ dy[:, i, j, outs]
    return dw


def conv_transpose2d(
    x: Array,
    w: Array,
    b: Array | None = None,
    *,
    stride: Pair = (1, 1),
    padding: Padding = NO_PADDING,
    output_padding: Pair = (0, 0),
    dilation: Pair = (1, 1),
    groups: int = 1,
) -> Array:
    """x (N, H, W, OC) → y (N, H', W', C): the input gradient of the convolution with w (KH, KW, C//groups, OC)."""
    window = Window((w.shape[0], w.shape[1]), stride, padding, dilation)
    size = transposed_size(window, x.shape[1], x.shape[2], output_padding)
    y_shape = (x.shape[0], *size, w.shape[2] * groups)
    y = conv2d_input_gradient(x, w, y_shape, stride=stride, padding=padding, dilation=dilation, groups=groups)
    return y if b is None else y + b


def max_pool2d(
    x: Array,
    size: Pair,
    *,
    stride: Pair | None = None,
    padding: Padding = NO_PADDING,
    dilation: Pair = (1, 1),
) -> tuple[Array, IntArray]:
    """y[n,i,j,c] = the largest pixel in the window at (i·SH − top, j·SW − left); stride None means `size`.

    The second result, the *switch*, is the winner's place u·KW + v in its window. Among equals the first wins.
    """
    window = Window(size, stride or size, padding, dilation)
    oh, ow = window.output(x.shape[1], x.shape[2])
    y = np.full((x.shape[0], oh, ow, x.shape[3]), -np.inf, x.dtype)
    switch = np.zeros(y.shape, np.intp)
    for i, j, u, v, r, s in _taps(window, x.shape):
        better = (x[:, r, s] > y[:, i, j]) | (np.isnan(x[:, r, s]) & ~np.isnan(y[:, i, j]))
        y[:, i, j][better] = x[:, r, s][better]
        switch[:, i, j][better] = u * size[1] + v
    return y, switch


def max_pool2d_gradient(
    dy: Array,
    switch: IntArray,
    x_shape: Shape,
    size: Pair,
    *,
    stride: Pair | None = None,
    padding: Padding = NO_PADDING,
    dilation: Pair = (1, 1),
) -> Array:
    """Each dy goes to the pixel that won its window; windows that overlap add up."""
    window = Window(size, stride or size, padding, dilation)
    dx = np.zeros(x_shape, dy.dtype)
    for i, j, u, v, r, s in _taps(window, x_shape):
        dx[:, r, s] += np.where(switch[:, i, j] == u * size[1] + v, dy[:, i, j], 0)
    return dx


def _window_counts(window: Window, x_shape: Shape, count_padding: bool) -> Array:
    """(OH, OW): by how many pixels each window's sum is divided."""
    if count_padding:
        return np.full(window.output(*x_shape[1:3]), window.size[0] * window.size[1])
    counts = np.zeros(window.output(*x_shape[1:3]), int)
    for i, j, *_ in _taps(window, x_shape):
        counts[i, j] += 1
    return counts


def average_pool2d(
    x: Array,
    size: Pair,
    *,
    stride: Pair | None = None,
    padding: Padding = NO_PADDING,
    dilation: Pair = (1, 1),
    count_padding: bool = False,
) -> Array:
    """The mean over each window: of its pixels in the image, or, padding counted as zeros, of all KH·KW."""
    window = Window(size, stride or size, padding, dilation)
    counts = _window_counts(window, x.shape, count_padding)
    y = np.zeros((x.shape[0], *counts.shape, x.shape[3]), x.dtype)
    for i, j, _, _, r, s in _taps(window, x.shape):
        y[:, i, j] += x[:, r, s] / x.dtype.type(counts[i, j])
    return y


def average_pool2d_gradient(
    dy: Array,
    x_shape: Shape,
    size: Pair,
    *,
    stride: Pair | None = None,
    padding: Padding = NO_PADDING,
    dilation: Pair = (1, 1),
    count_padding: bool = False,
) -> Array:
    """Each dy is shared equally among the pixels of its window."""
    window = Window(size, stride or size, padding, dilation)
    counts = _window_counts(window, x_shape, count_padding)
    dx = np.zeros(x_shape, dy.dtype)
    for i, j, _, _, r, s in _taps(window, x_shape):
        dx[:, r, s] += dy[:, i, j] / dy.dtype.type(counts[i, j])
    return dx
