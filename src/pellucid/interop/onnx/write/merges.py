"""Where branches meet: values of one order, number by number or side by side."""

from __future__ import annotations

from pellucid.interop.onnx.write.draft import Draft, Value
from pellucid.interop.onnx.write.writers import Writer, writes
from pellucid.layers import Add, Concat, Divide, Multiply, Subtract
from pellucid.layers.merge import AnyMerge


def _two_by_two(operator: str) -> Writer:
    """Return the writer of a merge that an operator computes for two inputs, then with the next, and so on."""

    def writer(draft: Draft, merge: AnyMerge, *xs: Value) -> Value:
        first, *others = draft.together(xs)
        for x in others:
            first = draft.add(operator, [first.name, x.name], merge.infer_shape([first.shape, x.shape]), x.order)
        return first

    return writer


writes(Add)(_two_by_two("Add"))
writes(Subtract)(_two_by_two("Sub"))
writes(Multiply)(_two_by_two("Mul"))
writes(Divide)(_two_by_two("Div"))


@writes(Concat)
def concat(draft: Draft, merge: Concat, *xs: Value) -> Value:
    """Concat, along the axis where the file holds it."""
    shape, placed = merge.infer_shape([x.shape for x in xs]), draft.together(xs)
    return draft.add("Concat", [x.name for x in placed], shape, placed[0].order, axis=placed[0].axis(merge.axis))
