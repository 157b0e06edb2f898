"""Layers as Keras writes them, and the register of what writes which of ours."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, NoReturn, TypeAlias

from pellucid.errors import ArgumentError
from pellucid.interop.by_kind import ByKind
from pellucid.typing import Array, Config, Shape


class Entry(NamedTuple):
    """One layer of Keras: its class, its options, its variables in Keras' order.

    `shape` is that of its output samples, where another layer follows that stands for the same one of ours.
    """

    kind: str
    config: Config
    variables: Sequence[Array] = ()
    shape: Shape = ()


class Given(NamedTuple):
    """A layer or merge that is to be written: where it stands, and the shapes of the samples that reach it.

    `nonnegative` says whether all that reaches it is 0 or more, as behind a ReLU.
    """

    operation: Any
    path: str
    shapes: Sequence[Shape]
    nonnegative: bool = False

    @property
    def shape(self) -> Shape:
        """The shape of a sample that reaches it."""
        return self.shapes[0]

    def array(self, key: str) -> Array:
        """Return a parameter or buffer."""
        held: Mapping[str, Array] = {**self.operation.params, **self.operation.buffers}
        return held[key]

    def refuse(self, what: str = "this kind of layer") -> NoReturn:
        """Raise ArgumentError for what Keras has no layer for."""
        raise ArgumentError(
            f"save_keras: {type(self.operation).__name__} {self.path!r}: Keras has no counterpart of {what}. "
            "pl.save_onnx takes every network."
        )


Writer: TypeAlias = Callable[[Given], list[Entry]]
"""Returns layers in a row; of several, the last one has the name."""

WRITERS: ByKind[Writer] = ByKind()
writes = WRITERS.serves


def plainly(kind: str, **config: Any) -> Writer:
    """Return the writer of what is one layer of Keras, whatever comes in."""
    return lambda given: [Entry(kind, dict(config))]


def entries_of(given: Given) -> list[Entry]:
    """Return the layers of Keras that a layer or merge is."""
    writer = WRITERS.of(given.operation)
    return given.refuse() if writer is None else writer(given)
