"""Learning curves: loss, accuracy and learning rate of one run, or of several compared."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import cycle, islice
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from pellucid.checked import checked
from pellucid.errors import ArgumentError
from pellucid.pictures import palette, series
from pellucid.pictures.series import Series
from pellucid.plots import style
from pellucid.typing import Array

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

DASHES = (0, (4, 2))
TITLES = {"loss": "Loss", "accuracy": "Accuracy", "learning_rate": "Learning rate"}


class Line(NamedTuple):
    """One curve: its points and how it is drawn."""

    x: Array
    y: Array
    colour: str
    strong: bool
    label: str


@checked
def learning_curves(history: Any, *, log: bool = False, title: str | None = None) -> Figure:
    """Loss, accuracy and learning rate by epoch, of one history or of several: `{"name": history}`.

    One run: training blue, validation vermilion. Several: a colour each, validation strong, training thin and
    dashed. `log=True` draws the loss on a logarithmic scale. The panels show the range after the first step.

    Examples
    --------
    >>> network = pl.Sequential([pl.Affine(2)])
    >>> data = (np.ones((40, 3)), np.arange(40) % 2)
    >>> history = pl.fit(network, data, epochs=3, progress=False, batch_size=10)
    >>> len(pl.plots.learning_curves(history).axes) > 0
    True
    """
    who = "plots.learning_curves"
    if isinstance(history, Mapping) and not history:
        raise ArgumentError(f"{who}: history must hold at least one run, got an empty dictionary.")
    named = history if isinstance(history, Mapping) else {"": history}
    runs = {str(name): series.read(who, run) for name, run in named.items()}
    unit = "epoch" if all(run.epoch_of_iterations() is not None for run in runs.values()) else "iteration"
    panels = {kind: lines for kind in TITLES if (lines := _lines(runs, kind, unit))}
    with style.house(who):
        fig = _frame(list(panels), unit, several=len(runs) > 1)
        for axes, (kind, lines) in zip(fig.axes, panels.items(), strict=True):
            _draw(axes, lines, kind, log)
        _keys(fig, panels, runs)
        if title:
            fig.suptitle(style.drawable(title), x=0.02, ha="left", weight="bold", size=style.TITLE)
    return fig


def _lines(runs: Mapping[str, Series], kind: str, unit: str) -> list[Line]:
    if kind == "learning_rate":
        rates = [(run, colour, run.axis("iterations", unit)) for run, colour in _coloured(runs)]
        return [
            Line(x, run.iterations[kind], colour, True, "")
            for run, colour, x in rates
            if x is not None and kind in run.iterations
        ]
    return [line for run, colour in _coloured(runs) for line in _measured(run, kind, unit, colour, len(runs) == 1)]


def _coloured(runs: Mapping[str, Series]) -> list[tuple[Series, str]]:
    return list(zip(runs.values(), islice(cycle(palette.COLOURS), len(runs)), strict=True))


def _measured(run: Series, kind: str, unit: str, colour: str, single: bool) -> list[Line]:
    """Training and validation, as far as recorded; for want of a training loss, the running mean."""
    x, found = run.axis("epochs", unit), []
    validation = None if x is None else run.epochs.get(f"validation_{kind}")
    training = None if x is None else run.epochs.get(f"train_{kind}")
    along = x
    if training is None and kind == "loss":
        along, loss = run.axis("iterations", unit), run.iterations["loss"]
        training = series.running_mean(loss, series.smoothing_window(len(loss)))
    if training is not None and along is not None:
        found.append(Line(along, training, colour, single or validation is None, "training"))
    if validation is not None and x is not None:
        found.append(Line(x, validation, palette.VERMILION if single else colour, True, "validation"))
    return found


def _frame(kinds: list[str], unit: str, *, several: bool) -> Figure:
    ratios = [0.5 if kind == "learning_rate" else 1.0 for kind in kinds]
    fig = style.figure(7.6, 0.5 + 0.35 * several + 2.7 * sum(ratios), constrained=True)
    panels = fig.subplots(len(kinds), 1, squeeze=False, sharex=True, height_ratios=ratios)[:, 0]
    for axes, kind in zip(panels, kinds, strict=True):
        style.panel(axes, TITLES[kind])
    panels[-1].set_xlabel(unit)
    return fig


def _draw(axes: Axes, lines: list[Line], kind: str, log: bool) -> None:
    for line in lines:
        few = len(line.x) <= 40 and kind != "learning_rate"
        look: dict[str, Any] = {"lw": 2.0, "marker": "o" if few else None, "markersize": 4}
        if not line.strong:
            look = {"lw": 1.3, "ls": DASHES, "alpha": 0.85}
        axes.plot(line.x, line.y, color=line.colour, label=line.label, **look)
    if kind == "loss" and log:
        _logarithmic(axes)
    else:
        axes.set_ylim(*_limits(lines, kind))


def _limits(lines: list[Line], kind: str) -> tuple[float, float]:
    """The vertical range that holds what was measured after the first step; loss and rate stand on 0.

    A network that has learnt nothing yet would squeeze all the rest: its line enters the panel from outside.
    """
    trained = np.concatenate([line.y[line.x > 0] for line in lines])
    values = trained if np.isfinite(trained).any() else np.concatenate([line.y for line in lines])
    low, high = float(np.nanmin(values)), float(np.nanmax(values))
    margin = 0.05 * (high - low) or 0.05 * abs(high) or 1.0
    return low - margin if kind == "accuracy" or low < 0 else 0.0, high + margin


def _logarithmic(axes: Axes) -> None:
    """A logarithmic scale with plain numbers."""
    from matplotlib.ticker import LogLocator, NullFormatter, StrMethodFormatter

    axes.set_yscale("log")
    axes.yaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
    axes.yaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
    axes.yaxis.set_minor_formatter(NullFormatter())


def _keys(fig: Figure, panels: Mapping[str, list[Line]], runs: Mapping[str, Series]) -> None:
    """The legend: training and validation in the first panel, the names of several runs above all panels."""
    from matplotlib.lines import Line2D

    several = len(runs) > 1
    handles = [
        Line2D([], [], color=palette.MUTED if several else line.colour, lw=2.0 if line.strong else 1.3,
               ls="-" if line.strong else DASHES, label=label)
        for label, line in {line.label: line for line in panels["loss"]}.items()
    ]  # fmt: skip
    fig.axes[0].legend(handles=handles, loc="upper right")
    if several:
        coloured = zip(runs, _coloured(runs), strict=True)
        names = [Line2D([], [], color=colour, lw=3, label=name) for name, (_, colour) in coloured]
        columns = min(len(names), 5)
        fig.legend(handles=names, loc="outside upper left", ncols=columns, fontsize=style.TEXT)
