"""Where the blocks of a diagram stand: operations gathered into blocks, blocks into rows and lanes.

A block is an operation with the element-wise ones that follow it alone (normalisation, activation, dropout). Blocks
stand below all they take. A connection that passes over rows keeps a lane free in each of them, so that no line
crosses a block.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from pellucid.layers import Merge
from pellucid.layers.container import INPUT
from pellucid.views.flow import Op


@dataclass
class Block:
    """One operation and the thin ones that hang on it; the input is a block without operations."""

    ops: list[Op] = field(default_factory=list)
    inputs: list[int] = field(default_factory=list)
    """The numbers of the blocks that it takes, in order."""
    row: int = 0
    lane: int = 0


@dataclass
class Wire:
    """A connection between two blocks, and the lane that it keeps in each row between them."""

    start: int
    end: int
    lanes: dict[int, int] = field(default_factory=dict)


def blocks_of(ops: tuple[Op, ...]) -> list[Block]:
    """Gather operations into blocks; number 0 is the input."""
    readers = Counter(source for op in ops for source in op.inputs)
    home = {INPUT: 0}
    blocks = [Block()]
    for op in ops:
        before = home[op.inputs[0]]
        follows = blocks[before].ops and blocks[before].ops[-1].path == op.inputs[0]
        if _is_thin(op) and follows and readers[op.inputs[0]] == 1:
            blocks[before].ops.append(op)
            home[op.path] = before
        else:
            blocks.append(Block([op], [home[source] for source in op.inputs]))
            home[op.path] = len(blocks) - 1
    return blocks


def _is_thin(op: Op) -> bool:
    """Whether an operation leaves every number at its place: it hangs on the one before."""
    facts = op.operation.facts
    by_place = facts.elementwise or facts.separate or facts.function.endswith("softmax")
    keeps_places = by_place or facts.normalizes or facts.in_order
    return keeps_places and op.output_shape == op.input_shapes[0] and not isinstance(op.operation, Merge)


def arrange(blocks: list[Block]) -> list[Wire]:
    """Give every block its row and lane, and return the wires with theirs."""
    for block in blocks:
        block.row = 1 + max((blocks[i].row for i in block.inputs), default=-1)
    wires = [Wire(source, i) for i, block in enumerate(blocks) for source in block.inputs]
    depth = _ways_to_go(blocks)
    for row in range(1, max(b.row for b in blocks) + 1):
        taken: set[int] = set()
        # The block with the longest way to go keeps its lane: the backbone is drawn straight.
        here = sorted((i for i, b in enumerate(blocks) if b.row == row), key=lambda i: (-depth[i], i))
        for i in here:
            wished = min(_lane_before(blocks, w, row) for w in wires if w.end == i)
            blocks[i].lane = _nearest_free(wished, taken)
        for wire in wires:
            if blocks[wire.start].row < row < blocks[wire.end].row:
                wire.lanes[row] = _nearest_free(max(_lane_before(blocks, wire, row), 1), taken)
    return wires


def _ways_to_go(blocks: list[Block]) -> list[int]:
    """How many rows the longest way from each block to the end has."""
    depth = [0] * len(blocks)
    for i in range(len(blocks) - 1, -1, -1):
        for source in blocks[i].inputs:
            depth[source] = max(depth[source], depth[i] + 1)
    return depth


def _lane_before(blocks: list[Block], wire: Wire, row: int) -> int:
    return wire.lanes.get(row - 1, blocks[wire.start].lane)


def _nearest_free(wished: int, taken: set[int]) -> int:
    """The wished lane, or the next to its right that is free; it is taken then."""
    while wished in taken:
        wished += 1
    taken.add(wished)
    return wished
