"""Parts of a network: up to a layer, after a layer, without its last softmax; and what the tape of a pass holds.

A part is a network of its own that shares the layers, and so every array, of the whole. The whole is not touched.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple, TypeVar

from pellucid import checks
from pellucid.errors import ArgumentError
from pellucid.layers import AveragePool2D, Container, Graph, Layer, MaxPool2D, Residual, Sequential, Sigmoid, Softmax
from pellucid.layers.nodes import INPUT
from pellucid.layers.plain import is_plain
from pellucid.outputs import PASSIVE as PASSIVE
from pellucid.outputs import ending
from pellucid.typing import Array, Shape

AnyContainer = Container[Any]
ContainerT = TypeVar("ContainerT", bound=AnyContainer)


Named = Mapping[str, Layer[Any]]
"""Layers by what their network calls them."""


def chain(layers: Named, like: AnyContainer, input_shape: Shape | None) -> Sequential:
    """Return the layers one after the other as a built network that shares their arrays."""
    held = list(layers.values())
    part = Sequential(held, names=list(layers), name=like.name)
    return built(part, like, input_shape, held[-1].output_shape if held else input_shape)


def part_of(network: AnyContainer, start: int, end: int | None = None) -> dict[str, Layer[Any]]:
    """Return the layers from `start` to before `end`, by name."""
    return dict(list(network.named_layers())[start:end])


def built(part: ContainerT, like: AnyContainer, input_shape: Shape | None, output_shape: Shape | None) -> ContainerT:
    """Return a container of built layers as built, without building them again."""
    with part.open_attributes():
        part.dtype, part.input_shape, part.output_shape = like.dtype, input_shape, output_shape
    part.gather()
    return part


def upto(network: AnyContainer, path: str) -> AnyContainer:
    """Return the network up to and with the layer of that name; "block.conv1" ends inside a nested container."""
    first, _, rest = path.partition(".")
    expect_open("explain", network)
    if isinstance(network, Graph):
        return _graph_upto(network, first, rest)
    layer = network.layer(first)
    inner = upto(layer, rest) if rest and isinstance(layer, Container) else layer
    k = 0 if isinstance(network, Residual) else network.names.index(first)
    return chain({**part_of(network, 0, k), first: inner}, network, network.input_shape)


def after(network: Sequential, name: str) -> Sequential:
    """Return what follows the layer of that name in a chain."""
    above = network.layer(name)
    return chain(part_of(network, network.names.index(name) + 1), network, above.output_shape)


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
    shape = kept[0].operation.output_shape
    return built(Graph(kept[::-1], output=name, name=graph.name), graph, graph.input_shape, shape)


def before_softmax(network: AnyContainer) -> tuple[AnyContainer, str]:
    """Return the network that ends in its scores, and the kind of layer taken off: "Softmax", "Sigmoid" or ""."""
    if is_plain(network, Graph):
        return _graph_before_softmax(network) if ending(network) else (network, "")
    if not is_plain(network, Sequential):
        return network, ""
    end = len(network.layers)
    while end and is_plain(network.layers[end - 1], *PASSIVE):
        end -= 1
    if not end:
        return network, ""
    name, last = network.names[end - 1], network.layers[end - 1]
    if kind := _ending(last):
        return chain(part_of(network, 0, end - 1), network, network.input_shape), kind
    if isinstance(last, Container):
        inner, kind = before_softmax(last)
        if kind:
            return chain({**part_of(network, 0, end - 1), name: inner}, network, network.input_shape), kind
    return network, ""


def _graph_before_softmax(graph: Graph) -> tuple[AnyContainer, str]:
    name = graph.output
    while is_plain(graph.node(name).operation, *PASSIVE):
        name = graph.node(name).inputs[0]
    node = graph.node(name)
    kind, part = _ending(node.operation), upto(graph, name)
    if kind and node.inputs[0] != INPUT:
        return upto(graph, node.inputs[0]), kind
    if isinstance(node.operation, Container) and isinstance(part, Graph):
        inner, kind = before_softmax(node.operation)
        if kind:
            kept = [*part.nodes[:-1], node._replace(operation=inner)]
            return built(Graph(kept, output=name, name=graph.name), graph, graph.input_shape, inner.output_shape), kind
    return graph, ""


def _ending(operation: object) -> str:
    return next((kind.__name__ for kind in (Softmax, Sigmoid) if is_plain(operation, kind)), "")


def is_open(container: object) -> bool:
    """Whether a container computes by the layers that it holds, in their order, and by nothing else."""
    return is_plain(container, Sequential, Residual, Graph)


def expect_open(who: str, container: AnyContainer) -> None:
    """Raise ArgumentError for a container that has passes of its own: what happens within it is not known."""
    if not is_open(container):
        raise ArgumentError(
            f"{who}: {container.label} has a forward or backward of its own, so its layers cannot be taken one by one. "
            "Explain it as a whole, for example with saliency."
        )


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
        visit = Visit(prefix + step.name, step.layer, step.cache, inputs, step.output)
        yield visit
        if is_open(step.layer):
            yield from visits(step.layer, inputs[0], step.cache, f"{visit.path}.")
        values[step.name] = x = step.output


def operations(network: AnyContainer, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Yield (path, layer or merge) for all that computes, in order; containers by what they hold, if that is all."""
    if not is_open(network):
        yield network.name or "network", network
        return
    for name, operation in _held(network):
        if is_open(operation):
            yield from operations(operation, f"{prefix}{name}.")
        else:
            yield prefix + name, operation


def _held(network: AnyContainer) -> Iterator[tuple[str, Any]]:
    """Yield (name, layer or merge) of what a container holds itself, in the order in which it computes."""
    if isinstance(network, Graph):
        yield from ((node.name, node.operation) for node in network.nodes)
        return
    yield from network.named_layers()
    if isinstance(network, Residual):
        yield network.add.name, network.add


def image_layer(who: str, network: AnyContainer) -> str:
    """Return the last layer whose output is an image, before any pooling: what a class activation map looks at."""
    for name, layer in reversed(list(_held(network))):
        shape = layer.output_shape
        if shape is not None and len(shape) == 3 and shape[0] * shape[1] > 1 and not _only_moves(layer):
            return str(name)
    raise ArgumentError(
        f"{who}: no layer of {network.label} gives an image (H, W, C) to look at. "
        "A class activation map needs a convolution."
    )


def _only_moves(layer: object) -> bool:
    return is_plain(layer, *PASSIVE, MaxPool2D, AveragePool2D)


def layer_shape(who: str, network: AnyContainer, path: str) -> Shape:
    """Return the shape of one sample of a layer's output."""
    part = upto(network, path)
    checks.expect_built(who, part.output_shape)
    return part.output_shape or ()
