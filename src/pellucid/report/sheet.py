"""Panels as one Matplotlib picture: for each image a heading and its maps, or a table of forms by classes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from pellucid.plots import grid, style
from pellucid.plots.grid import Caption
from pellucid.report.forms import Row
from pellucid.report.panels import Panel

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

SIDE, SMALL = 1.5, 0.9  # inches of a map, in a block and in a table
HEAD = 0.3


class Block(NamedTuple):
    """What is said about one image."""

    heading: str
    panels: list[Panel]


def sheet(blocks: Sequence[Block], columns: int = 7) -> Figure:
    """Blocks one below the other, each a heading over its maps with label, scale and proof."""
    with style.house("explain"):
        every = [panel for block in blocks for panel in block.panels]
        size = grid.picture_size(every[0].pixels.shape[0], every[0].pixels.shape[1], SIDE)
        texts = [Caption(p.label, second=max(p.verdict, p.scale, key=len), bold=True).width() for p in every]
        across = max(size[1], *texts) + 0.18
        down = size[0] + 4 * grid.LINE + 0.1
        rows = [-(-len(block.panels) // columns) for block in blocks]
        used = min(columns, max(len(block.panels) for block in blocks))
        widest = max(style.text_width(block.heading, style.TITLE, bold=True) for block in blocks)
        height = grid.MARGIN + sum(HEAD + n * down + 0.1 for n in rows)
        fig = style.figure(max(used * across, widest) + 2 * grid.MARGIN, height)
        top = grid.MARGIN
        for block, count in zip(blocks, rows, strict=True):
            _write(fig, grid.MARGIN, top, block.heading, size=style.TITLE, weight="bold")
            for k, panel in enumerate(block.panels):
                row, column = divmod(k, columns)
                left = grid.MARGIN + column * across
                _panel(fig, panel, left, top + HEAD + row * down, size)
            top += HEAD + count * down + 0.1
    return fig


def table(heading: str, names: Sequence[str], rows: Sequence[Row], input_panel: Panel) -> Figure:
    """A row for each form, a column for each class, the image itself at the left of the first row."""
    with style.house("explain"):
        first = rows[0].panels[0].pixels
        size = grid.picture_size(first.shape[0], first.shape[1], SMALL)
        verdicts = [Caption(p.verdict).width() for row in rows for p in row.panels]
        across, down = max(size[1], *verdicts) + 0.1, size[0] + grid.LINE + 0.12
        left = grid.MARGIN + size[1] + 0.25 + max(style.text_width(row.label, style.TEXT, bold=True) for row in rows)
        top = grid.MARGIN + HEAD + 0.22
        width = max(left + 0.15 + len(names) * across, style.text_width(heading, style.TITLE, bold=True) + grid.MARGIN)
        fig = style.figure(width + grid.MARGIN, top + len(rows) * down + grid.MARGIN)
        _write(fig, grid.MARGIN, grid.MARGIN, heading, size=style.TITLE, weight="bold")
        _image(grid.place(fig, grid.MARGIN, top, size[1], size[0]), input_panel)
        for column, name in enumerate(names):
            _write(fig, left + 0.15 + column * across, top - 0.2, name, size=style.TEXT, weight="bold")
        for row, (label, panels) in enumerate(rows):
            at = top + row * down
            _write(fig, grid.MARGIN + size[1] + 0.25, at + size[0] / 2 - 0.15, label, size=style.TEXT, weight="bold")
            _write(fig, grid.MARGIN + size[1] + 0.25, at + size[0] / 2 + 0.04, panels[0].scale, color=style.MUTED)
            for column, panel in enumerate(panels):
                place = grid.place(fig, left + 0.15 + column * across, at, size[1], size[0])
                _image(place, panel)
                grid.write_caption(place, Caption(panel.verdict))
    return fig


def _panel(fig: Figure, panel: Panel, left: float, top: float, size: tuple[float, float]) -> None:
    _write(fig, left, top, panel.label, size=style.SMALL, weight="bold")
    _image(grid.place(fig, left, top + grid.LINE + 0.02, size[1], size[0]), panel)
    below = top + size[0] + grid.LINE + 0.07
    _write(fig, left, below, panel.scale, color=style.MUTED)
    colour = style.VERMILION if panel.holds is False else style.MUTED
    _write(fig, left, below + grid.LINE, panel.verdict, color=colour)


def _image(axes: Axes, panel: Panel) -> None:
    axes.imshow(np.asarray(panel.pixels), aspect="auto")
    for row, column, text in panel.marks:
        axes.text(column, row, text, color=style.PAPER, size=style.TEXT, weight="bold", ha="center", va="center")


def _write(fig: Figure, left: float, top: float, text: str, *, size: float = style.SMALL, **options: Any) -> None:
    width, height = fig.get_size_inches()
    fig.text(left / width, 1 - top / height, text, ha="left", va="top", size=size, **options)
