"""HTML from calls: whatever is not markup already is escaped, so no name or file can become a tag."""

from __future__ import annotations

import json
from html import escape
from typing import Any

from pellucid.shown import shown

VOID = ("img", "line", "polyline", "circle")


class Markup(str):
    """Text that is HTML already."""

    __slots__ = ()


def tag(name: str, *children: object, **attributes: Any) -> Markup:
    """Return an element; `class_` stands for class, `data_cell` for data-cell; None and False leave one out."""
    pairs = [(key.rstrip("_").replace("_", "-"), value) for key, value in attributes.items()]
    written = "".join(
        f" {key}" if value is True else f' {key}="{escape(shown(value))}"'
        for key, value in pairs
        if value is not None and value is not False
    )
    return Markup(f"<{name}{written}/>" if name in VOID else f"<{name}{written}>{join(*children)}</{name}>")


def join(*children: object) -> Markup:
    """Return children one after the other: markup as it is, lists item by item, other text escaped."""
    return Markup("".join(_child(child) for child in children))


def _child(child: object) -> str:
    if isinstance(child, Markup):
        return child
    if isinstance(child, (list, tuple)):
        return join(*child)
    return "" if child is None else escape(shown(child))


def script_data(name: str, content: object) -> Markup:
    """Return data for a script as JSON that no text within can leave."""
    text = json.dumps(_shown(content), ensure_ascii=True, separators=(",", ":"), allow_nan=False)
    for sign in "<>&":
        text = text.replace(sign, f"\\u{ord(sign):04x}")
    return Markup(f'<script type="application/json" id="{escape(name)}">{text}</script>')


def _shown(content: object) -> object:
    """Return nested data with its texts and keys fit to be shown."""
    if isinstance(content, dict):
        return {shown(key): _shown(value) for key, value in content.items()}
    if isinstance(content, (list, tuple)):
        return [_shown(value) for value in content]
    return shown(content) if isinstance(content, str) else content


def picture(uri: str, text: str, class_: str = "pixels") -> Markup:
    """Return an image with its text for those who do not see it."""
    return tag("img", src=uri, alt=text, title=text, class_=class_)
