"""Tables, from CSV files and DataFrames: columns of numbers become samples, one column the targets."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from pellucid import checks
from pellucid.data import inputs
from pellucid.data.csv_rows import read_rows
from pellucid.data.dataset import Dataset
from pellucid.data.labels import numbered, numbers
from pellucid.data.targets import Task
from pellucid.errors import ArgumentError, DataError
from pellucid.typing import Array, DTypeLike

USUAL_TARGETS = ("label", "target", "class", "y")


class Table(NamedTuple):
    """A table taken apart: the samples, the cells of the target, and what messages call rows and columns."""

    who: str
    x: Array
    cells: Sequence[Any]
    places: Sequence[str]
    features: Sequence[str]
    target: str


def load_csv(
    path: str | os.PathLike[str],
    target: str | int | None = None,
    *,
    task: Task = "classification",
    class_names: Sequence[str] | None = None,
    header: bool | None = None,
    delimiter: str | None = None,
    dtype: DTypeLike = np.float32,
) -> Dataset:
    """A data set from a CSV file in UTF-8, one sample a line.

    Parameters
    ----------
    path : file
    target : str or int, optional
        The column that holds the targets, by name or index (-1 is the last). By default the one called
        label, target, class or y, in any case; else the last.
    task : {"classification", "regression"}, default="classification"
        Classes are numbered in the order of their names; numbers in numerical order.
    class_names : sequence of str, optional
        Fixes the numbering, so that a test file gets that of its training file: `train.class_names`.
    header : bool, optional
        Whether the first line names the columns. By default it does where it has text above a number.
    delimiter : str, optional
        By default the most frequent of comma, semicolon and tab in the first line.
    dtype : float32 or float64, default=float32

    Raises
    ------
    DataError
        If the file is missing or empty, or a cell is not a number; the message names line and column.
    FileFormatError
        If the file is not text in UTF-8.
    LabelError
        If a target is missing, has a fraction, or is not one of `class_names`.
    UnknownNameError
        If there is no column `target`.

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
    dtype = inputs.float_dtype("load_csv", dtype)
    rows = read_rows(who, path, header, delimiter)
    column = _target_index(who, rows.names, target)
    features = [name for i, name in enumerate(rows.names) if i != column]
    x, cells = rows.parse(column, dtype)
    places = [f"line {line}" for line in rows.lines]
    return _dataset(Table(who, x, cells, places, features, rows.names[column]), task, class_names, dtype)


def from_dataframe(
    frame: Any,
    target: str | int | None = None,
    *,
    task: Task = "classification",
    class_names: Sequence[str] | None = None,
    dtype: DTypeLike = np.float32,
) -> Dataset:
    """A data set from a pandas DataFrame; the arguments and errors are those of `load_csv`.

    An int `target` is looked for among the column names first, then taken as a position. Features of text
    are refused: encode them, for example with pandas.get_dummies.

    Examples
    --------
    >>> import pandas as pd
    >>> frame = pd.DataFrame({"length": [5.1, 6.2], "width": [3.5, 2.9], "species": ["iris", "lily"]})
    >>> pl.from_dataframe(frame, target="species")
    <Dataset: 2 samples of shape (2,), 2 classes, float32>
    """
    who = "from_dataframe"
    dtype = inputs.float_dtype(who, dtype)
    if not (hasattr(frame, "iloc") and hasattr(frame, "columns")):
        raise ArgumentError(
            f"{who}: frame must be a pandas DataFrame, got {type(frame).__name__}. Arrays go to Dataset."
        )
    if 0 in frame.shape:
        raise DataError(f"{who}: the DataFrame is empty, its shape is {frame.shape}.")
    names = [str(name) for name in frame.columns]
    named = [i for i, name in enumerate(frame.columns) if isinstance(target, int) and name == target]
    column = named[0] if named else _target_index(who, names, target)
    features = [i for i in range(len(names)) if i != column]
    places = [f"row {label}" for label in frame.index]
    x = np.empty((len(frame), len(features)), dtype)
    with np.errstate(over="ignore"):
        for j, i in enumerate(features):
            x[:, j] = _numeric(who, frame.iloc[:, i].to_numpy(), places, names[i])
    cells = frame.iloc[:, column].to_numpy().tolist()
    table = Table(who, x, cells, places, [names[i] for i in features], names[column])
    return _dataset(table, task, class_names, dtype)


def _numeric(who: str, column: Array, places: list[str], name: str) -> Array:
    if column.dtype.kind in "biuf":
        return column
    return numbers(who, column.tolist(), places, name, "Encode text, for example with pandas.get_dummies.")


def _target_index(who: str, names: list[str], target: str | int | None) -> int:
    if len(names) < 2:
        raise DataError(f"{who}: a table needs a column of targets and at least one of features, got {names}.")
    if isinstance(target, str):
        if names.count(target) > 1:
            raise ArgumentError(f"{who}: {names.count(target)} columns are called {target!r}. Give the index of one.")
        if target not in names:
            checks.unknown_name(who, "target column", target, names)
        return names.index(target)
    if target is not None:
        if not -len(names) <= target < len(names):
            raise ArgumentError(f"{who}: target must lie in {-len(names)}..{len(names) - 1}, got {target}.")
        return target % len(names)
    usual = [i for i, name in enumerate(names) if name.strip().lower() in USUAL_TARGETS]
    if len(usual) > 1:
        listed = ", ".join(names[i] for i in usual)
        raise ArgumentError(
            f"{who}: several columns could be the target: {listed}. Say which: target={names[usual[0]]!r}."
        )
    return usual[0] if usual else len(names) - 1


def _dataset(table: Table, task: Task, class_names: Sequence[str] | None, dtype: DTypeLike) -> Dataset:
    who, x, cells, places, features, target = table
    wrong = np.argwhere(~np.isfinite(x))
    if len(wrong):
        row, column = wrong[0]
        raise DataError(
            f"{who}: {places[row]}, column {features[column]!r}: {x[row, column]} is not a finite number "
            f"({len(wrong)} such cells). Remove or fill them."
        )
    if task == "regression":
        t = numbers(who, cells, places, target, 'Classes of text need task="classification".')
        return Dataset(x, t, task=task, class_names=class_names, dtype=dtype)
    t, class_names = numbered(who, cells, places, target, class_names)
    return Dataset(x, t, task=task, classes=len(class_names), class_names=class_names, dtype=dtype)
