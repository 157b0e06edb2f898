"""Images of another size, channels-first."""

from __future__ import annotations

import numpy as np

from pellucid.interop.onnx.write.draft import Draft, Value, channels_first
from pellucid.interop.onnx.write.writers import writes
from pellucid.layers import Resize2D, Upsample2D

SIMPLE = ("half_pixel", "pytorch_half_pixel", "asymmetric", "align_corners")
"""The places that every program computes alike."""


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


@writes(Resize2D)
def resize(draft: Draft, layer: Resize2D, x: Value) -> Value:
    """Resize by two scales, where these give the size without rounding and programs agree; else y = A x Bᵀ.

    A size it can only be told together with that of the batch; without, onnxruntime 1.32 loses it beside a Transpose.
    """
    first, out = draft.channels_first(x), layer.infer_shape(x.shape)
    scales = layer.scales or (out[0] / x.shape[0], out[1] / x.shape[1])
    exact = all(float(np.float32(s)) == s and int(s * n) == m for s, n, m in zip(scales, x.shape, out, strict=False))
    if not exact or layer.antialias or layer.coordinates not in SIMPLE:
        return _by_matrices(draft, layer, first)
    return draft.add(
        "Resize",
        [first.name, "", draft.constant("scales", [1, 1, *scales], "float32")],
        out,
        channels_first(out),
        mode=layer.mode,
        coordinate_transformation_mode=layer.coordinates,
        nearest_mode=layer.rounding,
        cubic_coeff_a=layer.coefficient,
        exclude_outside=int(layer.exclude_outside),
    )


def _by_matrices(draft: Draft, layer: Resize2D, x: Value) -> Value:
    a, b, outside = layer.matrices(x.shape, draft.dtype)
    _, w, c = x.shape
    tall, wide = (len(a), w, c), (len(a), len(b), c)
    down = draft.add("MatMul", [draft.constant("A", a), x.name], tall, x.order)
    y = draft.add("MatMul", [down.name, draft.constant("B", b.T)], wide, x.order)
    if layer.extrapolation and outside.any():
        border = layer.extrapolation * outside[..., None]
        y = draft.each("Add", y, draft.beside(y, "outside", border))
    return y
