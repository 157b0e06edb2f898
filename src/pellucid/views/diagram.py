"""The architecture of a network as a drawing: calm boxes from top to bottom, branches side by side.

Each box says type, name, output shape and parameters. The figure at its left is the output to scale: the face is
height x width beside the input's, the depth grows with the logarithm of the channels; a vector is a bar.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

from pellucid.checked import checked
from pellucid.layers import Merge
from pellucid.layers.container import network_of
from pellucid.pictures.palette import BLUE, COLOURS, INK, MUTED, PAPER, VERMILION
from pellucid.shown import shown
from pellucid.typing import Shape as ArrayShape
from pellucid.views.cost import multiply_adds
from pellucid.views.drawing import Disc, Drawing, Path, Polygon, Rect, Shape, Text, rough_width
from pellucid.views.flow import Op, flow
from pellucid.views.layout import Block, Wire, arrange, blocks_of
from pellucid.views.summary import shape_text, unique_size

MARGIN, GAP, AISLE = 18.0, 20.0, 22.0  # around all, between rows, between lanes
HEAD, BAND, MERGE = 42.0, 17.0, 20.0  # heights
ICON = 46.0  # the width that the figure of the output takes
SIZE, SMALL = 10.0, 8.0
RADIUS = 5.0


class Tint(NamedTuple):
    """Fill, edge and the deeper side of a figure."""

    fill: str
    edge: str
    deep: str


TINTS = {
    "conv": Tint("#E8F1F8", BLUE, "#8FBFDD"),
    "dense": Tint("#FCEEE3", VERMILION, "#F0B68D"),
    "pool": Tint("#E4F4EF", COLOURS[2], "#8CCDB9"),
    "other": Tint("#F2F4F6", "#8A97A3", "#C6CED5"),
}


@checked
def diagram(model: Any, title: str = "") -> Drawing:
    """Return the drawing of a built network: its layers from top to bottom, branches side by side.

    `plot()` makes a figure of it and `svg()` a text; no other program is needed for either.

    Examples
    --------
    >>> pl.views.diagram(pl.TwoLayerNet(784, 50, 10)).plot().savefig("diagram.png")
    """
    network = network_of(model, "diagram", built=True)
    ops = flow(network)
    blocks = blocks_of(ops)
    wires = arrange(blocks)
    input_shape = network.input_shape or ()
    place = _Places(blocks, wires, input_shape, MARGIN + (24.0 if title else 0.0))
    shapes: list[Shape] = [Text(MARGIN, MARGIN + 10, title, 12, INK, bold=True)] if title else []
    for wire in wires:
        shapes.append(_wire(wire, blocks, place))
    for i, block in enumerate(blocks):
        shapes += _block(block, place.boxes[i], input_shape)
    cost = sum(multiply_adds(op) or 0 for op in ops)
    totals = f"{unique_size(ops, 'params'):,} parameters  ·  {_short(cost)} multiply-adds"
    bottom = max(box.y + box.height for box in place.boxes)
    middle = place.boxes[-1].x + place.boxes[-1].width / 2
    shapes.append(Text(middle, bottom + 22, totals, SMALL, MUTED, "middle"))
    half = rough_width(totals, SMALL) / 2
    width = max(place.width, middle + half + MARGIN)
    described = f"{type(network).__name__} of {len(ops)} layers, {totals}"
    return Drawing(width, bottom + 22 + MARGIN * 0.7, tuple(shapes), title or described)


class _Places:
    """Where everything stands, in points."""

    def __init__(self, blocks: list[Block], wires: list[Wire], input_shape: ArrayShape, top: float) -> None:
        sizes = [_size(block, input_shape) for block in blocks]
        lanes = 1 + max([b.lane for b in blocks] + [lane for w in wires for lane in w.lanes.values()])
        widths = [
            max([w for (w, _), b in zip(sizes, blocks, strict=True) if b.lane == k], default=10.0) for k in range(lanes)
        ]
        self.centres: list[float] = []
        self.lefts: list[float] = []
        x = MARGIN
        for width in widths:
            self.lefts.append(x)
            self.centres.append(x + width / 2)
            x += width + AISLE
        self.width = x - AISLE + MARGIN
        rows = 1 + max(b.row for b in blocks)
        heights = [max(h for (_, h), b in zip(sizes, blocks, strict=True) if b.row == r) for r in range(rows)]
        tops = [top + sum(heights[:r]) + r * GAP for r in range(rows)]
        self.tops, self.heights = tops, heights
        self.boxes = []
        for block, (own, height) in zip(blocks, sizes, strict=True):
            full = bool(block.ops) and not isinstance(block.ops[0].operation, Merge)
            width = widths[block.lane] if full else own
            self.boxes.append(Rect(self.centres[block.lane] - width / 2, tops[block.row], width, height, ""))

    def passing(self, lane: int, own: bool) -> float:
        """Where a wire runs down a lane: below the block that it comes from, else at the lane's left."""
        return self.centres[lane] if own else self.lefts[lane] + 5


def _tint(op: Op) -> Tint:
    """The colour of what a layer does: it weighs images or vectors, or changes the size of images without weights."""
    facts = op.operation.facts
    if facts.weights:
        return TINTS["conv" if op.operation.takes_images else "dense"]
    resizes = facts.linear and op.operation.takes_images and op.output_shape != op.input_shapes[0]
    return TINTS["pool" if facts.pools or resizes else "other"]


def _size(block: Block, input_shape: ArrayShape) -> tuple[float, float]:
    if not block.ops:
        return ICON + rough_width(shape_text(input_shape), SIZE) + 30, HEAD - 8
    first = block.ops[0]
    if isinstance(first.operation, Merge):
        words = max(rough_width(_name(first), SMALL), rough_width(shape_text(first.output_shape), SMALL))
        width = max([MERGE + 2 * words + 20, *(rough_width(op.kind + _name(op), SMALL) + 40 for op in block.ops[1:])])
        return max(width, 120.0), MERGE + BAND * (len(block.ops) - 1) + (6 if len(block.ops) > 1 else 0)
    lines = [
        ICON
        + max(rough_width(first.kind + _detail(first), SIZE, bold=True), rough_width(_name(first), SMALL))
        + 30
        + max(rough_width(shape_text(first.output_shape), SIZE), rough_width(_parameters(first), SMALL)),
        *(ICON + rough_width(op.kind + _name(op) + _parameters(op, band=True), SMALL) + 34 for op in block.ops[1:]),
    ]
    return max(*lines, 190.0), HEAD + BAND * (len(block.ops) - 1)


def _block(block: Block, at: Rect, input_shape: ArrayShape) -> list[Shape]:
    if not block.ops:
        return _input(at, input_shape)
    first, thin = block.ops[0], block.ops[1:]
    if isinstance(first.operation, Merge):
        return _merge(first, at) + _bands(thin, at, at.y + MERGE + 6, TINTS["other"], free=True)
    tint = _tint(first)
    shapes: list[Shape] = [
        Rect(at.x, at.y, at.width, HEAD, tint.fill, "", RADIUS, "above" if thin else "all"),
        *_figure(first.output_shape, input_shape, at.x + ICON / 2 + 2, at.y + HEAD / 2, tint),
        Text(at.x + ICON + 4, at.y + 18, first.kind + _detail(first), SIZE, INK, bold=True),
        Text(at.x + ICON + 4, at.y + 32, _name(first), SMALL, MUTED),
        Text(at.x + at.width - 10, at.y + 18, shape_text(first.output_shape), SIZE, INK, "end"),
        Text(at.x + at.width - 10, at.y + 32, _parameters(first), SMALL, MUTED, "end"),
        *_bands(thin, at, at.y + HEAD, tint),
        Rect(at.x, at.y, at.width, at.height, "", tint.edge, RADIUS),
    ]
    return shapes


def _bands(thin: list[Op], at: Rect, top: float, tint: Tint, *, free: bool = False) -> list[Shape]:
    """The element-wise operations, one narrow band each."""
    shapes: list[Shape] = []
    for i, op in enumerate(thin):
        y, last = top + i * BAND, i == len(thin) - 1
        ends = "all" if free and len(thin) == 1 else "below" if last else "above" if free and not i else "none"
        shapes += [
            Rect(at.x, y, at.width, BAND, PAPER, "", RADIUS, ends),
            *([] if free and not i else [Path(((at.x, y), (at.x + at.width, y)), tint.deep)]),
            Text(at.x + (10 if free else ICON + 4), y + 12, op.kind, SMALL, INK),
            Text(at.x + at.width - 10, y + 12, _name(op) + _parameters(op, band=True), SMALL, MUTED, "end"),
        ]
    if free and thin:
        shapes.append(Rect(at.x, top, at.width, BAND * len(thin), "", tint.edge, RADIUS))
    return shapes


def _input(at: Rect, shape: ArrayShape) -> list[Shape]:
    return [
        *_figure(shape, shape, at.x + ICON / 2 + 2, at.y + at.height / 2, TINTS["other"]),
        Text(at.x + ICON + 4, at.y + 14, "input", SIZE, INK, bold=True),
        Text(at.x + ICON + 4, at.y + 27, shape_text(shape), SIZE, INK),
    ]


def _merge(op: Op, at: Rect) -> list[Shape]:
    x, y, r = at.x + at.width / 2, at.y + MERGE / 2, MERGE / 2
    label = Text(x - r - 7, y - 2, _name(op), SMALL, MUTED, "end")
    shape = Text(x - r - 7, y + 9, shape_text(op.output_shape), SMALL, INK, "end")
    shapes: list[Shape] = [Disc(x, y, r, PAPER, INK)]
    arm = r * 0.5
    if op.operation.symbol == "‖":
        shapes += [Path(((at_x, y - arm), (at_x, y + arm)), INK) for at_x in (x - 2.5, x + 2.5)]
    elif op.operation.symbol == "+":
        shapes += [Path(((x - arm, y), (x + arm, y)), INK), Path(((x, y - arm), (x, y + arm)), INK)]
    return [*shapes, label, shape]


def _figure(shape: ArrayShape, input_shape: ArrayShape, x: float, y: float, tint: Tint) -> list[Shape]:
    """The output to scale, around (x, y)."""
    if len(shape) != 3:
        height = min(6 + 3.2 * math.log2(1 + math.prod(shape)), HEAD - 10)
        return [Rect(x - 3, y - height / 2, 6, height, tint.deep, tint.edge, 1)]
    largest = max(*input_shape[:2], *shape[:2]) if len(input_shape) == 3 else max(shape[:2])
    h, w = (max(22 * n / largest, 3) for n in shape[:2])
    depth = 1.3 * math.log2(1 + shape[2])
    left, top = x - (w + depth) / 2, y - (h - depth) / 2
    a, b, c, d = (left, top), (left + w, top), (left + w, top + h), (left, top + h)

    def back(p: tuple[float, float]) -> tuple[float, float]:
        return p[0] + depth, p[1] - depth

    return [
        Polygon((a, back(a), back(b), b), tint.fill, tint.edge),
        Polygon((b, back(b), back(c), c), tint.deep, tint.edge),
        Polygon((a, b, c, d), PAPER, tint.edge),
    ]


def _wire(wire: Wire, blocks: list[Block], place: _Places) -> Path:
    """Down from the block above, through the lanes kept free, into the block below."""
    start, end = place.boxes[wire.start], place.boxes[wire.end]
    x, y = start.x + start.width / 2, start.y + start.height
    points = [(x, y)]
    goal = end.x + end.width / 2
    for row in range(blocks[wire.start].row + 1, blocks[wire.end].row + 1):
        last = row == blocks[wire.end].row
        next_x = goal if last else place.passing(wire.lanes[row], wire.lanes[row] == blocks[wire.start].lane)
        if next_x != points[-1][0]:
            level = place.tops[row] - GAP * 0.55
            if last and _from_the_side(wire, blocks, place, points[-1][0]):
                level = end.y + MERGE / 2
                side = MERGE / 2 if points[-1][0] > goal else -MERGE / 2
                points += [(points[-1][0], level), (goal + side, level)]
                return Path(tuple(points), MUTED)
            points += [(points[-1][0], level), (next_x, level)]
    points.append((goal, end.y))
    return Path(tuple(points), MUTED, arrow=True)


def _from_the_side(wire: Wire, blocks: list[Block], place: _Places, x: float) -> bool:
    """Whether it ends in the circle of a merge, with no block between."""
    end = place.boxes[wire.end]
    goal = end.x + end.width / 2
    beside = [place.boxes[i] for i, b in enumerate(blocks) if b.row == blocks[wire.end].row and i != wire.end]
    clear = not any(min(x, goal) < box.x + box.width and box.x < max(x, goal) for box in beside)
    return isinstance(blocks[wire.end].ops[0].operation, Merge) and clear


def _name(op: Op) -> str:
    """The name by which `layer=` finds it."""
    return shown(op.path)


def _detail(op: Op) -> str:
    size = getattr(op.operation, "kernel_size", None) or getattr(op.operation, "pool_size", None)
    stride = getattr(op.operation, "stride", None)
    words = f"  {size[0]} × {size[1]}" if size else ""
    usual = size if hasattr(op.operation, "pool_size") else (1, 1)
    return words + (f" / {stride[0]}" if stride and stride != usual else "")


def _parameters(op: Op, *, band: bool = False) -> str:
    count = sum(p.size for p in op.operation.params.values())
    if band:
        return f"  ·  {count:,}" if count else ""
    return f"{count:,} parameters" if count else ""


def _short(count: int) -> str:
    for size, unit in ((1e9, " G"), (1e6, " M"), (1e3, " k")):
        if count >= size:
            return f"{count / size:.1f}{unit}"
    return str(count)
