"""Small ONNX graphs, written by hand, and onnxruntime beside the networks that they become."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import pellucid as pl

onnx = pytest.importorskip("onnx")
helper, numpy_helper = onnx.helper, onnx.numpy_helper


def node(kind: str, inputs: str, outputs: str, name: str = "", **attributes: Any) -> Any:
    """A node whose inputs and outputs are written in one string each: "x w b"; "-" is one that is left out."""
    takes = ["" if n == "-" else n for n in inputs.split()]
    return helper.make_node(kind, takes, outputs.split(), name=name or outputs.split()[0], **attributes)


def model(
    nodes: Sequence[Any],
    constants: Mapping[str, Any] | None = None,
    *,
    shape: Sequence[int | str | None] = ("N", 3, 8, 6),
    opset: int = 13,
    outputs: str = "y",
    kind: int = 1,
    more: Sequence[Any] = (),
) -> Any:
    """A graph whose input is x and whose outputs have no shape written down."""
    given = {name: np.asarray(a) for name, a in (constants or {}).items()}
    graph = helper.make_graph(
        list(nodes),
        "graph",
        [helper.make_tensor_value_info("x", kind, shape), *more],
        [helper.make_tensor_value_info(name, kind, None) for name in outputs.split()],
        [numpy_helper.from_array(a, name) for name, a in given.items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=min(10, 3 + opset))


def load(proto: Any, folder: Path, **options: Any) -> pl.Graph:
    """The network that a graph becomes, by way of a file."""
    path = Path(folder, "model.onnx")
    path.write_bytes(proto.SerializeToString())
    return pl.load_onnx(path, **options)


def runtime(proto: Any, x: np.ndarray) -> np.ndarray:
    """The first output, by onnxruntime."""
    onnxruntime = pytest.importorskip("onnxruntime")
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(proto.SerializeToString(), options, providers=["CPUExecutionProvider"])
    found: np.ndarray = session.run(None, {"x": x})[0]
    return found


def weights(rng: np.random.Generator, *shape: int) -> np.ndarray:
    """Numbers around 0, smaller where more of them are summed."""
    return (rng.standard_normal(shape) / np.sqrt(max(np.prod(shape[1:]), 1))).astype(np.float32)


def same(proto: Any, x: np.ndarray, folder: Path, **options: Any) -> pl.Graph:
    """Assert that the network gives what onnxruntime gives; return it."""
    network = load(proto, folder, **options)
    wanted = runtime(proto, x)
    got = network(x)
    assert got.shape == wanted.shape
    np.testing.assert_allclose(got, wanted, rtol=1e-4, atol=1e-5 * max(1.0, float(np.abs(wanted).max())))
    return network
