"""Names that came from outside, made fit to be shown.

A layer, a class or a file may be named by whoever wrote the file. A terminal obeys escape sequences, a line
break starts a line that looks like ours, and a sign that turns the direction of writing hides what stands
there. So whatever is shown goes through `shown`.
"""

from __future__ import annotations

import unicodedata

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
