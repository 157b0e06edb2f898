"""The nodes of a `Graph`: how they are written, and what a description must keep to."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any, NamedTuple, TypeAlias

from pellucid import checks
from pellucid.checked import checked_late
from pellucid.errors import ArgumentError
from pellucid.layers.base import Layer
from pellucid.layers.container import INPUT as INPUT
from pellucid.layers.container import AnyLayer
from pellucid.layers.merge import AnyMerge, Merge
from pellucid.shown import came

Operation: TypeAlias = AnyLayer | AnyMerge
Inputs: TypeAlias = str | Sequence[str]


@checked_late
class Node(NamedTuple):
    """A layer or a merge, and the names of what it takes.

    Examples
    --------
    >>> graph = pl.Graph({"a": (pl.Affine(2), "input"), "sum": (pl.Add(), ["a", "a"])}, input_shape=3)
    >>> graph.node("sum").inputs
    ('a', 'a')
    """

    name: str
    operation: Operation
    inputs: tuple[str, ...]


def read_nodes(
    nodes: Mapping[str, tuple[Operation, Inputs]] | Sequence[tuple[str, Operation, Inputs]],
) -> Iterator[Node]:
    """Check the description from top to bottom; a node knows only what stands above it."""
    listed = list(_entries(nodes))
    later = {name for name, _, _ in listed if isinstance(name, str)}
    known = {INPUT}
    for name, operation, given in listed:
        _check_name(name, operation, known)
        inputs = (given,) if isinstance(given, str) else given
        if not isinstance(inputs, Sequence) or not all(isinstance(source, str) for source in inputs):
            raise ArgumentError(f"Graph: node {name!r} takes names of nodes, such as ['a', 'b'], got {came(given)}.")
        inputs = tuple(inputs)
        for source in inputs:
            _check_source(name, source, known, later)
        if isinstance(operation, Layer) and len(inputs) != 1:
            raise ArgumentError(
                f"Graph: node {name!r} is a layer and takes one input, got {list(inputs)}. Merge them by Add or Concat."
            )
        operation.name = operation.name or name
        known.add(name)
        yield Node(name, operation, inputs)


def _entries(nodes: Any) -> Iterator[tuple[Any, Any, Any]]:
    if not isinstance(nodes, (Mapping, Sequence)) or isinstance(nodes, str):
        raise ArgumentError(f"Graph: nodes must be a dict of name: (layer, inputs), got {came(nodes)}.")
    for name, entry in nodes.items() if isinstance(nodes, Mapping) else ((None, entry) for entry in nodes):
        node = entry if name is None or not isinstance(entry, Sequence) else (name, *entry)
        if not isinstance(node, Sequence) or isinstance(node, str) or len(node) != 3:
            raise ArgumentError(f"Graph: a node is (name, layer, inputs), got {came(entry)}.")
        yield node[0], node[1], node[2]


def _check_name(name: object, operation: object, known: Collection[str]) -> None:
    if not isinstance(name, str) or not name or "." in name or "/" in name:
        raise ArgumentError(f"Graph: a node's name must be a string without '.' and '/', got {came(name)}.")
    if name in known:
        raise ArgumentError(f"Graph: two nodes are named {name!r} ({INPUT!r} is the input). Choose different names.")
    if not isinstance(operation, (Layer, Merge)):
        hint = " Call it to make one." if isinstance(operation, type) else ""
        raise ArgumentError(f"Graph: node {name!r} is {came(operation)}, which is neither a layer nor a merge.{hint}")


def _check_source(name: str, source: str, known: Collection[str], later: Collection[str]) -> None:
    if source in known:
        return
    if source in later:
        raise ArgumentError(
            f"Graph: node {name!r} takes {came(source)}, which does not stand above it. List the nodes in the order in "
            "which they are computed; a cycle has no such order."
        )
    checks.unknown_name(f"Graph: node {name!r}", "input", source, known)
