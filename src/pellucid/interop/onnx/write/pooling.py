"""Pooling, channels-first."""

from __future__ import annotations

from typing import Any

import numpy as np

from pellucid import kernels
from pellucid.interop.onnx.write.convolution import pads
from pellucid.interop.onnx.write.draft import Draft, Value, channels_first
from pellucid.interop.onnx.write.shape import bordered
from pellucid.interop.onnx.write.writers import writes
from pellucid.kernels import Padding, Window
from pellucid.layers import AveragePool2D, GlobalAveragePool2D, GlobalMaxPool2D, MaxPool2D
from pellucid.layers.window import placed


@writes(MaxPool2D)
def max_pool(draft: Draft, layer: MaxPool2D, x: Value) -> Value:
    """MaxPool, whose padding never wins either."""
    window = layer.window(x.shape)
    return _pool(draft, "MaxPool", x, window, dilations=_unless_one(window.dilation))


@writes(AveragePool2D)
def average_pool(draft: Draft, layer: AveragePool2D, x: Value) -> Value:
    """AveragePool; dilation is known from opset 19 on, and before it is a convolution that counts its pixels.

    Padding that counts, beside what a last window sees beyond it, which does not, is padded first.
    """
    window, counted = layer.window(x.shape), layer.count_padding
    dilated = _unless_one(window.dilation)
    by_hand = dilated is not None and draft.opset < 19
    if counted and (layer.ceil or by_hand):
        given = placed(layer.label, window, layer.padding, *x.shape[:2])[0].padding
        x = bordered(draft, x, (*given, (0, 0)))
        window, counted = window._replace(padding=_less(window.padding, given)), False
    if by_hand:
        return _sums_by_counts(draft, x, window)
    return _pool(draft, "AveragePool", x, window, dilations=dilated, count_include_pad=int(counted))


def _unless_one(dilation: tuple[int, ...]) -> tuple[int, ...] | None:
    return dilation if max(dilation) > 1 else None


def _less(padding: Padding, given: Padding) -> Padding:
    (top, bottom), (left, right) = padding
    return (top - given[0][0], bottom - given[0][1]), (left - given[1][0], right - given[1][1])


def _pool(draft: Draft, operator: str, x: Value, window: Window, *weights: str, **attributes: Any) -> Value:
    out = (*window.output(*x.shape[:2]), x.shape[2])
    return draft.add(
        operator,
        [draft.channels_first(x).name, *weights],
        out,
        channels_first(out),
        kernel_shape=window.size,
        strides=window.stride,
        pads=pads(window.padding),
        **attributes,
    )


def _sums_by_counts(draft: Draft, x: Value, window: Window) -> Value:
    """The sums of windows, a convolution with ones, times one over how many pixels of the image each of them has."""
    pixels, taps = np.ones((1, *x.shape[:2], 1), draft.dtype), np.ones((*window.size, 1, 1), draft.dtype)
    counts = kernels.conv2d(
        pixels, taps, None, stride=window.stride, padding=window.padding, dilation=window.dilation, groups=1
    )[0]
    weights = draft.constant("ones", np.ones((x.shape[2], 1, *window.size)))
    sums = _pool(draft, "Conv", x, window, weights, dilations=window.dilation, group=x.shape[2])
    return draft.each("Mul", sums, draft.beside(sums, "shares", 1 / counts))


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
