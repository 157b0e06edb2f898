"""The nodes of a `Graph`: how they are written, and what a description must keep to."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import NamedTuple, TypeAlias

from pellucid import checks
from pellucid.errors import ArgumentError
from pellucid.layers.base import Layer
from pellucid.layers.container import AnyLayer
from pellucid.layers.merge import AnyMerge, Merge

INPUT = "input"
"""What nodes call the input of the graph."""

Operation: TypeAlias = AnyLayer | AnyMerge
Inputs: TypeAlias = str | Sequence[str]


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


def read_nodes(listed: Sequence[tuple[str, Operation, Inputs]]) -> Iterator[Node]:
    """Check the description from top to bottom; a node knows only what stands above it."""
    for entry in listed:
        if not isinstance(entry, Sequence) or len(entry) != 3:
            raise ArgumentError(f"Graph: a node is (name, layer, inputs), got {entry!r}.")
    later = {str(name) for name, _, _ in listed}
    known = {INPUT}
    for name, operation, given in listed:
        inputs = (given,) if isinstance(given, str) else tuple(str(source) for source in given)
        _check_name(name, operation, known)
        for source in inputs:
            _check_source(name, source, known, later)
        if isinstance(operation, Layer) and len(inputs) != 1:
            raise ArgumentError(
                f"Graph: node {name!r} is a layer and takes one input, got {list(inputs)}. Merge them by Add or Concat."
            )
        operation.name = operation.name or name
        known.add(name)
        yield Node(name, operation, inputs)


def _check_name(name: object, operation: object, known: Collection[str]) -> None:
    if not isinstance(name, str) or not name or "." in name or "/" in name:
        raise ArgumentError(f"Graph: a node's name must be a string without '.' and '/', got {name!r}.")
    if name in known:
        raise ArgumentError(f"Graph: two nodes are named {name!r} ({INPUT!r} is the input). Choose different names.")
    if not isinstance(operation, (Layer, Merge)):
        hint = " Call it to make one." if isinstance(operation, type) else ""
        raise ArgumentError(f"Graph: node {name!r} is {operation!r}, which is neither a layer nor a merge.{hint}")


def _check_source(name: str, source: str, known: Collection[str], later: Collection[str]) -> None:
    if source in known:
        return
    if source in later:
        raise ArgumentError(
            f"Graph: node {name!r} takes {source!r}, which does not stand above it. List the nodes in the order in "
            "which they are computed; a cycle has no such order."
        )
    checks.unknown_name(f"Graph: node {name!r}", "input", source, known)
