"""Where branches meet: values of one order, side by side or number by number."""

from __future__ import annotations

from pellucid.interop.onnx.write.draft import Draft, Value
from pellucid.interop.onnx.write.writers import writes
from pellucid.layers import Add, Concat


@writes(Add)
def add(draft: Draft, merge: Add, *xs: Value) -> Value:
    """Add, two at a time, from the first on."""
    first, *others = draft.together(xs)
    for x in others:
        first = draft.add("Add", [first.name, x.name], merge.infer_shape([first.shape, x.shape]), x.order)
    return first


@writes(Concat)
def concat(draft: Draft, merge: Concat, *xs: Value) -> Value:
    """Concat along the axis where the file holds the channels."""
    shape, placed = merge.infer_shape([x.shape for x in xs]), draft.together(xs)
    return draft.add("Concat", [x.name for x in placed], shape, placed[0].order, axis=placed[0].axis(-1))
