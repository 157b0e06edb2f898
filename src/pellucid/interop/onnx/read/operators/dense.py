"""Products with matrices."""

from __future__ import annotations

import numpy as np

from pellucid import layers
from pellucid.interop.onnx.read.call import Call, is_flow, sample_part
from pellucid.interop.onnx.read.operators.arithmetic import shifted
from pellucid.interop.onnx.read.operators.moves import reshape
from pellucid.interop.onnx.read.problems import AcrossSamples, NotHere, Wrong
from pellucid.interop.onnx.read.registry import operator
from pellucid.interop.onnx.read.values import Flow
from pellucid.typing import Array


@operator("Gemm")
def gemm(call: Call) -> Flow:
    """Y = α A' B' + β C, with A' or B' transposed; one of A and B comes from the data."""
    alpha, beta = call.number("alpha", 1.0), call.number("beta", 1.0)
    turned = [bool(call.integer("transA", 0)), bool(call.integer("transB", 0))]
    a, b = call.input(0), call.input(1)
    if is_flow(a) and is_flow(b):
        raise NotHere("of two values that come from the data")
    x, place = (a, 0) if is_flow(a) else (call.flow(1), 1)
    W = _matrix(call.constant(1 - place), transposed=turned[1 - place])
    W = W if alpha == 1 else W * call.building.dtype.type(alpha)
    if len(x.shape) != 2:
        raise Wrong(f"its input {place} must have 2 axes, got {x.shape}")
    if turned[place]:
        if not call.building.whole:
            raise AcrossSamples("transposes the batch")
        x = x._replace(shape=x.shape[::-1], order=tuple(1 - axis for axis in x.order))
    bias = call.constant(2).astype(call.building.dtype) * beta if call.has(2) and beta else None
    if place == 0 and not call.building.whole and bias is not None and bias.ndim == 2:
        bias = sample_part(x, bias, call.building)
    if place == 0 and not call.building.whole and (bias is None or bias.size in (1, W.shape[1])):
        return affine(call, x, W, None if bias is None else np.broadcast_to(bias.reshape(-1), (W.shape[1],)))
    y = matmul(call, x, W, left=place == 1)
    return y if bias is None else shifted(call, y, bias, "_bias")


def _matrix(array: Array, *, transposed: bool) -> Array:
    if array.ndim != 2 or array.dtype.kind not in "fiu":
        raise Wrong(f"its matrix must have 2 axes, got {array.shape}")
    return array.T if transposed else array


def affine(call: Call, x: Flow, W: Array, b: Array | None) -> Flow:
    """y = x W + b of vectors."""
    x = call.building.written(x)
    if x.shape[1:] != W.shape[:1]:
        raise Wrong(f"a tensor {x.shape} does not fit a matrix {W.shape}")
    arrays = {"W": W} if b is None else {"W": W, "b": b}
    return call.add(layers.Affine(W.shape[1], bias=b is not None), x, arrays=arrays)


@operator("MatMul")
def product(call: Call) -> Flow:
    """Of the data with a constant, from either side."""
    a, b = call.input(0), call.input(1)
    if is_flow(a) and is_flow(b):
        raise NotHere("of two values that come from the data")
    return matmul(call, a, call.constant(1)) if is_flow(a) else matmul(call, call.flow(1), call.constant(0), left=True)


def matmul(call: Call, x: Flow, W: Array, *, left: bool = False) -> Flow:
    """x W, or W x, as NumPy multiplies: leading axes broadcast, a vector is a row or a column."""
    building = call.building
    if not W.ndim or not x.shape or W.dtype.kind not in "fiu":
        raise Wrong(f"a tensor {x.shape} does not fit {W.shape}")
    a, b = (W.shape, x.shape) if left else (x.shape, W.shape)
    if a[-1] != b[max(-2, -len(b))]:
        raise Wrong(f"tensors {a} and {b} do not fit")
    if not building.whole and not left and len(x.shape) == 2 and W.ndim == 2:
        return affine(call, x, W, None)
    try:
        lead = np.broadcast_shapes(a[:-2], b[:-2])
    except ValueError:
        raise Wrong(f"tensors {a} and {b} do not fit") from None
    return _product(call, x, W, (*lead, *a[-2:-1], *b[-1:][: len(b) - 1]), left=left)


def _product(call: Call, x: Flow, W: Array, shape: tuple[int, ...], *, left: bool) -> Flow:
    building = call.building
    if not building.whole:
        if len(x.shape) < 3 or W.ndim < 2 or W.ndim > len(x.shape):
            raise AcrossSamples("multiplies along the batch")
        if W.ndim == len(x.shape):
            W = sample_part(x, W, building)
    column, row = W.ndim == 1 and not left, W.ndim == 1 and left
    W = W[:, None] if column else W[None] if row else W
    if len(x.shape) == 1:
        x = reshape(call, x, (*x.shape, 1) if left else (1, *x.shape))
    rank = max(W.ndim + (not building.whole), len(x.shape))
    y = call.add(
        layers.MatMul(W.shape, left=left),
        building.written(x),
        order=tuple(range(0 if building.whole else 1, rank)),
        rank=rank,
        arrays={"W": W},
    )
    return reshape(call, y, shape, "_shaped")
