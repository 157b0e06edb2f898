"""Activations: one operator each, or several where the opset has none for it."""

from __future__ import annotations

import math

from pellucid.interop.onnx.write.draft import Draft, Value
from pellucid.interop.onnx.write.writers import by, writes
from pellucid.layers import (
    ELU,
    GELU,
    SELU,
    Clip,
    Erf,
    Exp,
    HardSigmoid,
    HardSwish,
    LeakyReLU,
    LogSoftmax,
    Power,
    ReLU,
    Sigmoid,
    Softmax,
    Softplus,
    Swish,
    Tanh,
)

writes(ReLU)(by("Relu"))
writes(Sigmoid)(by("Sigmoid"))
writes(Tanh)(by("Tanh"))
writes(Softplus)(by("Softplus"))
writes(Exp)(by("Exp"))
writes(Erf)(by("Erf"))


@writes(LeakyReLU)
def leaky_relu(draft: Draft, layer: LeakyReLU, x: Value) -> Value:
    """One operator."""
    return draft.each("LeakyRelu", x, alpha=layer.negative_slope)


@writes(ELU)
def elu(draft: Draft, layer: ELU, x: Value) -> Value:
    """One operator."""
    return draft.each("Elu", x, alpha=layer.alpha)


@writes(SELU)
def selu(draft: Draft, layer: SELU, x: Value) -> Value:
    """One operator."""
    return draft.each("Selu", x, alpha=layer.alpha, gamma=layer.gamma)


@writes(HardSigmoid)
def hard_sigmoid(draft: Draft, layer: HardSigmoid, x: Value) -> Value:
    """One operator."""
    return draft.each("HardSigmoid", x, alpha=layer.alpha, beta=layer.beta)


@writes(Clip)
def clip(draft: Draft, layer: Clip, x: Value) -> Value:
    """One operator, which takes the bounds that there are as inputs."""
    low = "" if layer.low is None else draft.constant("low", layer.low)
    high = [] if layer.high is None else [draft.constant("high", layer.high)]
    return draft.each("Clip", x, low, *high)


@writes(Power)
def power(draft: Draft, layer: Power, x: Value) -> Value:
    """Roots and reciprocals by their own operators, which round less."""
    own = {0.5: "Sqrt", -1.0: "Reciprocal"}.get(layer.exponent)
    return draft.each(own, x) if own else draft.with_number("Pow", x, "exponent", layer.exponent)


@writes(Softmax)
def softmax(draft: Draft, layer: Softmax, x: Value) -> Value:
    """One operator, along the axis where the file holds it."""
    return draft.each("Softmax", x, axis=x.axis(layer.axis))


@writes(LogSoftmax)
def log_softmax(draft: Draft, layer: LogSoftmax, x: Value) -> Value:
    """One operator, along the axis where the file holds it."""
    return draft.each("LogSoftmax", x, axis=x.axis(layer.axis))


# Products of x and a gate


@writes(GELU)
def gelu(draft: Draft, layer: GELU, x: Value) -> Value:
    """An operator from opset 20 on; before, x · (1 + erf(x/√2)) / 2, or tanh(√(2/π) (x + 0.044715 x³)) for the erf."""
    if draft.opset >= 20:
        return draft.each("Gelu", x, approximate="tanh" if layer.approximate else "none")
    bent = _tanh_of_gelu(draft, x) if layer.approximate else _erf_of_gelu(draft, x)
    # Halved last: where two of them take one x, onnxruntime 1.32 shares x/2, and then loses one of the two.
    gated = draft.each("Mul", x, draft.with_number("Add", bent, "one", 1).name)
    return draft.with_number("Mul", gated, "half", 0.5)


def _tanh_of_gelu(draft: Draft, x: Value) -> Value:
    cube = draft.with_number("Pow", x, "three", 3)
    inner = draft.each("Add", draft.with_number("Mul", cube, "cubic", 0.044715), x.name)
    return draft.each("Tanh", draft.with_number("Mul", inner, "scale", math.sqrt(2 / math.pi)))


def _erf_of_gelu(draft: Draft, x: Value) -> Value:
    return draft.each("Erf", draft.with_number("Mul", x, "scale", math.sqrt(0.5)))


@writes(Swish)
def swish(draft: Draft, layer: Swish, x: Value) -> Value:
    """x · sigmoid(x)."""
    return draft.each("Mul", x, draft.each("Sigmoid", x).name)


@writes(HardSwish)
def hard_swish(draft: Draft, layer: HardSwish, x: Value) -> Value:
    """An operator from opset 14 on; before, x · min(max(x/6 + ½, 0), 1)."""
    if draft.opset >= 14:
        return draft.each("HardSwish", x)
    return draft.each("Mul", x, draft.each("HardSigmoid", x, alpha=1 / 6, beta=0.5).name)
