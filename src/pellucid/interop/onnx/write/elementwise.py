"""Activations: one operator each, or several where the opset has none for it."""

from __future__ import annotations

import math

from pellucid.interop.onnx.write.draft import Draft, Value
from pellucid.interop.onnx.write.writers import by, writes
from pellucid.layers import ELU, GELU, Dropout, LeakyReLU, ReLU, Sigmoid, Softmax, Softplus, SpatialDropout2D, Tanh

writes(ReLU)(by("Relu"))
writes(Sigmoid)(by("Sigmoid"))
writes(Tanh)(by("Tanh"))
writes(Softplus)(by("Softplus"))


@writes(LeakyReLU)
def leaky_relu(draft: Draft, layer: LeakyReLU, x: Value) -> Value:
    """One operator."""
    return draft.each("LeakyRelu", x, alpha=layer.negative_slope)


@writes(ELU)
def elu(draft: Draft, layer: ELU, x: Value) -> Value:
    """One operator."""
    return draft.each("Elu", x, alpha=layer.alpha)


@writes(GELU)
def gelu(draft: Draft, layer: GELU, x: Value) -> Value:
    """An operator from opset 20 on; before, x/2 · (1 + tanh(√(2/π) (x + 0.044715 x³)))."""
    if draft.opset >= 20:
        return draft.each("Gelu", x, approximate="tanh")
    cube = draft.with_number("Pow", x, "three", 3)
    inner = draft.each("Add", draft.with_number("Mul", cube, "cubic", 0.044715), x.name)
    tanh = draft.each("Tanh", draft.with_number("Mul", inner, "scale", math.sqrt(2 / math.pi)))
    gate = draft.with_number("Add", tanh, "one", 1)
    return draft.each("Mul", draft.with_number("Mul", x, "half", 0.5), gate.name)


@writes(Softmax)
def softmax(draft: Draft, layer: Softmax, x: Value) -> Value:
    """One operator, along the axis where the file holds it."""
    return draft.each("Softmax", x, axis=x.axis(-1))


@writes(Dropout)
def dropout(draft: Draft, layer: Dropout, x: Value) -> Value:
    """One operator, which does nothing unless training is asked for."""
    ratio = draft.constant("ratio", layer.drop_probability, "float32")
    return draft.each("Dropout", x, ratio)


@writes(SpatialDropout2D)
def spatial_dropout(draft: Draft, layer: SpatialDropout2D, x: Value) -> Value:
    """Nothing: ONNX drops no whole channels, and a prediction drops none at all."""
    return x
