"""A template filled with values: whatever is not markup already is escaped, so no name or file can become a tag.

A small part of Mustache (mustache.github.io/mustache.5):

    {{name}}                  the value as text, escaped
    {{{name}}}                the value as it is; it must be a Markup
    {{#name}} … {{/name}}     once for each item of a list, with the names of the item known within ({{.}} is the item
                              itself); for a dictionary or True once, and for an empty list, None or False not at all
    {{^name}} … {{/name}}     where the former is not
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from html import escape
from importlib.resources import files
from typing import Any

from pellucid.shown import shown

_PLACE = re.compile(r"\{\{([#^])(\w+)\}\}(.*?)\{\{/\2\}\}|\{\{\{(\w+)\}\}\}|\{\{(\w+|\.)\}\}", re.S)


def asset(name: str) -> str:
    """Return a file of this room: the page, its style or its script."""
    return (files("pellucid.report") / name).read_text(encoding="utf-8")


class Markup(str):
    """Text that is HTML already."""

    __slots__ = ()


def fill(template: str, values: Mapping[str, Any]) -> Markup:
    """Return the template with its places filled; a name that is not among the values is a KeyError."""

    def filled(place: re.Match[str]) -> str:
        sign, block, body, raw, name = place.groups()
        if block:
            return "".join(fill(body, {**values, **scope}) for scope in _scopes(values[block], sign == "^"))
        if raw:
            if not isinstance(values[raw], Markup):
                raise TypeError(f"{raw} is no Markup")
            return str(values[raw])
        return escape(shown(values[name]))

    return Markup(_PLACE.sub(filled, template))


def _scopes(value: Any, inverted: bool) -> list[Mapping[str, Any]]:
    """Return what is known within a block, once for each time that it is written."""
    if inverted:
        return [] if value else [{}]
    if isinstance(value, (list, tuple)):
        return [item if isinstance(item, Mapping) else {".": item} for item in value]
    return [value if isinstance(value, Mapping) else {".": value}] if value else []


def script_data(content: object) -> Markup:
    """Return data for a script as JSON that no text within can leave."""
    text = json.dumps(_shown(content), ensure_ascii=True, separators=(",", ":"), allow_nan=False)
    for sign in "<>&":
        text = text.replace(sign, f"\\u{ord(sign):04x}")
    return Markup(text)


def _shown(content: object) -> object:
    """Return nested data with its texts and keys fit to be shown."""
    if isinstance(content, dict):
        return {shown(key): _shown(value) for key, value in content.items()}
    if isinstance(content, (list, tuple)):
        return [_shown(value) for value in content]
    return shown(content) if isinstance(content, str) else content
