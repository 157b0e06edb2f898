"""What moves numbers: other shapes, parts, borders."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from pellucid.interop.onnx.write.draft import Draft, Value
from pellucid.interop.onnx.write.writers import writes
from pellucid.kernels import Pair
from pellucid.layers import Flatten, Mean, Pad, Reshape, Slice, Take, Transpose, ZeroPad2D


@writes(Flatten, Reshape)
def reshape(draft: Draft, layer: Flatten | Reshape, x: Value) -> Value:
    """Reshape of the numbers in the order in which the network counts them, so that what follows finds its weights."""
    return draft.reshaped(x, layer.infer_shape(x.shape))


@writes(Transpose)
def transpose(draft: Draft, layer: Transpose, x: Value) -> Value:
    """Nothing: the numbers lie as they did, and the network counts their axes in another way."""
    return Value(x.name, layer.infer_shape(x.shape), tuple(layer.axes.index(axis) for axis in x.order))


def bordered(draft: Draft, x: Value, widths: Sequence[Pair], value: float = 0.0, mode: str = "constant") -> Value:
    """Pad, with (before, after) for each axis of a sample; negative ones cut off."""
    shape = tuple(before + n + after for n, (before, after) in zip(x.shape, widths, strict=True))
    stored = [(0, 0), *(widths[axis] for axis in x.order)]
    pads = draft.whole("pads", [before for before, _ in stored] + [after for _, after in stored])
    border = [draft.constant("value", value)] if value else []
    return draft.add("Pad", [x.name, pads, *border], shape, x.order, mode=None if mode == "constant" else mode)


@writes(ZeroPad2D)
def zero_pad(draft: Draft, layer: ZeroPad2D, x: Value) -> Value:
    """Pad with zeros."""
    return bordered(draft, x, (*layer.padding, (0, 0)))


@writes(Pad)
def pad(draft: Draft, layer: Pad, x: Value) -> Value:
    """Pad, or where numbers of x are repeated in a way that ONNX has not, or not in this opset, Gather along each axis.

    Its "reflect" turns once, and none but "constant" cuts off.
    """
    simple = all(0 <= width < n for n, widths in zip(x.shape, layer.widths, strict=True) for width in widths)
    if layer.mode == "constant" or (layer.mode in ("reflect", "edge") and simple):
        return bordered(draft, x, layer.widths, layer.value, layer.mode)
    for axis, places in layer.places(x.shape).items():
        shape = (*x.shape[:axis], len(places), *x.shape[axis + 1 :])
        x = draft.add("Gather", [x.name, draft.whole("places", places)], shape, x.order, axis=x.axis(axis))
    return x


@writes(Slice)
def cut(draft: Draft, layer: Slice, x: Value) -> Value:
    """Slice, which counts as Python does."""
    lines = {
        "starts": layer.starts,
        "stops": layer.stops,
        "axes": [x.axis(a) for a in layer.axes],
        "steps": layer.steps,
    }
    inputs = [draft.whole(name, numbers) for name, numbers in lines.items()]
    return draft.add("Slice", [x.name, *inputs], layer.infer_shape(x.shape), x.order)


@writes(Take)
def take(draft: Draft, layer: Take, x: Value) -> Value:
    """Gather: the axes of the indices stand where the axis stood, in the sample as in the file."""
    axis, new = layer.axis % len(x.shape), np.ndim(layer.indices)
    moved = [range(axis, axis + new) if a == axis else (a + (new - 1) * (a > axis),) for a in x.order]
    indices = draft.whole("indices", layer.indices)
    order = tuple(a for axes in moved for a in axes)
    return draft.add("Gather", [x.name, indices], layer.infer_shape(x.shape), order, axis=x.axis(axis))


@writes(Mean)
def mean(draft: Draft, layer: Mean, x: Value) -> Value:
    """ReduceMean."""
    return draft.reduced("ReduceMean", x, layer.axes, keepdims=layer.keepdims)
