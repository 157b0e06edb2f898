"""The outside of a network that came from elsewhere: a door for channels-first pictures, scores with axes of one.

    (N, C, H, W) → door → (N, H, W, C) → body → scores (N, K), or (N, K, 1, 1)

Whoever looks into a network looks behind its door, where all pictures have their channels last.
"""

from __future__ import annotations

import math

import numpy as np

from pellucid.layers.container import INPUT, is_door
from pellucid.layers.container import has_door as has_door
from pellucid.layers.nodes import Node
from pellucid.layers.parts import AnyContainer, rewired
from pellucid.layers.shape import Flatten
from pellucid.layers.walk import is_open, nodes_of
from pellucid.typing import Array


def behind_door(network: AnyContainer) -> AnyContainer:
    """Return what stands behind the door of a network, which takes (H, W, C); a network without a door is its own body.

    The door is one layer that puts the channels last, or several of them where several branches begin at the input. The
    body shares every array with the whole, and calls its layers by the same names.
    """
    if not has_door(network):
        return network
    c, h, w = network.input_shape or (0, 0, 0)
    doors = {node.name for node in nodes_of(network) if INPUT in node.inputs and is_door(node.operation)}
    kept = [_entered(node, doors) for node in nodes_of(network) if node.name not in doors]
    output = INPUT if network.output in doors else network.output
    body = rewired(kept, output, network, network.output_shape, (h, w, c))
    with body.open_attributes():
        body.outputs = network.outputs
        if network.inputs is not None and network.inputs.shape == network.input_shape:
            body.inputs = network.inputs.replace(shape=(h, w, c), layout="channels-last")
    return body


def _entered(node: Node, doors: set[str]) -> Node:
    """Return a node that takes the input where it took a door, and stands behind a door of its own."""
    if INPUT in node.inputs:
        return node._replace(operation=behind_door(node.operation))  # type: ignore[arg-type]
    return node._replace(inputs=tuple(INPUT if name in doors else name for name in node.inputs))


def with_flat_scores(network: AnyContainer) -> AnyContainer:
    """Return a network whose scores are vectors: where a sample gives (K, 1, 1), or (1, 1, K), its axes of one go."""
    shape = network.output_shape
    if shape is None or len(shape) < 2 or math.prod(shape) != max(shape) or not is_open(network):
        return network
    last = Flatten()
    last.build(shape, np.random.default_rng(0), network.dtype)
    name = "scores"
    while name in {node.name for node in nodes_of(network)}:
        name += "_"
    nodes = [*nodes_of(network), Node(name, last, (network.output,))]
    made = rewired(nodes, name, network, last.output_shape)
    with made.open_attributes():
        made.inputs, made.outputs = network.inputs, network.outputs
    return made


def inward(values: Array) -> Array:
    """Return samples, or one, in the order of a door's outside as they are behind it: (…, C, H, W) as (…, H, W, C)."""
    return np.ascontiguousarray(np.moveaxis(values, -3, -1))


def outward(values: Array) -> Array:
    """Undo `inward`."""
    return np.ascontiguousarray(np.moveaxis(values, -1, -3))
