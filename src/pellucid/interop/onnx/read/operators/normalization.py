"""What brings numbers to mean 0 and variance 1, or near to it."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from pellucid import layers
from pellucid.interop.onnx.read.call import Call
from pellucid.interop.onnx.read.operators.arithmetic import scaled, shifted
from pellucid.interop.onnx.read.operators.moves import reshape
from pellucid.interop.onnx.read.operators.parts import averaged
from pellucid.interop.onnx.read.problems import AcrossSamples, NotHere, Wrong
from pellucid.interop.onnx.read.registry import operator
from pellucid.interop.onnx.read.values import Flow
from pellucid.typing import Array, Arrays, Shape


@operator("BatchNormalization")
def batch_norm(call: Call) -> Flow | list[Flow]:
    """By the running statistics, which go on running where the network is trained further."""
    flow = call.flow()
    if len(flow.shape) < 2:
        raise Wrong(f"needs a tensor (N, C, …), got {flow.shape}")
    if not call.integer("spatial", 1):
        raise NotHere("with spatial=0")
    names = ("gamma", "beta", "mean", "variance")
    arrays = {name: call.vector(i + 1, flow.shape[1]) for i, name in enumerate(names)}
    momentum, epsilon = call.number("momentum", 0.9), call.number("epsilon", 1e-5)
    if call.integer("training_mode", 0):
        return _by_batch(call, flow, arrays, momentum, epsilon)
    return call.add(layers.BatchNorm(momentum=momentum, epsilon=epsilon), call.channels_last(flow), arrays=arrays)


def _by_batch(call: Call, x: Flow, arrays: Arrays, momentum: float, epsilon: float) -> list[Flow]:
    """By the statistics of the batch, which is one sample here; with it what they would make the running ones."""
    if not call.building.whole:
        raise AcrossSamples("normalises over the batch")
    rank = len(x.shape)
    channel = (-1, *(1,) * (rank - 2))
    found = moments(call, x, (0, *range(2, rank)), epsilon)
    standard = call.add(layers.Multiply(), *call.building.together([found.centred, found.inverse]), suffix="_standard")
    y = shifted(
        call, scaled(call, standard, arrays["gamma"].reshape(channel), "_scaled"), arrays["beta"].reshape(channel)
    )
    running = [
        shifted(
            call,
            scaled(call, reshape(call, new, (x.shape[1],)), np.array(1 - momentum), "_new"),
            arrays[old] * momentum,
        )
        for new, old in ((found.mean, "mean"), (found.variance, "variance"))
    ]
    return [y, *running]


class Moments(NamedTuple):
    """Of a tensor over axes, which stay with size 1: the mean m, x − m, the variance v, and 1/√(v + ε)."""

    mean: Flow
    centred: Flow
    variance: Flow
    inverse: Flow


def moments(call: Call, x: Flow, axes: tuple[int, ...], epsilon: float) -> Moments:
    """Return the moments of a tensor over axes of ONNX."""
    mean = averaged(call, x, axes, keepdims=True, suffix="_mean")
    centred = call.add(layers.Subtract(), *call.building.together([x, mean]), suffix="_centred")
    square = call.add(layers.Power(2.0), centred, suffix="_square")
    variance = averaged(call, square, axes, keepdims=True, suffix="_variance")
    inverse = call.add(layers.Power(-0.5), shifted(call, variance, np.array(epsilon), "_epsilon"), suffix="_inverse")
    return Moments(mean, centred, variance, inverse)


@operator("InstanceNormalization")
def instance_norm(call: Call) -> Flow:
    """Each channel of each sample by itself."""
    flow = call.flow()
    channels = flow.shape[1] if len(flow.shape) > 2 else 0
    layer = layers.InstanceNorm(epsilon=call.number("epsilon", 1e-5))
    return call.add(
        layer, call.channels_last(flow), arrays={"gamma": call.vector(1, channels), "beta": call.vector(2, channels)}
    )


@operator("LRN")
def local_response_norm(call: Call) -> Flow:
    """Each number beside those of its neighbours among the channels."""
    layer = layers.LocalResponseNorm(
        call.integer("size", 0),
        alpha=call.number("alpha", 1e-4),
        beta=call.number("beta", 0.75),
        bias=call.number("bias", 1.0),
    )
    return call.add(layer, call.channels_last(call.flow()))


@operator("LayerNormalization")
def layer_norm(call: Call) -> Flow | list[Flow]:
    """Over the axes from `axis` on; the mean and 1/√(v + ε) are made where they are asked for."""
    flow = call.flow()
    rank = len(flow.shape)
    axis = call.place(call.integer("axis", -1), rank)
    if axis == 0 and not call.building.whole:
        raise AcrossSamples("normalises over the batch")
    epsilon, shape = call.number("epsilon", 1e-5), flow.shape[axis:]
    if math.prod(shape) < 2:
        raise NotHere("of single numbers")
    call.made((2, *shape), call.building.dtype)
    gamma = _stretched(call, 1, shape)
    beta = _stretched(call, 2, shape) if call.has(2) else np.zeros(shape)
    flow = call.building.written(flow)
    layer = layers.LayerNorm(axis=axis - rank, epsilon=epsilon)
    y = call.add(layer, flow, arrays={"gamma": gamma, "beta": beta})
    if not any(call.op.outputs[1:]):
        return y
    found = moments(call, flow, tuple(range(axis, rank)), epsilon)
    return [y, found.mean, found.inverse]


def _stretched(call: Call, place: int, shape: Shape) -> Array:
    try:
        return np.broadcast_to(call.constant(place), shape)
    except ValueError:
        raise Wrong(f"its input {place} must have shape {shape}, got {call.constant(place).shape}") from None
