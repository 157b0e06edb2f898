"""What `load_torch` did, as a table."""

from __future__ import annotations

from typing import NamedTuple

from pellucid.shown import shown
from pellucid.typing import Shape


class Row(NamedTuple):
    """One tensor: theirs, ours, the shapes of both, and what was done to it."""

    theirs: str
    ours: str
    their_shape: Shape
    our_shape: Shape
    how: str


class Matches(tuple[Row, ...]):
    """The rows in the order of the network; printed, a table."""

    __slots__ = ()

    def __str__(self) -> str:
        head = ("PyTorch", "shape", "Pellucid", "shape", "how")
        cells = [head, *((r.theirs, str(r.their_shape), r.ours, str(r.our_shape), r.how) for r in self)]
        widths = [max(len(shown(row[i])) for row in cells) for i in range(5)]
        return "\n".join(
            "  ".join(shown(cell).ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
            for row in cells
        )
