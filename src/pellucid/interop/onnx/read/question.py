"""What is read of a file: the nodes that an output needs, the input that takes the data, and the shape of a sample."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from pellucid import checks
from pellucid.arrays import as_array
from pellucid.errors import ArgumentError, FileFormatError, UnsupportedError
from pellucid.interop.onnx.read.file import Model, Op
from pellucid.interop.onnx.read.registry import operators
from pellucid.typing import ArrayLike, Arrays, Shape

SAY_SHAPE = "Say which it is: input_shape=(3, 224, 224)."


class Question(NamedTuple):
    """The nodes in their order, the names of the output and of the data, the sizes of the data, None where open."""

    model: Model
    ops: tuple[Op, ...]
    output: str
    data: str
    sizes: tuple[int | None, ...]
    dtype: np.dtype[Any]
    constants: Arrays


def ask(model: Model, output: str | None, given: Mapping[str, ArrayLike], input_shape: Shape | None) -> Question:
    """Return what is to be read; raise UnsupportedError, naming every operator, where some of it cannot be."""
    name = model.outputs[0] if output is None else output
    if name not in model.outputs:
        checks.expect_known(
            model.label, "output", name, {*model.outputs, *(n for op in model.ops for n in op.outputs if n)}
        )
    ops = _needed(model, name)
    _expect_operators(model, ops)
    data, constants = _bound(model, ops, given)
    dtype = np.dtype(np.float64 if model.inputs[data].dtype == np.float64 else np.float32)
    return Question(model, ops, name, data, _sizes(model, data, input_shape), dtype, constants)


def _needed(model: Model, output: str) -> tuple[Op, ...]:
    needed, kept = {output}, []
    for op in reversed(model.ops):
        if needed.intersection(name for name in op.outputs if name):
            needed.update(op.inputs)
            kept.append(op)
    return tuple(kept[::-1])


def _expect_operators(model: Model, ops: tuple[Op, ...]) -> None:
    known = set().union(*operators())
    unknown: dict[str, list[str]] = {}
    for op in ops:
        if op.kind not in known:
            unknown.setdefault(op.kind, []).append(op.name)
    if unknown:
        named = "; ".join(
            f"{kind} ({', '.join(names[:3])}{f' and {len(names) - 3} more' if len(names) > 3 else ''})"
            for kind, names in sorted(unknown.items())
        )
        raise UnsupportedError(
            f"{model.label}: there is no layer here for {named}. "
            "docs/onnx.md lists what is read; output= takes a network that ends before such a node."
        )


def _bound(model: Model, ops: tuple[Op, ...], given: Mapping[str, ArrayLike]) -> tuple[str, Arrays]:
    """Return the input that takes the data, and all constants, those that were given among them."""
    for name in given:
        checks.expect_known(model.label, "input", name, {**model.inputs, **model.constants})
    own = {name: as_array(model.label, f"inputs[{name!r}]", array) for name, array in given.items()}
    constants = {**model.constants, **own}
    read = {name for op in ops for name in op.inputs}
    asked = [name for name in model.inputs if name not in constants and name in read]
    floats = [name for name in asked if (dtype := model.inputs[name].dtype) is not None and dtype.kind == "f"]
    if not floats:
        raise FileFormatError(f"{model.label}: no input of floats leads to the output, and no network can begin there.")
    others = [name for name in asked if name != floats[0]]
    if others:
        raise ArgumentError(
            f"{model.label}: {floats[0]!r} takes the data, and the graph needs constants for its other inputs: "
            f"inputs={{{', '.join(f'{name!r}: …' for name in others[:5])}}}."
        )
    return floats[0], constants


def _sizes(model: Model, data: str, given: Shape | None) -> tuple[int | None, ...]:
    """The sizes of the data, of which only the batch may be open."""
    declared = model.inputs[data].sizes
    if given is None:
        if declared is None or not all(declared[1:]):
            raise ArgumentError(
                f"{model.label}: the file leaves the shape of a sample open: {_open(declared)}. {SAY_SHAPE}"
            )
        return (declared[0] or None, *declared[1:]) if declared else ()
    shape = checks.shape(model.label, "input_shape", given)
    if declared is None:
        return None, *shape
    if len(declared) != len(shape) + 1 or any(n not in (None, 0, s) for n, s in zip(declared[1:], shape, strict=True)):
        raise ArgumentError(f"{model.label}: samples have the shape {_open(declared)}, got input_shape={shape}.")
    return declared[0] or None, *shape


def _open(sizes: tuple[int | None, ...] | None) -> str:
    return "any" if sizes is None else f"({', '.join(str(n or '?') for n in sizes[1:])})"
