"""Products of vectors and matrices."""

from __future__ import annotations

from pellucid.interop.onnx.write.draft import Draft, Value
from pellucid.interop.onnx.write.writers import writes
from pellucid.layers import Affine


@writes(Affine)
def affine(draft: Draft, layer: Affine, x: Value) -> Value:
    """Gemm: y = x W + b, with W (D, K) as it is here."""
    weights = [draft.constant(key, array) for key, array in layer.params.items()]
    return draft.add("Gemm", [x.name, *weights], (layer.units,), (0,))
