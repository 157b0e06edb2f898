"""The architecture of a network, which `views.diagram` laid out, as a figure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pellucid import checks
from pellucid.checked import checked
from pellucid.plots import style

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

INCH = 72.0


@checked
def diagram(drawing: Any) -> Figure:
    """The layers of a network from top to bottom, with shapes and parameters: what `views.diagram` returns, drawn.

    Examples
    --------
    >>> drawing = pl.views.diagram(pl.TwoLayerNet(784, 50, 10))
    >>> pl.plots.diagram(drawing).savefig("diagram.png")  # or drawing.plot()
    """
    who = "plots.diagram"
    checks.expect_made_by(who, "drawing", drawing, "Drawing", "views.diagram")
    with style.house(who):
        fig = style.figure(drawing.width / INCH, drawing.height / INCH)
        axes = fig.add_axes((0, 0, 1, 1))
        axes.set(xlim=(0, drawing.width), ylim=(drawing.height, 0))
        axes.set_axis_off()
        for order, shape in enumerate(drawing.shapes):
            _DRAW[type(shape).__name__](axes, shape, order)
    return fig


def _paint(shape: Any, order: int) -> dict[str, Any]:
    return {
        "facecolor": shape.fill or "none", "edgecolor": shape.stroke or "none", "linewidth": 1.0,
        "zorder": order, "joinstyle": "round",
    }  # fmt: skip


def _rect(axes: Axes, r: Any, order: int) -> None:
    from matplotlib.patches import PathPatch
    from matplotlib.path import Path

    top, low = (r.radius if r.corners in ("all", part) else 0.0 for part in ("above", "below"))
    x0, y0, x1, y1 = r.x, r.y, r.x + r.width, r.y + r.height
    corners = [
        (x0, y0 + top), (x0, y0), (x0 + top, y0), (x1 - top, y0), (x1, y0), (x1, y0 + top),
        (x1, y1 - low), (x1, y1), (x1 - low, y1), (x0 + low, y1), (x0, y1), (x0, y1 - low), (x0, y0 + top),
    ]  # fmt: skip
    codes = [Path.MOVETO, *[Path.CURVE3, Path.CURVE3, Path.LINETO] * 4]
    axes.add_patch(PathPatch(Path(corners, codes), **_paint(r, order)))


def _polygon(axes: Axes, shape: Any, order: int) -> None:
    from matplotlib.patches import Polygon

    axes.add_patch(Polygon(shape.points, **_paint(shape, order)))


def _disc(axes: Axes, shape: Any, order: int) -> None:
    from matplotlib.patches import Circle

    axes.add_patch(Circle((shape.x, shape.y), shape.radius, **_paint(shape, order)))


def _path(axes: Axes, shape: Any, order: int) -> None:
    from matplotlib.patches import PathPatch, Polygon
    from matplotlib.path import Path

    kinds = {"M": [Path.MOVETO], "L": [Path.LINETO], "Q": [Path.CURVE3, Path.CURVE3]}
    points, codes = [], []
    for move, numbers in shape.moves():
        points += [numbers[i : i + 2] for i in range(0, len(numbers), 2)]
        codes += kinds[move]
    line = Path(points, codes)
    axes.add_patch(PathPatch(line, facecolor="none", edgecolor=shape.stroke, linewidth=shape.width, zorder=order))
    if shape.arrow:
        axes.add_patch(Polygon(shape.head(), facecolor=shape.stroke, edgecolor="none", zorder=order))


def _text(axes: Axes, t: Any, order: int) -> None:
    side = {"start": "left", "middle": "center", "end": "right"}[t.anchor]
    axes.text(
        t.x, t.y, t.text, size=t.size, color=t.colour, ha=side, va="baseline",
        weight="bold" if t.bold else "normal", zorder=order,
    )  # fmt: skip


_DRAW = {"Rect": _rect, "Polygon": _polygon, "Disc": _disc, "Path": _path, "Text": _text}
