"""Pooling of images and volumes, channels-first."""

from __future__ import annotations

from functools import reduce
from typing import Any, NamedTuple

import numpy as np

from pellucid.interop.onnx.write.convolution import pads
from pellucid.interop.onnx.write.draft import Draft, Value, channels_first
from pellucid.interop.onnx.write.shape import bordered
from pellucid.interop.onnx.write.writers import writes
from pellucid.layers import (
    AveragePool2D,
    AveragePool3D,
    GlobalAveragePool2D,
    GlobalMaxPool2D,
    MaxPool2D,
    MaxPool3D,
)
from pellucid.layers.window import placed
from pellucid.typing import Array, Shape

Border = tuple[tuple[int, int], ...]


class Slide(NamedTuple):
    """A window along two or three axes, the padding that it was given, and how many places it has."""

    size: Shape
    stride: Shape
    dilation: Shape
    padding: Border
    outputs: Shape

    def reach(self, axis: int, pixels: int) -> tuple[int, int]:
        """Return the padding of an axis that windows see: a last one that is not full sees beyond what was given."""
        before = self.padding[axis][0]
        extent = (self.size[axis] - 1) * self.dilation[axis] + 1
        return before, max((self.outputs[axis] - 1) * self.stride[axis] + extent - before - pixels, 0)

    def counts(self, axis: int, pixels: int) -> Array:
        """Return how many pixels each window has along an axis, padding apart."""
        begins = np.arange(self.outputs[axis]) * self.stride[axis] - self.padding[axis][0]
        places = begins[:, None] + np.arange(self.size[axis]) * self.dilation[axis]
        return np.asarray(((places >= 0) & (places < pixels)).sum(axis=1))


def _slide(layer: Any, sample: Shape) -> Slide:
    padding = layer.padding
    if len(sample) == 3:  # where it may be a word
        padding = placed(layer.label, layer.window(sample), padding, *sample[:2])[0].padding
    return Slide(layer.pool_size, layer.stride, layer.dilation, padding, layer.infer_shape(sample)[:-1])


@writes(MaxPool2D, MaxPool3D)
def max_pool(draft: Draft, layer: MaxPool2D | MaxPool3D, x: Value) -> Value:
    """MaxPool, whose padding never wins either."""
    return _pool(draft, "MaxPool", x, _slide(layer, x.shape))


@writes(AveragePool2D, AveragePool3D)
def average_pool(draft: Draft, layer: AveragePool2D | AveragePool3D, x: Value) -> Value:
    """AveragePool; dilation is known from opset 19 on, and before it is a convolution that counts its pixels.

    Padding that counts, beside what a last window sees beyond it, which does not, is padded first.
    """
    slide, counted = _slide(layer, x.shape), layer.count_padding
    by_hand = max(slide.dilation) > 1 and draft.opset < 19
    if counted and (layer.ceil or by_hand):
        x = bordered(draft, x, (*slide.padding, (0, 0)))
        slide, counted = slide._replace(padding=((0, 0),) * len(slide.size)), False
    if by_hand:
        return _sums_by_counts(draft, x, slide)
    return _pool(draft, "AveragePool", x, slide, count_include_pad=int(counted))


def _pool(draft: Draft, operator: str, x: Value, slide: Slide, *weights: str, **attributes: Any) -> Value:
    out = (*slide.outputs, x.shape[-1])
    return draft.add(
        operator,
        [draft.channels_first(x).name, *weights],
        out,
        channels_first(out),
        kernel_shape=slide.size,
        strides=slide.stride,
        pads=pads([slide.reach(axis, pixels) for axis, pixels in enumerate(x.shape[:-1])]),
        dilations=slide.dilation if max(slide.dilation) > 1 else None,
        **attributes,
    )


def _sums_by_counts(draft: Draft, x: Value, slide: Slide) -> Value:
    """The sums of windows, a convolution with ones, times one over how many pixels of the image each of them has."""
    *space, channels = x.shape
    counts = reduce(np.multiply.outer, (slide.counts(axis, pixels) for axis, pixels in enumerate(space)))
    ones = draft.constant("ones", np.ones((channels, 1, *slide.size)))
    sums = _pool(draft, "Conv", x, slide, ones, group=channels)
    return draft.each("Mul", sums, draft.beside(sums, "shares", 1 / counts[..., None]))


@writes(GlobalAveragePool2D)
def global_average_pool(draft: Draft, layer: GlobalAveragePool2D, x: Value) -> Value:
    """GlobalAveragePool, which leaves pictures of one pixel, and Flatten."""
    return _global(draft, "GlobalAveragePool", x)


@writes(GlobalMaxPool2D)
def global_max_pool(draft: Draft, layer: GlobalMaxPool2D, x: Value) -> Value:
    """GlobalMaxPool and Flatten."""
    return _global(draft, "GlobalMaxPool", x)


def _global(draft: Draft, operator: str, x: Value) -> Value:
    pixel = (*(1 for _ in x.shape[:-1]), x.shape[-1])
    pooled = draft.add(operator, [draft.channels_first(x).name], pixel, channels_first(pixel))
    return draft.add("Flatten", [pooled.name], x.shape[-1:], (0,), axis=1)
