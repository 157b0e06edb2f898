"""The outputs for an image with one patch replaced, computed where the patch can reach and nowhere else.

Through the first convolutions, activations and poolings of a chain a patch changes a small block, the receptive cone.
Block by block: cut the window that the block's outputs see out of the clean map, paste the changed pixels in, and run
the layer on the window. The first dense layer then adds the weighted *change* of the block to its clean sums.
Equal to computing everything again, up to rounding.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from pellucid.explain.machinery.fold import fold_batch_norm
from pellucid.kernels import Window
from pellucid.kernels.crew.threads import parallel_for
from pellucid.kernels.dense.rows import rows_times
from pellucid.layers import Layer
from pellucid.layers.facts import Sliding
from pellucid.layers.parts import AnyContainer, chain
from pellucid.layers.walk import layers_in_line
from pellucid.typing import Array, IntArray

ROWS = 1024
"""Patched images that are computed at once."""


class Blocks(NamedTuple):
    """The changed pixels (P, b, b', C) of P patched images, with their first row and column and their sample."""

    pixels: Array
    top: IntArray
    left: IntArray
    sample: IntArray


class Cone:
    """A network split into the layers that a patch spreads through slowly, and the rest; and its maps for clean x."""

    def __init__(self, network: AnyContainer, x: Array) -> None:
        network = fold_batch_norm(network)
        line = layers_in_line(network) or {}
        layers = list(line.values())
        count = next((i for i, layer in enumerate(layers) if not _local(layer)), len(layers))
        self.local, rest = layers[:count], layers[count:]
        self.clean = [x]
        for layer in self.local:
            self.clean.append(layer(self.clean[-1]))
        self.dense = _leading_dense(rest)
        if self.dense is not None:
            rest = rest[rest.index(self.dense) + 1 :]
            self.sums = self.dense(self.clean[-1].reshape(len(x), -1))
            size = self.dense.output_shape
        else:
            size = self.clean[-1].shape[1:]
        following = dict(list(line.items())[len(layers) - len(rest) :])
        self.rest: AnyContainer = chain(following, network, size) if layers else network

    def scores(self, patches: Blocks) -> Array:
        """Return the network's outputs (P, …) for images with those patches."""
        for clean, layer in zip(self.clean, self.local, strict=False):
            patches = _advance(layer, clean, patches)
        if self.dense is None:
            return self.rest(_pasted(self.clean[-1], patches))
        return self.rest(self._dense_sums(self.dense, patches))

    def _dense_sums(self, dense: Layer[Any], patches: Blocks) -> Array:
        """Clean sums plus the change of each block times the weights that see it; equal blocks share the weights."""
        clean = self.clean[-1]
        h, w, c = clean.shape[1:]
        W = dense.params["W"].reshape(h, w, c, -1)
        sums = self.sums[patches.sample]
        _, bh, bw, _ = patches.pixels.shape
        place = patches.top * w + patches.left
        groups = _equal(place)

        def block(index: int) -> None:
            rows = groups[index]
            i, j = patches.top[rows[0]], patches.left[rows[0]]
            change = patches.pixels[rows] - clean[patches.sample[rows], i : i + bh, j : j + bw]
            seen = W[i : i + bh, j : j + bw].reshape(-1, W.shape[3])
            sums[rows] += rows_times(change.reshape(len(rows), -1), seen)

        parallel_for(block, len(groups))
        return sums


def _equal(numbers: IntArray) -> list[IntArray]:
    """Return the indices of equal numbers, group by group."""
    order = np.argsort(numbers, kind="stable")
    return np.split(order, np.flatnonzero(np.diff(numbers[order])) + 1)


def _local(layer: Layer[Any]) -> bool:
    """Whether every output of a layer sees a small window of an image, cut out of which it gives the same."""
    if len(layer.output_shape or ()) != 3:
        return False
    facts = layer.facts
    stays = facts.elementwise or (facts.in_order and layer.output_shape == layer.input_shape)
    return stays or (_window(layer) is not None and layer.sliding() is not None)


def _window(layer: Layer[Any]) -> Window | None:
    """Return the window that a layer slides over its images."""
    window = layer.window(layer.input_shape or ())
    return window if isinstance(window, Window) else None


def _leading_dense(layers: Sequence[Layer[Any]]) -> Layer[Any] | None:
    """Return the dense layer that comes next, after what makes a vector of the image."""
    for layer in layers:
        if layer.facts.function == "affine":
            return layer
        if not layer.facts.in_order:
            return None
    return None


def _advance(layer: Layer[Any], clean: Array, patches: Blocks) -> Blocks:
    """Return the block of the layer's output that the changed pixels reach."""
    if layer.facts.in_order:
        return patches
    window, sliding = _window(layer), layer.sliding()
    if layer.facts.elementwise or window is None or sliding is None:
        return patches._replace(pixels=layer(patches.pixels))
    outputs = window.output(*clean.shape[1:3])
    spans = [_reach(window, axis, patches, outputs[axis]) for axis in (0, 1)]
    starts, lengths = [start for start, _ in spans], [length for _, length in spans]
    seen = _windows(sliding, clean, patches, window, starts, lengths)
    return Blocks(sliding.run(seen), starts[0], starts[1], patches.sample)


def _reach(window: Window, axis: int, patches: Blocks, outputs: int) -> tuple[IntArray, int]:
    """Return the first output along an axis that sees each block, and how many do; all blocks get one length.

    Output i sees the pixels i·S − before … i·S − before + extent − 1.
    """
    first = (patches.top, patches.left)[axis] + window.padding[axis][0] - window.extent(axis)
    stride, size = window.stride[axis], patches.pixels.shape[1 + axis]
    length = min(outputs, -(-(size + window.extent(axis) - 1) // stride))
    return np.clip(first // stride + 1, 0, outputs - length), length


def _windows(
    sliding: Sliding, clean: Array, patches: Blocks, window: Window, starts: list[IntArray], lengths: list[int]
) -> Array:
    """Cut out what the outputs see, from the clean maps with the changed pixels pasted in."""
    padding = window.padding
    if any(max(side) for side in padding):
        clean = np.pad(clean, ((0, 0), *padding, (0, 0)), constant_values=sliding.fill)
    corners, offsets, sizes = [], [], []
    for axis in (0, 1):
        corners.append(starts[axis] * window.stride[axis])  # in the padded map
        offsets.append((patches.top, patches.left)[axis] + padding[axis][0] - corners[axis])
        sizes.append((lengths[axis] - 1) * window.stride[axis] + window.extent(axis))
    seen = _cut(clean, patches.sample, corners[0], corners[1], sizes[0], sizes[1])
    for rows in _equal(offsets[0] * (2 * clean.shape[2]) + offsets[1]):  # the same place in their windows
        spans = [_overlap(int(offsets[k][rows[0]]), patches.pixels.shape[1 + k], sizes[k]) for k in (0, 1)]
        (i, u), (j, v) = spans
        seen[rows, i, j] = patches.pixels[rows, u, v]
    return seen


def _cut(maps: Array, sample: IntArray, top: IntArray, left: IntArray, height: int, width: int) -> Array:
    """Return a window of each patched image out of the maps (N, H, W, C): (P, height, width, C)."""
    maps = np.ascontiguousarray(maps)
    n, h, w, c = maps.shape
    size = maps.itemsize
    steps = h * w * c * size, w * c * size, c * size, size  # an axis of length 1 may have any stride in `maps.strides`
    runs = np.lib.stride_tricks.as_strided(maps, (n, h, w - width + 1, width * c), steps, writeable=False)
    rows = top[:, None] + np.arange(height)
    cut: Array = runs[sample[:, None], rows, left[:, None]]
    return cut.reshape(len(sample), height, width, c)


def _overlap(offset: int, size: int, room: int) -> tuple[slice, slice]:
    """Return where `size` pixels that begin at `offset` lie in a window of `room` pixels, and which of them do."""
    begin, end = max(offset, 0), min(offset + size, room)
    return slice(begin, end), slice(begin - offset, end - offset)


def _pasted(clean: Array, patches: Blocks) -> Array:
    """Return whole maps with their blocks in place."""
    whole: Array = clean[patches.sample]
    rows = patches.top[:, None] + np.arange(patches.pixels.shape[1])
    columns = patches.left[:, None] + np.arange(patches.pixels.shape[2])
    whole[np.arange(len(whole))[:, None, None], rows[:, :, None], columns[:, None, :]] = patches.pixels
    return whole
