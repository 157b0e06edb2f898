"""Sums, differences, products and quotients, of two branches or of a branch and constants."""

from __future__ import annotations

from typing import Any

import numpy as np

from pellucid import layers
from pellucid.interop.onnx.read.call import Call, is_flow, sample_part
from pellucid.interop.onnx.read.problems import AcrossSamples, NotHere, Wrong
from pellucid.interop.onnx.read.registry import operator
from pellucid.interop.onnx.read.values import EXTRA, Flow
from pellucid.layers import Layer, Merge
from pellucid.typing import Array

MERGES: dict[str, type[Merge[Any]]] = {
    "Add": layers.Add,
    "Sum": layers.Add,
    "Mean": layers.Add,
    "Sub": layers.Subtract,
    "Mul": layers.Multiply,
    "Div": layers.Divide,
}


@operator("Add", "Sub", "Mul", "Div")
def binary(call: Call) -> Flow:
    """Of two values, one of which may be a constant."""
    a, b = call.input(0), call.input(1)
    if is_flow(a) and is_flow(b):
        return merged(call, [a, b])
    if is_flow(a):
        return with_constant(call, a, call.constant(1))
    return from_constant(call, call.constant(0), call.flow(1))


@operator("Sum", "Mean")
def several(call: Call) -> Flow:
    """Of any number of values."""
    flows = [value for value in call.inputs if is_flow(value)]
    total = merged(call, flows) if len(flows) > 1 else flows[0]
    for i, value in enumerate(call.inputs):
        if not is_flow(value):
            total = shifted(call, total, call.constant(i))
    return scaled(call, total, np.array(1 / len(call.inputs))) if call.op.kind == "Mean" else total


@operator("Neg")
def negative(call: Call) -> Flow:
    """y = −x."""
    return scaled(call, call.flow(), np.array(-1.0))


@operator("Pow")
def power(call: Call) -> Flow:
    """The exponent must be one constant number."""
    return call.add(layers.Power(call.scalar(1, 1.0)), call.flow())


def merged(call: Call, flows: list[Flow]) -> Flow:
    """Return what a merge makes of several flows, which broadcast to one shape."""
    building = call.building
    ranks = [len(flow.shape) for flow in flows]
    if len(set(ranks)) > 1:
        if not building.whole:
            raise AcrossSamples(f"takes tensors of {' and '.join(map(str, ranks))} axes")
        flows = [building.written(flow) for flow in flows]
        return call.add(MERGES[call.op.kind](), *flows, order=tuple(range(max(ranks))), rank=max(ranks))
    return call.add(MERGES[call.op.kind](), *building.together(flows))


def with_constant(call: Call, flow: Flow, array: Array) -> Flow:
    """x + c, x − c, x · c, x / c."""
    match call.op.kind:
        case "Add":
            return shifted(call, flow, array)
        case "Sub":
            return shifted(call, flow, -array.astype(call.building.dtype))
        case "Mul":
            return scaled(call, flow, array)
    return scaled(call, flow, 1 / array.astype(call.building.dtype))


def from_constant(call: Call, array: Array, flow: Flow) -> Flow:
    """c + x, c − x, c · x, c / x."""
    if call.op.kind == "Sub":
        return shifted(call, scaled(call, flow, np.array(-1.0), "_minus"), array)
    if call.op.kind == "Div":
        return scaled(call, call.add(layers.Power(-1.0), flow, suffix="_inverse"), array)
    return with_constant(call, flow, array)


def scaled(call: Call, flow: Flow, array: Array, suffix: str = "") -> Flow:
    """y = x · c."""
    flow, array = operand(call, flow, array)
    return call.add(_held(layers.Scale(array.shape), array), flow, suffix=suffix, arrays={"gamma": array})


def shifted(call: Call, flow: Flow, array: Array, suffix: str = "") -> Flow:
    """y = x + c."""
    flow, array = operand(call, flow, array)
    return call.add(_held(layers.Shift(array.shape), array), flow, suffix=suffix, arrays={"beta": array})


def _held(layer: Layer[Any], array: Array) -> Layer[Any]:
    """A single number is no weight: it stays as it is when the network is trained further."""
    layer.trainable = array.size > 1
    return layer


def operand(call: Call, flow: Flow, array: Array) -> tuple[Flow, Array]:
    """Return both so that they broadcast inside as they do in ONNX: the constant in the order of the flow."""
    building = call.building
    if array.dtype.kind not in "fiub":
        raise NotHere(f"of {array.dtype}")
    if array.size == 1 and array.ndim <= len(flow.shape):
        return flow, array.reshape(1)
    if array.ndim > len(flow.shape):
        if not building.whole:
            raise AcrossSamples(f"takes a constant of {array.ndim} axes, more than the data have")
        flow = building.written(flow)
        shape = (1,) * (array.ndim - len(flow.shape)) + flow.shape
        flow = building.reshaped(flow, Flow(flow.node, shape, tuple(range(array.ndim))))
    array = array.reshape((1,) * (len(flow.shape) - array.ndim) + array.shape)
    try:
        np.broadcast_shapes(array.shape[1:], flow.shape[1:])
    except ValueError:
        raise Wrong(f"tensors {flow.shape} and {array.shape} do not broadcast") from None
    part = sample_part(flow, array, building)
    first = len(flow.shape) - part.ndim
    flow = building.complete(flow, [axis for axis in range(first, len(flow.shape)) if array.shape[axis] > 1])
    axes = [axis - first for axis in flow.order if axis != EXTRA]
    part = part.transpose(*axes, *(i for i in range(part.ndim) if i not in axes))
    return flow, _without_leading_ones(part.reshape([array.shape[a] if a != EXTRA else 1 for a in flow.order]))


def _without_leading_ones(array: Array) -> Array:
    while array.ndim > 1 and array.shape[0] == 1:
        array = array[0]
    return array
