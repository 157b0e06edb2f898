"""Receptive fields: the box of input pixels that a unit can see, for every unit of every layer.

Boxes are carried forward through the network, one for each position: a window sees the hull of the boxes that it
covers, padding sees nothing, a merge sees what either side sees. So the borders are exact, and so are branches,
dilation and enlargement. Inside the image this gives the rule r ← r + (KH − 1)·DH·jump, jump ← jump·SH.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple, TypeAlias

import numpy as np

from pellucid import checks
from pellucid.checked import checked, checked_late
from pellucid.errors import ArgumentError
from pellucid.kernels import Window
from pellucid.layers.container import INPUT, is_door, network_of
from pellucid.layers.door import behind_door
from pellucid.layers.facts import Sees, Sources, Taps
from pellucid.shown import came
from pellucid.typing import IntArray, Shape
from pellucid.views.flow import Op, flow

Boxes: TypeAlias = IntArray
"""(4, OH, OW) for pictures and (4, D) for vectors: top, left, bottom, right; the last two not included. A unit that
sees nothing has bottom <= top."""

NOTHING = np.iinfo(np.int64).max // 2


@checked_late
class Box(NamedTuple):
    """Input pixels: rows top to bottom − 1, columns left to right − 1. Vectors are one column.

    Examples
    --------
    >>> box = pl.views.Box(2, 0, 5, 4)
    >>> box.size, np.zeros((8, 8))[box.top : box.bottom, box.left : box.right].shape
    ((3, 4), (3, 4))
    """

    top: int
    left: int
    bottom: int
    right: int

    @property
    def size(self) -> tuple[int, int]:
        """Height and width."""
        return max(self.bottom - self.top, 0), max(self.right - self.left, 0)


@checked
def receptive_field(model: Any, layer: str, unit: int | tuple[int, int]) -> Box:
    """Return the input pixels that a unit sees: a place (row, column) of a picture, or an entry of a vector.

    Examples
    --------
    >>> network = pl.Sequential([pl.Conv2D(4, 3), pl.MaxPool2D(2), pl.Conv2D(4, 3)], input_shape=(16, 16, 1))
    >>> pl.views.receptive_field(network, "conv2d2", (0, 1))
    Box(top=0, left=2, bottom=8, right=10)
    """
    network = behind_door(network_of(model, "receptive_field", built=True))
    boxes = fields(flow(network), network.input_shape or ())
    checks.expect_known("receptive_field", "layer", layer, list(boxes))
    found = boxes[layer]
    place = unit if isinstance(unit, tuple) else (unit,)
    if len(place) != found.ndim - 1 or not all(0 <= i < n for i, n in zip(place, found.shape[1:], strict=True)):
        raise ArgumentError(f"receptive_field: unit must lie within {found.shape[1:]} of {layer}, got {came(unit)}.")
    return Box(*found[(slice(None), *place)].tolist())


def fields(ops: tuple[Op, ...], input_shape: Shape) -> dict[str, Boxes]:
    """Return the boxes of every operation, by its path."""
    boxes: dict[str, Boxes] = {INPUT: _own_pixels(input_shape)}
    for op in ops:
        at_door = op.inputs == (INPUT,) and is_door(op.operation)  # behind it rows and columns are counted
        boxes[op.path] = _own_pixels(op.output_shape) if at_door else _seen(op, [boxes[source] for source in op.inputs])
    return boxes


def largest(boxes: Boxes) -> tuple[int, int]:
    """Return the height and width of the largest box of a layer, away from the borders."""
    heights, widths = boxes[2] - boxes[0], boxes[3] - boxes[1]
    return max(int(heights.max()), 0), max(int(widths.max()), 0)


def _own_pixels(shape: Shape) -> Boxes:
    """Every pixel sees itself."""
    if len(shape) == 3:
        rows, columns = np.indices(shape[:2])
    else:
        rows = np.arange(math.prod(shape))
        columns = np.zeros_like(rows)
    return np.stack([rows, columns, rows + 1, columns + 1])


def _seen(op: Op, came: list[Boxes]) -> Boxes:
    facts, sees = op.operation.facts, op.operation.window(op.taken)
    if sees is Sees.BESIDE:
        return np.concatenate(came, axis=1)
    if sees is Sees.PLACE or (sees is None and facts.elementwise and len(came) == 1):
        return _hull(np.stack(np.broadcast_arrays(*came)), 0)
    if isinstance(sees, Sources):
        return _moved(came[0], op.input_shapes[0], sees.places)
    if isinstance(sees, (Window, Taps)):
        return _through(came[0], *(_taps(sees, op) if isinstance(sees, Window) else sees))
    if facts.in_order:
        return _moved(came[0], op.input_shapes[0], np.arange(math.prod(op.output_shape)).reshape(op.output_shape))
    return _everything(np.concatenate([one.reshape(4, -1) for one in came], axis=1), op.output_shape)


def unknown(ops: tuple[Op, ...]) -> set[str]:
    """Return the paths of the operations of which only the most that they may see is known."""
    found: set[str] = set()
    for op in ops:
        facts = op.operation.facts
        merges = len(op.inputs) > 1  # of inputs that are repeated
        says = (facts.elementwise and not merges) or facts.in_order or op.operation.window(op.taken) is not None
        if not says or found.intersection(op.inputs):
            found.add(op.path)
    return found


def _hull(boxes: Boxes, axis: int) -> Boxes:
    """The smallest box around boxes (…, 4, …) that are listed along `axis`, which comes before the 4."""
    low, high = boxes.take([0, 1], axis=axis + 1).min(axis=axis), boxes.take([2, 3], axis=axis + 1).max(axis=axis)
    return np.concatenate([low, high], axis=axis)


def _everything(boxes: Boxes, shape: Shape) -> Boxes:
    """Every unit sees what any unit before it sees."""
    flat = boxes.reshape(4, -1)
    around = np.concatenate([flat[:2].min(axis=1), flat[2:].max(axis=1)])
    places = shape[:2] if len(shape) == 3 else (math.prod(shape),)
    return np.broadcast_to(around.reshape(4, *(1,) * len(places)), (4, *places))


def _moved(boxes: Boxes, came: Shape, index: IntArray) -> Boxes:
    """The boxes of numbers that are those of `index`; a pixel sees what any of its channels sees."""
    each = np.repeat(boxes.reshape(4, -1), came[2] if len(came) == 3 else 1, axis=1)  # one box a number
    low = np.where(index < 0, NOTHING, each[:2, index])
    high = np.where(index < 0, -NOTHING, each[2:, index])
    if index.ndim == 3:
        return np.concatenate([low.min(axis=3), high.max(axis=3)])
    return np.concatenate([low, high]).reshape(4, -1)


def _taps(window: Window, op: Op) -> Taps:
    """The input rows that each output row's window covers, and the columns; also outside the image."""
    rows, columns = (
        np.arange(op.output_shape[a])[:, None] * window.stride[a]
        - window.padding[a][0]
        + np.arange(window.size[a]) * window.dilation[a]
        for a in (0, 1)
    )
    return Taps(rows, columns)


def _through(boxes: Boxes, rows: IntArray, columns: IntArray) -> Boxes:
    """The hull over windows, one axis after the other; rows and columns outside the image see nothing."""
    for axis, index in ((1, rows), (2, columns)):
        inside = (index >= 0) & (index < boxes.shape[axis])
        taken = np.take(boxes, np.where(inside, index, 0), axis=axis)  # (4, OH, KH, W), then (4, OH, OW, KW)
        mask = inside[:, :, None] if axis == 1 else inside
        low = np.where(mask, taken[:2], NOTHING).min(axis=axis + 1)
        high = np.where(mask, taken[2:], -NOTHING).max(axis=axis + 1)
        boxes = np.concatenate([low, high])
    return boxes
