"""The register of writers: which function writes which kind of layer or merge, and what is refused."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from pellucid.errors import ArgumentError
from pellucid.interop.by_kind import ByKind
from pellucid.interop.onnx.write.draft import Draft, Value
from pellucid.layers import Container
from pellucid.layers.nodes import Operation

Writer: TypeAlias = Callable[..., Value]
"""(draft, layer or merge, value of each input) → the value of the output."""

WRITERS: ByKind[Writer] = ByKind()
"""The writer of every kind of layer and merge."""

writes = WRITERS.serves


def by(operator: str) -> Writer:
    """Return the writer of what one operator without options does to every number."""

    def writer(draft: Draft, layer: Operation, x: Value) -> Value:
        return draft.each(operator, x)

    return writer


def writer_of(operation: Operation, path: str, who: str) -> Writer:
    """Return the writer of a layer or merge; ArgumentError where its passes are not those of a kind that is known."""
    writer = WRITERS.of(operation)
    if writer is not None:
        return writer
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
