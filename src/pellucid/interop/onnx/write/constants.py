"""Layers that join a sample with an array of parameters, and those that only training knows."""

from __future__ import annotations

from typing import Any

from pellucid.interop.onnx.write.draft import Draft, Value
from pellucid.interop.onnx.write.writers import writes
from pellucid.layers import Dropout, PReLU, Scale, Shift, SpatialDropout2D


@writes(Scale)
def scale(draft: Draft, layer: Scale, x: Value) -> Value:
    """Mul."""
    return _joined(draft, "Mul", layer, x)


@writes(Shift)
def shift(draft: Draft, layer: Shift, x: Value) -> Value:
    """Add."""
    return _joined(draft, "Add", layer, x)


@writes(PReLU)
def prelu(draft: Draft, layer: PReLU, x: Value) -> Value:
    """PRelu."""
    return _joined(draft, "PRelu", layer, x)


def _joined(draft: Draft, operator: str, layer: Any, x: Value) -> Value:
    """x and the one parameter, either of which may have more axes than the other."""
    ((name, array),) = layer.params.items()
    shape, x = layer.infer_shape(x.shape), draft.expanded(x, max(len(x.shape), array.ndim))
    return draft.add(operator, [x.name, draft.beside(x, name, array)], shape, x.order)


@writes(Dropout)
def dropout(draft: Draft, layer: Dropout, x: Value) -> Value:
    """One operator, which does nothing unless training is asked for."""
    return draft.each("Dropout", x, draft.constant("ratio", layer.drop_probability, "float32"))


@writes(SpatialDropout2D)
def spatial_dropout(draft: Draft, layer: SpatialDropout2D, x: Value) -> Value:
    """Nothing: ONNX drops no whole channels, and a prediction drops none at all."""
    return x
