"""Pooling, channels-first."""

from __future__ import annotations

from typing import Any

from pellucid.interop.onnx.write.convolution import pads
from pellucid.interop.onnx.write.draft import Draft, Value, channels_first
from pellucid.interop.onnx.write.writers import writes
from pellucid.layers import AveragePool2D, GlobalAveragePool2D, GlobalMaxPool2D, MaxPool2D


@writes(MaxPool2D)
def max_pool(draft: Draft, layer: MaxPool2D, x: Value) -> Value:
    """MaxPool, whose padding never wins either."""
    return _pool(draft, "MaxPool", layer, x)


@writes(AveragePool2D)
def average_pool(draft: Draft, layer: AveragePool2D, x: Value) -> Value:
    """AveragePool."""
    return _pool(draft, "AveragePool", layer, x, count_include_pad=int(layer.count_padding))


def _pool(draft: Draft, operator: str, layer: MaxPool2D | AveragePool2D, x: Value, **attributes: Any) -> Value:
    window, out = layer.window(x.shape), layer.infer_shape(x.shape)
    return draft.add(
        operator,
        [draft.channels_first(x).name],
        out,
        channels_first(out),
        kernel_shape=window.size,
        strides=window.stride,
        pads=pads(window.padding),
        **attributes,
    )


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
