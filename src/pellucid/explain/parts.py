"""Parts of a network: up to a layer, after a layer, without its last softmax.

A part is a network of its own that shares the layers, and so every array, of the whole. The whole is not touched.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

from pellucid import checks
from pellucid.errors import ArgumentError
from pellucid.layers import Container, Graph, Layer, Node, Sequential
from pellucid.layers.container import INPUT
from pellucid.layers.facts import UNKNOWN
from pellucid.layers.walk import in_line, is_open, layers_in_line, nodes_of
from pellucid.outputs import ending
from pellucid.typing import Shape

AnyContainer = Container[Any]
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


def rewired(nodes: Sequence[Node], output: str, like: AnyContainer, output_shape: Shape | None) -> AnyContainer:
    """Return a built network of nodes that stand in another one already: a chain, or a graph where branches meet."""
    line = in_line(nodes, output)
    if line is not None:
        return chain(line, like, like.input_shape)
    return built(Graph(nodes, output=output, name=like.name), like, like.input_shape, output_shape)


def upto(network: AnyContainer, path: str) -> AnyContainer:
    """Return the network up to and with the layer of that name; "block.conv1" ends inside a nested container."""
    first, _, rest = path.partition(".")
    expect_open("explain", network)
    kept = _ancestors(network, first)
    last = kept[-1]
    if rest and isinstance(last.operation, Container):
        kept[-1] = last._replace(operation=upto(last.operation, rest))
    return rewired(kept, first, network, kept[-1].operation.output_shape)


def _ancestors(network: AnyContainer, name: str) -> list[Node]:
    """Return the nodes that a node is computed from, itself the last."""
    nodes = nodes_of(network)
    checks.expect_known(network.label, "layer", name, [node.name for node in nodes])
    needed, kept = {name}, []
    for node in reversed(nodes):
        if node.name in needed:
            needed.update(node.inputs)
            kept.append(node)
    return kept[::-1]


def after(network: AnyContainer, name: str) -> Sequential | None:
    """Return what follows the layer of that name in a chain; None where branches meet."""
    line = layers_in_line(network)
    if line is None or name not in line:
        return None
    names = list(line)
    rest = {following: line[following] for following in names[names.index(name) + 1 :]}
    return chain(rest, network, line[name].output_shape)


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
    kept = [*_ancestors(network, name)[:-1], node._replace(operation=inner)]
    return rewired(kept, name, network, inner.output_shape), kind


def _upto_input_of(network: AnyContainer, node: Node) -> AnyContainer:
    source = node.inputs[0]
    return upto(network, source) if source != INPUT else chain({}, network, network.input_shape)


def _link(operation: Any) -> str:
    """Return "Softmax" or "Sigmoid" of a layer that is this function and nothing else."""
    if not isinstance(operation, Layer) or operation.facts.function != operation.probabilities.lower():
        return ""
    return operation.probabilities


def expect_open(who: str, container: AnyContainer) -> None:
    """Raise ArgumentError for a container that has passes of its own: what happens within it is not known."""
    if not is_open(container):
        raise ArgumentError(
            f"{who}: {container.label} has a forward or backward of its own, so its layers cannot be taken one by one. "
            "Explain it as a whole, for example with saliency."
        )


def image_layer(who: str, network: AnyContainer) -> str:
    """Return the last layer whose output is an image, before any pooling: what a class activation map looks at."""
    for name, operation, _ in reversed(nodes_of(network)):
        shape, facts = operation.output_shape, operation.facts
        if shape is None or len(shape) != 3 or shape[0] * shape[1] == 1 or facts.in_order or facts.pools:
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


def layer_shape(who: str, network: AnyContainer, path: str) -> Shape:
    """Return the shape of one sample of a layer's output."""
    part = upto(network, path)
    checks.expect_built(who, part.output_shape)
    return part.output_shape or ()
