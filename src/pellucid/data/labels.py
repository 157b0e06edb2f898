"""The targets of a table: cells of text or numbers, as class indices or as floats."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from pellucid.errors import DataError, LabelError
from pellucid.typing import Array, IntArray


def numbers(who: str, cells: Sequence[Any], places: Sequence[str], column: str, remedy: str) -> Array:
    """The cells of a column as float64; DataError names the first that is not a number."""
    values = np.empty(len(cells))
    for i, cell in enumerate(cells):
        try:
            values[i] = float(cell)
        except (TypeError, ValueError):
            raise DataError(f"{who}: {places[i]}, column {column!r}: {shown(cell)} is not a number. {remedy}") from None
    return values


def shown(cell: object) -> str:
    """A cell as a message shows it."""
    return "an empty cell" if cell is None or str(cell).strip() == "" else f"{str(cell)[:40]!r}"


def numbered(
    who: str, cells: Sequence[Any], places: Sequence[str], column: str, class_names: Sequence[str] | None
) -> tuple[IntArray, tuple[str, ...]]:
    """Class indices (N,) of cells, and the names of the classes.

    The names are `class_names` in their order, else those that occur: sorted as numbers if all are numbers.

    Raises
    ------
    LabelError
        If a cell is empty, a number with a fraction, or not one of `class_names`.
    """
    texts = [_name(who, cell, place, column) for cell, place in zip(cells, places, strict=True)]
    names = tuple(map(str, class_names)) if class_names is not None else _sorted(texts)
    index = {name: i for i, name in enumerate(names)}
    for text, place in zip(texts, places, strict=True):
        if text not in index:
            raise LabelError(
                f"{who}: {place}, column {column!r}: {text!r} is not one of class_names: {', '.join(names[:12])}."
            )
    return np.array([index[text] for text in texts], dtype=np.intp), names


def _name(who: str, cell: object, place: str, column: str) -> str:
    number = _number(cell)
    if number is None:
        if cell is None or str(cell).strip() in ("", "<NA>", "NaT"):
            raise LabelError(
                f"{who}: {place}, column {column!r}: the target is missing. Remove the sample or fill it in."
            )
        return str(cell).strip()
    if math.isnan(number):
        raise LabelError(f"{who}: {place}, column {column!r}: the target is NaN. Remove the sample or fill it in.")
    if not number.is_integer():
        raise LabelError(
            f"{who}: {place}, column {column!r}: {cell} has a fraction, so it is no class. "
            'Numbers are learnt in Python: task="regression".'
        )
    return str(int(number))  # 3, "3" and 3.0 are one class


def _number(cell: object) -> float | None:
    try:
        return float(cell)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return None


def _sorted(texts: Sequence[str]) -> tuple[str, ...]:
    names = set(texts)
    if all(_number(name) is not None for name in names):
        return tuple(sorted(names, key=int))
    return tuple(sorted(names))
