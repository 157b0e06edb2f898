"""What moves numbers: other shapes, borders, enlargement."""

from __future__ import annotations

from pellucid.interop.onnx.write.draft import Draft, Value, channels_first
from pellucid.interop.onnx.write.writers import writes
from pellucid.layers import Flatten, Reshape, Transpose, Upsample2D, ZeroPad2D


@writes(Flatten, Reshape)
def reshape(draft: Draft, layer: Flatten | Reshape, x: Value) -> Value:
    """Reshape of the numbers in the order in which the network counts them, so that what follows finds its weights."""
    return draft.reshaped(x, layer.infer_shape(x.shape))


@writes(Transpose)
def transpose(draft: Draft, layer: Transpose, x: Value) -> Value:
    """Nothing: the numbers lie as they did, and the network counts their axes in another way."""
    return Value(x.name, layer.infer_shape(x.shape), tuple(layer.axes.index(axis) for axis in x.order))


@writes(ZeroPad2D)
def zero_pad(draft: Draft, layer: ZeroPad2D, x: Value) -> Value:
    """Pad."""
    widths = (*layer.padding, (0, 0))
    stored = [(0, 0), *(widths[axis] for axis in x.order)]
    pads = [before for before, _ in stored] + [after for _, after in stored]
    return draft.add("Pad", [x.name, draft.whole("pads", pads)], layer.infer_shape(x.shape), x.order)


@writes(Upsample2D)
def upsample(draft: Draft, layer: Upsample2D, x: Value) -> Value:
    """Resize by a whole factor: each pixel several times, or weights of its neighbours by the distance of middles."""
    x, out = draft.channels_first(x), layer.infer_shape(x.shape)
    scales = draft.constant("scales", [1, 1, *layer.factor], "float32")
    how = {
        "nearest": {"mode": "nearest", "coordinate_transformation_mode": "asymmetric", "nearest_mode": "floor"},
        "bilinear": {"mode": "linear", "coordinate_transformation_mode": "half_pixel"},
    }
    return draft.add("Resize", [x.name, "", scales], out, channels_first(out), **how[layer.mode])
