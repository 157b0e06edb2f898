"""Functions of one number, and those over one axis that end a network."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from pellucid import layers
from pellucid.interop.onnx.read.call import Call
from pellucid.interop.onnx.read.operators.moves import reshape
from pellucid.interop.onnx.read.problems import NotHere, Wrong
from pellucid.interop.onnx.read.registry import operator
from pellucid.interop.onnx.read.tensors import DTYPES
from pellucid.interop.onnx.read.values import Flow, Value
from pellucid.layers import Layer

SELU = 1.67326319217681884765625, 1.05070102214813232421875

PLAIN: dict[str, Callable[[Call], Layer[Any]]] = {
    "Relu": lambda call: layers.ReLU(),
    "LeakyRelu": lambda call: layers.LeakyReLU(call.number("alpha", 0.01)),
    "Elu": lambda call: layers.ELU(call.number("alpha", 1.0)),
    "Selu": lambda call: layers.SELU(call.number("alpha", SELU[0]), call.number("gamma", SELU[1])),
    "Sigmoid": lambda call: layers.Sigmoid(),
    "Tanh": lambda call: layers.Tanh(),
    "Softplus": lambda call: layers.Softplus(),
    "HardSigmoid": lambda call: layers.HardSigmoid(alpha=call.number("alpha", 0.2), beta=call.number("beta", 0.5)),
    "HardSwish": lambda call: layers.HardSwish(),
    "Gelu": lambda call: layers.GELU(approximate=call.text("approximate", "none") == "tanh"),
    "Erf": lambda call: layers.Erf(),
    "Exp": lambda call: layers.Exp(),
    "Sqrt": lambda call: layers.Power(0.5),
    "Reciprocal": lambda call: layers.Power(-1.0),
}
"""Those that need their attributes alone."""


@operator(*PLAIN)
def activation(call: Call) -> Flow:
    """y = f(x), number by number, in whatever order they lie."""
    return call.add(PLAIN[call.op.kind](call), call.flow())


@operator("Clip")
def clip(call: Call) -> Flow:
    """The bounds are attributes before opset 11."""
    old = call.opset < 11
    low = call.number("min", -np.inf) if old else call.scalar(1, -np.inf)
    high = call.number("max", np.inf) if old else call.scalar(2, np.inf)
    low, high = min(low, high), high  # as ONNX has it where they cross
    bounds = [bound if abs(bound) < np.finfo(np.float32).max else None for bound in (low, high)]
    return call.flow() if bounds == [None, None] else call.add(layers.Clip(*bounds), call.flow())


@operator("PRelu")
def prelu(call: Call) -> Flow:
    """The slope is a constant that broadcasts to x."""
    from pellucid.interop.onnx.read.operators.arithmetic import operand

    flow, slope = operand(call, call.flow(), call.constant(1))
    return call.add(layers.PReLU(slope.shape), flow, arrays={"slope": slope})


@operator("Softmax", "LogSoftmax")
def softmax(call: Call) -> Flow:
    """Over one axis; before opset 13 over that axis and all after it."""
    kind = layers.Softmax if call.op.kind == "Softmax" else layers.LogSoftmax
    flow = call.flow()
    rank = len(flow.shape)
    axis = call.place(call.integer("axis", -1 if call.opset >= 13 else 1), rank)
    if call.opset < 13 and axis < rank - 1 and math.prod(flow.shape[axis + 1 :]) > 1:
        flat = reshape(call, flow, (*flow.shape[:axis], math.prod(flow.shape[axis:])), "_flat")
        return reshape(call, call.add(kind(), call.building.written(flat)), flow.shape, "_shaped")
    flow = call.building.complete(flow, [axis])
    return call.add(kind(axis=call.building.axis(flow, axis)), flow)


@operator("Identity")
def identity(call: Call) -> Value:
    """The same value."""
    return call.input(0)


@operator("Cast", "CastLike")
def cast(call: Call) -> Flow:
    """Between floating-point numbers nothing is done: a network computes in one precision."""
    kind = DTYPES.get(call.integer("to", 0)) if call.op.kind == "Cast" else getattr(call.input(1), "dtype", None)
    if kind is None or kind.kind != "f" or kind.itemsize < 4:
        raise NotHere(f"to {kind or 'that type'}")
    return call.flow()


@operator("Dropout")
def dropout(call: Call) -> Flow | tuple[Flow, None]:
    """As in evaluation, where nothing is dropped; trained further, the network drops again."""
    ratio = call.number("ratio", 0.5) if call.opset < 12 else call.scalar(1, 0.5)
    if call.opset >= 12 and call.scalar(2, 0.0) and ratio:
        raise NotHere("in training mode, whose output is drawn at random")
    if not 0 <= ratio < 1:
        raise Wrong(f"its ratio must lie in [0, 1), got {ratio}")
    return call.add(layers.Dropout(ratio), call.flow())
