"""Networks that take their pictures channels-first, as those from PyTorch and ONNX do: a door before a body of ours."""

from __future__ import annotations

import copy

import numpy as np

import pellucid as pl


def with_door(body: pl.layers.Container, *, name: str = "door") -> pl.Graph:
    """Return the layers of a built body behind a door; they are shared, and keep their names."""
    h, w, c = body.input_shape
    nodes = [(name, pl.Transpose((1, 2, 0)), "input")]
    for node in body.nodes:
        operation = copy.copy(node.operation) if isinstance(node.operation, pl.layers.Merge) else node.operation
        nodes.append((node.name, operation, [name if source == "input" else source for source in node.inputs]))
    output = name if body.output == "input" else body.output
    return pl.Graph(nodes, output=output, input_shape=(c, h, w), dtype=body.dtype)


def first(x: np.ndarray) -> np.ndarray:
    """Return pictures (N, H, W, C) as (N, C, H, W)."""
    return np.ascontiguousarray(x.transpose(0, 3, 1, 2))
