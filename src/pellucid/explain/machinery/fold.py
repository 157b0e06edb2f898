"""Batch normalisation taken into the weighted sum before it: in evaluation mode the two are one weighted sum."""

from __future__ import annotations

from collections import Counter
from typing import Any

from pellucid.layers import Layer, Node
from pellucid.layers.nodes import Operation
from pellucid.layers.parts import AnyContainer, rewired
from pellucid.layers.walk import is_open, nodes_of


def fold_batch_norm(network: AnyContainer) -> AnyContainer:
    """Return a network of the same function in which no layer that scales channels follows a weighted sum directly.

    W' = W · γ/√(v + ε),  b' = (b − m) · γ/√(v + ε) + β. The layers folded are new ones, all others are shared.
    Nothing but the BatchNorm may take what the weighted layer gives.
    """
    if not is_open(network):
        return network
    used = Counter([network.output, *(name for node in nodes_of(network) for name in node.inputs)])
    nodes: dict[str, Node] = {}
    moved: dict[str, str] = {}
    for name, operation, sources in nodes_of(network):
        inputs = tuple(moved.get(source, source) for source in sources)
        below = nodes.get(inputs[0])
        folded = _folded(below.operation, operation) if below is not None and used[sources[0]] == 1 else None
        if below is not None and folded is not None:
            nodes[below.name] = below._replace(operation=folded)
            moved[name] = below.name
        else:
            nodes[name] = Node(name, fold_batch_norm(operation) if is_open(operation) else operation, inputs)
    output = moved.get(network.output, network.output)
    return rewired([*nodes.values()], output, network, network.output_shape)


def _folded(operation: Operation, above: Operation) -> Layer[Any] | None:
    """Return a layer that does what two do, the second a scaling of channels; None where there is none."""
    if not isinstance(operation, Layer) or not isinstance(above, Layer):
        return None
    scaling = above.channel_affine()
    return None if scaling is None else operation.absorb(scaling)
