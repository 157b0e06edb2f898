"""Products of vectors and matrices."""

from __future__ import annotations

import numpy as np

from pellucid.interop.onnx.write.draft import Draft, Value, plain_order
from pellucid.interop.onnx.write.writers import writes
from pellucid.layers import Affine, MatMul


@writes(Affine)
def affine(draft: Draft, layer: Affine, x: Value) -> Value:
    """Gemm: y = x W + b, with W (D, K) as it is here."""
    weights = [draft.constant(key, array) for key, array in layer.params.items()]
    return draft.add("Gemm", [x.name, *weights], (layer.units,), (0,))


@writes(MatMul)
def matmul(draft: Draft, layer: MatMul, x: Value) -> Value:
    """MatMul of every sample: a vector becomes a row or a column, and W lies behind as many axes as it needs."""
    out, x, W = layer.infer_shape(x.shape), draft.plain(x), layer.params["W"]
    if W.ndim == 1:
        W = W[None] if layer.left else W[:, None]
    if len(x.shape) == 1:
        x = draft.reshaped(x, (x.shape[0], 1) if layer.left else (1, x.shape[0]))
    x = draft.expanded(x, max(len(x.shape), W.ndim))
    weights = draft.constant("W", W)
    lead = np.broadcast_shapes(x.shape[:-2], W.shape[:-2])
    ends = (W.shape[-2], x.shape[-1]) if layer.left else (x.shape[-2], W.shape[-1])
    shape = (*lead, *ends)
    pair = [weights, x.name] if layer.left else [x.name, weights]
    return draft.reshaped(draft.add("MatMul", pair, shape, plain_order(shape)), out)
