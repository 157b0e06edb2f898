"""A drawing as SVG, written by hand: one self-contained text, without scripts, fonts or links."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape

from pellucid.pictures import palette
from pellucid.shown import shown
from pellucid.views.drawing import Disc, Drawing, Move, Path, Polygon, Shape, Text

FONTS = "'DejaVu Sans', Verdana, 'Segoe UI', Helvetica, Arial, sans-serif"


def svg(drawing: Drawing, *, within: bool = False) -> str:
    """Return the drawing as SVG text: a file, or an element `within` an HTML page, which gives the ground."""
    width, height = _n(drawing.width), _n(drawing.height)
    space = "" if within else 'xmlns="http://www.w3.org/2000/svg" '
    lines = [
        f'<svg {space}width="{width}" height="{height}" viewBox="0 0 {width} {height}" '
        f'font-family="{FONTS}" role="img">',
        _tag("title", drawing.title),
        *([] if within else [_tag("rect", width=width, height=height, fill=palette.PAPER)]),
        *map(_element, drawing.shapes),
        "</svg>",
    ]
    return "\n".join(lines) + "\n"


def _n(value: float) -> str:
    """A number without needless digits."""
    return f"{value:.2f}".rstrip("0").rstrip(".")


def _tag(name: str, text: str | None = None, /, **attributes: str | float) -> str:
    """An element; `stroke_width` stands for stroke-width, and an attribute that is empty is left out."""
    written = "".join(
        f' {key.replace("_", "-")}="{value if isinstance(value, str) else _n(value)}"'
        for key, value in attributes.items()
        if value != ""
    )
    return f"<{name}{written}/>" if text is None else f"<{name}{written}>{escape(shown(text))}</{name}>"


def _points(points: Iterable[tuple[float, float]]) -> str:
    return " ".join(f"{_n(x)},{_n(y)}" for x, y in points)


def _element(shape: Shape) -> str:
    if isinstance(shape, Path):
        return _path(shape)
    if isinstance(shape, Text):
        return _text(shape)
    paint = {"fill": shape.fill or "none", "stroke": shape.stroke}
    if isinstance(shape, Polygon):
        return _tag("polygon", points=_points(shape.points), **paint, stroke_linejoin="round")
    if isinstance(shape, Disc):
        return _tag("circle", cx=shape.x, cy=shape.y, r=shape.radius, **paint)
    if shape.corners == "all" or not shape.radius:
        place = {"x": shape.x, "y": shape.y, "width": shape.width, "height": shape.height, "rx": shape.radius}
        return _tag("rect", **place, **paint)
    return _tag("path", d=_pen(shape.moves()), **paint)


def _pen(moves: Iterable[Move]) -> str:
    return "".join(move + " ".join(_n(v) for v in numbers) for move, numbers in moves)


def _path(path: Path) -> str:
    line = _tag("path", d=_pen(path.moves()), fill="none", stroke=path.stroke, stroke_width=path.width)
    return line + (_tag("polygon", points=_points(path.head()), fill=path.stroke) if path.arrow else "")


def _text(t: Text) -> str:
    weight, anchor = "bold" if t.bold else "", "" if t.anchor == "start" else t.anchor
    look: dict[str, str | float] = {"font_size": t.size, "font_weight": weight, "text_anchor": anchor}
    return _tag("text", t.text, x=t.x, y=t.y, **look, fill=t.colour)
