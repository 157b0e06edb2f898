"""Columns as a person writes them: by name or by number, where "1" may be either."""

from __future__ import annotations

import dataclasses
import os
import re

from pellucid.data.csv_rows import read_rows
from pellucid.data.csv_text import Column, CsvOptions


def names_first(path: str | os.PathLike[str], options: CsvOptions) -> CsvOptions:
    """Return the options for a file with columns by number only where no column of it has that name."""
    listed = options.index_col if isinstance(options.index_col, list) else []
    if not any(_may_be_number(column) for column in [options.target, *listed]):
        return options
    names = read_rows(f"load_csv: {os.fspath(path)}", path, options).names

    def settled(column: Column) -> Column:
        return int(column) if _may_be_number(column) and column not in names else column

    return dataclasses.replace(
        options,
        target=None if options.target is None else settled(options.target),
        index_col=[settled(column) for column in listed] if listed else options.index_col,
    )


def _may_be_number(column: object) -> bool:
    return isinstance(column, str) and re.fullmatch(r"-?\d{1,9}", column, re.ASCII) is not None
