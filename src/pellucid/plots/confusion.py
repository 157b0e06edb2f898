"""The confusion matrix: which classes are taken for which."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from pellucid.checked import checked
from pellucid.errors import DataError, LabelError
from pellucid.pictures import classes, palette
from pellucid.pictures.confusion import RIGHT, WRONG, Confusion
from pellucid.plots import grid, style

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

WORDS, NUMBERS, MOST = 12, 30, 1000  # with more classes than these: no percentages, no numbers, no picture


@checked
def confusion_matrix(labels: Any, predicted: Any, class_names: Any = None, title: str | None = None) -> Figure:
    """Counts of (true class, predicted class), with their percentage of the row.

    What is right lies on the diagonal, in blue; mistakes have a colour scale of their own, so that they are
    seen however rare they are. `predicted` are class indices (N,) or the scores of all classes (N, K).

    Examples
    --------
    >>> figure = pl.plots.confusion_matrix([0, 0, 1, 1], [0, 1, 1, 1], ["cat", "dog"])
    >>> figure.savefig("confusion.png")
    """
    who = "plots.confusion_matrix"
    truth, guess = classes.labels(who, labels), classes.predicted(who, predicted)
    if len(truth) != len(guess):
        raise LabelError(f"{who}: labels and predicted must be equally many, got {len(truth)} and {len(guess)}.")
    if len(truth) == 0:
        raise DataError(f"{who}: labels must hold at least one class, got none. Nothing can be drawn.")
    given = classes.name_list(who, class_names)
    size = max(1 + int(max(truth.max(), guess.max())), len(given or []))
    if size > MOST:
        raise LabelError(f"{who}: at most {MOST} classes can be drawn, got {size}.")
    names = list(classes.names(who, given, range(size)).values())
    found = Confusion.of(truth, guess, names)
    right = int(np.trace(found.counts))
    if title is None:
        title = f"{right / len(truth):.2%} right: {right:,} of {len(truth):,}"
    with style.house(who):
        return _draw(found, title)


def _draw(found: Confusion, title: str) -> Figure:
    names, size = found.names, len(found.names)
    cell = style.snap(0.6 if size <= WORDS else 0.4 if size <= NUMBERS else max(9 / size, 0.02))
    label = max(style.text_width(name, style.TEXT) for name in names)
    turned = label > cell - 0.08
    left, top = grid.MARGIN + 0.42 + label, grid.MARGIN + grid.HEADING + 0.36 + (label if turned else 0.14)
    side = size * cell
    fig = grid.page(left + side, top + side + grid.MARGIN, title)
    axes = grid.place(fig, left, top, side, side)
    _paint(axes, found)
    _name_classes(axes, names, turned)
    if size <= NUMBERS:
        _write_numbers(axes, found, cell)
    return fig


def _paint(axes: Axes, found: Confusion) -> None:
    """The diagonal on one scale, the mistakes on another that ends at the worst; empty cells stay paper."""
    shares = found.shares
    diagonal = np.eye(len(shares), dtype=bool)
    for cells, colours, most in ((diagonal, RIGHT, found.most_right), (~diagonal, WRONG, found.most_wrong)):
        hidden = np.ma.masked_where(~cells | (shares == 0), shares)
        axes.imshow(hidden, cmap=style.colour_map(colours), vmin=0, vmax=most)
    edges = np.arange(len(shares) - 1) + 0.5
    axes.hlines(edges, -0.5, len(shares) - 0.5, color=palette.PAPER, lw=1)
    axes.vlines(edges, -0.5, len(shares) - 0.5, color=palette.PAPER, lw=1)
    axes.set(xlim=(-0.5, len(shares) - 0.5), ylim=(len(shares) - 0.5, -0.5))


def _name_classes(axes: Axes, names: Sequence[str], turned: bool) -> None:
    style.quiet_ticks(axes)
    every = max(1, -(-len(names) // 50))
    places = range(0, len(names), every)
    shown = [names[k] for k in places]
    axes.xaxis.tick_top()
    axes.set_xticks(places, shown, rotation=90 if turned else 0, fontsize=style.TEXT, color=palette.INK)
    axes.set_yticks(places, shown, fontsize=style.TEXT, color=palette.INK)
    axes.tick_params(labelsize=style.TEXT, labelcolor=palette.INK)
    axes.set_xlabel("predicted", fontsize=style.TEXT, labelpad=6)
    axes.xaxis.set_label_position("top")
    axes.set_ylabel("true", fontsize=style.TEXT, labelpad=6)


def _write_numbers(axes: Axes, found: Confusion, cell: float) -> None:
    """The counts, as large as fits into a cell (inches), above their percentages where there is room."""
    counts = found.counts
    percentages = len(counts) <= WORDS
    longest = style.text_width(f"{counts.max():,}", style.TEXT, bold=True)
    size = style.TEXT * min(1.0 if percentages else 0.85, (cell - 0.06) / longest)
    place: dict[str, Any] = {"ha": "center", "va": "center"}
    for row, column in np.argwhere(counts).tolist():
        weight = "bold" if row == column or found.strength(row, column) > 0.8 else "normal"
        place["color"] = palette.PAPER if found.is_dark(row, column) else palette.INK
        axes.text(column, row - 0.12 * percentages, f"{counts[row, column]:,}", size=size, weight=weight, **place)
        if percentages:
            axes.text(column, row + 0.24, f"{100 * found.shares[row, column]:.1f}%", size=7.5, **place)
