"""A drawing as SVG, written by hand: one self-contained text, without scripts, fonts or links."""

from __future__ import annotations

from html import escape

from pellucid.pictures import palette
from pellucid.shown import shown
from pellucid.views.drawing import Disc, Drawing, Path, Polygon, Rect, Shape, Text

FONTS = "'DejaVu Sans', Verdana, 'Segoe UI', Helvetica, Arial, sans-serif"


def svg(drawing: Drawing, *, within: bool = False) -> str:
    """Return the drawing as SVG text: a file, or an element `within` an HTML page, which gives the ground."""
    width, height = _n(drawing.width), _n(drawing.height)
    size = f'width="{width}" height="{height}"'
    space = "" if within else 'xmlns="http://www.w3.org/2000/svg" '
    lines = [
        f'<svg {space}{size} viewBox="0 0 {width} {height}" font-family="{FONTS}" role="img">',
        f"<title>{escape(shown(drawing.title))}</title>",
        *([] if within else [f'<rect {size} fill="{palette.PAPER}"/>']),
        *(_element(shape) for shape in drawing.shapes),
        "</svg>",
    ]
    return "\n".join(lines) + "\n"


def _n(value: float) -> str:
    """A number without needless digits."""
    return f"{value:.2f}".rstrip("0").rstrip(".")


def _paint(fill: str, stroke: str) -> str:
    return f'fill="{fill or "none"}"' + (f' stroke="{stroke}"' if stroke else "")


def _element(shape: Shape) -> str:
    if isinstance(shape, Rect):
        return _rect(shape)
    if isinstance(shape, Polygon):
        points = " ".join(f"{_n(x)},{_n(y)}" for x, y in shape.points)
        return f'<polygon points="{points}" {_paint(shape.fill, shape.stroke)} stroke-linejoin="round"/>'
    if isinstance(shape, Disc):
        place = f'cx="{_n(shape.x)}" cy="{_n(shape.y)}" r="{_n(shape.radius)}"'
        return f"<circle {place} {_paint(shape.fill, shape.stroke)}/>"
    if isinstance(shape, Path):
        return _path(shape)
    return _text(shape)


def _rect(r: Rect) -> str:
    radius = r.radius
    if r.corners == "all" or not radius:
        place = f'x="{_n(r.x)}" y="{_n(r.y)}" width="{_n(r.width)}" height="{_n(r.height)}"'
        return f'<rect {place} rx="{_n(radius)}" {_paint(r.fill, r.stroke)}/>'
    top, low = (radius, 0.0) if r.corners == "above" else (0.0, radius)
    x0, y0, x1, y1 = r.x, r.y, r.x + r.width, r.y + r.height
    d = (
        f"M{_n(x0)} {_n(y0 + top)}q0 {_n(-top)} {_n(top)} {_n(-top)}H{_n(x1 - top)}q{_n(top)} 0 {_n(top)} {_n(top)}"
        f"V{_n(y1 - low)}q0 {_n(low)} {_n(-low)} {_n(low)}H{_n(x0 + low)}q{_n(-low)} 0 {_n(-low)} {_n(-low)}z"
    )
    return f'<path d="{d}" {_paint(r.fill, r.stroke)}/>'


def _path(path: Path) -> str:
    d = "".join(move + " ".join(_n(v) for v in numbers) for move, numbers in path.moves())
    line = f'<path d="{d}" fill="none" stroke="{path.stroke}" stroke-width="{_n(path.width)}"/>'
    if not path.arrow:
        return line
    x, y = path.points[-1]
    head = f"{_n(x - 3)},{_n(y - 5)} {_n(x + 3)},{_n(y - 5)} {_n(x)},{_n(y)}"
    return f'{line}<polygon points="{head}" fill="{path.stroke}"/>'


def _text(t: Text) -> str:
    weight = ' font-weight="bold"' if t.bold else ""
    anchor = "" if t.anchor == "start" else f' text-anchor="{t.anchor}"'
    place = f'x="{_n(t.x)}" y="{_n(t.y)}" font-size="{_n(t.size)}"{weight}{anchor}'
    return f'<text {place} fill="{t.colour}">{escape(shown(t.text))}</text>'
