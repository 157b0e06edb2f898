"""Images made larger or smaller."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

from pellucid import layers
from pellucid.interop.onnx.read.call import Call
from pellucid.interop.onnx.read.problems import NotHere, Wrong
from pellucid.interop.onnx.read.registry import operator
from pellucid.interop.onnx.read.values import Flow
from pellucid.shown import came
from pellucid.typing import Shape


class Target(NamedTuple):
    """For every axis: the new size, the scale by which places are found, and the part that is looked at."""

    sizes: list[int]
    scales: list[float]
    crops: list[tuple[float, float]]


@operator("Resize", "Upsample")
def resize(call: Call) -> Flow:
    """Along the axes of space. Until opset 10 places are i/s, of which the floor is the nearest."""
    flow = call.flow()
    old = call.opset < 11 or call.op.kind == "Upsample"
    target = _target(call, flow.shape, old)
    space = len(flow.shape) - 2
    same = all(n == m for n, m in zip(target.sizes[:2], flow.shape[:2], strict=True))
    if not 1 <= space <= 2 or not same or any(crop != (0.0, 1.0) for crop in target.crops[:2]):
        raise NotHere(f"of {flow.shape} to {tuple(target.sizes)}: images are resized along their height and width")
    flow = call.image(flow)
    if space == 1:  # a signal is an image of width 1
        target = Target([*target.sizes, 1], [*target.scales, 1.0], [*target.crops, (0.0, 1.0)])
    layer = layers.Resize2D(
        (target.sizes[2], target.sizes[3]),
        scales=(target.scales[2], target.scales[3]),
        crop=(target.crops[2], target.crops[3]),
        **_options(call, old),
    )
    return call.add(layer, flow)


def _options(call: Call, old: bool) -> dict[str, Any]:
    if old:
        return {"mode": call.text("mode", "nearest"), "coordinates": "asymmetric", "rounding": "floor"}
    return {
        "mode": call.text("mode", "nearest"),
        "coordinates": call.text("coordinate_transformation_mode", "half_pixel"),
        "rounding": call.text("nearest_mode", "round_prefer_floor"),
        "antialias": call.integer("antialias", 0),
        "exclude_outside": call.integer("exclude_outside", 0),
        "coefficient": call.number("cubic_coeff_a", -0.75),
        "extrapolation": call.number("extrapolation_value", 0.0),
    }


def _target(call: Call, shape: Shape, old: bool) -> Target:
    """What the inputs say: scales, or sizes, for all axes or those that are named."""
    axes = call.places(call.ints("axes") or tuple(range(len(shape))), len(shape))
    target = Target(list(shape), [1.0] * len(shape), [(0.0, 1.0)] * len(shape))
    place = 1 if old else 2
    if not old and call.has(3) and call.constant(3).size:
        _by_sizes(target, axes, call.integers(3), shape, call.text("keep_aspect_ratio_policy", "stretch"))
    else:
        given = _numbers(call, place, len(axes)) if call.has(place) else call.attribute("scales", tuple, None)
        for axis, scale in zip(axes, _sound(given, len(axes)), strict=True):
            target.scales[axis], target.sizes[axis] = scale, math.floor(shape[axis] * scale)
    if not old and call.text("coordinate_transformation_mode", "") == "tf_crop_and_resize":
        ends = _numbers(call, 1, 2 * len(axes))
        for i, axis in enumerate(axes):
            target.crops[axis] = ends[i], ends[i + len(axes)]
    return target


def _by_sizes(target: Target, axes: Shape, sizes: Shape, shape: Shape, policy: str) -> None:
    if len(sizes) != len(axes) or min(sizes) < 1:
        raise Wrong(f"its sizes cannot be {came(sizes)}")
    ratios = [size / shape[axis] for axis, size in zip(axes, sizes, strict=True)]
    if policy != "stretch":  # the largest image within those sizes, or the smallest around them
        ratios = [min(ratios) if policy == "not_larger" else max(ratios)] * len(axes)
        sizes = tuple(math.floor(shape[axis] * ratios[0] + 0.5) for axis in axes)
    for axis, size, ratio in zip(axes, sizes, ratios, strict=True):
        target.sizes[axis], target.scales[axis] = size, ratio


def _numbers(call: Call, place: int, count: int) -> list[float]:
    array = call.constant(place)
    if array.shape != (count,) or array.dtype.kind not in "fiu":
        raise Wrong(f"its input {place} must be {count} numbers, got {came(array)}")
    return [float(n) for n in array]


def _sound(scales: Any, count: int) -> list[float]:
    if scales is None or len(scales) != count or not all(0 < s < 1 << 30 for s in scales):
        raise Wrong(f"its scales must be {count} numbers above 0, got {came(scales)}")
    return [float(s) for s in scales]
