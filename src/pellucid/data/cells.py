"""What one cell of a table says: a number, text, or that something is missing."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any

import numpy as np

MISSING = frozenset({"", "na", "n/a", "nan", "null", "none", "<na>", "nat", "?", "-"})
"""What tables write where a value is missing, in lower case."""

_IN_GROUPS = re.compile(r"\s*([-+]?\d{1,3}([,.'’_ \u00a0\u202f])\d{3}(?:\2\d{3})*)([.,]\d+)?\s*")


def is_missing(cell: object) -> bool:
    """Whether a cell holds nothing: None, NaN, NaT, or one of the words for it."""
    return cell is None or str(cell).strip().lower() in MISSING


def is_truth(cell: object) -> bool:
    """Whether a cell of a DataFrame is True or False, which is a number to Python alone."""
    return isinstance(cell, (bool, np.bool_))


def number(cell: Any, decimal: str = ".") -> float | None:
    """The number that a cell says; None where it says none. Text is read with this decimal mark, and no underscores."""
    if isinstance(cell, str):
        if "_" in cell or (decimal == "," and "." in cell):  # a point: of thousands, or of another column's decimals
            return None
        cell = cell.replace(decimal, ".")
    try:
        return float(cell)
    except (TypeError, ValueError, OverflowError):
        return None


def whole(cell: Any, decimal: str = ".") -> int | None:
    """The whole number that a cell says, to the last digit, of a finite `number`; None where it has a fraction."""
    value = Decimal(cell.replace(decimal, ".")) if isinstance(cell, str) else cell
    found = int(value)
    return found if found == value else None


def shown(cell: object) -> str:
    """A cell as a message shows it."""
    return "an empty cell" if cell is None or str(cell).strip() == "" else f"{str(cell)[:40]!r}"


def remedy(cell: Any, decimal: str, otherwise: str) -> str:
    """What to do about a cell that is no number."""
    text = str(cell)
    comma = decimal == "." and re.fullmatch(r"\s*[-+]?\d*,\d+\s*", text)
    if grouped := _IN_GROUPS.fullmatch(text):
        plain = re.sub(r"[^-+0-9]", "", grouped[1]) + (grouped[3] or "")
        also = " If its comma is a decimal one, give decimal=',' and another delimiter." if comma else ""
        also = " With decimal=',' a number holds no point." if decimal == "," and "." in text else also
        return f"Thousands separators are not read: write {plain}.{also}"
    if comma:
        return "If its comma is a decimal one, give decimal=','."
    if decimal == "," and "." in text:
        return "With decimal=',' a number holds no point."
    return "Fill it in, or remove the sample." if is_missing(cell) else otherwise
