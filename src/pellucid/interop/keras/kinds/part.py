"""What a layer of Keras becomes: one or several of ours, with their arrays."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, TypeAlias

from pellucid.interop.keras.options import Options
from pellucid.layers import Layer
from pellucid.layers.nodes import Operation
from pellucid.typing import Array, Arrays, Shape


class Part(NamedTuple):
    """One operation in a row of them.

    `suffix` tells its name from that of the layer; the part without one has the layer's name, and its parameters and
    buffers are `arrays`.
    """

    operation: Operation
    arrays: Mapping[str, Array] = {}
    suffix: str = ""


Parts: TypeAlias = list[Part]


class Variables(NamedTuple):
    """The names of a layer's variables, in the order in which Keras keeps them: trained ones, then the others."""

    trained: tuple[str, ...] = ()
    fixed: tuple[str, ...] = ()


class Request(NamedTuple):
    """A layer that is to be read: its options, the shapes of the samples that reach it, and its variables by name."""

    options: Options
    shapes: Sequence[Shape]
    variables: Arrays

    @property
    def shape(self) -> Shape:
        """The shape of a sample that reaches it."""
        return self.shapes[0]


Reader: TypeAlias = Callable[[Request], Parts]


class Kind(NamedTuple):
    """How one class of Keras' layers is read: into which parts, with which variables, from several inputs or one."""

    read: Reader
    variables: Callable[[Options], Variables]
    merges: bool


KINDS: dict[str, Kind] = {}
"""Every class of Keras that can be read: a file may name no others, and nothing that it names is imported."""


def none(options: Options) -> Variables:
    """A layer without variables."""
    return Variables()


def reads(
    *classes: str, variables: Callable[[Options], Variables] = none, merges: bool = False
) -> Callable[[Reader], Reader]:
    """Let a function read the layers of these classes of Keras."""

    def register(read: Reader) -> Reader:
        KINDS.update(dict.fromkeys(classes, Kind(read, variables, merges)))
        return read

    return register


def fixed(layer: Layer[Any]) -> Layer[Any]:
    """Keep a layer as it is: its numbers are options in Keras, and training does not change them."""
    layer.trainable = False
    return layer


def biased(kernel: str = "kernel", *more: str) -> Callable[[Options], Variables]:
    """The variables of a layer with kernels, and a bias where `use_bias` says so."""

    def variables(options: Options) -> Variables:
        return Variables((kernel, *more, *(["bias"] if options.flag("use_bias", True) else [])))

    return variables


def affine_arrays(request: Request, kernel: Array) -> Arrays:
    """A kernel as W, and the bias as b where there is one."""
    bias = {"b": request.variables["bias"]} if "bias" in request.variables else {}
    return {"W": kernel, **bias}


def shape_after(parts: Parts, shapes: Sequence[Shape]) -> Shape:
    """Return the shape of a sample behind operations in a row, of which only the first may merge."""
    for part in parts:
        shapes = [infer(part.operation, shapes)]
    return shapes[0]


def infer(operation: Operation, shapes: Sequence[Shape]) -> Shape:
    """Return the shape of a sample behind a layer or a merge."""
    return operation.infer_shape(shapes[0]) if isinstance(operation, Layer) else operation.infer_shape(shapes)
