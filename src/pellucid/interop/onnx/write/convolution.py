"""Convolutions, channels-first, with kernels (OC, C/G, KH, KW)."""

from __future__ import annotations

from typing import Any

from pellucid.interop.onnx.write.draft import Draft, Value, channels_first
from pellucid.interop.onnx.write.writers import writes
from pellucid.kernels import Padding
from pellucid.layers import Conv2D, ConvTranspose2D, DepthwiseConv2D
from pellucid.typing import Shape


def pads(padding: Padding) -> list[int]:
    """Return ((top, bottom), (left, right)) as ONNX writes it: what comes before each axis, then what comes after."""
    return [before for before, _ in padding] + [after for _, after in padding]


@writes(Conv2D, DepthwiseConv2D)
def conv(draft: Draft, layer: Conv2D | DepthwiseConv2D, x: Value) -> Value:
    """Conv; a depthwise one has a group for each channel."""
    return _convolution(draft, "Conv", layer, x, layer.infer_shape(x.shape), **layer.geometry(x.shape))


@writes(ConvTranspose2D)
def conv_transpose(draft: Draft, layer: ConvTranspose2D, x: Value) -> Value:
    """ConvTranspose, with kernels (C, F/G, KH, KW)."""
    out, extra = layer.infer_shape(x.shape), layer.cut()[1]
    return _convolution(draft, "ConvTranspose", layer, x, out, **layer.geometry(), output_padding=extra)


def _convolution(draft: Draft, operator: str, layer: Any, x: Value, out: Shape, **geometry: Any) -> Value:
    weights = [draft.constant("W", layer.params["W"].transpose(3, 2, 0, 1))]
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
