"""The nodes of an ONNX file as a table, also where there are no layers for them."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any, NamedTuple

from pellucid import checks
from pellucid.checked import checked
from pellucid.errors import FileFormatError
from pellucid.files import PathLike
from pellucid.interop.strict_json import AGAIN
from pellucid.shown import bounded, shown

SMALL = 1 << 10
"""Bytes of the tensors that shapes may follow from."""


class OnnxRow(NamedTuple):
    """One node: ("Conv", "conv1", ("image", "w"), "1 × 8 × 26 × 26", True)."""

    operator: str
    name: str
    inputs: tuple[str, ...]
    output_shape: str
    """As ONNX writes it, the batch included; "?" where it does not say."""
    known: bool
    """Whether `load_onnx` has something for the operator."""


@dataclass(frozen=True)
class OnnxTable:
    """The nodes of a file in their order; `str` makes a table of them.

    Examples
    --------
    >>> pl.save_onnx(pl.Sequential([pl.Affine(2), pl.ReLU()], input_shape=3), "model.onnx")
    >>> print(pl.interop.onnx_table("model.onnx"))
    operator  name     takes                        output shape
    ────────────────────────────────────────────────────────────
    Gemm      affine1  input, affine1.W, affine1.b  batch × 2
    Relu      relu1    affine1                      batch × 2
    """

    rows: tuple[OnnxRow, ...]

    def __str__(self) -> str:
        head = ("operator", "name", "takes", "output shape", "")
        lines = [head, *(_cells(row) for row in self.rows)]
        widths = [max(len(line[i]) for line in lines) for i in range(len(head))]
        text = [
            "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines
        ]
        return "\n".join([text[0], "─" * max(map(len, text)), *text[1:]])


def _cells(row: OnnxRow) -> tuple[str, ...]:
    takes = ", ".join(row.inputs[:3]) + (" …" if len(row.inputs) > 3 else "")
    words = (row.operator, row.name, takes, row.output_shape, "" if row.known else "not read")
    return tuple(bounded(shown(word), 60) for word in words)


@checked
@checks.within_memory
def onnx_table(path: PathLike) -> OnnxTable:
    """Return the nodes of an ONNX file: operators, names, what they take, and the shapes of what they give.

    Nothing is computed, and operators may be any: it shows what `load_onnx` refuses.

    Raises
    ------
    DataError
        If there is no such file, or it cannot be opened.
    FileFormatError
        If it is no ONNX file.

    Examples
    --------
    >>> pl.save_onnx(pl.Sequential([pl.Affine(2)], input_shape=3), "model.onnx")
    >>> pl.interop.onnx_table("model.onnx").rows[0].operator
    'Gemm'
    """
    from pellucid.interop.onnx.read.file import parse

    label = f"onnx_table: {os.fspath(path)}"
    proto = parse(path, "onnx_table")
    try:
        return OnnxTable(tuple(_rows(proto, label)))
    except UnicodeError as error:
        raise FileFormatError(f"{label}: a name is no text. {AGAIN}") from error


def _rows(proto: Any, label: str) -> list[OnnxRow]:
    from pellucid.interop.onnx.read.file import MAX_NODES, kind_of, texts
    from pellucid.interop.onnx.read.registry import operators

    graph = proto.graph
    if not 0 < len(graph.node) <= MAX_NODES:
        raise FileFormatError(f"{label}: a graph has 1 to {MAX_NODES} nodes, this one {len(graph.node)}. {AGAIN}")
    shapes = _shapes(proto)
    known = set().union(*operators())
    rows = []
    for node in graph.node:
        kind, takes = kind_of(node), tuple(name for name in texts(*node.input) if name)
        name, output = texts(node.name, next(iter(node.output), ""))
        rows.append(OnnxRow(kind, name or output, takes, shapes.get(output, "?"), kind in known))
    return rows


def _shapes(proto: Any) -> dict[str, str]:
    """The shapes that the file declares, and those that `onnx` infers of a copy without its weights."""
    found = {}
    for values in (_inferred(proto), (*proto.graph.value_info, *proto.graph.output)):
        for value in values:
            tensor = value.type.tensor_type
            if tensor.HasField("shape"):
                found[value.name] = " × ".join(map(_size, tensor.shape.dim)) or "()"
    return found


def _size(dimension: Any) -> str:
    return str(dimension.dim_param or (dimension.dim_value if dimension.HasField("dim_value") else "?"))


def _inferred(proto: Any) -> list[Any]:
    import onnx
    from onnx import shape_inference

    light = onnx.ModelProto()
    light.CopyFrom(proto)
    listed = {value.name for value in light.graph.input}
    for tensor in light.graph.initializer:
        if tensor.ByteSize() > SMALL and tensor.name not in listed:
            declared = light.graph.input.add()
            declared.CopyFrom(onnx.helper.make_tensor_value_info(tensor.name, tensor.data_type, list(tensor.dims)))
    kept = [tensor for tensor in light.graph.initializer if tensor.ByteSize() <= SMALL]
    del light.graph.initializer[:]
    light.graph.initializer.extend(kept)
    try:
        return list(shape_inference.infer_shapes(light).graph.value_info)
    except Exception:  # noqa: BLE001  # it is a help, and files may hold anything
        return []
