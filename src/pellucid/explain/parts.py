"""Parts of a network: up to a layer, after a layer, without its last softmax; and what the tape of a pass holds.

A part is a network of its own that shares the layers, and so every array, of the whole. The whole is not touched.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple, TypeVar

from pellucid import checks
from pellucid.errors import ArgumentError
from pellucid.layers import Container, Dropout, Flatten, Graph, Layer, Reshape, Residual, Sequential, Sigmoid, Softmax
from pellucid.layers.nodes import INPUT
from pellucid.typing import Array, Shape

AnyContainer = Container[Any]
ContainerT = TypeVar("ContainerT", bound=AnyContainer)
PASSIVE = (Dropout, Flatten, Reshape)
"""Layers that change no number in an evaluation-mode pass."""


def chain(layers: Sequence[Layer[Any]], like: AnyContainer, input_shape: Shape | None, name: str = "") -> Sequential:
    """Return the layers one after the other as a built network that shares their arrays."""
    return built(Sequential(layers, name=name), like, input_shape, layers[-1].output_shape if layers else input_shape)


def built(part: ContainerT, like: AnyContainer, input_shape: Shape | None, output_shape: Shape | None) -> ContainerT:
    """Return a container of built layers as built, without building them again."""
    part.dtype, part.input_shape, part.output_shape = like.dtype, input_shape, output_shape
    part.gather()
    return part


def upto(network: AnyContainer, path: str) -> AnyContainer:
    """Return the network up to and with the layer of that name; "block.conv1" ends inside a nested container."""
    first, _, rest = path.partition(".")
    if isinstance(network, Graph):
        return _graph_upto(network, first, rest)
    layer = network.layer(first)
    inner = upto(layer, rest) if rest and isinstance(layer, Container) else layer
    if isinstance(network, Residual):
        return chain([inner], network, network.input_shape, network.name)
    k = network.layers.index(layer)
    return chain([*network.layers[:k], inner], network, network.input_shape, network.name)


def after(network: Sequential, name: str) -> Sequential:
    """Return what follows the layer of that name in a chain."""
    k = network.layers.index(network.layer(name))
    return chain(network.layers[k + 1 :], network, network.layers[k].output_shape, network.name)


def _graph_upto(graph: Graph, name: str, rest: str) -> AnyContainer:
    last = graph.node(name)
    needed = {name}
    kept = []
    for node in reversed(graph.nodes):
        if node.name in needed:
            needed.update(node.inputs)
            kept.append(node)
    if rest and isinstance(last.operation, Container):
        kept[0] = last._replace(operation=upto(last.operation, rest))
        kept[0].operation.name = name  # a part made here
    shape = kept[0].operation.output_shape
    return built(Graph(kept[::-1], output=name, name=graph.name), graph, graph.input_shape, shape)


def before_softmax(network: AnyContainer) -> tuple[AnyContainer, str]:
    """Return the network that ends in its scores, and the kind of layer taken off: "Softmax", "Sigmoid" or ""."""
    if isinstance(network, Graph):
        node = network.nodes[-1] if network.output == INPUT else network.node(network.output)
        kind = _ending(node.operation)
        return (upto(network, node.inputs[0]), kind) if kind and node.inputs[0] != INPUT else (network, "")
    if not isinstance(network, Sequential):
        return network, ""
    layers = list(network.layers)
    while layers and isinstance(layers[-1], PASSIVE):
        layers.pop()
    kind = _ending(layers[-1]) if layers else ""
    if kind:
        return chain(layers[:-1], network, network.input_shape, network.name), kind
    if layers and isinstance(layers[-1], Container):
        inner, kind = before_softmax(layers[-1])
        if kind:
            return chain([*layers[:-1], inner], network, network.input_shape, network.name), kind
    return network, ""


def _ending(operation: object) -> str:
    return type(operation).__name__ if isinstance(operation, (Softmax, Sigmoid)) else ""


class Visit(NamedTuple):
    """One layer's or merge's part of a pass, with what went in and what came out."""

    path: str
    layer: Any
    cache: Any
    inputs: tuple[Array, ...]
    output: Array


def visits(network: AnyContainer, x: Array, tape: Any, prefix: str = "") -> Iterator[Visit]:
    """Yield every step of a tape in the order of the pass, containers before what they hold."""
    if isinstance(network, Residual):
        yield from visits(network.branch, x, tape.branch, f"{prefix}branch.")
        if network.shortcut is not None:
            yield from visits(network.shortcut, x, tape.shortcut, f"{prefix}shortcut.")
        xs = tape.sum.xs
        yield Visit(f"{prefix}{network.add.name}", network.add, tape.sum, xs, xs[0] + xs[1])
        return
    values = {INPUT: x}
    for i, step in enumerate(tape):
        inputs = tuple(values[name] for name in network.nodes[i].inputs) if isinstance(network, Graph) else (x,)
        visit = Visit(prefix + step.layer.name, step.layer, step.cache, inputs, step.output)
        yield visit
        if isinstance(step.layer, Container):
            yield from visits(step.layer, inputs[0], step.cache, f"{visit.path}.")
        values[step.layer.name] = x = step.output


def operations(network: AnyContainer, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Yield (path, layer or merge) for everything that computes, in order; containers only by what they hold."""
    if isinstance(network, Residual):
        for side in network.layers:
            yield from operations(side, f"{prefix}{side.name}.")  # type: ignore[arg-type]
        yield f"{prefix}{network.add.name}", network.add
        return
    held = [node.operation for node in network.nodes] if isinstance(network, Graph) else network.layers
    for layer in held:
        if isinstance(layer, Container):
            yield from operations(layer, f"{prefix}{layer.name}.")
        else:
            yield prefix + layer.name, layer


def image_layer(who: str, network: AnyContainer) -> str:
    """Return the last layer whose output is an image, before any pooling: what a class activation map looks at."""
    held = [node.operation for node in network.nodes] if isinstance(network, Graph) else list(network.layers)
    for layer in reversed(held):
        shape = layer.output_shape
        if shape is not None and len(shape) == 3 and shape[0] * shape[1] > 1 and not _only_moves(layer):
            return layer.name
    raise ArgumentError(
        f"{who}: no layer of {network.label} gives an image (H, W, C) to look at. "
        "A class activation map needs a convolution."
    )


def _only_moves(layer: object) -> bool:
    return isinstance(layer, PASSIVE) or type(layer).__name__ in ("MaxPool2D", "AveragePool2D", "SpatialDropout2D")


def layer_shape(who: str, network: AnyContainer, path: str) -> Shape:
    """Return the shape of one sample of a layer's output."""
    part = upto(network, path)
    checks.expect_built(who, part.output_shape)
    return part.output_shape or ()
