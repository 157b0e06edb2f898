"""Normalisation: by running statistics, or within a sample."""

from __future__ import annotations

import math

import numpy as np

from pellucid.interop.onnx.write.draft import Draft, Value, plain_order
from pellucid.interop.onnx.write.writers import writes
from pellucid.layers import BatchNorm, GroupNorm, InstanceNorm, LayerNorm, LocalResponseNorm
from pellucid.typing import Shape


@writes(BatchNorm)
def batch_norm(draft: Draft, layer: BatchNorm, x: Value) -> Value:
    """BatchNormalization by the running statistics, whose channels are the axis behind the batch."""
    arrays = {**layer.params, **layer.buffers}
    weights = [draft.constant(key, arrays[key]) for key in ("gamma", "beta", "mean", "variance")]
    return draft.each("BatchNormalization", draft.channels_first(x), *weights, epsilon=layer.epsilon)


@writes(LayerNorm)
def layer_norm(draft: Draft, layer: LayerNorm, x: Value) -> Value:
    """LayerNormalization from opset 17 on; before, (x − m) / √(v + ε) · γ + β written out."""
    first = layer.axis % len(x.shape)
    if draft.opset >= 17:
        weights = [draft.constant(key, array) for key, array in layer.params.items()]
        return draft.each("LayerNormalization", draft.plain(x), *weights, axis=first + 1, epsilon=layer.epsilon)
    axes = range(first, len(x.shape))
    centred = draft.add("Sub", [x.name, draft.reduced("ReduceMean", x, axes, keepdims=True).name], x.shape, x.order)
    squares = draft.each("Mul", centred, centred.name)
    variance = draft.reduced("ReduceMean", squares, axes, keepdims=True)
    deviation = draft.each("Sqrt", draft.with_number("Add", variance, "epsilon", layer.epsilon))
    return _scaled(draft, layer, draft.each("Div", centred, deviation.name))


@writes(InstanceNorm)
def instance_norm(draft: Draft, layer: InstanceNorm, x: Value) -> Value:
    """InstanceNormalization."""
    weights = [draft.constant(key, array) for key, array in layer.params.items()]
    return draft.each("InstanceNormalization", draft.channels_first(x), *weights, epsilon=layer.epsilon)


@writes(GroupNorm)
def group_norm(draft: Draft, layer: GroupNorm, x: Value) -> Value:
    """InstanceNormalization of (N, G, numbers of a group): the later operator for it has had two meanings."""
    first, groups = draft.channels_first(x), layer.groups
    grouped = _as_stored(draft, first, (groups, math.prod(x.shape) // groups))
    ones, zeros = draft.constant("ones", np.ones(groups)), draft.constant("zeros", np.zeros(groups))
    standard = draft.each("InstanceNormalization", grouped, ones, zeros, epsilon=layer.epsilon)
    return _scaled(draft, layer, _as_stored(draft, standard, first.stored)._replace(shape=x.shape, order=first.order))


def _as_stored(draft: Draft, x: Value, stored: Shape) -> Value:
    """The same numbers as they lie in the file, in another shape."""
    return draft.add("Reshape", [x.name, draft.whole("shape", [0, *stored])], stored, plain_order(stored))


def _scaled(draft: Draft, layer: LayerNorm | GroupNorm, x: Value) -> Value:
    """x · γ + β."""
    scaled = draft.each("Mul", x, draft.beside(x, "gamma", layer.params["gamma"]))
    return draft.each("Add", scaled, draft.beside(x, "beta", layer.params["beta"]))


@writes(LocalResponseNorm)
def local_response_norm(draft: Draft, layer: LocalResponseNorm, x: Value) -> Value:
    """LRN, of which programs know that of images with a middle channel; else x / (bias + α · mean of squares)^β.

    The mean of the channels around each is an AveragePool over (N, 1, C, pixels).
    """
    first, size = draft.channels_first(x), layer.neighbours
    if len(x.shape) == 3 and size % 2:
        return draft.each("LRN", first, size=size, alpha=layer.alpha, beta=layer.beta, bias=layer.bias)
    channels = x.shape[-1]
    rows = _as_stored(draft, draft.each("Mul", first, first.name), (1, channels, math.prod(x.shape) // channels))
    before = (size - 1) // 2
    around = {"kernel_shape": (size, 1), "pads": (before, 0, size - 1 - before, 0), "count_include_pad": 1}
    means = draft.with_number("Mul", draft.each("AveragePool", rows, **around), "alpha", layer.alpha)
    sums = draft.with_number("Pow", draft.with_number("Add", means, "bias", layer.bias), "beta", layer.beta)
    return draft.each("Div", first, _as_stored(draft, sums, first.stored).name)
