"""The targets of a table: cells of text or numbers, as class indices or as floats."""

from __future__ import annotations

import math
import numbers as kinds
import re
from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np

from pellucid.data.cells import is_missing, is_truth, number, remedy, shown, whole
from pellucid.errors import ArgumentError, DataError, LabelError
from pellucid.shown import came
from pellucid.typing import Array, IntArray


def numbers(
    who: str, cells: Sequence[Any], places: Sequence[str], column: str, otherwise: str, decimal: str = "."
) -> Array:
    """The cells of a column as float64; DataError names the first that is not a number, and what to do."""
    values = np.empty(len(cells))
    for i, cell in enumerate(cells):
        value = number(cell, decimal)
        if value is None:
            raise DataError(
                f"{who}: {places[i]}, column {column!r}: {shown(cell)} is not a number. "
                f"{remedy(cell, decimal, otherwise)}"
            )
        values[i] = value
    return values


def numbered(
    who: str,
    cells: Sequence[Any],
    places: Sequence[str],
    column: str,
    class_names: Sequence[str] | None,
    decimal: str = ".",
) -> tuple[IntArray, tuple[str, ...]]:
    """Class indices (N,) of cells, and the names of the classes.

    The names are `class_names` in their order, else those that occur. Where all are numbers, 3, "3" and 3.0 are one
    class, and they are sorted as numbers; in a column of text, each is what is written.

    Raises
    ------
    LabelError
        If a cell is missing, a number with a fraction, or not one of `class_names`.
    ArgumentError
        If `class_names` are no sequence of different names.
    """
    given = None if class_names is None else _given(who, class_names)
    for cell, place in zip(cells, places, strict=True):
        if is_missing(cell) and (given is None or str(cell).strip() not in given):
            raise _missing(who, cell, place, column)
    if given is not None:
        counted = all(re.fullmatch(r"0|-?[1-9][0-9]*", name) for name in given)
    else:
        counted = all(not is_truth(cell) and number(cell, decimal) is not None for cell in cells)
    if counted:
        texts = [_counted(who, cell, place, column, decimal) for cell, place in zip(cells, places, strict=True)]
    else:
        texts = [_text(cell) for cell in cells]
    names = given or tuple(sorted(set(texts), key=int if counted else None))
    index = {name: i for i, name in enumerate(names)}
    for text, place in zip(texts, places, strict=True):
        if text not in index:
            raise LabelError(
                f"{who}: {place}, column {column!r}: {text!r} is not one of class_names: {', '.join(names[:12])}."
            )
    return np.array([index[text] for text in texts], dtype=np.intp), names


def _given(who: str, class_names: Sequence[Any]) -> tuple[str, ...]:
    if isinstance(class_names, str) or not len(class_names):
        raise ArgumentError(f"{who}: class_names must be a sequence of names, got {came(class_names)}.")
    names = tuple(name if isinstance(name, str) else _text(name) for name in class_names)
    expect_different(who, names)
    return names


def expect_different(who: str, names: Sequence[str]) -> None:
    """Raise ArgumentError where two classes have one name."""
    twice = [name for name, n in Counter(names).items() if n > 1]
    if twice:
        raise ArgumentError(f"{who}: class_names holds {twice[0]!r} twice. Give every class a name of its own.")


def _missing(who: str, cell: object, place: str, column: str) -> LabelError:
    text = "" if cell is None else str(cell).strip()
    what = "NaN" if text.lower() == "nan" else "missing" + (f" ({text!r})" if text else "")
    named = f" If {text!r} is a class, name it among class_names." if text and isinstance(cell, str) else ""
    return LabelError(
        f"{who}: {place}, column {column!r}: the target is {what}. Remove the sample or fill it in.{named}"
    )


def _counted(who: str, cell: object, place: str, column: str, decimal: str) -> str:
    """The name of a class that is a number, to the last digit; text stands for itself."""
    value = None if is_truth(cell) else number(cell, decimal)
    if value is None:
        return _text(cell)
    found = whole(cell, decimal) if math.isfinite(value) else None
    if found is None:
        what = "has a fraction" if math.isfinite(value) else "is infinite"
        raise LabelError(
            f"{who}: {place}, column {column!r}: {cell} {what}, so it is no class. "
            'Numbers are learnt in Python: task="regression".'
        )
    return str(found)


def _text(cell: object) -> str:
    """What is written in a column of text, where numbers of a DataFrame are as a file shows them."""
    if isinstance(cell, kinds.Real) and not is_truth(cell) and math.isfinite(cell):
        return str(found) if (found := whole(cell)) is not None else str(float(cell))
    return str(cell).strip()
