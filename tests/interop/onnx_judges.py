"""The judges of files that leave as ONNX: onnx's checker, onnxruntime, and onnx's own evaluator."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest

import pellucid as pl
from pellucid.layers.door import has_door
from pellucid.typing import Array

LAYOUTS = ("channels-last", "channels-first")


def written(network: Any, path: Any, **options: Any) -> Any:
    """Save a network, and return the message that the file holds, which the checker has seen in full."""
    onnx = pytest.importorskip("onnx")
    pl.save_onnx(network, path, **options)
    model = onnx.load(path)
    onnx.checker.check_model(model, full_check=True)
    return model


def outside(network: Any, layout: str) -> str:
    """Return the layout that a file has: a network with a door of its own stays as it is."""
    return "channels-last" if has_door(network) else layout


def first(a: Array, layout: str) -> Array:
    """Return images as a file of that layout takes them; other samples as they are."""
    return np.moveaxis(a, -1, 1) if layout == "channels-first" and a.ndim > 3 else a


def last(a: Array, layout: str) -> Array:
    return np.moveaxis(a, 1, -1) if layout == "channels-first" and a.ndim > 3 else a


def session(model: Any) -> Any:
    """Return an onnxruntime session of one thread."""
    ort = pytest.importorskip("onnxruntime")
    options = ort.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    return ort.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])


def by_runtime(model: Any, *batches: Array, layout: str = "channels-last") -> list[Array]:
    """Return what onnxruntime makes of each batch, in one session."""
    running = session(model)
    (door,) = running.get_inputs()
    return [last(running.run(None, {door.name: np.ascontiguousarray(first(x, layout))})[0], layout) for x in batches]


def by_reference(model: Any, x: Array, layout: str = "channels-last") -> Array:
    """Return what onnx's reference evaluator makes of a batch."""
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")  # it still calls what NumPy has deprecated
        from onnx.reference import ReferenceEvaluator

        door = model.graph.input[0].name
        return last(ReferenceEvaluator(model).run(None, {door: np.ascontiguousarray(first(x, layout))})[0], layout)


def assert_equal(got: Array, expected: Array, tolerance: float = 1e-5) -> None:
    """Agree to 1e-5 of the largest number, or of 1."""
    assert got.shape == expected.shape
    assert got.dtype == expected.dtype
    np.testing.assert_allclose(got, expected, rtol=0, atol=tolerance * max(1.0, np.abs(expected).max(initial=0)))
