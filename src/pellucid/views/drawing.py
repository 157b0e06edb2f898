"""A picture as a list of shapes in points, from the upper left corner: what both SVG and Matplotlib draw."""

from __future__ import annotations

from typing import NamedTuple, TypeAlias

INK, MUTED, RULE, PAPER = "#22303C", "#5F6C78", "#B9C4CD", "#FFFFFF"
BEND = 6.0  # the radius of a line's corners


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

    def moves(self) -> list[tuple[str, tuple[float, ...]]]:
        """Return pen movements: ("M", (x, y)), ("L", (x, y)), and ("Q", (cx, cy, x, y)) round a bend."""
        points = self.points
        moves: list[tuple[str, tuple[float, ...]]] = [("M", points[0])]
        for before, corner, after in zip(points, points[1:], points[2:], strict=False):
            reach = min(BEND, _length(before, corner) / 2, _length(corner, after) / 2)
            moves.append(("L", _towards(corner, before, reach)))
            moves.append(("Q", (*corner, *_towards(corner, after, reach))))
        moves.append(("L", points[-1]))
        return moves


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


class Drawing(NamedTuple):
    """Shapes in the order in which they are painted."""

    width: float
    height: float
    shapes: tuple[Shape, ...]
    title: str


def _length(a: tuple[float, float], b: tuple[float, float]) -> float:
    return float(((a[0] - b[0]) ** 2 + (a[1] - b[1]) ** 2) ** 0.5)


def _towards(start: tuple[float, float], goal: tuple[float, float], reach: float) -> tuple[float, float]:
    length = _length(start, goal) or 1.0
    return start[0] + (goal[0] - start[0]) * reach / length, start[1] + (goal[1] - start[1]) * reach / length


def text_width(text: str, size: float, *, bold: bool = False) -> float:
    """Points that a line takes, about; on the safe side for the usual sans-serif fonts."""
    narrow = sum(text.count(sign) for sign in "ijlt.,:;'|()[] 1fr")
    return size * (0.66 * len(text) - 0.22 * narrow) * (1.08 if bold else 1.0)
