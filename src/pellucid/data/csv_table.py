"""Tables from CSV files: columns of numbers become samples, one column the targets."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

import numpy as np

from pellucid import checks
from pellucid.checked import checked_late
from pellucid.data import columns
from pellucid.data.csv_rows import Rows, read_rows
from pellucid.data.csv_text import Column, CsvOptions
from pellucid.data.dataset import Dataset
from pellucid.data.known import find_known_and_target
from pellucid.data.table import Table, as_dataset, expect_known, likeness, precision
from pellucid.data.targets import Task
from pellucid.specs import InputSpec
from pellucid.typing import Array, DTypeLike


@checked_late
@checks.within_memory
def load_csv(
    path: str | os.PathLike[str],
    target: Column | None = None,
    *,
    task: Task = "classification",
    class_names: Sequence[str] | None = None,
    header: bool | None = None,
    delimiter: str | None = None,
    decimal: str = ".",
    encoding: str | None = None,
    index_col: Column | Sequence[Column] | bool | None = None,
    scale: str = "none",
    like: Dataset | InputSpec | None = None,
    dtype: DTypeLike = np.float32,
) -> Dataset:
    """A data set from a CSV file, one sample a line.

    Parameters
    ----------
    path : file
    target : str or int, optional
        The column that holds the targets, by name or index (-1 is the last). By default the one called
        label, target, class or y, in any case; else the only one of text; else, of the first and the last, the only
        one that can hold classes.
    task : {"classification", "regression"}, default="classification"
        Classes are numbered in the order of their names; numbers in numerical order.
    class_names : sequence of str, optional
        Fixes the numbering, so that a test file gets that of its training file: `train.class_names`.
    header : bool, optional
        Whether the first line names the columns. By default the lines below show it (text above numbers is a name,
        text that occurs again in its column is none); where they do not, you are asked.
    delimiter : str, optional
        By default the one of comma, semicolon and tab that divides all lines alike.
    decimal : {".", ","}, default="."
    encoding : str, optional
        By default UTF-8, with or without a byte order mark; older files may be "latin-1" or "cp1252".
    index_col : str, int, a sequence of these, or False, optional
        Columns that only number or name the rows, and are left out. By default a first column without a name, and
        one called id, index or the like whose values all differ, with a warning. False keeps every column.
    scale : {"none", "pixels", "standard", "auto"}, default="none"
        "pixels" divides by 255 (square numbers of columns become pictures for `as_images` and `pellucid predict`);
        "standard" gives every column mean 0 and deviation 1; "auto" takes the first where the columns look like
        pixels, else the second.
    like : Dataset, optional
        Prepared as that one was: its columns, scaling and class names.
    dtype : float32 or float64, default=float32

    Raises
    ------
    DataError
        If the file is missing or empty, a cell is not a number (the message names line and column), or all targets
        are of one class.
    FileFormatError
        If the file is not text in this encoding.
    LabelError
        If a target is missing, has a fraction, or is not one of `class_names`.
    UnknownNameError
        If there is no column `target`.
    ArgumentError
        If an option cannot be used, or a column, delimiter or header could be two things and nothing says which.

    Examples
    --------
    >>> from pathlib import Path
    >>> _ = Path("flowers.csv").write_text('''length,width,species
    ... 5.1,3.5,iris
    ... 6.2,2.9,lily''')
    >>> flowers = pl.load_csv("flowers.csv")
    >>> flowers.class_names, flowers.t
    (('iris', 'lily'), array([0, 1]))
    """
    who = f"load_csv: {os.fspath(path)}"
    dtype = checks.float_dtype("load_csv", dtype)
    expect_known("load_csv", task, scale)
    rows = read_rows(who, path, CsvOptions(target, header, delimiter, decimal, encoding, index_col))
    columns.expect_two_columns(who, rows.names)
    known, class_names = likeness(like, class_names)
    table = _taken_apart(who, rows, target, index_col, task, known, precision(scale, known, dtype))
    return as_dataset(table, task, class_names, dtype, scale, known)


def _taken_apart(
    who: str, rows: Rows, target: Column | None, index_col: Any, task: Task, known: InputSpec | None, dtype: DTypeLike
) -> Table:
    """Parse the rows, and decide which column is what."""
    names, headed = rows.names, rows.headed
    if known is not None and known.kind == "table":
        text = columns.text_columns(rows.first, rows.number)
        wanted, place = find_known_and_target(who, names, headed, known.columns, target, index_col, text)
        x, cells = rows.parse(wanted, [place], dtype)
        return _apart(who, rows, x, cells[place], known.columns, place)
    goal = columns.named_target(who, names, target)
    out = set(columns.left_out(who, names, headed, index_col, goal))
    doubtful = dict.fromkeys(columns.suspects(names, index_col, [goal, *out]))
    rest = [i for i in range(len(names)) if i not in out and i not in doubtful and i != goal]
    if goal is not None:
        held = [goal, *doubtful]
    elif not rest:
        columns.nothing_left(who)
    else:
        candidates = {rest[0], rest[-1], *columns.text_columns(rows.first, rows.number)} - {*out, *doubtful}
        held = [*sorted(candidates), *doubtful]
    plain = sorted({*rest} - {*held})
    x, cells = rows.parse(plain, held, dtype)
    for i in doubtful:
        if len(set(cells[i])) == len(rows.lines):
            columns.tell(who, f"column {names[i]!r}, whose values number the rows", f"index_col={names[i]!r}")
            del cells[i]
    if goal is None:
        open_ = {i: column for i, column in cells.items() if i not in doubtful}
        goal = columns.choose_target(who, names, headed, task, open_, rows.number)
    targets = cells.pop(goal)
    features = sorted([*plain, *cells])
    if cells:
        added = {i: rows.numbers(i, column, dtype) for i, column in cells.items()}
        places = {i: j for j, i in enumerate(plain)}
        x = np.stack([added[i] if i in added else x[:, places[i]] for i in features], axis=1)
    if len(features) > 1:
        columns.expect_no_count(who, names, headed, index_col, features[0], x[:, 0])
    return _apart(who, rows, x, targets, [names[i] for i in features], goal)


def _apart(who: str, rows: Rows, x: Array, targets: Sequence[str], features: Sequence[str], goal: int) -> Table:
    places = [f"line {line}" for line in rows.lines]
    return Table(who, x, targets, places, features, rows.names[goal], rows.decimal)
