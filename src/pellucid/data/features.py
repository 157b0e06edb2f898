"""The features alone of a CSV file, for a network that is to say the targets."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from pellucid.data import columns
from pellucid.data.csv_rows import read_rows
from pellucid.data.csv_text import CsvOptions
from pellucid.data.known import find_known
from pellucid.data.table import expect_finite
from pellucid.errors import DataError
from pellucid.typing import Array


class Features(NamedTuple):
    """The numbers (N, D) of a table without its targets, and what there is to say about it."""

    x: Array
    notes: tuple[str, ...]


def read_features(
    path: str | os.PathLike[str], options: CsvOptions, names: Sequence[str] = (), size: int | None = None
) -> Features:
    """The features alone of a CSV file: the columns called `names` in that order, else all `size` but the targets.

    Raises
    ------
    DataError
        If a column is missing, or their number is another; and as `load_csv` does.
    """
    who = f"predict: {os.fspath(path)}"
    rows = read_rows(who, path, options)
    notes: tuple[str, ...] = ()
    if names:
        text = columns.text_columns(rows.first, rows.number)
        found = find_known(who, rows.names, rows.headed, names, options.target, options.index_col, text)
        wanted, unused = found.wanted, [rows.names[i] for i in found.unused]
        if unused and rows.headed:
            notes = (f"columns that the network did not learn from: {', '.join(unused[:8])}",)
    else:
        goal = columns.named_target(who, rows.names, options.target)
        out = columns.left_out(who, rows.names, rows.headed, options.index_col, goal)
        wanted = [i for i in range(len(rows.names)) if i != goal and i not in out]
        if size is not None and len(wanted) != size:
            raise DataError(
                f"{who}: holds {len(wanted)} columns of features, the network takes {size}. "
                "Name the column that holds the targets (target=), or columns to leave out (index_col=)."
            )
    x, _ = rows.parse(wanted, [], np.float64)
    expect_finite(who, x, [f"line {line}" for line in rows.lines], [rows.names[i] for i in wanted])
    return Features(x, notes)
