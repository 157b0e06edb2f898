"""Learning curves: loss, accuracy and learning rate of one run, or of several compared."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from pellucid.checked import checked
from pellucid.errors import ArgumentError
from pellucid.pictures import curves, palette, series
from pellucid.pictures.curves import Chart
from pellucid.plots import style

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

LOOKS: dict[str, dict[str, Any]] = {"strong": {"lw": 2.0}, "thin": {"lw": 1.3, "ls": (0, (4, 2)), "alpha": 0.85}}


@checked
def learning_curves(history: Any, *, log: bool = False, title: str | None = None) -> Figure:
    """Loss, accuracy and learning rate by epoch, of one history or of several: `{"name": history}`.

    One run: training blue, validation vermilion. Several: a colour each, validation strong, training thin and
    dashed. `log=True` draws the loss on a logarithmic scale. The charts show the range after the first step.

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
    charts = curves.charts(runs)
    with style.house(who):
        fig = _frame(charts, several=len(runs) > 1)
        for axes, chart in zip(fig.axes, charts, strict=True):
            _draw(axes, chart, log)
        _keys(fig, charts[0], list(runs))
        if title:
            fig.suptitle(style.drawable(title), x=0.02, ha="left", weight="bold", size=style.TITLE)
    return fig


def _frame(charts: Sequence[Chart], *, several: bool) -> Figure:
    ratios = [0.5 if chart.kind == "learning_rate" else 1.0 for chart in charts]
    fig = style.figure(7.6, 0.5 + 0.35 * several + 2.7 * sum(ratios), constrained=True)
    made = fig.subplots(len(charts), 1, squeeze=False, sharex=True, height_ratios=ratios)[:, 0]
    for axes, chart in zip(made, charts, strict=True):
        style.panel(axes, chart.title)
    made[-1].set_xlabel(charts[-1].unit)
    return fig


def _draw(axes: Axes, chart: Chart, log: bool) -> None:
    for line in chart.lines:
        marked = line.look == "strong" and len(line.x) <= curves.FEW and chart.kind != "learning_rate"
        marks: dict[str, Any] = {"marker": "o" if marked else None, "markersize": 4}
        axes.plot(line.x, line.y, color=line.colour, label=line.label, **LOOKS[line.look], **marks)
    if chart.kind == "loss" and log:
        _logarithmic(axes)
    else:
        axes.set_ylim(*chart.range)


def _logarithmic(axes: Axes) -> None:
    """A logarithmic scale with plain numbers."""
    from matplotlib.ticker import LogLocator, NullFormatter, StrMethodFormatter

    axes.set_yscale("log")
    axes.yaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
    axes.yaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
    axes.yaxis.set_minor_formatter(NullFormatter())


def _keys(fig: Figure, loss: Chart, runs: Sequence[str]) -> None:
    """The legend: training and validation in the first chart, the names of several runs above all charts."""
    from matplotlib.lines import Line2D

    several = len(runs) > 1
    handles = [
        Line2D([], [], color=palette.MUTED if several else line.colour, label=label, **LOOKS[line.look])
        for label, line in {line.label: line for line in loss.lines}.items()
    ]
    fig.axes[0].legend(handles=handles, loc="upper right")
    if several:
        coloured = zip(runs, curves.colours(len(runs)), strict=True)
        names = [Line2D([], [], color=colour, lw=3, label=name) for name, colour in coloured]
        columns = min(len(names), 5)
        fig.legend(handles=names, loc="outside upper left", ncols=columns, fontsize=style.TEXT)
