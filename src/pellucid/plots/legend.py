"""The legend of a map whose colours are classes, drawn."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from pellucid.pictures import palette
from pellucid.pictures.legend import Entry, listed
from pellucid.plots import style

if TYPE_CHECKING:
    from matplotlib.figure import Figure

LINE, SQUARE, INDENT = 0.155, 0.1, 0.16  # inches: of one entry, its square of colour, and its text's beginning


def legend_width(shown: Sequence[Entry]) -> float:
    """Inches that a legend takes."""
    return INDENT + max(style.text_width(entry.text, style.SMALL) for entry in shown)


def draw_legend(fig: Figure, left: float, top: float, shown: Sequence[Entry], height: float) -> None:
    """Write the classes one below the other, each beside its colour; what does not fit into the height is summed up."""
    from matplotlib.patches import Rectangle

    full_width, full_height = fig.get_size_inches()
    for i, entry in enumerate(listed(shown, max(int((height + 0.02) / LINE), 2))):
        y = full_height - top - (i + 0.5) * LINE
        if entry.colour:
            corner = (left / full_width, (y - SQUARE / 2) / full_height)
            square = Rectangle(corner, SQUARE / full_width, SQUARE / full_height, color=entry.colour, lw=0)
            fig.add_artist(square)
        ink = palette.INK if entry.colour else palette.MUTED
        place = ((left + INDENT) / full_width, y / full_height)
        fig.text(*place, entry.text, size=style.SMALL, va="center_baseline", color=ink)
