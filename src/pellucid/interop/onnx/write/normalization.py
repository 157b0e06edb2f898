"""Normalisation: by running statistics, or within a sample."""

from __future__ import annotations

from pellucid.interop.onnx.write.draft import Draft, Value
from pellucid.interop.onnx.write.writers import writes
from pellucid.layers import BatchNorm, GroupNorm, LayerNorm


@writes(BatchNorm)
def batch_norm(draft: Draft, layer: BatchNorm, x: Value) -> Value:
    """BatchNormalization by the running statistics, whose channels are the axis behind the batch."""
    arrays = {**layer.params, **layer.buffers}
    weights = [draft.constant(key, arrays[key]) for key in ("gamma", "beta", "mean", "variance")]
    return draft.each("BatchNormalization", draft.channels_first(x), *weights, epsilon=layer.epsilon)


@writes(LayerNorm)
def layer_norm(draft: Draft, layer: LayerNorm, x: Value) -> Value:
    """LayerNormalization from opset 17 on; before, (x − m) / √(v + ε) · γ + β written out."""
    if draft.opset >= 17:
        weights = [draft.constant(key, array) for key, array in layer.params.items()]
        return draft.each("LayerNormalization", draft.plain(x), *weights, axis=-1, epsilon=layer.epsilon)
    centred = draft.add("Sub", [x.name, draft.reduced("ReduceMean", x, [-1], keepdims=True).name], x.shape, x.order)
    squares = draft.each("Mul", centred, centred.name)
    variance = draft.reduced("ReduceMean", squares, [-1], keepdims=True)
    deviation = draft.each("Sqrt", draft.with_number("Add", variance, "epsilon", layer.epsilon))
    return _scaled(draft, layer, draft.each("Div", centred, deviation.name))


@writes(GroupNorm)
def group_norm(draft: Draft, layer: GroupNorm, x: Value) -> Value:
    """InstanceNormalization of (N, G, numbers of a group): the later operator for it has had two meanings."""
    rows = draft.channels_first(x)
    groups = (layer.groups, -1)
    grouped = draft.add("Reshape", [rows.name, draft.whole("groups", [0, *groups])], groups, (0, 1))
    ones, zeros = ([float(one)] * layer.groups for one in (True, False))
    standard = draft.each(
        "InstanceNormalization",
        grouped,
        draft.constant("ones", ones),
        draft.constant("zeros", zeros),
        epsilon=layer.epsilon,
    )
    back = draft.add("Reshape", [standard.name, draft.whole("shape", [0, *rows.stored])], rows.shape, rows.order)
    return _scaled(draft, layer, back)


def _scaled(draft: Draft, layer: LayerNorm | GroupNorm, x: Value) -> Value:
    """x · γ + β."""
    return draft.each(
        "Add",
        draft.each("Mul", x, draft.beside(x, "gamma", layer.params["gamma"])),
        draft.beside(x, "beta", layer.params["beta"]),
    )
