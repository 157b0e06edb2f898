"""Docstrings as reStructuredText: the sections of numpydoc and the house's own (Shapes, Limits), in their order.

numpydoc's own reader would drop the sections it does not know and run equations together that are set in columns; so
the few forms that the house uses are read here.
"""

from __future__ import annotations

import re
from itertools import groupby
from typing import Any

from sphinx.application import Sphinx

LISTS = ("Parameters", "Attributes", "Returns", "Raises", "Yields", "Warns")
COLUMNS = re.compile(r"^(\w+) {2,}(\S.*)|^ {8,}(\S.*)")
RUNS_ON = re.compile(r"[a-z]")
MARKUP = re.compile(
    r"_(\{[^}]*\}|[^\W_]{1,3}\b(?!_))|\^(\([^)]*\)|\{[^}]*\}|⌊[^⌋]*⌋|[\w−⁺⁻]+?(?=_|\b))|([|*\\])|_(?!\w)"
)


def render(lines: list[str]) -> list[str]:
    """Return a docstring as reStructuredText."""
    out: list[str] = []
    for title, body in sections(lines):
        out += [f".. rubric:: {title}", "   :class: section", ""] if title else []
        out += definitions(body) if title in LISTS else prose(body, lines_count=title == "Shapes")
    return out


def sections(lines: list[str]) -> list[tuple[str, list[str]]]:
    """Return (title, lines) of each section; the first one has no title."""
    found: list[tuple[str, list[str]]] = [("", [])]
    for line, below in zip(lines, [*lines[1:], ""], strict=False):
        if re.fullmatch(r"---+", below) and len(below) == len(line):
            found.append((line, []))
        elif not re.fullmatch(r"---+", line):
            found[-1][1].append(line)
    return found


def prose(lines: list[str], *, lines_count: bool = False) -> list[str]:
    """Return paragraphs; examples stay as they are, and what is set in columns, as equations are, becomes a table."""
    out: list[str] = []
    for blank, group in groupby(lines, key=lambda line: not line.strip()):
        paragraph = list(group)
        if blank:
            continue
        if paragraph[0].startswith(">>>"):
            out += paragraph
        elif all(COLUMNS.match(line) for line in paragraph):
            out += equations(paragraph)
        elif lines_count:
            text = "\n".join(paragraph)
            out += [f"| {safe(line)}" for line in re.sub(r"\n(?!\w+ \()", " ", text).split("\n")]
        else:
            out += map(safe, paragraph)
        out.append("")
    return out


def equations(lines: list[str]) -> list[str]:
    """Return `Forward   y = x W + b` and the lines below it as a table of words and equations."""
    out = [".. list-table::", "   :class: equations", "   :width: 100%", ""]
    for line in lines:
        word, first, more = COLUMNS.match(line).groups()  # type: ignore[union-attr]  # `prose` matched it
        out += [f"   * - {word}", f"     - | {safe(first)}"] if word else [f"       | {safe(more)}"]
    return out


def definitions(lines: list[str]) -> list[str]:
    """Return a list of names: `name : type` above its description, or `name : description`, which may run on."""
    items: list[tuple[str, list[str]]] = []
    for line in lines:
        if line and not line.startswith(" "):
            items.append((line, []))
        elif line.strip():
            items[-1][1].append(line.strip())
    out = [".. container:: names", ""]
    for head, body in items:
        names, colon, kind = head.partition(" : ")
        text = " ".join(body)
        if colon and RUNS_ON.match(text):
            kind, text = f"{kind} {text}", ""
        term = ", ".join(f"**{name}**" for name in names.split(", "))
        out += [f"   * {term}{safe(colon + kind)}", *(["", f"     {safe(text)}"] if text else []), ""]
    return out


def safe(text: str) -> str:
    """Return prose in which x_i and A^k are set below and above, and nothing else is taken for markup; `code` stays."""
    parts = re.split(r"(``?[^`]+``?)", text)
    parts[::2] = [MARKUP.sub(_markup, part) for part in parts[::2]]
    return "".join(parts)


def _markup(found: re.Match[str]) -> str:
    below, above, _ = found.groups()
    if below or above:
        return f"\\ :{'sub' if below else 'sup'}:`{(below or above).strip('{}')}`\\ "
    return f"\\{found[0]}"


def process(app: Sphinx, what: str, name: str, obj: Any, options: Any, lines: list[str]) -> None:
    """Put the rendered docstring in place of the one that autodoc read."""
    lines[:] = render(lines)


def skip(app: Sphinx, what: str, name: str, obj: Any, skipped: bool, options: Any) -> bool | None:
    """Leave out the fields of named tuples, whose class says what they are."""
    return True if (getattr(obj, "__doc__", "") or "").startswith("Alias for field number") else None


def setup(app: Sphinx) -> dict[str, bool]:
    """Connect to autodoc."""
    app.connect("autodoc-process-docstring", process)
    app.connect("autodoc-skip-member", skip)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
