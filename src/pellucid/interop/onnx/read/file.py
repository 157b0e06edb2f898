"""An ONNX file as plain values: nodes, constants, inputs and outputs, checked, and nothing computed.

`onnx` parses the protobuf; what lies in other files is never opened. Whatever is wrong is one FileFormatError that
names the node or the tensor.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from pellucid import checks
from pellucid.errors import FileFormatError
from pellucid.files import PathLike, read_bytes
from pellucid.interop.onnx.read.tensors import DTYPES, MAX_AXES, read_tensor
from pellucid.interop.strict_json import AGAIN
from pellucid.shown import came
from pellucid.typing import Arrays

LARGEST = (1 << 31) - 1
"""Bytes of a file: protobuf ends there."""

MAX_NODES = 100_000
NEWEST_OPSET = 28

OWN = ("", "ai.onnx")
"""The domain of ONNX's own operators."""


class Op(NamedTuple):
    """One node: ("conv1", "Conv", ("x", "w"), ("y",), {"strides": (2, 2)}). An input that is left out is ""."""

    name: str
    kind: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    attributes: dict[str, Any]


class Input(NamedTuple):
    """An input of the graph: its type of elements, None where it is not one of ours, and its sizes, None where open."""

    dtype: np.dtype[Any] | None
    sizes: tuple[int | None, ...] | None


class Model(NamedTuple):
    """A file that was read; `label` is how messages begin."""

    label: str
    ops: tuple[Op, ...]
    inputs: dict[str, Input]
    outputs: tuple[str, ...]
    constants: Arrays
    opset: int
    metadata: dict[str, str]


def parse(path: PathLike, who: str) -> Any:
    """Return the ModelProto of a file."""
    onnx = checks.require("onnx", f"{who}: an ONNX file", "onnx")
    decode_error = checks.require("google.protobuf.message", who, "onnx").DecodeError
    data = read_bytes(path, LARGEST, who=who)
    proto = onnx.ModelProto()
    try:
        proto.ParseFromString(data)
    except (decode_error, UnicodeDecodeError, RecursionError) as error:
        raise FileFormatError(f"{who}: {os.fspath(path)}: this is no ONNX file, or a damaged one. {AGAIN}") from error
    return proto


def read_model(path: PathLike, who: str) -> Model:
    """Return what a file says, checked.

    Raises
    ------
    DataError
        If there is no such file, or it cannot be opened.
    FileFormatError
        If it is no ONNX file, or one that contradicts itself.
    """
    label = f"{who}: {os.fspath(path)}"
    proto = parse(path, who)
    try:
        return _model(proto, label)
    except UnicodeError as error:
        raise FileFormatError(f"{label}: a name is no text. {AGAIN}") from error


def texts(*values: Any) -> tuple[str, ...]:
    """Return names, which protobuf gives as bytes where they are no text; then UnicodeError."""
    if not all(isinstance(value, str) for value in values):
        raise UnicodeError("bytes that are no text")
    return values


def _model(proto: Any, label: str) -> Model:
    graph = proto.graph
    if not 0 < len(graph.node) <= MAX_NODES:
        raise FileFormatError(f"{label}: a graph has 1 to {MAX_NODES} nodes, this one {len(graph.node)}. {AGAIN}")
    if graph.sparse_initializer:
        raise FileFormatError(f"{label}: sparse tensors are not read here. Export the model with dense ones.")
    opset = _opset(proto, label)
    constants: Arrays = {}
    for tensor in graph.initializer:
        (name,) = texts(tensor.name)
        who = f"{label}: tensor {came(name)}"
        if name in constants or not name:
            raise FileFormatError(f"{who}: a name must be there, and stand for one tensor. {AGAIN}")
        constants[name] = read_tensor(tensor, who)
    inputs = _inputs(graph, constants, label)
    ops = tuple(_ops(graph, {*constants, *inputs}, label))
    outputs = texts(*(value.name for value in graph.output))
    made = {name for op in ops for name in op.outputs}.union(constants, inputs)
    lost = next((name for name in outputs if name not in made), None)
    if lost is not None or not outputs or len(set(outputs)) < len(outputs):
        raise FileFormatError(f"{label}: the outputs must be names of the graph, got {came(list(outputs))}. {AGAIN}")
    pairs = [texts(entry.key, entry.value) for entry in proto.metadata_props]
    metadata = {key: value for key, value in pairs}  # noqa: C416  # two strings each, as mypy cannot know
    return Model(label, ops, inputs, outputs, constants, opset, metadata)


def _opset(proto: Any, label: str) -> int:
    versions = [entry.version for entry in proto.opset_import if entry.domain in OWN] or [1]
    if len(versions) > 1 or not 1 <= versions[0] <= NEWEST_OPSET:
        raise FileFormatError(
            f"{label}: one opset from 1 to {NEWEST_OPSET} is read here, got {came(versions)}. "
            "Export the model with opset 17, for example."
        )
    return int(versions[0])


def _inputs(graph: Any, constants: Arrays, label: str) -> dict[str, Input]:
    """The inputs that are no constants: files of old list these too."""
    found: dict[str, Input] = {}
    seen = set()
    texts(*(value.name for value in graph.input))
    for value in graph.input:
        if value.name in seen or not value.name:
            raise FileFormatError(f"{label}: input {came(value.name)}: each needs a name of its own. {AGAIN}")
        seen.add(value.name)
        if value.name not in constants:
            found[value.name] = _input(value, f"{label}: input {came(value.name)}")
    return found


def _input(value: Any, who: str) -> Input:
    tensor = value.type.tensor_type
    if not tensor.HasField("shape"):
        return Input(DTYPES.get(tensor.elem_type), None)
    sizes = tuple(d.dim_value if d.HasField("dim_value") else None for d in tensor.shape.dim)
    sizes = tuple(n if n != -1 else None for n in sizes)  # as some write an open size
    if len(sizes) > MAX_AXES or any(n is not None and not 0 <= n < 1 << 40 for n in sizes):
        raise FileFormatError(f"{who} cannot have the sizes {came(sizes)}. {AGAIN}")
    return Input(DTYPES.get(tensor.elem_type), sizes)


def _ops(graph: Any, known: set[str], label: str) -> Iterator[Op]:
    """The nodes in their order, each of which takes only what stands above it."""
    later = {name for node in graph.node for name in texts(*node.output)}
    for i, node in enumerate(graph.node):
        op = _op(node, i, label)
        who = f"{label}: {described(op)}"
        for name in op.inputs:
            if name and name not in known:
                where = "stands below it: a cycle, or nodes in a wrong order" if name in later else "is nowhere"
                raise FileFormatError(f"{who} takes {came(name)}, which {where}. {AGAIN}")
        for name in op.outputs:
            if name and name in known:
                raise FileFormatError(f"{who} makes {came(name)}, which is there already. {AGAIN}")
            known.add(name)
        yield op


def _op(node: Any, place: int, label: str) -> Op:
    inputs, outputs = texts(*node.input), texts(*node.output)
    name = node.name or next((name for name in outputs if name), f"node{place}")
    op = Op(texts(name)[0], kind_of(node), inputs, outputs, {})
    for attribute in node.attribute:
        (name,) = texts(attribute.name)
        who = f"{label}: {described(op)}: attribute {came(name)}"
        if name in op.attributes:
            raise FileFormatError(f"{who} is given twice. {AGAIN}")
        op.attributes[name] = _attribute(attribute, who)
    return op


def kind_of(node: Any) -> str:
    """The operator, with its domain where that is not ONNX's own."""
    domain, kind = texts(node.domain, node.op_type)
    return kind if domain in OWN else f"{domain}.{kind}"


def described(op: Op) -> str:
    """How messages name a node: Conv 'conv1'."""
    return f"{op.kind or 'node'} {came(op.name)}"


def _attribute(attribute: Any, who: str) -> Any:
    """A number, a text, a tensor, or several; None for graphs and what else there is."""
    value = {1: "f", 2: "i", 3: "s", 4: "t", 6: "floats", 7: "ints", 8: "strings"}.get(attribute.type)
    if value is None:
        return None
    if len(value) == 1 and not attribute.HasField(value):
        raise FileFormatError(f"{who} has no value of its type. {AGAIN}")
    got = getattr(attribute, value)
    if value == "t":
        return read_tensor(got, who)
    if value in ("s", "strings"):
        texts = tuple(s.decode("utf-8", "replace") for s in (got if value == "strings" else (got,)))
        return texts if value == "strings" else texts[0]
    return tuple(got) if len(value) > 1 else got
