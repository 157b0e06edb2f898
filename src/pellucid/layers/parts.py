"""Parts of a network: up to a layer, after a layer, the same nodes put together anew.

A part is a network of its own that shares the layers, and so every array, of the whole. The whole is not touched.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias, TypeVar

from pellucid import checks
from pellucid.errors import ArgumentError
from pellucid.layers.base import Layer
from pellucid.layers.container import INPUT, Container
from pellucid.layers.graph import Graph
from pellucid.layers.merge import Merge
from pellucid.layers.nodes import Node, Operation
from pellucid.layers.sequential import Sequential
from pellucid.layers.walk import in_line, is_open, nodes_of
from pellucid.typing import Shape

AnyContainer: TypeAlias = Container[Any]
ContainerT = TypeVar("ContainerT", bound=AnyContainer)


Named = Mapping[str, Layer[Any]]
"""Layers by what their network calls them."""


def chain(layers: Named, like: AnyContainer, input_shape: Shape | None) -> Sequential:
    """Return the layers one after the other as a built network that shares their arrays."""
    held = list(layers.values())
    part = Sequential(held, names=list(layers), name=like.name)
    return built(part, like, input_shape, held[-1].output_shape if held else input_shape)


def built(part: ContainerT, like: AnyContainer, input_shape: Shape | None, output_shape: Shape | None) -> ContainerT:
    """Return a container of built layers as built, without building them again."""
    with part.open_attributes():
        part.dtype, part.input_shape, part.output_shape = like.dtype, input_shape, output_shape
    part.gather()
    return part


def rewired(
    nodes: Sequence[Node],
    output: str,
    like: AnyContainer,
    output_shape: Shape | None,
    input_shape: Shape | None = None,
) -> AnyContainer:
    """Return a built network of nodes that stand in another one already: a chain, or a graph where branches meet.

    It takes what `like` takes, unless another `input_shape` is named.
    """
    taken = input_shape or like.input_shape
    line = in_line(nodes, output)
    if line is not None:
        return chain(line, like, taken)
    own = [node._replace(operation=_own(node.operation)) for node in nodes]
    return built(Graph(own, output=output, name=like.name), like, taken, output_shape)


def _own(operation: Operation) -> Operation:
    """Return a layer, or a merge like that one: it keeps its shape in one graph, and no graph but its own knows it."""
    return copy.copy(operation) if isinstance(operation, Merge) else operation


def upto(network: AnyContainer, path: str) -> AnyContainer:
    """Return the network up to and with the layer of that name; "block.conv1" ends inside a nested container."""
    first, _, rest = path.partition(".")
    expect_open(f"layer {path!r}", network)
    kept = ancestors(network, first)
    last = kept[-1]
    if rest and isinstance(last.operation, Container):
        kept[-1] = last._replace(operation=upto(last.operation, rest))
    return rewired(kept, first, network, kept[-1].operation.output_shape)


def ancestors(network: AnyContainer, name: str) -> list[Node]:
    """Return the nodes that a node is computed from, itself the last."""
    nodes = nodes_of(network)
    checks.expect_known(network.label, "layer", name, [node.name for node in nodes])
    needed, kept = {name}, []
    for node in reversed(nodes):
        if node.name in needed:
            needed.update(node.inputs)
            kept.append(node)
    return kept[::-1]


def after(network: AnyContainer, name: str) -> AnyContainer | None:
    """Return what follows the node of that name; None where a way leads around it, or it stands in a nested container.

    In a chain nothing leads around; in a graph the trunk has such nodes, those within a branch are none.
    """
    nodes = {node.name: node for node in nodes_of(network)}
    if name not in nodes:
        return None
    reached, above = {name}, []
    for node in nodes.values():
        if not reached.intersection(node.inputs):
            continue
        if not reached.issuperset(node.inputs):
            return None
        reached.add(node.name)
        above.append(node._replace(inputs=tuple(INPUT if source == name else source for source in node.inputs)))
    if network.output not in reached:
        return None
    output = INPUT if network.output == name else network.output
    return rewired(above, output, network, network.output_shape, nodes[name].operation.output_shape)


def expect_open(who: str, container: AnyContainer) -> None:
    """Raise ArgumentError for a container that has passes of its own: what happens within it is not known."""
    if not is_open(container):
        raise ArgumentError(
            f"{who}: {container.label} has a forward or backward of its own, so its layers cannot be taken one by one. "
            "Explain it as a whole, for example with saliency."
        )


def layer_shape(who: str, network: AnyContainer, path: str) -> Shape:
    """Return the shape of one sample of a layer's output."""
    part = upto(network, path)
    checks.expect_built(who, part.output_shape)
    return part.output_shape or ()
