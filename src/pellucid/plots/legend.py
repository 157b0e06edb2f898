"""Maps whose colours are classes, and the legend that says which colour is which."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from pellucid.plots import style
from pellucid.typing import Array, IntArray

if TYPE_CHECKING:
    from matplotlib.figure import Figure

LINE, SQUARE, INDENT = 0.155, 0.1, 0.16  # inches: of one entry, its square of colour, and its text's beginning


class Entry(NamedTuple):
    """One class of a legend: its number, its name, and how often it occurs."""

    number: int
    name: str
    places: int

    @property
    def text(self) -> str:
        """What stands beside its colour."""
        return f"{self.name}: {self.places:,}"


def entries(counts: IntArray, names: Sequence[str]) -> tuple[Entry, ...]:
    """The classes that occur, the most frequent first."""
    order = np.argsort(-counts, kind="stable")
    return tuple(Entry(int(k), names[k], int(counts[k])) for k in order if counts[k])


def class_colours(indices: IntArray) -> Array:
    """Class numbers (H, W) as colours (H, W, 3) in 0..1; beyond the tenth class they come again."""
    table = np.array([[int(c[i : i + 2], 16) / 255 for i in (1, 3, 5)] for c in style.CLASSES])
    return np.asarray(table[indices % len(table)])


def legend_width(shown: Sequence[Entry]) -> float:
    """Inches that a legend takes."""
    return INDENT + max(style.text_width(entry.text, style.SMALL) for entry in shown)


def draw_legend(fig: Figure, left: float, top: float, shown: Sequence[Entry], height: float) -> None:
    """Write the classes one below the other, each beside its colour; what does not fit into the height is summed up."""
    from matplotlib.patches import Rectangle

    full_width, full_height = fig.get_size_inches()
    fit = max(int((height + 0.02) / LINE), 2)
    listed = shown if len(shown) <= fit else shown[: fit - 1]
    for i, entry in enumerate(listed):
        y = full_height - top - (i + 0.5) * LINE
        colour = style.CLASSES[entry.number % len(style.CLASSES)]
        corner = (left / full_width, (y - SQUARE / 2) / full_height)
        fig.add_artist(Rectangle(corner, SQUARE / full_width, SQUARE / full_height, color=colour, lw=0))
        fig.text((left + INDENT) / full_width, y / full_height, entry.text, size=style.SMALL, va="center_baseline")
    if len(listed) < len(shown):
        rest = shown[len(listed) :]
        y = full_height - top - (len(listed) + 0.5) * LINE
        text = f"{len(rest)} more: {sum(entry.places for entry in rest):,}"
        fig.text((left + INDENT) / full_width, y / full_height, text, size=style.SMALL, va="center_baseline",
                 color=style.MUTED)  # fmt: skip
