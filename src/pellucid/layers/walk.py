"""Walks through networks: what computes within one, and what the tape of a pass holds.

Every container that says its `nodes` is walked in one way, whoever wrote it; one that does not, a container with
passes of its own, is one step of the walk.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator
from typing import Any, NamedTuple, TypeAlias, TypeGuard

from pellucid.layers.base import Layer
from pellucid.layers.container import INPUT, Container
from pellucid.layers.nodes import Node, Operation
from pellucid.typing import Array

Computed: TypeAlias = tuple[str, Operation, tuple[str, ...]]
"""The path of a layer or merge, itself, and the paths of what it takes."""


def is_open(operation: object) -> TypeGuard[Container[Any]]:
    """Whether this is a container that computes by its nodes and by nothing else."""
    return isinstance(operation, Container) and operation.nodes is not None


def nodes_of(container: Container[Any]) -> tuple[Node, ...]:
    """Return the nodes of an open container; none of another one."""
    return container.nodes or ()


def opened(network: Container[Any], source: str = INPUT, prefix: str = "") -> Generator[Computed, None, str]:
    """Yield all that computes, in order, nested containers by what they hold; return the path of the output."""
    if not is_open(network):
        path = network.name or "network"
        yield path, network, (source,)
        return path
    outputs = {INPUT: source}
    for name, operation, inputs in nodes_of(network):
        taken = tuple(outputs[i] for i in inputs)
        if is_open(operation):
            outputs[name] = yield from opened(operation, taken[0], f"{prefix}{name}.")
        else:
            outputs[name] = prefix + name
            yield prefix + name, operation, taken
    return outputs[network.output]


def operations(network: Container[Any]) -> Iterator[tuple[str, Operation]]:
    """Yield (path, layer or merge) for all that computes, in order."""
    return ((path, operation) for path, operation, _ in opened(network))


def layers_in_line(network: Container[Any]) -> dict[str, Layer[Any]] | None:
    """Return the layers of a chain by name: each takes what the one before gives. None where branches meet."""
    return in_line(nodes_of(network), network.output) if is_open(network) else None


def in_line(nodes: Iterable[Node], output: str) -> dict[str, Layer[Any]] | None:
    """The same, of nodes."""
    source = INPUT
    found: dict[str, Layer[Any]] = {}
    for name, operation, inputs in nodes:
        if not isinstance(operation, Layer) or inputs != (source,):
            return None
        found[name], source = operation, name
    return found if output == source else None


class Visit(NamedTuple):
    """One layer's or merge's part of a pass, with what went in and what came out."""

    path: str
    layer: Any
    cache: Any
    inputs: tuple[Array, ...]
    output: Array


def visits(network: Container[Any], x: Array, tape: Any, prefix: str = "") -> Iterator[Visit]:
    """Yield every step of a tape in the order of the pass, containers before what they hold."""
    values = {INPUT: x}
    for (name, operation, inputs), step in zip(nodes_of(network), tape, strict=True):
        visit = Visit(prefix + name, operation, step.cache, tuple(values[i] for i in inputs), step.output)
        yield visit
        if is_open(operation):
            yield from visits(operation, visit.inputs[0], step.cache, f"{visit.path}.")
        values[name] = step.output


def last_of(network: Container[Any]) -> Operation:
    """Return what computes the output of a network: a layer, a merge or a container that is not open."""
    operation: Operation = network
    while is_open(operation):
        inside = {node.name: node.operation for node in nodes_of(operation)}
        if operation.output not in inside:
            return operation
        operation = inside[operation.output]
    return operation
