"""What explanations look at: a network without its last softmax, and the layer that gives the last image."""

from __future__ import annotations

from typing import Any

from pellucid.errors import ArgumentError
from pellucid.layers import Layer, Node
from pellucid.layers.container import INPUT
from pellucid.layers.facts import UNKNOWN
from pellucid.layers.parts import AnyContainer, ancestors, chain, rewired, upto
from pellucid.layers.walk import is_open, nodes_of
from pellucid.outputs import ending


def before_softmax(network: AnyContainer) -> tuple[AnyContainer, str]:
    """Return the network that ends in its scores, and the kind of layer taken off: "Softmax", "Sigmoid" or ""."""
    if not is_open(network) or not ending(network):
        return network, ""
    nodes = {node.name: node for node in nodes_of(network)}
    name = network.output
    while name != INPUT and nodes[name].operation.facts.in_order:
        name = nodes[name].inputs[0]
    if name == INPUT:
        return network, ""
    node = nodes[name]
    kind = _link(node.operation)
    if kind:
        return _upto_input_of(network, node), kind
    if not is_open(node.operation):
        return network, ""
    inner, kind = before_softmax(node.operation)
    if not kind:
        return network, ""
    kept = [*ancestors(network, name)[:-1], node._replace(operation=inner)]
    return rewired(kept, name, network, inner.output_shape), kind


def _upto_input_of(network: AnyContainer, node: Node) -> AnyContainer:
    source = node.inputs[0]
    return upto(network, source) if source != INPUT else chain({}, network, network.input_shape)


def _link(operation: Any) -> str:
    """Return "Softmax" or "Sigmoid" of a layer that is this function and nothing else."""
    if not isinstance(operation, Layer) or operation.facts.function != operation.probabilities.lower():
        return ""
    return operation.probabilities


def image_layer(who: str, network: AnyContainer) -> str:
    """Return the last layer whose output is an image, before any pooling: what a class activation map looks at."""
    for name, operation, _ in reversed(nodes_of(network)):
        shape, facts = operation.output_shape, operation.facts
        moves = facts.moves and isinstance(operation, Layer)
        if shape is None or len(shape) != 3 or shape[0] * shape[1] == 1 or moves or facts.pools:
            continue
        if facts == UNKNOWN and not is_open(operation):
            raise ArgumentError(
                f"{who}: {operation.label} does not say what it does to images, whether it pools. Name the layer to "
                f"look at, such as layer={name!r}, or state its facts = pl.layers.Facts(...)."
            )
        return name
    raise ArgumentError(
        f"{who}: no layer of {network.label} gives an image (H, W, C) to look at. "
        "A class activation map needs a convolution."
    )
