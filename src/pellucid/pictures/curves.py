"""The curves of trainings: which lines stand in which chart, in which colour, over which range."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, NamedTuple

import numpy as np

from pellucid.pictures import palette
from pellucid.pictures.series import Series, running_mean, smoothing_window
from pellucid.typing import Array

KINDS = {"loss": "Loss", "accuracy": "Accuracy", "learning_rate": "Learning rate"}
FEW = 40  # points that are marked, one by one


class Line(NamedTuple):
    """One curve: "strong", "thin" where it stands behind another, or "faint", of single batches."""

    label: str
    x: Array
    y: Array
    colour: str
    look: Literal["strong", "thin", "faint"] = "strong"


class Chart(NamedTuple):
    """The lines of one kind, by "epoch" or "iteration", and the range in which they are drawn.

    Loss and rate stand on 0. A network that has learnt nothing yet would squeeze all the rest: its point, before the
    first step, is left outside, and so are the fiftieth part of the batches that are farthest.
    """

    kind: str
    unit: str
    lines: list[Line]

    @property
    def title(self) -> str:
        """What stands above it."""
        return KINDS[self.kind]

    @property
    def range(self) -> tuple[float, float]:
        """The lowest and the highest value that is shown."""
        trained = [line for line in self.lines if np.isfinite(line.y[line.x > 0]).any()]
        shown = [(line.look, line.y[line.x > 0]) for line in trained] or [(line.look, line.y) for line in self.lines]
        low = min(float(np.nanmin(y)) for _, y in shown)
        high = max(float(np.nanpercentile(y, 98 if look == "faint" else 100)) for look, y in shown)
        margin = 0.05 * (high - low) or 0.05 * abs(high) or 1.0
        return low - margin if self.kind == "accuracy" or low < 0 else 0.0, high + margin


def charts(runs: Mapping[str, Series], *, batches: bool = False) -> list[Chart]:
    """Return a chart for each kind that was recorded; with `batches`, the loss of each iteration too.

    One run: training blue, validation vermilion. Several: a colour each, validation strong and training thin.
    """
    unit = "epoch" if all(run.epoch_of_iterations() is not None for run in runs.values()) else "iteration"
    found = []
    for kind in KINDS:
        lines: list[Line] = []
        for run, colour in zip(runs.values(), colours(len(runs)), strict=True):
            lines += _of_run(run, kind, unit, colour, single=len(runs) == 1, batches=batches and kind == "loss")
        if lines:
            found.append(Chart(kind, unit, lines))
    return found


def colours(runs: int) -> list[str]:
    """Return the colour of each run."""
    return [palette.COLOURS[i % len(palette.COLOURS)] for i in range(runs)]


def _of_run(run: Series, kind: str, unit: str, colour: str, *, single: bool, batches: bool) -> list[Line]:
    """Training and validation, as far as recorded; for want of a training loss, the running mean."""
    along, x = run.axis("iterations", unit), run.axis("epochs", unit)
    lines = []
    if kind == "learning_rate":
        return [Line("", along, run.iterations[kind], colour)] if along is not None and kind in run.iterations else []
    if batches and along is not None:
        lines.append(Line("batches", along, run.iterations["loss"], palette.SEQUENTIAL[1], "faint"))
    validation = None if x is None else run.epochs.get(f"validation_{kind}")
    training = None if x is None else run.epochs.get(f"train_{kind}")
    at = x
    if training is None and kind == "loss":
        loss = run.iterations["loss"]
        at, training = along, running_mean(loss, smoothing_window(len(loss)))
    if training is not None and at is not None:
        look: Literal["strong", "thin"] = "strong" if single or validation is None else "thin"
        lines.append(Line("training", at, training, colour, look))
    if validation is not None and x is not None:
        lines.append(Line("validation", x, validation, palette.VERMILION if single else colour))
    return lines
