"""The rows of a CSV file: its column names, its numbers and the cells of one column."""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Iterator

import numpy as np

from pellucid import checks
from pellucid.data.labels import shown
from pellucid.errors import ArgumentError, DataError, FileFormatError
from pellucid.typing import Array, DTypeLike

Row = tuple[int, list[str]]
"""The line on which a row ends, and its cells."""


class Rows:
    """The rows of a file, parsed as they are read, so that only the numbers are held."""

    def __init__(self, who: str, names: list[str], rows: Iterator[Row]) -> None:
        self._who = who
        self._rows = rows
        self.names = names
        self.lines: list[int] = []

    def parse(self, column: int, dtype: DTypeLike) -> tuple[Array, list[str]]:
        """The numbers (N, D) of all columns but one, and the cells (N,) of that one.

        Afterwards `lines` says where each row stood.
        """
        x: list[Array] = []
        cells: list[str] = []
        with np.errstate(over="ignore"):
            for line, row in self._rows:
                if len(row) != len(self.names):
                    raise DataError(
                        f"{self._who}: line {line} has {len(row)} cells, the first has {len(self.names)}. "
                        "Is the delimiter right, and are cells with commas quoted?"
                    )
                cells.append(row.pop(column))
                x.append(np.array(self._numbers(line, row, column), dtype=dtype))
                self.lines.append(line)
        return np.stack(x), cells

    def _numbers(self, line: int, row: list[str], column: int) -> list[float]:
        try:
            return list(map(float, row))
        except ValueError:
            wrong = next(i for i, cell in enumerate(row) if not is_number(cell))
            name = self.names[wrong + (wrong >= column)]
            raise DataError(
                f"{self._who}: line {line}, column {name!r}: {shown(row[wrong])} is not a number. "
                "Fill it in, remove the line, or encode text as numbers."
            ) from None


def read_rows(who: str, path: str | os.PathLike[str], header: bool | None, delimiter: str | None) -> Rows:
    """Open the file, find its delimiter and its column names.

    Raises
    ------
    DataError
        If there is no such file, or no row of data in it.
    FileFormatError
        If it is not text.
    """
    if delimiter is not None and len(delimiter) != 1:
        raise ArgumentError(f"{who}: delimiter must be one character, got {delimiter!r}. A tab is '\\t'.")
    rows = _rows(who, path, delimiter)
    first, second = next(rows, None), next(rows, None)
    if first is None:
        raise DataError(f"{who}: the file is empty.")
    if header is None:
        header = _names_columns(first[1], second[1] if second else None)
    data = [row for row in (None if header else first, second) if row is not None]
    if not data:
        raise DataError(f"{who}: there is a header and no data.")
    names = [cell.strip() for cell in first[1]] if header else [str(i) for i in range(len(first[1]))]
    return Rows(who, names, _chained(data, rows))


def _chained(head: list[Row], tail: Iterator[Row]) -> Iterator[Row]:
    yield from head
    yield from tail


def _rows(who: str, path: str | os.PathLike[str], delimiter: str | None) -> Iterator[Row]:
    with checks.open_file(who.partition(":")[0], path) as file:
        text = io.TextIOWrapper(file, encoding="utf-8-sig", newline="")
        try:
            if delimiter is None:
                line = text.readline(1 << 20)
                delimiter = max(",;\t", key=line.count)
                text.seek(0)
            reader = csv.reader(text, delimiter=delimiter, strict=True)
            for row in reader:
                if row:
                    yield reader.line_num, row
        except UnicodeDecodeError as error:
            raise FileFormatError(f"{who}: not text in UTF-8 ({error.reason}).") from error
        except csv.Error as error:
            raise FileFormatError(f"{who}: not a CSV file ({error}). Check the quotes.") from error


def _names_columns(first: list[str], second: list[str] | None) -> bool:
    """Whether the first row is a header: it has text above a number, or is alone and holds no number."""
    if second is None:
        return not any(map(is_number, first))
    return any(
        is_number(below) and not is_number(cell) and cell.strip() for cell, below in zip(first, second, strict=False)
    )


def is_number(cell: str) -> bool:
    """Whether the cell can be read as a float."""
    try:
        float(cell)
    except ValueError:
        return False
    return True
