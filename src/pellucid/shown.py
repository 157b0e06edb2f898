"""Names and values that came from outside, made fit to be shown.

A layer, a class or a file may be named by whoever wrote the file. A terminal obeys escape sequences, a line
break starts a line that looks like ours, and a sign that turns the direction of writing hides what stands
there. So whatever is shown goes through `shown`; and a value goes through `came`, as it may be endless, or fail to
describe itself.
"""

from __future__ import annotations

import reprlib
import unicodedata
from typing import Any

import numpy as np

JOINERS = "\u200c\u200d"  # within words of Persian and Hindi, and within emoji


def shown(text: object) -> str:
    r"""Return the text with everything that is no visible sign or space written out, such as \x1b or \u202e.

    >>> shown("conv\x1b[31m1")
    'conv\\x1b[31m1'
    """
    words = str(text)
    if words.isprintable():
        return words
    return "".join(c if c.isprintable() or c in JOINERS or unicodedata.category(c) == "Zs" else _code(c) for c in words)


def _code(sign: str) -> str:
    return sign.encode("unicode_escape").decode("ascii")


def bounded(text: str, most: int) -> str:
    """The text, its middle left out where it is longer than `most` signs."""
    return text if len(text) <= most else f"{text[: most // 2 - 2]} … {text[-(most // 2 - 2) :]}"


class _Brief(reprlib.Repr):
    """`repr` cut short in depth and length, of objects that need not have one that works."""

    def __init__(self) -> None:
        super().__init__()
        self.maxlevel, self.maxstring, self.maxother, self.maxlong = 4, 120, 120, 80
        self.maxlist = self.maxtuple = self.maxdict = self.maxset = self.maxfrozenset = 12

    def repr_instance(self, x: Any, level: int) -> str:
        try:
            return bounded(repr(x), self.maxother)
        except Exception:  # it is the object's own
            return f"an object of {type(x).__name__}"

    def repr_int(self, x: int, level: int) -> str:
        return bounded(repr(x), self.maxlong) if abs(x) < 10**1000 else "a number of more than 1000 digits"


_BRIEF = _Brief()


def came(value: object) -> str:
    """A value as messages show it: briefly, and an array by its shape.

    >>> came([1, "a"]), came(np.zeros((2, 3)))
    ("[1, 'a']", 'an array (2, 3) of float64')
    """
    if isinstance(value, np.ndarray) and value.size > 1:
        return f"an array {value.shape} of {value.dtype}"
    return _BRIEF.repr(value)
