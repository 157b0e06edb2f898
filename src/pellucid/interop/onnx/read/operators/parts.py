"""What takes parts of a tensor, puts several side by side, or averages along axes."""

from __future__ import annotations

import math

import numpy as np

from pellucid import layers
from pellucid.interop.onnx.read.call import Call, is_flow, sample_part
from pellucid.interop.onnx.read.operators.arithmetic import shifted
from pellucid.interop.onnx.read.operators.moves import reshape
from pellucid.interop.onnx.read.problems import AcrossSamples, NotHere, Wrong
from pellucid.interop.onnx.read.registry import operator
from pellucid.interop.onnx.read.values import IMAGE, Flow
from pellucid.shown import came
from pellucid.typing import Array, IntArray


@operator("Concat")
def concat(call: Call) -> Flow:
    """Constants beside one flow become a border of zeros to which they are added."""
    flows = [value for value in call.inputs if is_flow(value)]
    rank = len(flows[0].shape)
    axis = call.place(call.integer("axis", 1), rank)
    if len(flows) < len(call.inputs):
        return _beside_constants(call, flows, axis)
    if len({len(flow.shape) for flow in flows}) > 1:
        raise Wrong("its inputs differ in their number of axes")
    if len(flows) == 1:
        return flows[0]
    flows = call.building.together([call.building.complete(flow, [axis]) for flow in flows])
    return call.add(layers.Concat(axis=call.building.axis(flows[0], axis)), *flows)


def _beside_constants(call: Call, flows: list[Flow], axis: int) -> Flow:
    flow, building = flows[0], call.building
    if len(flows) > 1:
        raise NotHere("of several branches and constants")
    place = next(i for i, value in enumerate(call.inputs) if is_flow(value))
    widths, blocks = [0, 0], []
    for i in range(len(call.inputs)):
        if i == place:
            shape = flow.shape if building.whole else flow.shape[1:]
            call.made(shape, building.dtype)
            blocks.append(np.zeros(shape, building.dtype))
            continue
        array = call.constant(i)
        if array.ndim != len(flow.shape):
            raise Wrong("its inputs differ in their number of axes")
        widths[i > place] += array.shape[axis]
        blocks.append(sample_part(flow, array, building, stretched=False))
    if axis == 0 and not building.whole:
        raise AcrossSamples("works along the batch")
    try:
        border = np.concatenate(blocks, axis=axis if building.whole else axis - 1)
    except ValueError as error:
        raise Wrong(str(error)) from error
    wide = padded(call, flow, {axis: (widths[0], widths[1])}, suffix="_border")
    return shifted(call, wide, border if building.whole else border[None])


def padded(
    call: Call,
    flow: Flow,
    widths: dict[int, tuple[int, int]],
    mode: str = "constant",
    value: float = 0.0,
    suffix: str = "",
) -> Flow:
    """Return the value with numbers before and after it along axes of ONNX; negative widths crop."""
    widths = {axis: pair for axis, pair in widths.items() if any(pair)}
    if not widths:
        return flow
    flow = call.building.complete(flow, sorted(widths))
    inside = [widths.get(axis, (0, 0)) for axis in flow.order]
    return call.add(layers.Pad(inside, mode=mode, value=value), flow, suffix=suffix)


@operator("Pad")
def pad(call: Call) -> Flow:
    """Widths are attributes before opset 11; all that come before stand before all that come after."""
    flow = call.flow()
    rank = len(flow.shape)
    mode = call.text("mode", "constant")
    if mode not in ("constant", "reflect", "edge", "wrap"):
        raise NotHere(f"of mode {came(mode)}")
    old = call.opset < 11
    given = (call.ints("pads") or call.ints("paddings")) if old else call.integers(1)
    value = call.number("value", 0.0) if old else call.scalar(2, 0.0)
    axes = call.places(call.integers(3), rank) if not old and call.has(3) else tuple(range(rank))
    if given is None or len(given) != 2 * len(axes):
        raise Wrong(f"its pads must be {2 * len(axes)} numbers, got {came(given)}")
    widths = {axis: (given[i], given[i + len(axes)]) for i, axis in enumerate(axes)}
    return padded(call, flow, widths, mode, value)


@operator("Slice")
def slices(call: Call) -> Flow:
    """Starts and stops are attributes before opset 10."""
    flow = call.flow()
    wanted = ranges(call, flow.shape)
    return sliced(call, flow, {axis: r for axis, r in wanted.items() if r != range(flow.shape[axis])})


def ranges(call: Call, shape: tuple[int, ...]) -> dict[int, range]:
    """Which places of which axes a Slice takes."""
    old = call.opset < 10
    starts, stops = (call.ints(n) if old else call.integers(i) for i, n in ((1, "starts"), (2, "ends")))
    axes = call.ints("axes") if old else call.integers(3) if call.has(3) else None
    steps = call.integers(4) if not old and call.has(4) else None
    if starts is None or stops is None:
        raise Wrong("its starts and ends are left out")
    places = call.places(tuple(range(len(starts))) if axes is None else axes, len(shape))
    steps = steps or (1,) * len(starts)
    if not len(starts) == len(stops) == len(steps) == len(places) or 0 in steps:
        raise Wrong("its starts, ends, axes and steps do not fit each other")
    parts = zip(places, starts, stops, steps, strict=True)
    return {axis: range(shape[axis])[slice(*_bounded(a, b, step))] for axis, a, b, step in parts}


def _bounded(start: int, stop: int, step: int) -> tuple[int, int | None, int]:
    """As Python slices; an end far below 0 means all down to the first place."""
    return start, (None if step < 0 and stop < -(1 << 30) else stop), step


def sliced(call: Call, flow: Flow, wanted: dict[int, range], suffix: str = "") -> Flow:
    """Return those places of those axes."""
    if not wanted:
        return flow
    if not all(map(len, wanted.values())):
        raise Wrong("it takes nothing")
    flow = call.building.complete(flow, sorted(wanted))
    axes = tuple(call.building.axis(flow, axis) for axis in wanted)
    starts = tuple(places[0] for places in wanted.values())
    stops = tuple(_stop(places, flow.inner[axis]) for places, axis in zip(wanted.values(), axes, strict=True))
    steps = tuple(places.step for places in wanted.values())
    return call.add(layers.Slice(starts, stops, steps, axes), flow, suffix=suffix)


def _stop(places: range, size: int) -> int:
    """The stop as Python writes it: one before the first place is −size − 1."""
    stop = places[-1] + (1 if places.step > 0 else -1)
    return stop if stop >= 0 else -size - 1


@operator("Split")
def split(call: Call) -> list[Flow]:
    """Parts of given sizes, or equal ones, one for each output."""
    flow = call.flow()
    axis = call.place(call.integer("axis", 0), len(flow.shape))
    size, count = flow.shape[axis], len(call.op.outputs)
    given = call.ints("split") if call.opset < 13 else call.integers(1) if call.has(1) else None
    step = -(-size // count)
    sizes = given or tuple(min(step, size - i * step) for i in range(count))
    if sum(sizes) != size or len(sizes) != count or min(sizes) < 1:
        raise Wrong(f"{size} numbers are not split into {came(sizes)}")
    ends = np.cumsum(sizes)
    if axis == 0 and not call.building.whole:
        raise AcrossSamples("splits the batch")
    return [
        sliced(call, flow, {axis: range(int(end) - n, int(end))}, f"_{i + 1}")
        for i, (n, end) in enumerate(zip(sizes, ends, strict=True))
    ]


@operator("Gather")
def gather(call: Call) -> Flow:
    """Places of one axis, named by constants of any shape, which takes the place of that axis."""
    flow, indices = call.flow(), call.constant(1)
    axis = call.place(call.integer("axis", 0), len(flow.shape))
    picked = checked_indices(indices, flow.shape[axis])
    flow = call.building.complete(flow, [axis])
    place = call.building.axis(flow, axis)
    if picked.size == 0:
        raise Wrong("it takes nothing")
    more = picked.ndim - 1  # axes take the place of one
    order = tuple(
        new
        for old in flow.order
        for new in (range(axis, axis + picked.ndim) if old == axis else (old + more * (old > axis),))
    )
    return call.add(layers.Take(picked.tolist(), place), flow, order=order, rank=len(flow.shape) + more)


def checked_indices(indices: Array, size: int) -> IntArray:
    """Return indices counted from 0."""
    if indices.dtype.kind not in "iu" or (indices.size and not -size <= indices.min() <= indices.max() < size):
        raise Wrong(f"its indices must lie in {-size}..{size - 1}")
    return np.where(indices < 0, indices.astype(np.int64) + size, indices).astype(np.int64)


@operator("ReduceMean", "ReduceSum")
def reduce_mean(call: Call) -> Flow:
    """The mean or the sum over axes, which stay with size 1 or go; the axes are an attribute before opset 18 (13)."""
    flow = call.flow()
    rank = len(flow.shape)
    axes = call.axes(1, 18 if call.op.kind == "ReduceMean" else 13)
    if not axes and call.integer("noop_with_empty_axes", 0):
        return flow
    return averaged(
        call,
        flow,
        call.places(axes, rank) if axes else tuple(range(rank)),
        keepdims=bool(call.integer("keepdims", 1)),
        total=call.op.kind == "ReduceSum",
    )


def averaged(
    call: Call, flow: Flow, axes: tuple[int, ...], *, keepdims: bool, total: bool = False, suffix: str = ""
) -> Flow:
    """Return the mean over axes of ONNX, or the sum; that over all pixels of an image is global pooling."""
    if flow.order == IMAGE and sorted(axes) == [2, 3] and not total:
        pooled = call.add(layers.GlobalAveragePool2D(), flow, order=(1,), suffix=suffix)
        return pooled if keepdims else pooled._replace(shape=pooled.shape[:2])
    flow = call.building.complete(flow, axes)
    inside = tuple(call.building.axis(flow, axis) for axis in axes)
    rank = len(flow.shape)
    mean = call.add(layers.Mean(inside, keepdims=True), flow, suffix=suffix)
    if total:
        count = math.prod(flow.shape[axis] for axis in axes)
        scale = layers.Scale((1,))
        scale.trainable = False
        mean = call.add(scale, mean, suffix="_sum", arrays={"gamma": np.array([count])})
    if keepdims:
        return mean
    return reshape(call, mean, tuple(mean.shape[i] for i in range(rank) if i not in axes), "_shaped")
