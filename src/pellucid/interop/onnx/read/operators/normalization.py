"""What brings numbers to mean 0 and variance 1, or near to it."""

from __future__ import annotations

import math

import numpy as np

from pellucid import layers
from pellucid.interop.onnx.read.call import Call, maker
from pellucid.interop.onnx.read.operators.arithmetic import shifted
from pellucid.interop.onnx.read.operators.parts import averaged
from pellucid.interop.onnx.read.problems import AcrossSamples, NotHere, Wrong
from pellucid.interop.onnx.read.registry import operator
from pellucid.interop.onnx.read.values import Flow


@operator("BatchNormalization")
def batch_norm(call: Call) -> Flow:
    """By the running statistics, which go on running where the network is trained further."""
    if call.integer("training_mode", 0):
        raise NotHere("in training mode, which normalises over the batch")
    if not call.integer("spatial", 1):
        raise NotHere("with spatial=0")
    flow = call.flow()
    if len(flow.shape) < 2:
        raise Wrong(f"needs a tensor (N, C, …), got {flow.shape}")
    names = ("gamma", "beta", "mean", "variance")
    arrays = {name: call.vector(i + 1, flow.shape[1]) for i, name in enumerate(names)}
    layer = layers.BatchNorm(momentum=call.number("momentum", 0.9), epsilon=call.number("epsilon", 1e-5))
    return call.add(layer, call.channels_last(flow), arrays=arrays)


@operator("InstanceNormalization")
def instance_norm(call: Call) -> Flow:
    """Each channel of each sample by itself."""
    flow = call.flow()
    channels = flow.shape[1] if len(flow.shape) > 2 else 0
    layer = maker("InstanceNorm")(epsilon=call.number("epsilon", 1e-5))
    return call.add(
        layer, call.channels_last(flow), arrays={"gamma": call.vector(1, channels), "beta": call.vector(2, channels)}
    )


@operator("LRN")
def local_response_norm(call: Call) -> Flow:
    """Each number beside those of its neighbours among the channels."""
    layer = maker("LocalResponseNorm")(
        call.integer("size", 0),
        alpha=call.number("alpha", 1e-4),
        beta=call.number("beta", 0.75),
        bias=call.number("bias", 1.0),
    )
    return call.add(layer, call.channels_last(call.flow()))


@operator("LayerNormalization")
def layer_norm(call: Call) -> Flow | list[Flow | None]:
    """Over the axes from `axis` on; the mean and 1/√(v + ε) are made where they are asked for."""
    flow = call.flow()
    rank = len(flow.shape)
    axis = call.place(call.integer("axis", -1), rank)
    if axis == 0 and not call.building.whole:
        raise AcrossSamples("normalises over the batch")
    epsilon, shape = call.number("epsilon", 1e-5), flow.shape[axis:]
    if math.prod(shape) < 2:
        raise NotHere("of single numbers")
    gamma = _stretched(call, 1, shape)
    beta = _stretched(call, 2, shape) if call.has(2) else np.zeros(shape)
    flow = call.building.written(flow)
    layer = maker("LayerNorm")(axis=axis - rank, epsilon=epsilon)
    return _with_statistics(call, call.add(layer, flow, arrays={"gamma": gamma, "beta": beta}), flow, axis, epsilon)


def _stretched(call: Call, place: int, shape: tuple[int, ...]) -> np.ndarray:
    try:
        return np.broadcast_to(call.constant(place), shape)
    except ValueError:
        raise Wrong(f"its input {place} must have shape {shape}, got {call.constant(place).shape}") from None


def _with_statistics(call: Call, y: Flow, x: Flow, axis: int, epsilon: float) -> list[Flow | None]:
    wanted = [bool(name) for name in call.op.outputs]
    if len(wanted) < 2:
        return [y]
    axes = tuple(range(axis, len(x.shape)))
    mean = averaged(call, x, axes, keepdims=True, suffix="_mean")
    if not any(wanted[2:]):
        return [y, mean]
    centred = call.add(layers.Subtract(), x, mean, suffix="_centred")
    square = call.add(layers.Power(2.0), centred, suffix="_square")
    variance = averaged(call, square, axes, keepdims=True, suffix="_variance")
    inverse = call.add(layers.Power(-0.5), shifted(call, variance, np.array(epsilon), "_epsilon"), suffix="_inverse")
    return [y, mean, inverse]
