"""How it learnt: the curves of a training as drawings, for a page that knows no Matplotlib."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np

from pellucid.errors import DataError
from pellucid.pictures import curves, series
from pellucid.pictures.curves import FEW, Chart, Line
from pellucid.pictures.palette import FAINT, INK, MUTED
from pellucid.report.template import Markup
from pellucid.training import History
from pellucid.typing import Array
from pellucid.views.drawing import Disc, Drawing, Path, Shape, Text
from pellucid.views.svg import svg

WIDTH, HEIGHT, LEFT, RIGHT, TOP, LOW = 460.0, 250.0, 54.0, 14.0, 34.0, 36.0
ACROSS, DOWN = WIDTH - LEFT - RIGHT, HEIGHT - TOP - LOW
TITLE, SMALL, KEY = 14.0, 12.0, 92.0  # sizes of words, and the width of an entry of the legend
POINTS = 300  # of one line; of more, the means of as many parts


def learning(history: History) -> dict[str, Any] | None:
    """Return loss and accuracy as drawings, as far as they were recorded, and the settings; None where nothing was."""
    try:
        charts = curves.charts({"": series.read("report", history)}, batches=True)
    except DataError:  # no finite loss
        return None
    drawn = [svg(drawing(chart), within=True) for chart in charts if chart.kind != "learning_rate"]
    settings = [
        f"{key.replace('_', ' ')} {value if isinstance(value, str) else format(value, ',')}"
        for key, value in history.settings.items()
        if isinstance(value, (str, int))
    ]
    return {"charts": [{"chart": Markup(text)} for text in drawn], "settings": " · ".join(settings)}


def drawing(chart: Chart) -> Drawing:
    """Return the lines of a chart with their legend, over round numbers."""
    lines = [line for line in map(_drawable, chart.lines) if len(line.x)]
    low, high = chart.range
    end = max(float(line.x[-1]) for line in lines) or 1.0
    shapes: list[Shape] = [Text(0, 18, chart.title, TITLE, INK, bold=True)]
    for value in ticks(low, high):
        y = TOP + DOWN * (high - value) / (high - low)
        shapes.append(Path(((LEFT, y), (WIDTH - RIGHT, y)), FAINT, width=1))
        shapes.append(Text(LEFT - 8, y + 4, f"{value:g}", SMALL, MUTED, "end"))
    for value in ticks(0, end):
        shapes.append(Text(LEFT + ACROSS * value / end, HEIGHT - 16, f"{value:g}", SMALL, MUTED, "middle"))
    shapes.append(Text(WIDTH - RIGHT, HEIGHT - 2, chart.unit, SMALL, MUTED, "end"))
    for k, line in enumerate(lines):
        xs = LEFT + ACROSS * line.x / end
        ys = TOP + DOWN * (high - np.clip(line.y, low, high)) / (high - low)
        points = tuple(zip(xs.tolist(), ys.tolist(), strict=True))
        shapes.append(Path(points, line.colour, width=2, bend=0))
        shapes += [Disc(x, y, 2.5, line.colour, "") for x, y in points if len(points) <= FEW]
        key = WIDTH - RIGHT - KEY * (len(lines) - k)
        shapes.append(Path(((key, 14), (key + 14, 14)), line.colour, width=3))
        shapes.append(Text(key + 19, 18, line.label, SMALL, MUTED))
    return Drawing(WIDTH, HEIGHT, tuple(shapes), f"{chart.title} by {chart.unit}")


def ticks(low: float, high: float) -> list[float]:
    """Return about four round numbers between two."""
    rough = (high - low) / 4
    power = 10.0 ** np.floor(np.log10(rough))
    step = next(power * m for m in (1, 2, 5, 10) if power * m >= rough)
    first = int(np.ceil(low / step))
    return [round((first + i) * step, 10) for i in range(int(np.floor(high / step)) - first + 1)]


def _drawable(line: Line) -> Line:
    """Without gaps; of many points the means of POINTS parts, each at the place where it ends."""
    known = np.isfinite(line.x) & np.isfinite(line.y)
    x, y = line.x[known], line.y[known]
    if len(x) > POINTS:
        edges = np.linspace(0, len(x), POINTS + 1).astype(int)
        x, y = x[edges[1:] - 1], _means(y, edges)
    return line._replace(x=x, y=y)


def _means(y: Array, edges: Array) -> Array:
    return np.array([y[a:b].mean() for a, b in pairwise(edges)])
