"""The judges from outside: PyTorch, and the reference evaluator of ONNX. Both hold images as (N, C, H, W)."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from pellucid.layers import Layer
from pellucid.typing import Array, Arrays, DTypeLike, Shape

TOLERANCE = {np.dtype(np.float32): 1e-5, np.dtype(np.float64): 1e-10}

both_dtypes = pytest.mark.parametrize("dtype", [np.float32, np.float64], ids=["float32", "float64"])


def built(layer: Layer[Any], shape: Shape, dtype: DTypeLike = np.float32, seed: int = 0) -> Layer[Any]:
    """Build a layer, and give its biases and other constants numbers that tell them apart."""
    rng = np.random.default_rng(seed)
    layer.build(shape, rng, dtype)
    for store in (layer.params, layer.buffers):
        for key, array in store.items():
            if array.ndim == 1:
                store[key] = array + 0.2 * rng.uniform(0.5, 1.5, array.shape)
    return layer


def normal(shape: Shape, dtype: DTypeLike = np.float32, seed: int = 1) -> Array:
    return np.random.default_rng(seed).standard_normal(shape).astype(dtype)


def assert_close(got: Array | None, expected: Array) -> None:
    """Agree to 1e-5 of the largest number in float32, to 1e-10 in float64."""
    assert got is not None
    assert got.shape == expected.shape
    tolerance = TOLERANCE[got.dtype]
    np.testing.assert_allclose(
        got, expected, rtol=tolerance, atol=tolerance * max(1.0, np.abs(expected).max(initial=0))
    )


def first(a: Array) -> Array:
    """(N, H, W, C) → (N, C, H, W); other ranks as they are."""
    return np.ascontiguousarray(np.moveaxis(a, -1, 1)) if a.ndim == 4 else a


def last(a: Array) -> Array:
    """(N, C, H, W) → (N, H, W, C); other ranks as they are."""
    return np.moveaxis(a, 1, -1) if a.ndim == 4 else a


def kernel_first(w: Array) -> Array:
    """(KH, KW, C/G, OC) → (OC, C/G, KH, KW), and the way of a transposed convolution likewise."""
    return np.ascontiguousarray(w.transpose(3, 2, 0, 1))


def kernel_last(w: Array) -> Array:
    return w.transpose(2, 3, 1, 0)


def torch_pass(f: Callable[..., Any], x: Array, params: Arrays, dy: Array | None = None) -> tuple[Array, Array, Arrays]:
    """Return y, dx and the gradients of `f(x, **params)` by PyTorch; x, y, dy channels-last, params as PyTorch's."""
    torch = pytest.importorskip("torch")
    tx = torch.from_numpy(first(x)).requires_grad_()
    given = {key: torch.from_numpy(np.array(p)).requires_grad_() for key, p in params.items()}
    ty = f(tx, **given)
    y = last(ty.detach().numpy())
    ty.backward(torch.from_numpy(first(np.ones_like(y) if dy is None else dy)))
    return y, last(tx.grad.numpy()), {key: p.grad.numpy() for key, p in given.items()}


def onnx_run(operation: str, inputs: list[Array], outputs: int = 1, **attributes: Any) -> list[Array]:
    """Return what the reference evaluator of ONNX gives for one operation."""
    pytest.importorskip("onnx")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it still calls what NumPy has deprecated
        from onnx import TensorProto, helper
        from onnx.reference import ReferenceEvaluator

        kinds = {np.dtype(np.float32): TensorProto.FLOAT, np.dtype(np.float64): TensorProto.DOUBLE}
        kind = kinds[inputs[0].dtype]
        names = [f"in{i}" for i in range(len(inputs))]
        results = [f"out{i}" for i in range(outputs)]
        node = helper.make_node(operation, names, results, **attributes)
        graph = helper.make_graph(
            [node],
            "one",
            [helper.make_tensor_value_info(n, kind, a.shape) for n, a in zip(names, inputs, strict=True)],
            [helper.make_tensor_value_info(n, kind, None) for n in results],
        )
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)])
        with np.errstate(all="ignore"):
            return ReferenceEvaluator(model).run(None, dict(zip(names, inputs, strict=True)))
