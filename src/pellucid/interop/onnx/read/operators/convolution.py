"""Convolutions, and those that are transposed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pellucid.interop.onnx.read.call import Call, maker
from pellucid.interop.onnx.read.operators.parts import padded
from pellucid.interop.onnx.read.operators.windows import Sliding, halves, sliding
from pellucid.interop.onnx.read.problems import NotHere, Wrong
from pellucid.interop.onnx.read.registry import operator
from pellucid.interop.onnx.read.values import Flow
from pellucid.typing import Array, Arrays


@operator("Conv")
def convolution(call: Call) -> Flow:
    """Weights (M, C/G, KH, KW) become (KH, KW, C/G, M)."""
    flow = call.flow()
    W, window, groups = _weights(call, flow)
    if len(window.size) > 2:
        raise NotHere(f"over {len(window.size)} axes of space")
    filters, channels = W.shape[0], flow.shape[1]
    if W.shape[1] * groups != channels or filters % groups:
        raise Wrong(f"weights {W.shape} in {groups} groups do not fit {channels} channels")
    arrays = _bias(call, filters)
    size, stride, dilation, padding = window.in_plane()
    options: dict[str, Any] = {"stride": stride, "padding": padding, "dilation": dilation, "bias": "b" in arrays}
    arrays["W"] = W.reshape(*W.shape[:2], *size).transpose(2, 3, 1, 0)
    if groups == channels > 1:
        layer = maker("DepthwiseConv2D")(size, filters // channels, **options)
    else:
        layer = maker("Conv2D")(filters, size, groups=groups, **options)
    return call.add(layer, call.image(flow), arrays=arrays)


def _weights(call: Call, flow: Flow) -> tuple[Array, Sliding, int]:
    W, groups = call.constant(1), call.integer("group", 1)
    if len(flow.shape) < 3 or W.ndim != len(flow.shape) or not W.size or groups < 1:
        raise Wrong(f"weights {W.shape} in {groups} groups do not fit a tensor {flow.shape}")
    return W, sliding(call, flow.shape[2:], W.shape[2:]), groups


def _bias(call: Call, filters: int) -> Arrays:
    return {"b": call.vector(2, filters)} if call.has(2) else {}


@operator("ConvTranspose")
def transposed(call: Call) -> Flow:
    """Weights (C, M/G, KH, KW) become (KH, KW, M/G, C)."""
    flow = call.flow()
    W, window, groups = _weights(call, flow)
    filters = W.shape[1] * groups
    if W.shape[0] != flow.shape[1] or W.shape[0] % groups:
        raise Wrong(f"weights {W.shape} in {groups} groups do not fit {flow.shape[1]} channels")
    arrays = _bias(call, filters)
    window, extra = _cut(call, window, flow.shape[2:])
    volume = len(window.size) == 3
    size, stride, dilation, padding = window.in_plane()
    extra += (0,) * (len(size) - len(extra))
    allowed = tuple(min(n, s - 1) for n, s in zip(extra, stride, strict=True))
    options = {"stride": stride, "padding": padding, "dilation": dilation, "groups": groups, "bias": "b" in arrays}
    arrays["W"] = W.reshape(*W.shape[:2], *size).transpose(*range(2, 2 + len(size)), 1, 0)
    layer = maker("ConvTranspose3D" if volume else "ConvTranspose2D")(filters, size, output_padding=allowed, **options)
    y = call.add(layer, call.image(flow), arrays=arrays)
    return _longer(call, y, [n - a for n, a in zip(extra, allowed, strict=True)], arrays)


def _cut(call: Call, window: Sliding, space: Sequence[int]) -> tuple[Sliding, tuple[int, ...]]:
    """Return the window with the border that is cut off the output, and how much is added at the end."""
    axes = len(space)
    extra = call.ints("output_padding", (0,) * axes) or (0,) * axes
    wanted = call.ints("output_shape")
    auto = call.text("auto_pad", "NOTSET")
    if len(extra) != axes or min(extra) < 0 or max(extra) > 1 << 20:
        raise Wrong(f"its output_padding must be {axes} numbers of at least 0, got {extra}")
    if wanted is None and auto in ("SAME_UPPER", "SAME_LOWER"):
        wanted = tuple(n * s for n, s in zip(space, window.stride, strict=True))
    if wanted is None:
        return window, extra
    if len(wanted) != axes:
        raise Wrong(f"its output_shape must be {axes} numbers, got {wanted}")
    stamps = [(n - 1) * s for n, s in zip(space, window.stride, strict=True)]
    full = [stamps[i] + extra[i] + window.extent(i) for i in range(axes)]
    cut = [n - w for n, w in zip(full, wanted, strict=True)]
    padding = tuple(halves(max(n, 0), upper=auto == "SAME_UPPER") for n in cut)
    return window._replace(padding=padding), tuple(e + max(-n, 0) for e, n in zip(extra, cut, strict=True))


def _longer(call: Call, y: Flow, more: Sequence[int], arrays: Arrays) -> Flow:
    """Rows at the end that no input pixel reaches, more than a stride of them: nothing but the bias is there."""
    widths = {2 + i: (0, n) for i, n in enumerate(more[: len(y.shape) - 2])}
    if any(more) and "b" in arrays:
        raise NotHere("with a bias and more output_padding than its stride")
    return padded(call, y, widths, suffix="_longer")
