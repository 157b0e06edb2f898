"""Many small pictures on one sheet, laid out in inches from the upper left corner.

Sizes are known before drawing, so no layout engine is needed: a hundred pictures take a moment, and
nothing overlaps.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from pellucid.pictures import palette, pixels
from pellucid.pictures.scale import Scale
from pellucid.plots import style
from pellucid.typing import Array

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.cm import ScalarMappable
    from matplotlib.figure import Figure

MARGIN, GAP, HEADING = 0.22, 0.11, 0.34
LINE = 1.3 * style.SMALL / 72  # inches from one caption line to the next
BAR = 0.78  # inches that a colour bar takes with its numbers


class Caption(NamedTuple):
    """What stands under one picture: a first line, in its colour, and perhaps a second in grey."""

    text: str
    colour: str = palette.MUTED
    second: str = ""
    bold: bool = False

    def width(self) -> float:
        """Inches of its longer line."""
        first = style.text_width(self.text, style.SMALL, bold=self.bold)
        return max(first, style.text_width(self.second, style.SMALL))


def picture_size(height: int, width: int, target: float) -> tuple[float, float]:
    """Inches (height, width) with the longer side near `target`; enlarged by whole dots per pixel."""
    dots = target * style.DPI / max(height, width)
    dots = float(round(dots)) if dots >= 1 else dots
    return max(height * dots / style.DPI, 0.04), max(width * dots / style.DPI, 0.04)


def sheet(
    title: str, captions: Sequence[Caption], columns: int, size: tuple[float, float], *, bar: bool = False
) -> tuple[Figure, list[Axes]]:
    """A figure with one picture's axes per caption, row by row; a last row that is not full stays paper."""
    height, width = size
    rows = [captions[first : first + columns] for first in range(0, len(captions), columns)]
    across = style.snap(max([width, *(c.width() + 0.04 for c in captions)]) + GAP)
    tops = np.cumsum([MARGIN + (HEADING if title else 0.0), *(height + GAP + _caption_height(row) for row in rows)])
    fig = page(MARGIN + len(rows[0]) * across - GAP + BAR * bar, tops[-1] - GAP + MARGIN, title)
    made = []
    for top, row in zip(tops, rows, strict=False):
        for column, caption in enumerate(row):
            left = MARGIN + column * across + (across - GAP - width) / 2
            made.append(place(fig, left, top, width, height))
            write_caption(made[-1], caption)
    return fig, made


def _caption_height(row: Sequence[Caption]) -> float:
    lines = 2 if any(c.second for c in row) else 1 if any(c.text for c in row) else 0
    return lines * LINE + 0.06 if lines else 0.0


def page(right: float, height: float, title: str) -> Figure:
    """A figure of that height which reaches that far right, and at least as far as its title, at the upper left."""
    width = max(right - MARGIN, style.text_width(title, style.TITLE, bold=True))
    fig = style.figure(width + 2 * MARGIN, height)
    width, height = fig.get_size_inches()
    if title:
        corner: dict[str, Any] = {"x": MARGIN / width, "y": 1 - MARGIN / height, "ha": "left", "va": "top"}
        fig.suptitle(style.drawable(title), size=style.TITLE, weight="bold", **corner)
    return fig


def place(fig: Figure, left: float, top: float, width: float, height: float) -> Axes:
    """Bare axes at those inches from the upper left corner, with a hairline frame."""
    full_width, full_height = fig.get_size_inches()
    bottom = full_height - style.snap(top) - height
    axes = fig.add_axes((style.snap(left) / full_width, bottom / full_height, width / full_width, height / full_height))
    axes.set(xticks=[], yticks=[])
    axes.grid(False)
    for spine in axes.spines.values():
        spine.set(visible=True, color=palette.FAINT, linewidth=0.8)
    return axes


def write_caption(axes: Axes, caption: Caption) -> None:
    """Write a caption under a picture."""
    weight = "bold" if caption.bold else "normal"
    lines = [(caption.text, caption.colour, weight), (caption.second, palette.MUTED, "normal")]
    for number, (text, colour, weight) in enumerate(lines):
        if text:
            where = (0.5, 0), (0, -4 - number * 72 * LINE)
            write(axes, text, *where, ha="center", va="top", color=colour, weight=weight)


def write(axes: Axes, text: str, at: tuple[float, float], away: tuple[float, float], **look: Any) -> None:
    """Write beside a picture: `away` points from a place that is given in shares of its sides."""
    look = {"size": style.SMALL, "color": palette.INK, **look}
    axes.annotate(text, at, xycoords="axes fraction", xytext=away, textcoords="offset points", **look)


def name_row(axes: Axes, text: str, apart: float) -> None:
    """Write the name of a row `apart` inches left of its first picture."""
    write(axes, text, (0, 0.5), (-72 * apart, 0), size=style.TEXT, weight="bold", ha="right", va="center")


def show_image(axes: Axes, image: Array, images: Array) -> None:
    """Draw one of `images`, which are in 0..1: photographs as they are, drawings as ink on paper."""
    axes.imshow(image, cmap=pixels.grey_map(images), vmin=0, vmax=1, aspect="auto")


def draw_on_one_scale(fig: Figure, axes: Sequence[Axes], pictures: Sequence[Array], scale: Scale) -> None:
    """Draw pictures (H, W), each on its axes, and the colour bar beside them."""
    colours = style.colour_map(scale.colours)
    for place, picture in zip(axes, pictures, strict=True):
        drawn = place.imshow(picture, cmap=colours, vmin=scale.low, vmax=scale.high, aspect="auto")
    colour_bar(fig, axes, drawn, scale.ends)


def colour_bar(fig: Figure, axes: Sequence[Axes], drawn: ScalarMappable, extend: str = "neither") -> Axes:
    """A scale to the right of `axes`, at most 2.4 inches tall; `extend` marks clipped ends."""
    from matplotlib.ticker import MaxNLocator

    full_width, full_height = fig.get_size_inches()
    boxes = [a.get_position() for a in axes]
    right, top, low = max(b.x1 for b in boxes), max(b.y1 for b in boxes), min(b.y0 for b in boxes)
    height = min(top - low, 2.4 / full_height)
    box = (right + 0.2 / full_width, top - height, 0.12 / full_width, height)
    bar = fig.add_axes(box, label="colour bar")
    ticks = MaxNLocator(4 if height * full_height > 1 else 2, steps=[1, 2, 2.5, 5, 10])
    scale = fig.colorbar(drawn, cax=bar, ticks=ticks, format="{x:.4g}", extend=extend, extendfrac=0.06)
    scale.outline.set_visible(False)
    style.quiet_ticks(bar)
    return bar
