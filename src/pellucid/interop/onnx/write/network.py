"""The walk through a network that drafts its graph: layer by layer, nested containers by what they hold."""

from __future__ import annotations

from typing import Any, NamedTuple

from pellucid.errors import ArgumentError
from pellucid.interop.onnx.write import (  # noqa: F401  # each registers its writers
    activations,
    constants,
    convolution,
    dense,
    merges,
    normalization,
    pooling,
    resizing,
    shape,
)
from pellucid.interop.onnx.write.draft import Draft, Order, Value, channels_first, plain_order
from pellucid.interop.onnx.write.writers import writer_of
from pellucid.layers import Container
from pellucid.layers.container import INPUT
from pellucid.layers.nodes import Operation
from pellucid.layers.walk import is_open, nodes_of
from pellucid.outputs import GIVEN, OWN, makes
from pellucid.typing import Shape

OUTPUT = "output"


class Drafted(NamedTuple):
    """A graph, and the values at its two doors."""

    draft: Draft
    input: Value
    output: Value


def drafted(who: str, network: Container[Any], opset: int, *, channels_first: bool, probabilities: bool) -> Drafted:
    """Return the graph of a built network."""
    draft = Draft(opset, network.dtype)
    input_shape = network.input_shape or ()
    x = Value(draft.new_name(INPUT), input_shape, _door(input_shape, channels_first))
    y = _written(draft, who, network, x)
    draft.path = OUTPUT
    if probabilities:
        y = _as_probabilities(draft, who, network, y)
    y = draft.arranged(y, _door(y.shape, channels_first))
    if y.name == x.name:
        y = draft.each("Identity", y)
    return Drafted(draft, x, draft.name_last(y))


def _door(sample: Shape, first: bool) -> Order:
    """The order at a door of the graph: as the network counts, or images channels-first."""
    return channels_first(sample) if first and len(sample) > 2 else plain_order(sample)


def _written(draft: Draft, who: str, operation: Operation, x: Value, *more: Value, path: str = "") -> Value:
    if not is_open(operation):
        writer = writer_of(operation, path or operation.name, who)
        draft.path = path
        return draft.name_last(writer(draft, operation, x, *more))
    values = {INPUT: x}
    for name, inside, inputs in nodes_of(operation):
        taken = [values[source] for source in inputs]
        values[name] = _written(draft, who, inside, *taken, path=f"{path}.{name}" if path else name)
    return values[operation.output]


def _as_probabilities(draft: Draft, who: str, network: Container[Any], y: Value) -> Value:
    """Turn outputs to what `predict_proba` gives: probabilities of classes, of one output those of no and yes."""
    how = makes(network, y.shape[-1]) if len(y.shape) == 1 else ""
    if how in ("", OWN):
        raise ArgumentError(
            f"{who}: what the outputs of {network.label} mean has no probabilities that ONNX could hold. Leave "
            "probabilities=True out: the file then gives what network(x) gives."
        )
    if how != GIVEN:
        y = draft.each(how, y, axis=1 if how == "Softmax" else None)
    if y.shape == (1,):
        no = draft.add("Sub", [draft.constant("one", 1.0), y.name], y.shape, y.order)
        y = draft.add("Concat", [no.name, y.name], (2,), y.order, axis=1)
    return y
