"""Max and average pooling, forward and backward.

A *switch* is the winner's place u·KW + v in its window, one byte where the window has at most 256 pixels: it is all
that the gradient needs, and a quarter of the size of the pixels. Among equals the first wins; NaN wins over all, so
that it is seen. Windows may overlap and may reach into padding, which never wins.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np

from pellucid.checked import checked_late
from pellucid.kernels import doors, jit
from pellucid.kernels.addresses import BYTE
from pellucid.kernels.crew import tasks
from pellucid.kernels.crew.tasks import Row
from pellucid.kernels.crew.threads import blocks_of, parallel_for
from pellucid.kernels.geometry import NO_PADDING, Padding, Pair, Window
from pellucid.kernels.records import Slot, reads
from pellucid.kernels.taps import tap_slices
from pellucid.typing import Array, IntArray, Shape

# Images per block: about this many bytes of input, so that a block's planes stay in cache from tap to tap.
BLOCK_BYTES = 256 * 1024


def _images(x_shape: Shape, itemsize: int) -> int:
    """Images in a block."""
    per_image = x_shape[1] * x_shape[2] * x_shape[3] * itemsize
    return max(1, BLOCK_BYTES // max(1, per_image))


def _blocks(x_shape: Shape, itemsize: int) -> list[slice]:
    return blocks_of(x_shape[0], _images(x_shape, itemsize))


def _compiled(window: Window, *arrays: Array) -> bool:
    """Whether the compiled loops serve: float32, windows without holes, and places that fit a byte."""
    plain = window.dilation == (1, 1) and window.size[0] * window.size[1] <= 256
    return plain and jit.available() and all(a.dtype == np.float32 for a in arrays)


class Sizes(NamedTuple):
    """Images, outputs, the window, and the images of a piece."""

    n: int
    height: int
    width: int
    channels: int
    oh: int
    ow: int
    kh: int
    kw: int
    sh: int
    sw: int
    top: int
    left: int
    size: int


_IMAGES = "sizes.n sizes.height sizes.width sizes.channels"
_OUTPUTS = "sizes.n sizes.oh sizes.ow sizes.channels"


class MaxPass(NamedTuple):
    """x, y and the switches; in the backward pass dx, dy and the switches."""

    sizes: Sizes
    x: Slot = reads(_IMAGES)
    y: Slot = reads(_OUTPUTS)
    beside: Slot = reads(_OUTPUTS, BYTE)


class AveragePass(NamedTuple):
    """x, y and the shares; in the backward pass dx, dy and the shares."""

    sizes: Sizes
    x: Slot = reads(_IMAGES)
    y: Slot = reads(_OUTPUTS)
    beside: Slot = reads("sizes.oh sizes.ow")


@lru_cache(maxsize=256)
def _row(kind: type[MaxPass] | type[AveragePass], x_shape: Shape, window: Window, gradient: bool) -> Row:
    """The row of a pass over images; what it writes was made for it."""
    (top, _), (left, _) = window.padding
    size = _images(x_shape, 4)
    n, h, w, c = x_shape
    sizes = Sizes(n, h, w, c, *window.output(h, w), *window.size, *window.stride, top, left, size)
    return Row(jit.load("pooling.loops").LOOPS[kind, gradient], -(-n // size), kind(sizes))


def _output_shape(x_shape: Shape, window: Window) -> Shape:
    return x_shape[0], *window.output(x_shape[1], x_shape[2]), x_shape[3]


def switch_dtype(size: Pair) -> type[np.unsignedinteger]:
    """The smallest integer that numbers the pixels of a window."""
    pixels = size[0] * size[1]
    return np.uint8 if pixels <= 2**8 else np.uint32 if pixels <= 2**32 else np.uint64


@checked_late
def max_pool2d(
    x: Array,
    size: Pair,
    *,
    stride: Pair | None = None,
    padding: Padding = NO_PADDING,
    dilation: Pair = (1, 1),
) -> tuple[Array, IntArray]:
    """y = the largest pixel of each window, and the switches (N, OH, OW, C); stride None means `size`.

    Examples
    --------
    >>> x = np.array([[1, 5], [2, 3]], np.float32).reshape(1, 2, 2, 1)
    >>> y, switch = pl.kernels.max_pool2d(x, (2, 2))
    >>> y.ravel().tolist(), switch.ravel().tolist()
    ([5.0], [1])
    """
    window = doors.window("max_pool2d", size, stride or size, padding, dilation)
    x = doors.floats("max_pool2d", "x", x, doors.IMAGES)
    y = np.empty(doors.expect_room("max_pool2d", _output_shape(x.shape, window)), x.dtype)
    switch = np.empty(y.shape, switch_dtype(window.size))
    blocks = _blocks(x.shape, x.itemsize)
    if _compiled(window, x):
        tasks.run(_row(MaxPass, x.shape, window, False), x=x, y=y, beside=switch)
        return y, switch

    def block(index: int) -> None:
        part = blocks[index]
        _max_block(x[part], y[part], switch[part], window)

    parallel_for(block, len(blocks))
    return y, switch


def _max_block(x: Array, y: Array, switch: IntArray, window: Window) -> None:
    y.fill(-np.inf)
    switch.fill(0)
    for (u, v), outputs, pixels in tap_slices(window, x.shape):
        best, seen = y[:, outputs[0], outputs[1]], x[:, pixels[0], pixels[1]]
        better = (seen > best) | (np.isnan(seen) & ~np.isnan(best))
        np.copyto(best, seen, where=better)
        np.copyto(switch[:, outputs[0], outputs[1]], u * window.size[1] + v, where=better, casting="unsafe")


@checked_late
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
    """dx: each dy goes to the pixel that won its window; windows that overlap add up.

    Examples
    --------
    >>> switch = np.array([1], np.uint8).reshape(1, 1, 1, 1)
    >>> dy = np.ones((1, 1, 1, 1), np.float32)
    >>> pl.kernels.max_pool2d_gradient(dy, switch, (1, 2, 2, 1), (2, 2)).ravel().tolist()
    [0.0, 1.0, 0.0, 0.0]
    """
    who = "max_pool2d_gradient"
    window, x_shape = (
        doors.window(who, size, stride or size, padding, dilation),
        doors.shape(who, "x_shape", x_shape, doors.IMAGES),
    )
    dy, switch = doors.floats(who, "dy", dy, doors.IMAGES), np.ascontiguousarray(switch)
    doors.expect_outputs(who, _output_shape(x_shape, window), dy=dy, switch=switch)
    dx = np.empty(x_shape, dy.dtype)
    blocks = _blocks(x_shape, dy.itemsize)
    if _compiled(window, dy) and switch.dtype == np.uint8:
        tasks.run(_row(MaxPass, dx.shape, window, True), x=dx, y=dy, beside=switch)
        return dx

    def block(index: int) -> None:
        part = blocks[index]
        dx[part] = 0
        for (u, v), outputs, pixels in tap_slices(window, x_shape):
            won = switch[part, outputs[0], outputs[1]] == u * window.size[1] + v
            dx[part, pixels[0], pixels[1]] += np.where(won, dy[part, outputs[0], outputs[1]], dy.dtype.type(0))

    parallel_for(block, len(blocks))
    return dx


def _shares(window: Window, x_shape: Shape, count_padding: bool, dtype: np.dtype[np.floating]) -> Array:
    """(OH, OW): one over the number of pixels that each window's mean is taken of."""
    counts = np.zeros(window.output(x_shape[1], x_shape[2]))
    for _, outputs, _ in tap_slices(window, x_shape):
        counts[outputs] += 1
    if count_padding:
        counts[:] = window.size[0] * window.size[1]
    return (1 / np.maximum(counts, 1)).astype(dtype)


@checked_late
def average_pool2d(
    x: Array,
    size: Pair,
    *,
    stride: Pair | None = None,
    padding: Padding = NO_PADDING,
    dilation: Pair = (1, 1),
    count_padding: bool = False,
) -> Array:
    """y = the mean of each window: of its pixels in the image, or of all KH·KW, padding being 0 (`count_padding`).

    Examples
    --------
    >>> x = np.array([[1, 5], [2, 4]], np.float32).reshape(1, 2, 2, 1)
    >>> pl.kernels.average_pool2d(x, (2, 2)).ravel().tolist()
    [3.0]
    """
    window = doors.window("average_pool2d", size, stride or size, padding, dilation)
    x = doors.floats("average_pool2d", "x", x, doors.IMAGES)
    y = np.empty(doors.expect_room("average_pool2d", _output_shape(x.shape, window)), x.dtype)
    shares = _shares(window, x.shape, count_padding, x.dtype)
    blocks = _blocks(x.shape, x.itemsize)
    if _compiled(window, x):
        tasks.run(_row(AveragePass, x.shape, window, False), x=x, y=y, beside=shares)
        return y

    def block(index: int) -> None:
        part = blocks[index]
        y[part] = 0
        for _, outputs, pixels in tap_slices(window, x.shape):
            y[part, outputs[0], outputs[1]] += x[part, pixels[0], pixels[1]]
        y[part] *= shares[..., None]

    parallel_for(block, len(blocks))
    return y


@checked_late
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
    """dx: each dy is shared equally among the pixels of its window.

    Examples
    --------
    >>> dy = np.ones((1, 1, 1, 1), np.float32)
    >>> pl.kernels.average_pool2d_gradient(dy, (1, 2, 2, 1), (2, 2)).ravel().tolist()
    [0.25, 0.25, 0.25, 0.25]
    """
    who = "average_pool2d_gradient"
    window, x_shape = (
        doors.window(who, size, stride or size, padding, dilation),
        doors.shape(who, "x_shape", x_shape, doors.IMAGES),
    )
    dy = doors.floats(who, "dy", dy, doors.IMAGES)
    doors.expect_outputs(who, _output_shape(x_shape, window), dy=dy)
    shares = _shares(window, x_shape, count_padding, dy.dtype)
    dx = np.empty(x_shape, dy.dtype)
    blocks = _blocks(x_shape, dy.itemsize)
    if _compiled(window, dy):
        tasks.run(_row(AveragePass, dx.shape, window, True), x=dx, y=dy, beside=shares)
        return dx

    def block(index: int) -> None:
        part = blocks[index]
        dx[part] = 0
        shared = dy[part] * shares[..., None]
        for _, outputs, pixels in tap_slices(window, x_shape):
            dx[part, pixels[0], pixels[1]] += shared[:, outputs[0], outputs[1]]

    parallel_for(block, len(blocks))
    return dx
