"""The page's style sheet: `page.css` after the colours that figures have too."""

from __future__ import annotations

import numpy as np

from pellucid.pictures.confusion import RIGHT, WRONG
from pellucid.pictures.palette import BLUE, FAINT, INK, MUTED, PAPER, through
from pellucid.report.template import asset

LEVELS = 12  # colours of each scale of the confusion matrix


def style() -> str:
    """Return names for the colours, a class for each level of the confusion matrix, and the page's own rules."""
    named = {"ink": INK, "muted": MUTED, "faint": FAINT, "paper": PAPER, "blue": BLUE}
    rules = [":root { " + " ".join(f"--{name}: {colour};" for name, colour in named.items()) + " }"]
    for kind, colours in (("right", RIGHT), ("wrong", WRONG)):
        for level, colour in enumerate(through(colours, np.linspace(0, 1, LEVELS))):
            rules.append(f".{kind}{level} {{ background: #{bytes(colour).hex()}; }}")
    return "\n".join(["", *rules, asset("page.css")])


def cell_class(strength: float, *, right: bool, dark: bool) -> str:
    """Return the classes of a cell that is so far up its scale, from 0 to 1."""
    return f"{'right' if right else 'wrong'}{round(strength * (LEVELS - 1))}{' dark' if dark else ''}"
