"""Learning curves as inline SVG: loss and accuracy by epoch, or loss by iteration where no epoch was measured."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from pellucid.pictures.palette import BLUE, VERMILION
from pellucid.report.markup import Markup, tag
from pellucid.training import History
from pellucid.typing import Array

WIDTH, HEIGHT, LEFT, RIGHT, TOP, LOW = 460, 250, 54, 14, 34, 36
POINTS = 300  # of a curve by iteration: means of as many parts
PALE = "#A9CFE6"


class Curve(NamedTuple):
    """One line of a chart."""

    name: str
    colour: str
    x: Array
    y: Array


def learning_curves(history: History) -> list[Markup]:
    """Return a chart of the loss and, where it was measured, one of the accuracy."""
    epochs, steps = history.epochs, history.iterations
    charts = []
    x = _numbers(epochs["epoch"])
    per_step = x[-1] / max(_numbers(epochs["iteration"])[-1], 1) if len(x) and np.isfinite(x[-1]) else 1.0
    unit = "epoch" if len(x) else "iteration"
    batches = _smooth(_numbers(steps["iteration"]) * per_step, _numbers(steps["loss"]))
    for kind, first in (("loss", [Curve("batches", PALE, *batches)]), ("accuracy", [])):
        curves = first + [
            Curve(name, colour, x, _numbers(epochs[f"{column}_{kind}"]))
            for name, column, colour in (("training", "train", BLUE), ("validation", "validation", VERMILION))
        ]
        known = [curve for curve in map(_finite, curves) if len(curve.y)]
        if known:
            charts.append(chart(kind.capitalize(), unit, known))
    return charts


def chart(title: str, unit: str, curves: Sequence[Curve]) -> Markup:
    """Return one chart; the vertical axis leaves out the first moments, where a loss is far from all that follows."""
    low, high = _range(curves)
    right = max(float(c.x.max()) for c in curves) or 1.0
    across, down = WIDTH - LEFT - RIGHT, HEIGHT - TOP - LOW
    parts: list[Markup] = []
    for value in _ticks(low, high):
        y = _n(TOP + down * (1 - (value - low) / (high - low)))
        parts += [
            tag("line", x1=LEFT, x2=WIDTH - RIGHT, y1=y, y2=y, class_="grid"),
            tag("text", f"{value:g}", x=LEFT - 8, y=float(y) + 4, class_="tick end"),
        ]
    for value in _ticks(0, right):
        parts.append(
            tag("text", f"{value:g}", x=_n(LEFT + across * value / right), y=HEIGHT - 16, class_="tick middle")
        )
    parts.append(tag("text", unit, x=WIDTH - RIGHT, y=HEIGHT - 2, class_="tick end"))
    for k, curve in enumerate(curves):
        xs = LEFT + across * curve.x / right
        ys = TOP + down * (1 - (np.clip(curve.y, low, high) - low) / (high - low))
        points = " ".join(f"{_n(a)},{_n(b)}" for a, b in zip(xs, ys, strict=True))
        parts.append(tag("polyline", points=points, fill="none", stroke=curve.colour, stroke_width=2))
        if len(xs) <= 40:
            parts += [tag("circle", cx=_n(a), cy=_n(b), r=2.5, fill=curve.colour) for a, b in zip(xs, ys, strict=True)]
        key = WIDTH - RIGHT - 92 * (len(curves) - k)
        parts.append(tag("line", x1=key, x2=key + 14, y1=14, y2=14, stroke=curve.colour, stroke_width=3))
        parts.append(tag("text", curve.name, x=key + 19, y=18, class_="tick"))
    parts.append(tag("text", title, x=0, y=18, class_="charttitle"))
    return tag(
        "svg", parts, viewBox=f"0 0 {WIDTH} {HEIGHT}", role="img", aria_label=f"{title} by {unit}", class_="chart"
    )


def _range(curves: Sequence[Curve]) -> tuple[float, float]:
    low = min(float(c.y.min()) for c in curves)
    high = max(float(np.percentile(c.y, 98)) if len(c.y) > 40 else float(c.y.max()) for c in curves)
    pad = 0.06 * (high - low) or 0.05
    return low - pad, high + pad


def _ticks(low: float, high: float) -> list[float]:
    """About four round numbers between two."""
    rough = (high - low) / 4
    power = 10.0 ** np.floor(np.log10(rough))
    step = next(power * m for m in (1, 2, 5, 10) if power * m >= rough)
    count = int(high / step) - int(np.ceil(low / step)) + 1
    return [round((np.ceil(low / step) + i) * step, 10) for i in range(count)]


def _smooth(x: Array, y: Array) -> tuple[Array, Array]:
    """Means of POINTS parts, each at the place where it ends."""
    if len(x) <= POINTS:
        return x, y
    edges = np.linspace(0, len(x), POINTS + 1).astype(int)
    return x[edges[1:] - 1], np.array([y[a:b].mean() for a, b in pairwise(edges)])


def _numbers(column: Sequence[float | None]) -> Array:
    return np.array([np.nan if v is None else v for v in column], float)


def _finite(curve: Curve) -> Curve:
    known = np.isfinite(curve.x) & np.isfinite(curve.y)
    return curve._replace(x=curve.x[known], y=curve.y[known])


def _n(value: float) -> str:
    return f"{value:.1f}"
