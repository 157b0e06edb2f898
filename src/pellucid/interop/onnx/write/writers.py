"""The register of writers: which function writes which kind of layer or merge, and what is refused."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias, TypeVar

from pellucid.errors import ArgumentError
from pellucid.interop.onnx.write.draft import Draft, Value
from pellucid.layers import Container
from pellucid.layers.nodes import Operation
from pellucid.layers.plain import is_plain

Writer: TypeAlias = Callable[..., Value]
"""(draft, layer or merge, value of each input) → the value of the output."""

WriterT = TypeVar("WriterT", bound=Writer)

WRITERS: dict[type[Any], Writer] = {}
"""The writer of every kind of layer and merge."""


def writes(*kinds: type[Any]) -> Callable[[WriterT], WriterT]:
    """Let a function write layers or merges of these kinds."""

    def register(writer: WriterT) -> WriterT:
        WRITERS.update(dict.fromkeys(kinds, writer))
        return writer

    return register


def by(operator: str) -> Writer:
    """Return the writer of what one operator without options does to every number."""

    def writer(draft: Draft, layer: Operation, x: Value) -> Value:
        return draft.each(operator, x)

    return writer


def writer_of(operation: Operation, path: str, who: str) -> Writer:
    """Return the writer of a layer or merge; ArgumentError where its passes are not those of a kind that is known."""
    kind = next((base for base in type(operation).__mro__ if base in WRITERS), None)
    if kind is not None and is_plain(operation, kind):
        return WRITERS[kind]
    label = f"{type(operation).__name__} {path!r}"
    if isinstance(operation, Container):
        raise ArgumentError(
            f"{who}: {label} has a forward of its own, which ONNX cannot hold. Put its layers into a Sequential or a "
            "Graph, or let it say its nodes."
        )
    raise ArgumentError(
        f"{who}: {label} is a kind of your own, which has no form in ONNX. Build it of the package's layers, in a "
        "Sequential or a Graph."
    )
