"""What explanations look at: a network without its last softmax, and the layer that gives the last image."""

from __future__ import annotations

import math
from typing import Any

from pellucid.errors import ArgumentError
from pellucid.layers import Layer, Node
from pellucid.layers.container import INPUT
from pellucid.layers.facts import UNKNOWN
from pellucid.layers.nodes import Operation
from pellucid.layers.parts import AnyContainer, ancestors, chain, rewired, upto
from pellucid.layers.walk import is_open, nodes_of
from pellucid.outputs import ending

USUAL = (0, 1, 2)
"""The axes of an image (H, W, C) in their order."""


def before_softmax(network: AnyContainer) -> tuple[AnyContainer, str]:
    """Return the network that ends in its scores, and the kind of layer taken off: "Softmax", "Sigmoid" or ""."""
    if not is_open(network) or not ending(network):
        return network, ""
    nodes = {node.name: node for node in nodes_of(network)}
    name = network.output
    while name != INPUT and _keeps_order(nodes[name].operation):
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


def _keeps_order(operation: Operation) -> bool:
    """Whether the numbers stay in their order: only their shape changes, or axes of which all but one are 1."""
    shape = operation.output_shape or ()
    return operation.facts.in_order or (operation.facts.moves and math.prod(shape) == max(shape, default=1))


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
    found = _last_image(who, network, "")
    if found is None:
        raise ArgumentError(
            f"{who}: no layer of {network.label} gives an image (H, W, C) to look at. "
            "A class activation map needs a convolution."
        )
    return found


def _last_image(who: str, network: AnyContainer, prefix: str) -> str | None:
    """The same, of a network that may stand within another one; None where there is none."""
    turned = _turned(network)
    for name, operation, _ in reversed(nodes_of(network)):
        shape, facts = operation.output_shape or (), operation.facts
        if len(shape) != 3 or shape[0] * shape[1] == 1:
            within = _last_image(who, operation, f"{prefix}{name}.") if is_open(operation) else None
            if within is not None:
                return within
            continue
        if facts.pools or name in turned or (facts.moves and isinstance(operation, Layer)):
            continue
        if facts == UNKNOWN and not is_open(operation):
            raise ArgumentError(
                f"{who}: {operation.label} does not say what it does to images, whether it pools. Name the layer to "
                f"look at, such as layer={prefix + name!r}, or state its facts = pl.layers.Facts(...)."
            )
        return prefix + name
    return None


def _turned(network: AnyContainer) -> set[str]:
    """Return the nodes whose channels are not last: those behind a change of axes, up to the next layer on images."""
    axes: dict[str, tuple[int, ...]] = {INPUT: USUAL}
    for name, operation, inputs in nodes_of(network):
        came = axes[inputs[0]]
        moved = getattr(operation, "axes", None) if operation.facts.moves else None
        if is_open(operation) or len(operation.output_shape or ()) != 3 or getattr(operation, "takes_images", False):
            axes[name] = USUAL
        else:
            axes[name] = tuple(came[a] for a in moved) if isinstance(moved, tuple) and len(moved) == 3 else came
    return {name for name, order in axes.items() if order != USUAL}
