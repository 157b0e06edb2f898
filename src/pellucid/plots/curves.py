"""How one training went: the book's figure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from pellucid.checked import checked
from pellucid.pictures import palette, series
from pellucid.pictures.curves import FEW
from pellucid.plots import style
from pellucid.typing import Array

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


@checked
def training_figure(history: Any, *, held_out: str = "test", title: str | None = None) -> Figure:
    """The loss of every iteration above the accuracy of every epoch, as the book draws them.

    The loss of each iteration is faint, its running mean (over a hundredth of the run) strong. `held_out`
    names the data whose accuracy stands beside that of the training images.

    Examples
    --------
    >>> network = pl.Sequential([pl.Affine(2)])
    >>> data = (np.ones((40, 3)), np.arange(40) % 2)
    >>> history = pl.fit(network, data, epochs=3, progress=False, batch_size=10)
    >>> figure = pl.plots.training_figure(history)
    >>> [axes.get_title(loc="left") for axes in figure.axes]
    ['Loss', 'Accuracy']
    """
    who = "plots.training_figure"
    run = series.read(who, history)
    kinds = {"train_accuracy": ("train", palette.BLUE), "validation_accuracy": (held_out, palette.VERMILION)}
    accuracies = [key for key in kinds if key in run.epochs and "epoch" in run.epochs]
    with style.house(who):
        fig = style.figure(7.6, 5.9 if accuracies else 3.2, constrained=True)
        axes = fig.subplots(2 if accuracies else 1, 1, squeeze=False)[:, 0]
        _draw_loss(style.panel(axes[0], "Loss", "iteration"), run.iterations["iteration"], run.iterations["loss"])
        if accuracies:
            style.panel(axes[1], "Accuracy", "epoch")
            for key in accuracies:
                _draw_accuracy(axes[1], run.epochs["epoch"], run.epochs[key], *kinds[key])
            _accuracy_scale(axes[1], [run.epochs[key] for key in accuracies])
            axes[1].legend(loc="lower right")
        if title:
            fig.suptitle(style.drawable(title), x=0.02, ha="left", weight="bold", size=style.TITLE)
    return fig


def _draw_loss(axes: Axes, iteration: Array, loss: Array) -> None:
    window = series.smoothing_window(len(loss))
    look = {"lw": 0.7, "alpha": 0.28} if window > 1 else {"lw": 2}
    axes.plot(iteration, loss, color=palette.BLUE, label="each iteration", **look)
    if window > 1:
        axes.plot(iteration, series.running_mean(loss, window), color=palette.BLUE, label="running mean")
    axes.set_ylim(bottom=min(0.0, float(np.nanmin(loss))))
    axes.xaxis.set_major_formatter("{x:,.0f}")
    shown = axes.legend(loc="upper right")
    shown.legend_handles[0].set(alpha=0.5, linewidth=1.2)  # type: ignore[union-attr]


def _draw_accuracy(axes: Axes, epoch: Array, values: Array, name: str, colour: str) -> None:
    label = f"{name}  {values[np.isfinite(values)][-1]:.4f}"
    axes.plot(epoch, values, color=colour, marker="o", markersize=4 if len(values) <= FEW else 0, label=label)


def _accuracy_scale(axes: Axes, values: list[Array]) -> None:
    """From the tenth below the lowest accuracy to just above 1."""
    low = min(float(np.nanmin(v)) for v in values)
    bottom = np.floor(low * 10 + 1e-9) / 10 if low < 0.9 else np.floor(low * 50) / 50
    axes.set_ylim(bottom, 1 + 0.03 * (1 - bottom) if bottom < 1 else 1.01)
