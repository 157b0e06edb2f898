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
            _draw(axes, shape, order)
    return fig


def _draw(axes: Axes, shape: Any, order: int) -> None:
    """Add one shape of `views.drawing`, which this room may not import: it goes by the shape's name."""
    from matplotlib.patches import Circle, PathPatch, Polygon

    line: dict[str, Any] = {"facecolor": "none", "edgecolor": "none", "zorder": order}
    if (kind := type(shape).__name__) == "Text":
        side = {"start": "left", "middle": "center", "end": "right"}[shape.anchor]
        look = {"size": shape.size, "color": shape.colour, "weight": "bold" if shape.bold else "normal"}
        axes.text(shape.x, shape.y, shape.text, ha=side, va="baseline", zorder=order, **look)
    elif kind == "Path":
        path = {**line, "edgecolor": shape.stroke, "linewidth": shape.width}
        axes.add_patch(PathPatch(_outline(shape), **path))
        if shape.arrow:
            axes.add_patch(Polygon(shape.head(), **{**line, "facecolor": shape.stroke}))
    else:
        colours = {"facecolor": shape.fill or "none", "edgecolor": shape.stroke or "none"}
        paint = {**line, **colours, "linewidth": 1.0, "joinstyle": "round"}
        if kind == "Polygon":
            axes.add_patch(Polygon(shape.points, **paint))
        elif kind == "Disc":
            axes.add_patch(Circle((shape.x, shape.y), shape.radius, **paint))
        else:
            axes.add_patch(PathPatch(_outline(shape), **paint))


def _outline(shape: Any) -> Any:
    """The movements of the pen as Matplotlib has them."""
    from matplotlib.path import Path

    kinds = {"M": [Path.MOVETO], "L": [Path.LINETO], "Q": [Path.CURVE3, Path.CURVE3]}
    points, codes = [], []
    for move, numbers in shape.moves():
        points += [numbers[i : i + 2] for i in range(0, len(numbers), 2)]
        codes += kinds[move]
    return Path(points, codes)
