"""Tables from pandas: a DataFrame as a data set."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from typing import Any

import numpy as np

from pellucid import checks
from pellucid.checked import checked_late
from pellucid.data import columns
from pellucid.data.cells import number
from pellucid.data.csv_text import Column
from pellucid.data.dataset import Dataset
from pellucid.data.known import find_known_and_target
from pellucid.data.labels import numbers
from pellucid.data.table import Table, as_dataset, expect_known, likeness, precision
from pellucid.data.targets import Task
from pellucid.errors import ArgumentError, DataError
from pellucid.specs import InputSpec
from pellucid.typing import Array, DTypeLike

_TIMES = (datetime.date, datetime.time, datetime.timedelta, np.datetime64, np.timedelta64)


@checked_late
def from_dataframe(
    frame: Any,
    target: Column | None = None,
    *,
    task: Task = "classification",
    class_names: Sequence[str] | None = None,
    index_col: Column | Sequence[Column] | bool | None = None,
    scale: str = "none",
    like: Dataset | InputSpec | None = None,
    dtype: DTypeLike = np.float32,
) -> Dataset:
    """A data set from a pandas DataFrame; the arguments and errors are those of `load_csv`.

    An int `target` is looked for among the column names first, then taken as a position. Features of text
    are refused: encode them, for example with pandas.get_dummies. The index of the frame is no feature.

    Examples
    --------
    >>> import pandas as pd
    >>> frame = pd.DataFrame({"length": [5.1, 6.2], "width": [3.5, 2.9], "species": ["iris", "lily"]})
    >>> pl.from_dataframe(frame, target="species")
    <Dataset: 2 samples of shape (2,), 2 classes, float32>
    """
    who = "from_dataframe"
    dtype = checks.float_dtype(who, dtype)
    expect_known(who, task, scale)
    if _offers(frame, "get_column", "columns"):  # polars
        pandas = checks.require("pandas", "from_dataframe", "tables")
        frame = pandas.DataFrame({name: frame.get_column(name).to_numpy() for name in frame.columns})
    if not _offers(frame, "iloc", "columns"):
        raise ArgumentError(
            f"{who}: frame must be a DataFrame of pandas or polars, got {type(frame).__name__}. Arrays go to Dataset."
        )
    if 0 in frame.shape:
        raise DataError(f"{who}: the DataFrame is empty, its shape is {frame.shape}.")
    known, class_names = likeness(like, class_names)
    table = _frame_apart(who, frame, target, index_col, task, known, precision(scale, known, dtype))
    return as_dataset(table, task, class_names, dtype, scale, known)


def _offers(frame: Any, *names: str) -> bool:
    try:
        return all(hasattr(frame, name) for name in names)
    except Exception:  # noqa: BLE001  # `__getattr__` is the object's own
        return False


def _frame_apart(
    who: str, frame: Any, target: Column | None, index_col: Any, task: Task, known: InputSpec | None, dtype: DTypeLike
) -> Table:
    names = [str(name) for name in frame.columns]
    columns.expect_two_columns(who, names)

    def cells(i: int) -> list[Any]:
        return list(frame.iloc[:, i].to_numpy().tolist())

    named = [i for i, name in enumerate(frame.columns) if isinstance(target, int) and name == target]
    target = named[0] if named else target
    goal: int | None
    if known is not None and known.kind == "table":
        headed = list(frame.columns) != list(range(len(names)))
        wanted, goal = find_known_and_target(who, names, headed, known.columns, target, index_col)
    else:
        goal = columns.named_target(who, names, target)
        out = columns.left_out(who, names, True, index_col, goal)
        for i in columns.suspects(names, index_col, [goal, *out]):
            if frame.iloc[:, i].is_unique:
                columns.tell(who, f"column {names[i]!r}, whose values number the rows", f"index_col={names[i]!r}")
                out.append(i)
        wanted = [i for i in range(len(names)) if i not in out and i != goal]
    if not wanted:
        columns.nothing_left(who)
    for i in (*wanted, *([] if goal is None else [goal])):
        _expect_no_times(who, frame.iloc[:, i].to_numpy(), names[i])
    if goal is None:
        ends = {wanted[0], wanted[-1], *columns.text_columns([frame.iloc[0, i] for i in range(len(names))], number)}
        goal = columns.choose_target(who, names, True, task, {i: cells(i) for i in sorted(ends - {*out})}, number)
    wanted = [i for i in wanted if i != goal]
    places = [f"row {label}" for label in frame.index]
    x = np.empty((len(frame), len(wanted)), dtype)
    with np.errstate(over="ignore"):
        for j, i in enumerate(wanted):
            x[:, j] = _numeric(who, frame.iloc[:, i].to_numpy(), places, names[i])
    if len(wanted) > 1 and (known is None or known.kind != "table"):
        columns.expect_no_count(who, names, True, index_col, wanted[0], x[:, 0])
    features = list(known.columns) if known is not None and known.kind == "table" else [names[i] for i in wanted]
    return Table(who, x, cells(goal), places, features, names[goal])


def _expect_no_times(who: str, column: Array, name: str) -> None:
    """Raise DataError for a column of dates, times or durations: NumPy makes numbers of some, of 1e18 and more."""
    if column.dtype.kind not in "mM":
        times = (cell for cell in column if isinstance(cell, _TIMES) or type(cell).__name__ == "Period")
        if column.dtype.kind != "O" or all(cell != cell for cell in times):  # NaT says only that something is missing
            return
    raise DataError(
        f"{who}: column {name!r} holds dates or times, which are neither numbers nor classes. Make numbers of them, "
        f"such as frame[{name!r}].dt.year, or leave the column out: index_col={name!r}."
    )


def _numeric(who: str, column: Array, places: list[str], name: str) -> Array:
    if column.dtype.kind in "biuf":
        return column
    return numbers(who, column.tolist(), places, name, "Encode text, for example with pandas.get_dummies.")
