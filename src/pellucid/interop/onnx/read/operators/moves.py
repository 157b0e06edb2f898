"""What only writes the numbers in another shape or order: most of it moves nothing inside."""

from __future__ import annotations

import math
from collections.abc import Sequence

from pellucid.interop.onnx.read.call import Call
from pellucid.interop.onnx.read.problems import AcrossSamples, Wrong
from pellucid.interop.onnx.read.registry import operator
from pellucid.interop.onnx.read.values import EXTRA, Flow
from pellucid.shown import came
from pellucid.typing import Shape


def reshape(call: Call, flow: Flow, shape: Shape, suffix: str = "") -> Flow:
    """Return the value in another shape.

    Axes that are split or joined among themselves stay where they lie inside: the two shapes fall into groups of equal
    size, (C, H, W) → (G, C/G, H, W) into C, H and W, and each group is moved as one. Only where the axes of a group do
    not lie side by side, something is transposed first.
    """
    building = call.building
    if not building.whole and shape[:1] != flow.shape[:1]:
        raise AcrossSamples("joins the batch with other axes, or takes it away")
    if math.prod(shape) != math.prod(flow.shape):
        raise Wrong(f"a tensor {flow.shape} does not fit shape {shape}")
    first = 0 if building.whole else 1
    pairs = _groups(flow.shape, shape, first)
    place = {axis: i for i, (old, _) in enumerate(pairs) for axis in old}
    sequence = list(dict.fromkeys(place[axis] for axis in flow.solid))  # of groups, as they lie
    wanted = tuple(axis for i in sequence for axis in pairs[i][0])
    if wanted != flow.solid:
        ones = tuple(axis for axis in flow.order if axis not in wanted)
        flow = building.arranged(flow, (*ones, *wanted))
    solid = [[axis for axis in new if shape[axis] > 1] for _, new in pairs]
    if all(len(old) == len(new) == 1 for (old, _), new in zip(pairs, solid, strict=True)):  # only ones come and go
        renamed = {old[0]: new[0] for (old, _), new in zip(pairs, solid, strict=True)}
        return Flow(flow.node, shape, tuple(renamed.get(axis, EXTRA) for axis in flow.order))
    return building.reshaped(flow, Flow(flow.node, shape, tuple(axis for i in sequence for axis in pairs[i][1])))


def _groups(old: Shape, new: Shape, first: int) -> list[tuple[list[int], list[int]]]:
    """The axes of two shapes in groups of one size, those of size 1 with the group before them or the first.

    >>> _groups((1, 6, 4, 1), (1, 2, 3, 1, 4), 1)
    [([1], [1, 2, 3]), ([2], [4])]
    """
    left = [axis for axis in range(first, len(old)) if old[axis] != 1]
    right = list(range(first, len(new)))
    pairs = []
    while left:
        olds, news = [left.pop(0)], list[int]()
        size_old, size_new = old[olds[0]], 1
        while size_old != size_new:
            if size_old < size_new:
                olds.append(left.pop(0))
                size_old *= old[olds[-1]]
            else:
                news.append(right.pop(0))
                size_new *= new[news[-1]]
        while right and new[right[0]] == 1:
            news.append(right.pop(0))
        pairs.append((olds, news))
    return pairs


@operator("Flatten")
def flatten(call: Call) -> Flow:
    """(d_0 ⋯ d_axis−1, d_axis ⋯ d_last)."""
    flow = call.flow()
    axis = call.integer("axis", 1)
    if not -len(flow.shape) <= axis <= len(flow.shape):
        raise Wrong(f"axis {axis} is none of a tensor with {len(flow.shape)}")
    axis = axis + len(flow.shape) if axis < 0 else axis
    return reshape(call, flow, (math.prod(flow.shape[:axis]), math.prod(flow.shape[axis:])))


@operator("Reshape")
def reshaped(call: Call) -> Flow:
    """0 keeps a size, and −1 takes what is left; the shape is an attribute before opset 5."""
    flow = call.flow()
    wanted = call.ints("shape") if call.opset < 5 else call.integers(1)
    if wanted is None:
        raise Wrong("its shape is left out")
    return reshape(call, flow, meant(wanted, flow.shape, keep=not call.integer("allowzero", 0)))


def meant(wanted: Sequence[int], shape: Shape, *, keep: bool) -> Shape:
    """The shape that a Reshape means."""
    sizes = [shape[i] if n == 0 and keep and i < len(shape) else n for i, n in enumerate(wanted)]
    if sizes.count(-1) > 1 or min(sizes, default=0) < -1 or len(sizes) > 32:
        raise Wrong(f"its shape cannot be {came(tuple(wanted))}")
    known = math.prod(n for n in sizes if n != -1)
    return tuple((math.prod(shape) // known if known else 0) if n == -1 else n for n in sizes)


@operator("Squeeze")
def squeeze(call: Call) -> Flow:
    """Axes of size 1 go."""
    flow = call.flow()
    rank = len(flow.shape)
    axes = call.axes(1, 13)
    gone = [i for i, n in enumerate(flow.shape) if n == 1] if axes is None else call.places(axes, rank)
    if any(flow.shape[axis] != 1 for axis in gone):
        raise Wrong(f"its axes {gone} of a tensor {flow.shape} are not all 1")
    return reshape(call, flow, tuple(n for i, n in enumerate(flow.shape) if i not in gone))


@operator("Unsqueeze")
def unsqueeze(call: Call) -> Flow:
    """Axes of size 1 come."""
    flow = call.flow()
    return reshape(call, flow, unsqueezed(call, flow.shape))


def unsqueezed(call: Call, shape: Shape) -> Shape:
    """The shape that an Unsqueeze gives."""
    axes = call.axes(1, 13)
    if axes is None or len(axes) > 32:
        raise Wrong("its axes are left out, or too many")
    rank = len(shape) + len(axes)
    new, rest = call.places(axes, rank), iter(shape)
    return tuple(1 if i in new else next(rest) for i in range(rank))


@operator("Transpose")
def transpose(call: Call) -> Flow:
    """Nothing moves: the axes get other numbers."""
    flow = call.flow()
    axes = permutation(call, len(flow.shape))
    if axes[:1] != (0,) and not call.building.whole:
        raise AcrossSamples("moves the batch")
    names = {old: new for new, old in enumerate(axes)}
    return flow._replace(
        shape=tuple(flow.shape[axis] for axis in axes), order=tuple(names.get(axis, axis) for axis in flow.order)
    )


def permutation(call: Call, rank: int) -> tuple[int, ...]:
    """The axes that a Transpose gives, in their order."""
    axes = call.ints("perm") or tuple(reversed(range(rank)))
    if sorted(axes) != list(range(rank)):
        raise Wrong(f"perm must hold each of 0..{rank - 1} once, got {came(axes)}")
    return axes
