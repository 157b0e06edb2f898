"""Whether the first row of a CSV file names its columns, or is the first sample.

The first row is compared with those below. It is a header where text stands above numbers; where its names are numbers
that count the columns, 0, 1, 2, …; or where its text occurs nowhere else in a column whose values repeat. It is a
sample where its text occurs again below in the same column. What could be both is asked for: read wrongly, a header
becomes a sample of a class of its own, and a sample is lost.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from pellucid.data.cells import is_missing, number
from pellucid.errors import ArgumentError

LOOKED_AT = 100
"""Rows below the first that are compared with it."""

FEW = 4
"""So many numbers that count the columns do not do so by chance."""


def names_columns(who: str, first: Sequence[str], below: Sequence[Sequence[str]]) -> bool:
    """Whether the first row is a header; alone, it is one where it holds no number.

    Raises
    ------
    ArgumentError
        If it could be either.
    """
    numbers = [cell.strip() for cell in first if _is_number(cell)]
    if not below:
        return not numbers
    texts = [i for i, cell in enumerate(first) if not _is_number(cell) and not is_missing(cell)]
    columns = [[row[i].strip() for row in below if i < len(row) and not is_missing(row[i])] for i in range(len(first))]
    above = [i for i in texts if columns[i] and all(map(_is_number, columns[i]))]
    found = _with_text(first, columns, texts, above, numbers) if texts else _of_numbers(first, columns, numbers)
    if found is None:
        raise ArgumentError(
            f"{who}: the first line could name the columns or be a sample: {_shown(first)}. Say which: header=True or "
            "header=False."
        )
    return found


def _with_text(
    first: Sequence[str],
    columns: Sequence[Sequence[str]],
    texts: Sequence[int],
    above: Sequence[int],
    numbers: Sequence[str],
) -> bool | None:
    """Whether a row that holds text is a header; None where it could be either."""
    counted = _count(numbers) and (len(numbers) >= FEW or (len(numbers) > 1 and _written_otherwise(first, columns)))
    if any(first[i].strip() in columns[i] for i in texts):  # as names hardly do: the class "y" below the name "y"
        if counted and len(numbers) >= FEW:
            return None
        return False if numbers or not above else (True if len(above) > 1 else None)
    if above:
        return True if not numbers or counted or _ascend(numbers) else None
    if not numbers:
        return True
    if not _are_names(numbers):
        return False
    few = len(numbers) < FEW
    mixed = any(any(map(_is_number, columns[i])) for i in texts)
    repeat = any(columns[i] and 2 * len(set(columns[i])) <= len(columns[i]) for i in texts)
    if mixed or few:
        return None if mixed or repeat else False
    return None if repeat != counted else counted


def _of_numbers(first: Sequence[str], columns: Sequence[Sequence[str]], numbers: Sequence[str]) -> bool | None:
    """Whether a row of numbers is a header: it counts all columns from 0, but for a first one without a name.

    It surely does so where one of them stands above text alone, or several above decimals.
    """
    unnamed = len(first) - len(numbers)
    counted = len(numbers) > 1 and _count(numbers) and numbers[0] == "0" and unnamed <= (not first[0].strip())
    alone = any(
        _is_number(cell) and column and not any(map(_is_number, column))
        for cell, column in zip(first, columns, strict=True)
    )
    if not counted:
        return None if alone and _are_names(numbers) else False
    return True if alone or (len(numbers) >= FEW and (unnamed or _written_otherwise(first, columns))) else None


def _is_number(cell: str) -> bool:
    """Whether a cell is a number in any hand, such as 1,5 where the decimal point was not asked for."""
    if is_missing(cell):
        return False
    return number(cell) is not None or re.fullmatch(r"\s*[-+]?[\d.,_']*\d\s*", cell) is not None


def _is_name(cell: str) -> bool:
    return re.fullmatch(r"0|[1-9][0-9]*", cell) is not None


def _are_names(numbers: Sequence[str]) -> bool:
    """Whether numbers could be names, as of pixels: whole ones that differ; measurements are none."""
    return all(map(_is_name, numbers)) and len(set(numbers)) == len(numbers)


def _count(numbers: Sequence[str]) -> bool:
    return any(list(numbers) == [str(start + i) for i in range(len(numbers))] for start in (0, 1))


def _ascend(numbers: Sequence[str]) -> bool:
    """Whether numbers are names in their order, such as 400, 410, 420."""
    return len(numbers) >= FEW and _are_names(numbers) and list(numbers) == sorted(numbers, key=int)


def _written_otherwise(first: Sequence[str], columns: Sequence[Sequence[str]]) -> bool:
    """Whether below a whole number of the first row a column is written with decimals throughout."""
    return any(
        _is_name(cell.strip()) and column and not any(map(_is_name, column))
        for cell, column in zip(first, columns, strict=True)
    )


def _shown(row: Sequence[str]) -> str:
    cells = [cell.strip()[:12] for cell in row[:6]]
    return ", ".join(cells) + (", …" if len(row) > 6 else "")
