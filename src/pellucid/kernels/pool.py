"""Max and average pooling, forward and backward.

A *switch* is the winner's place u·KW + v in its window, one byte where the window has at most 256 pixels: it is all
that the gradient needs, and a quarter of the size of the pixels. Among equals the first wins; NaN wins over all, so
that it is seen. Windows may overlap and may reach into padding, which never wins.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from pellucid.kernels import jit, tasks
from pellucid.kernels.geometry import NO_PADDING, Padding, Pair, Window
from pellucid.kernels.threads import address, blocks_of, parallel_for
from pellucid.typing import Array, IntArray, Shape

# Images per block: about this many bytes of input, so that a block's planes stay in cache from tap to tap.
BLOCK_BYTES = 256 * 1024


def _images(x_shape: Shape, itemsize: int) -> int:
    """Images in a block."""
    per_image = x_shape[1] * x_shape[2] * x_shape[3] * itemsize
    return max(1, BLOCK_BYTES // max(1, per_image))


def _blocks(x_shape: Shape, itemsize: int) -> list[slice]:
    return blocks_of(x_shape[0], _images(x_shape, itemsize))


def _tap_slices(window: Window, x_shape: Shape) -> Iterator[tuple[int, tuple[slice, slice], tuple[slice, slice]]]:
    """For each tap: its number, the outputs whose tap lies in the image, and the input pixels that they see."""
    oh, ow = window.output(x_shape[1], x_shape[2])
    for u, v in np.ndindex(*window.size):
        rows = _in_image(u - window.padding[0][0], window.stride[0], oh, x_shape[1])
        columns = _in_image(v - window.padding[1][0], window.stride[1], ow, x_shape[2])
        yield u * window.size[1] + v, (rows[0], columns[0]), (rows[1], columns[1])


def _in_image(offset: int, stride: int, outputs: int, pixels: int) -> tuple[slice, slice]:
    """Outputs i with 0 ≤ i·stride + offset < pixels, and those pixels."""
    first = max(0, -(offset // stride))
    last = min(outputs - 1, (pixels - 1 - offset) // stride)
    if last < first:
        return slice(0, 0), slice(0, 0)
    return slice(first, last + 1), slice(first * stride + offset, last * stride + offset + 1, stride)


def _compiled(size: Pair, *arrays: Array) -> bool:
    """Whether the compiled loops serve: float32, and places that fit a byte."""
    return jit.available() and size[0] * size[1] <= 256 and all(a.dtype == np.float32 for a in arrays)


def _run(name: str, window: Window, x_shape: Shape, *arrays: Array | IntArray) -> None:
    """Run a compiled loop over the images."""
    (top, _), (left, _) = window.padding
    sizes = (*x_shape, *window.output(x_shape[1], x_shape[2]), *window.size, *window.stride, top, left)
    size = _images(x_shape, 4)
    tasks.run(getattr(jit.load("pool"), name), -(-x_shape[0] // size), (*sizes, size, *map(address, arrays)))


def _expect_outputs(x_shape: Shape, window: Window, *arrays: Array | IntArray) -> None:
    """Refuse what has not the shape of the output: compiled loops see only addresses."""
    shape = (x_shape[0], *window.output(x_shape[1], x_shape[2]), x_shape[3])
    for array in arrays:
        if array.shape != shape:
            raise ValueError(f"pooling: dy and switches must have the output's shape {shape}, got {array.shape}.")


def switch_dtype(size: Pair) -> type[np.unsignedinteger]:
    """The smallest integer that numbers the pixels of a window."""
    return np.uint8 if size[0] * size[1] <= 256 else np.uint32


def max_pool2d(
    x: Array, size: Pair, *, stride: Pair | None = None, padding: Padding = NO_PADDING
) -> tuple[Array, IntArray]:
    """y = the largest pixel of each window, and the switches (N, OH, OW, C); stride None means `size`.

    Examples
    --------
    >>> x = np.array([[1, 5], [2, 3]], np.float32).reshape(1, 2, 2, 1)
    >>> y, switch = pl.kernels.max_pool2d(x, (2, 2))
    >>> y.ravel().tolist(), switch.ravel().tolist()
    ([5.0], [1])
    """
    window = Window(size, stride or size, padding)
    x = np.ascontiguousarray(x)
    oh, ow = window.output(x.shape[1], x.shape[2])
    y = np.empty((x.shape[0], oh, ow, x.shape[3]), x.dtype)
    switch = np.empty(y.shape, switch_dtype(size))
    blocks = _blocks(x.shape, x.itemsize)
    if _compiled(size, x):
        _run("max_forward", window, x.shape, x, y, switch)
        return y, switch

    def block(index: int) -> None:
        part = blocks[index]
        _max_block(x[part], y[part], switch[part], window)

    parallel_for(block, len(blocks))
    return y, switch


def _max_block(x: Array, y: Array, switch: IntArray, window: Window) -> None:
    y.fill(-np.inf)
    switch.fill(0)
    for tap, outputs, pixels in _tap_slices(window, x.shape):
        best, seen = y[:, outputs[0], outputs[1]], x[:, pixels[0], pixels[1]]
        better = (seen > best) | (np.isnan(seen) & ~np.isnan(best))
        np.copyto(best, seen, where=better)
        np.copyto(switch[:, outputs[0], outputs[1]], tap, where=better, casting="unsafe")


def max_pool2d_gradient(
    dy: Array,
    switch: IntArray,
    x_shape: Shape,
    size: Pair,
    *,
    stride: Pair | None = None,
    padding: Padding = NO_PADDING,
) -> Array:
    """dx: each dy goes to the pixel that won its window; windows that overlap add up.

    Examples
    --------
    >>> switch = np.array([1], np.uint8).reshape(1, 1, 1, 1)
    >>> dy = np.ones((1, 1, 1, 1), np.float32)
    >>> pl.kernels.max_pool2d_gradient(dy, switch, (1, 2, 2, 1), (2, 2)).ravel().tolist()
    [0.0, 1.0, 0.0, 0.0]
    """
    window = Window(size, stride or size, padding)
    dy, switch = np.ascontiguousarray(dy), np.ascontiguousarray(switch)
    _expect_outputs(x_shape, window, dy, switch)
    dx = np.empty(x_shape, dy.dtype)
    blocks = _blocks(x_shape, dy.itemsize)
    if _compiled(size, dy) and switch.dtype == np.uint8:
        _run("max_backward", window, x_shape, dy, switch, dx)
        return dx

    def block(index: int) -> None:
        part = blocks[index]
        dx[part] = 0
        for tap, outputs, pixels in _tap_slices(window, x_shape):
            won = switch[part, outputs[0], outputs[1]] == tap
            dx[part, pixels[0], pixels[1]] += np.where(won, dy[part, outputs[0], outputs[1]], dy.dtype.type(0))

    parallel_for(block, len(blocks))
    return dx


def _shares(window: Window, x_shape: Shape, count_padding: bool, dtype: np.dtype[np.floating]) -> Array:
    """(OH, OW): one over the number of pixels that each window's mean is taken of."""
    counts = np.zeros(window.output(x_shape[1], x_shape[2]))
    for _, outputs, _ in _tap_slices(window, x_shape):
        counts[outputs] += 1
    if count_padding:
        counts[:] = window.size[0] * window.size[1]
    return (1 / np.maximum(counts, 1)).astype(dtype)


def average_pool2d(
    x: Array,
    size: Pair,
    *,
    stride: Pair | None = None,
    padding: Padding = NO_PADDING,
    count_padding: bool = False,
) -> Array:
    """y = the mean of each window: of its pixels in the image, or of all KH·KW, padding being 0 (`count_padding`).

    Examples
    --------
    >>> x = np.array([[1, 5], [2, 4]], np.float32).reshape(1, 2, 2, 1)
    >>> pl.kernels.average_pool2d(x, (2, 2)).ravel().tolist()
    [3.0]
    """
    window = Window(size, stride or size, padding)
    x = np.ascontiguousarray(x)
    shares = _shares(window, x.shape, count_padding, x.dtype)
    y = np.empty((x.shape[0], *shares.shape, x.shape[3]), x.dtype)
    blocks = _blocks(x.shape, x.itemsize)
    if _compiled(size, x):
        _run("average_forward", window, x.shape, x, shares, y)
        return y

    def block(index: int) -> None:
        part = blocks[index]
        y[part] = 0
        for _, outputs, pixels in _tap_slices(window, x.shape):
            y[part, outputs[0], outputs[1]] += x[part, pixels[0], pixels[1]]
        y[part] *= shares[..., None]

    parallel_for(block, len(blocks))
    return y


def average_pool2d_gradient(
    dy: Array,
    x_shape: Shape,
    size: Pair,
    *,
    stride: Pair | None = None,
    padding: Padding = NO_PADDING,
    count_padding: bool = False,
) -> Array:
    """dx: each dy is shared equally among the pixels of its window.

    Examples
    --------
    >>> dy = np.ones((1, 1, 1, 1), np.float32)
    >>> pl.kernels.average_pool2d_gradient(dy, (1, 2, 2, 1), (2, 2)).ravel().tolist()
    [0.25, 0.25, 0.25, 0.25]
    """
    window = Window(size, stride or size, padding)
    dy = np.ascontiguousarray(dy)
    _expect_outputs(x_shape, window, dy)
    shares = _shares(window, x_shape, count_padding, dy.dtype)
    dx = np.empty(x_shape, dy.dtype)
    blocks = _blocks(x_shape, dy.itemsize)
    if _compiled(size, dy):
        _run("average_backward", window, x_shape, dy, shares, dx)
        return dx

    def block(index: int) -> None:
        part = blocks[index]
        dx[part] = 0
        shared = dy[part] * shares[..., None]
        for _, outputs, pixels in _tap_slices(window, x_shape):
            dx[part, pixels[0], pixels[1]] += shared[:, outputs[0], outputs[1]]

    parallel_for(block, len(blocks))
    return dx
