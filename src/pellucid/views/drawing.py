"""A picture as a list of shapes in points, from the upper left corner: what both SVG and Matplotlib draw."""

from __future__ import annotations

from math import dist
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from pellucid.checked import checked_late

if TYPE_CHECKING:
    from matplotlib.figure import Figure

BEND = 6.0  # the radius of a line's corners


Move: TypeAlias = tuple[str, tuple[float, ...]]
"""A movement of the pen: ("M", (x, y)), ("L", (x, y)), and ("Q", (cx, cy, x, y)) round a corner."""


class Rect(NamedTuple):
    """A rectangle with rounded corners; `corners` says which: all, those above, those below, or none."""

    x: float
    y: float
    width: float
    height: float
    fill: str
    stroke: str = ""
    radius: float = 0.0
    corners: str = "all"

    def moves(self) -> list[Move]:
        """Return its outline as pen movements, clockwise from the left upper corner."""
        top, low = (self.radius if self.corners in ("all", part) else 0.0 for part in ("above", "below"))
        x0, y0, x1, y1 = self.x, self.y, self.x + self.width, self.y + self.height
        return [
            ("M", (x0, y0 + top)),
            ("Q", (x0, y0, x0 + top, y0)),
            ("L", (x1 - top, y0)),
            ("Q", (x1, y0, x1, y0 + top)),
            ("L", (x1, y1 - low)),
            ("Q", (x1, y1, x1 - low, y1)),
            ("L", (x0 + low, y1)),
            ("Q", (x0, y1, x0, y1 - low)),
            ("L", (x0, y0 + top)),
        ]


class Polygon(NamedTuple):
    """A closed shape."""

    points: tuple[tuple[float, float], ...]
    fill: str
    stroke: str


class Disc(NamedTuple):
    """A circle."""

    x: float
    y: float
    radius: float
    fill: str
    stroke: str


class Path(NamedTuple):
    """Lines with round bends between horizontal and vertical parts; `arrow` puts a head at its end."""

    points: tuple[tuple[float, float], ...]
    stroke: str
    arrow: bool = False
    width: float = 1.2
    bend: float = BEND

    def moves(self) -> list[Move]:
        """Return it as pen movements."""
        points = self.points
        if not self.bend:
            return [("M", points[0]), *(("L", point) for point in points[1:])]
        moves: list[Move] = [("M", points[0])]
        for before, corner, after in zip(points, points[1:], points[2:], strict=False):
            reach = min(self.bend, dist(before, corner) / 2, dist(corner, after) / 2)
            moves.append(("L", _towards(corner, before, reach)))
            moves.append(("Q", (*corner, *_towards(corner, after, reach))))
        moves.append(("L", points[-1]))
        return moves

    def head(self) -> list[tuple[float, float]]:
        """Return the corners of the arrow's head, which points down."""
        x, y = self.points[-1]
        return [(x - 3, y - 5), (x + 3, y - 5), (x, y)]


class Text(NamedTuple):
    """One line on its baseline; anchor is start, middle or end."""

    x: float
    y: float
    text: str
    size: float
    colour: str
    anchor: str = "start"
    bold: bool = False


Shape: TypeAlias = Rect | Polygon | Disc | Path | Text


@checked_late
class Drawing(NamedTuple):
    """Shapes in the order in which they are painted, as `diagram` returns them; a notebook shows it.

    Examples
    --------
    >>> drawing = pl.views.diagram(pl.Sequential([pl.Affine(3)], input_shape=4))
    >>> drawing.plot().savefig("network.png")
    >>> drawing.svg()[:4]
    '<svg'
    """

    width: float
    height: float
    shapes: tuple[Shape, ...]
    title: str

    def plot(self) -> Figure:
        """Return it as a Matplotlib figure: `plots.diagram`."""
        from pellucid.plots.diagram import diagram

        return diagram(self)

    def svg(self) -> str:
        """Return it as SVG text; write it to a file with the suffix .svg."""
        from pellucid.views.svg import svg

        return svg(self)

    def _repr_svg_(self) -> str:
        return self.svg()


def _towards(start: tuple[float, float], goal: tuple[float, float], reach: float) -> tuple[float, float]:
    length = dist(start, goal) or 1.0
    return start[0] + (goal[0] - start[0]) * reach / length, start[1] + (goal[1] - start[1]) * reach / length


def rough_width(text: str, size: float, *, bold: bool = False) -> float:
    """Points that a line takes, about; on the safe side for the usual sans-serif fonts."""
    narrow = sum(text.count(sign) for sign in "ijlt.,:;'|()[] 1fr")
    return size * (0.66 * len(text) - 0.22 * narrow) * (1.08 if bold else 1.0)
