"""What `views.panels` says of images as one picture: for each a heading and its maps."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from pellucid.pictures import palette
from pellucid.plots import grid, style
from pellucid.plots.grid import Caption
from pellucid.plots.legend import draw_legend, legend_width

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SIDE = 1.5  # inches of a map
HEAD = 0.3


class ImagePanels(NamedTuple):
    """What is said about one image."""

    heading: str
    panels: Sequence[Any]


def side_by_side(blocks: Sequence[ImagePanels], columns: int = 7) -> Figure:
    """Blocks one below the other, each a heading over its maps with label, scale and proof."""
    with style.house("explain"):
        every = [panel for block in blocks for panel in block.panels]
        size = grid.picture_size(every[0].pixels.shape[0], every[0].pixels.shape[1], SIDE)
        texts = [Caption(p.label, second=max(p.verdict, p.scale, key=len), bold=True).width() for p in every]
        legends = [legend_width(p.legend) for p in every if p.legend]
        across = max(size[1], *texts, *legends) + 0.18
        down = size[0] + 4 * grid.LINE + 0.1
        cells = [_cells(block.panels, columns) for block in blocks]
        rows = [found[-1][0] + 1 for found in cells]
        used = max(column for found in cells for _, column in found) + 1
        widest = max(style.text_width(block.heading, style.TITLE, bold=True) for block in blocks)
        height = grid.MARGIN + sum(HEAD + n * down + 0.1 for n in rows)
        fig = style.figure(max(used * across, widest) + 2 * grid.MARGIN, height)
        top = grid.MARGIN
        for block, found, count in zip(blocks, cells, rows, strict=True):
            _write(fig, grid.MARGIN, top, block.heading, size=style.TITLE, weight="bold")
            for panel, (row, column) in zip(block.panels, found, strict=True):
                left, at = grid.MARGIN + (column - bool(panel.legend)) * across, top + HEAD + row * down
                _panel(fig, panel, left, at, size)
            top += HEAD + count * down + 0.1
    return fig


def _cells(panels: Sequence[Any], columns: int) -> list[tuple[int, int]]:
    """Return row and column of each panel's last cell: one with a legend takes two side by side."""
    cells = []
    row, column = 0, 0
    for panel in panels:
        wide = 2 if panel.legend else 1
        if column + wide > columns:
            row, column = row + 1, 0
        column += wide
        cells.append((row, column - 1))
    return cells


def _panel(fig: Figure, panel: Any, left: float, top: float, size: tuple[float, float]) -> None:
    _write(fig, left, top, panel.label, size=style.SMALL, weight="bold")
    place = grid.place(fig, left, top + grid.LINE + 0.02, size[1], size[0])
    place.imshow(np.asarray(panel.pixels), aspect="auto")
    if panel.legend:
        draw_legend(fig, left + size[1] + 0.1, top + grid.LINE + 0.02, panel.legend, size[0])
    below = top + size[0] + grid.LINE + 0.07
    _write(fig, left, below, "" if panel.legend else panel.scale, color=palette.MUTED)
    colour = palette.VERMILION if panel.holds is False else palette.MUTED
    _write(fig, left, below + grid.LINE, panel.verdict, color=colour)


def _write(fig: Figure, left: float, top: float, text: str, *, size: float = style.SMALL, **options: Any) -> None:
    width, height = fig.get_size_inches()
    fig.text(left / width, 1 - top / height, text, ha="left", va="top", size=size, **options)
