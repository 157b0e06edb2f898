"""JSON that means one thing or nothing, for files whose writer is not known.

Python's reader is generous: of two equal keys the last one wins, NaN is a number, 1e999 is infinity, and half of
a surrogate pair is a character. Other readers decide otherwise, so such text is refused here. So is text nested
so deeply that whoever walks over the value, or prints it in a message, would run out of stack.
"""

from __future__ import annotations

import json
import math
import re
from typing import Any

from pellucid.errors import FileFormatError

MAX_DIGITS = 40
"""Of an integer; 2⁶⁴ has twenty, a seed of 128 bits 39. Python takes quadratic time for longer and longer ones."""


MAX_DEPTH = 100
"""Of lists and objects in each other; an architecture may have 64."""

_STRING_OR_BRACKET = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"|[\[\]{}]', re.DOTALL)


def parse_json(data: bytes | str, label: str) -> Any:
    """Return the value; raise FileFormatError, beginning with `label`, where the text is not strict JSON."""
    try:
        text = data.decode("utf-8") if isinstance(data, bytes) else data
        if _depth(text) > MAX_DEPTH:
            raise FileFormatError(f"{label} is nested too deeply. {AGAIN}")
        return json.loads(
            text, object_pairs_hook=_unique, parse_int=_integer, parse_float=_finite, parse_constant=_no_constant
        )
    except FileFormatError:
        raise
    except (UnicodeDecodeError, UnicodeEncodeError) as error:
        raise FileFormatError(f"{label} is not UTF-8 text ({error.reason}). {AGAIN}") from None
    except ValueError as error:
        raise FileFormatError(f"{label} is not valid JSON: {error}. {AGAIN}") from None


AGAIN = "The file is damaged; copy, download or save it again."


def _depth(text: str) -> int:
    """How deeply lists and objects stand in each other, found without going into them."""
    if text.count("[") + text.count("{") <= MAX_DEPTH:  # as in every header of a small network
        return 0
    depth = deepest = 0
    for found in _STRING_OR_BRACKET.finditer(text):
        sign = found[0]
        depth += (sign in "[{") - (sign in "]}")
        deepest = max(deepest, depth)
    return deepest


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) != len(pairs):
        keys = [key for key, _ in pairs]
        twice = next(key for key in keys if keys.count(key) > 1)
        raise ValueError(f"the key {twice!r} stands twice")
    for key, value in pairs:
        key.encode()  # raises for half of a surrogate pair
        if isinstance(value, str):
            value.encode()
    return made


def _integer(digits: str) -> int:
    if len(digits) > MAX_DIGITS or digits == "-0":
        raise ValueError(f"the number {digits[:MAX_DIGITS]} is too long or not plain")
    return int(digits)


def _finite(digits: str) -> float:
    number = float(digits)
    if not math.isfinite(number):
        raise ValueError(f"the number {digits[:MAX_DIGITS]} is larger than a number can be")
    return number


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is not a number of JSON")
