"""Pools: of windows, and of whole images."""

from __future__ import annotations

from typing import Any

from pellucid import layers
from pellucid.interop.onnx.read.call import Call, maker
from pellucid.interop.onnx.read.operators.windows import sliding
from pellucid.interop.onnx.read.problems import NotHere, Wrong
from pellucid.interop.onnx.read.registry import operator
from pellucid.interop.onnx.read.values import Flow


@operator("MaxPool", "AveragePool")
def pool(call: Call) -> Flow:
    """Windows of one, two or three axes."""
    flow = call.flow()
    if len(flow.shape) < 3:
        raise Wrong(f"needs a tensor (N, C, …), got {flow.shape}")
    size, stride, dilation, padding = sliding(call, flow.shape[2:], None).in_plane()
    options: dict[str, Any] = {"padding": padding}
    options |= {"dilation": dilation} if max(dilation) > 1 else {}
    options |= {"ceil": True} if call.integer("ceil_mode", 0) else {}
    if call.op.kind == "AveragePool":
        options["count_padding"] = bool(call.integer("count_include_pad", 0))
    name = call.op.kind + ("3D" if len(flow.shape) == 5 else "2D")
    return call.add(maker(name)(size, stride, **options), call.image(flow))


@operator("GlobalAveragePool", "GlobalMaxPool")
def global_pool(call: Call) -> Flow:
    """(N, C, H, W) → (N, C, 1, 1), a vector inside."""
    flow = call.flow()
    if len(flow.shape) > 4:
        raise NotHere(f"over {len(flow.shape) - 2} axes of space")
    layer = layers.GlobalMaxPool2D() if call.op.kind == "GlobalMaxPool" else layers.GlobalAveragePool2D()
    return call.add(layer, call.image(flow), order=(1,))
