"""Convolutions, channels-first, with kernels (OC, C/G, KH, KW)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from pellucid.interop.onnx.write.draft import Draft, Value, channels_first
from pellucid.interop.onnx.write.writers import writes
from pellucid.layers import Conv2D, ConvTranspose2D, ConvTranspose3D, DepthwiseConv2D


def pads(padding: Iterable[tuple[int, int]]) -> list[int]:
    """Return ((top, bottom), (left, right)) as ONNX writes it: what comes before each axis, then what comes after."""
    sides = list(padding)
    return [before for before, _ in sides] + [after for _, after in sides]


@writes(Conv2D, DepthwiseConv2D)
def conv(draft: Draft, layer: Conv2D | DepthwiseConv2D, x: Value) -> Value:
    """Conv; a depthwise one has a group for each channel."""
    return _convolution(draft, "Conv", layer, x, **layer.geometry(x.shape))


@writes(ConvTranspose2D)
def conv_transpose(draft: Draft, layer: ConvTranspose2D, x: Value) -> Value:
    """ConvTranspose, with kernels (C, F/G, KH, KW)."""
    return _convolution(draft, "ConvTranspose", layer, x, **layer.geometry(), output_padding=layer.cut()[1])


@writes(ConvTranspose3D)
def conv_transpose_3d(draft: Draft, layer: ConvTranspose3D, x: Value) -> Value:
    """ConvTranspose, with kernels (C, F/G, KD, KH, KW)."""
    geometry = {"stride": layer.stride, "padding": layer.padding, "dilation": layer.dilation, "groups": layer.groups}
    return _convolution(draft, "ConvTranspose", layer, x, **geometry, output_padding=layer.output_padding)


def _convolution(draft: Draft, operator: str, layer: Any, x: Value, **geometry: Any) -> Value:
    W, out = layer.params["W"], layer.infer_shape(x.shape)
    weights = [draft.constant("W", W.transpose(W.ndim - 1, W.ndim - 2, *range(W.ndim - 2)))]
    if layer.bias:
        weights.append(draft.constant("b", layer.params["b"]))
    return draft.add(
        operator,
        [draft.channels_first(x).name, *weights],
        out,
        channels_first(out),
        kernel_shape=layer.kernel_size,
        strides=geometry["stride"],
        pads=pads(geometry["padding"]),
        dilations=geometry["dilation"],
        group=geometry["groups"],
        output_padding=geometry.get("output_padding"),
    )
