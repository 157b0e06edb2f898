"""The rows of a CSV file as numbers: its column names, the numbers of some columns and the cells of others."""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterator, Sequence

import numpy as np

from pellucid.data.cells import number, remedy, shown
from pellucid.data.csv_text import CsvOptions, Row, text_rows
from pellucid.data.header import LOOKED_AT, names_columns
from pellucid.errors import DataError
from pellucid.typing import Array, DTypeLike


class Rows:
    """The rows of a file, parsed as they are read, so that only the numbers are held.

    Attributes
    ----------
    names : the columns; "0", "1", … where the file has no header
    headed : whether it has one
    first : the first row of data
    lines : after `parse`, where each row stood
    decimal : the mark before the decimals
    """

    def __init__(self, who: str, names: list[str], headed: bool, rows: Iterator[Row], decimal: str) -> None:
        self.names, self.headed = names, headed
        first = next(rows)
        self.first = first[1]
        self.lines: list[int] = []
        self._who, self.decimal = who, decimal
        self._rows = itertools.chain([first], rows)

    def parse(
        self, numbers: Sequence[int], cells: Sequence[int], dtype: DTypeLike
    ) -> tuple[Array, dict[int, list[str]]]:
        """The numbers (N, D) of some columns, and the cells of others."""
        x: list[Array] = []
        held: dict[int, list[str]] = {column: [] for column in cells}
        whole = list(numbers) == list(range(len(self.names)))
        with np.errstate(over="ignore"):  # infinite values are found, with their place, when all is read
            for line, row in self._rows:
                if len(row) != len(self.names):
                    raise DataError(
                        f"{self._who}: line {line} has {len(row)} cells, the first has {len(self.names)}. "
                        "Is the delimiter right, and are cells with commas quoted?"
                    )
                for column, kept in held.items():
                    kept.append(row[column])
                x.append(np.array(self._numbers(line, row if whole else [row[i] for i in numbers], numbers), dtype))
                self.lines.append(line)
        return np.stack(x), held

    def numbers(self, column: int, cells: Sequence[str], dtype: DTypeLike) -> Array:
        """The cells (N,) of a column, held by `parse`, as numbers."""
        with np.errstate(over="ignore"):
            return np.array(
                [self._numbers(line, [cell], [column])[0] for line, cell in zip(self.lines, cells, strict=True)], dtype
            )

    def number(self, cell: str) -> float | None:
        """The number that a cell says; None where it says none."""
        return number(cell, self.decimal)

    def _numbers(self, line: int, row: list[str], columns: Sequence[int]) -> list[float]:
        if self.decimal == "." and "_" not in "".join(row):
            try:
                return list(map(float, row))
            except ValueError:
                pass
        found = []
        for cell, column in zip(row, columns, strict=True):
            value = self.number(cell)
            if value is None:
                name = self.names[column]
                leave = (
                    f"Encode text as numbers, or leave the column out: index_col={name if self.headed else column!r}."
                )
                raise DataError(
                    f"{self._who}: line {line}, column {name!r}: {shown(cell)} is not a number. "
                    f"{remedy(cell, self.decimal, leave)}"
                )
            found.append(value)
        return found


def read_rows(who: str, path: str | os.PathLike[str], options: CsvOptions) -> Rows:
    """Open the file, find its delimiter and its column names.

    Raises
    ------
    DataError
        If there is no such file, or no row of data in it.
    FileFormatError
        If it is not text.
    ArgumentError
        If an option cannot be used, or nothing shows whether the first line is a header.
    """
    options.check(who)
    rows = text_rows(who, path, options)
    first = next(rows, None)
    if first is None:
        raise DataError(f"{who}: the file is empty.")
    below = list(itertools.islice(rows, LOOKED_AT))
    headed = options.header
    if headed is None:
        headed = names_columns(who, first[1], [cells for _, cells in below])
    data = below if headed else [first, *below]
    if not data:
        raise DataError(f"{who}: there is a header and no data.")
    names = [cell.strip() for cell in first[1]] if headed else [str(i) for i in range(len(first[1]))]
    return Rows(who, names, headed, itertools.chain(data, rows), options.decimal)
