"""Tables, from CSV files and DataFrames: columns of numbers become samples, one column the targets."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from pellucid import checks
from pellucid.checked import checked_late
from pellucid.data import columns
from pellucid.data.csv_rows import Rows, read_rows
from pellucid.data.csv_text import Column, CsvOptions
from pellucid.data.dataset import Dataset
from pellucid.data.digits import are_digits
from pellucid.data.labels import numbered, numbers
from pellucid.data.spec import InputSpec
from pellucid.data.targets import TASKS, Task
from pellucid.errors import ArgumentError, DataError
from pellucid.typing import Array, DTypeLike

SCALES = ("none", "pixels", "standard", "auto")


class Table(NamedTuple):
    """A table taken apart: the samples, the cells of the target, and what messages call rows and columns."""

    who: str
    x: Array
    cells: Sequence[Any]
    places: Sequence[str]
    features: Sequence[str]
    target: str


class Features(NamedTuple):
    """The numbers (N, D) of a table without its targets, and what there is to say about it."""

    x: Array
    notes: tuple[str, ...]


@checked_late
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
        Whether the first line names the columns. By default it does where it has text above a number.
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
    _expect_known("load_csv", task, scale)
    rows = read_rows(who, path, CsvOptions(target, header, delimiter, decimal, encoding, index_col))
    columns.expect_two_columns(who, rows.names)
    known = like.described() if isinstance(like, Dataset) else like
    if known is not None:
        class_names = known.class_names if class_names is None else class_names
    table = _taken_apart(who, rows, target, index_col, task, known, dtype)
    return _dataset(table, task, class_names, dtype, scale, known)


def _expect_known(who: str, task: str, scale: str) -> None:
    checks.expect_known(who, "task", task, TASKS)
    checks.expect_known(who, "scale", scale, SCALES)


def _taken_apart(
    who: str, rows: Rows, target: Column | None, index_col: Any, task: Task, known: InputSpec | None, dtype: DTypeLike
) -> Table:  # fmt: skip
    """Parse the rows, and decide which column is what."""
    names, headed = rows.names, rows.headed
    goal = columns.named_target(who, names, target)
    out = columns.left_out(who, names, headed, index_col, goal)
    doubtful = columns.suspects(names, index_col, [goal, *out])
    if known is not None and known.kind == "table":
        wanted, _ = _wanted(who, names, headed, known.columns)
        others = [i for i in range(len(names)) if i not in wanted and i not in out]
        if goal is None:
            goal = _only_other(who, names, [i for i in others if i not in doubtful] or others)
        out, doubtful = [i for i in range(len(names)) if i not in wanted and i != goal], []
    rest = [i for i in range(len(names)) if i not in out and i not in doubtful and i != goal]
    if goal is not None:
        held = [goal, *doubtful]
    else:
        candidates = {rest[0], rest[-1], *columns.text_columns(rows.first, rows.number)} - {*out, *doubtful}
        held = [*sorted(candidates), *doubtful]
    plain = [i for i in rest if i not in held]
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
        place = {i: j for j, i in enumerate(plain)}
        x = np.stack([added[i] if i in added else x[:, place[i]] for i in features], axis=1)
    if known is not None and known.kind == "table":
        order = _wanted(who, names, headed, known.columns)[0]
        x, features = np.ascontiguousarray(x[:, [features.index(i) for i in order]]), order
    elif len(features) > 1:
        columns.expect_no_count(who, names, headed, index_col, features[0], x[:, 0])
    places = [f"line {line}" for line in rows.lines]
    return Table(who, x, targets, places, [names[i] for i in features], names[goal])


def _only_other(who: str, names: Sequence[str], others: Sequence[int]) -> int:
    """The target of a table of which the features are known."""
    if len(others) != 1:
        listed = ", ".join(repr(names[i]) for i in others) or "no column is left"
        raise ArgumentError(f"{who}: nothing says which column holds the targets: {listed}. Name it: target=.")
    return others[0]


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
        wanted, unused = _wanted(who, rows.names, rows.headed, names)
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
    x, _ = rows.parse(wanted, [], np.float32)
    _expect_finite(who, x, [f"line {line}" for line in rows.lines], [rows.names[i] for i in wanted])
    return Features(x, notes)


def _wanted(who: str, names: Sequence[str], headed: bool, known: Sequence[str]) -> tuple[list[int], list[str]]:
    """Where the columns called `known` stand, and the names of the others."""
    missing = [name for name in known if name not in names]
    if missing and not headed and len(names) == len(known):
        return list(range(len(names))), []
    if missing:
        raise DataError(
            f"{who}: there is no column {missing[0]!r}, which the network learnt from"
            + (f" ({len(missing)} are missing)" if len(missing) > 1 else "")
            + f". The file has: {', '.join(names[:12])}."
        )
    twice = [name for name in known if list(names).count(name) > 1]
    if twice:
        raise DataError(f"{who}: two columns are called {twice[0]!r}. Rename one.")
    return [names.index(name) for name in known], [name for name in names if name not in known]


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
    _expect_known(who, task, scale)
    if not (hasattr(frame, "iloc") and hasattr(frame, "columns")):
        raise ArgumentError(
            f"{who}: frame must be a pandas DataFrame, got {type(frame).__name__}. Arrays go to Dataset."
        )
    if 0 in frame.shape:
        raise DataError(f"{who}: the DataFrame is empty, its shape is {frame.shape}.")
    known = like.described() if isinstance(like, Dataset) else like
    if known is not None:
        class_names = known.class_names if class_names is None else class_names
    table = _frame_apart(who, frame, target, index_col, task, known, dtype)
    return _dataset(table, task, class_names, dtype, scale, known)


def _frame_apart(
    who: str, frame: Any, target: Column | None, index_col: Any, task: Task, known: InputSpec | None, dtype: DTypeLike
) -> Table:  # fmt: skip
    names = [str(name) for name in frame.columns]
    columns.expect_two_columns(who, names)

    def cells(i: int) -> list[Any]:
        return list(frame.iloc[:, i].to_numpy().tolist())

    named = [i for i, name in enumerate(frame.columns) if isinstance(target, int) and name == target]
    goal = named[0] if named else columns.named_target(who, names, target)
    out = columns.left_out(who, names, True, index_col, goal)
    if known is not None and known.kind == "table":
        wanted = _wanted(who, names, True, known.columns)[0]
        if goal is None:
            goal = _only_other(who, names, [i for i in range(len(names)) if i not in wanted and i not in out])
    else:
        for i in columns.suspects(names, index_col, [goal, *out]):
            if frame.iloc[:, i].is_unique:
                columns.tell(who, f"column {names[i]!r}, whose values number the rows", f"index_col={names[i]!r}")
                out.append(i)
        wanted = [i for i in range(len(names)) if i not in out]
    if goal is None:
        ends = {wanted[0], wanted[-1], *columns.text_columns([frame.iloc[0, i] for i in range(len(names))], _number)}
        goal = columns.choose_target(who, names, True, task, {i: cells(i) for i in sorted(ends - {*out})}, _number)
    wanted = [i for i in wanted if i != goal]
    places = [f"row {label}" for label in frame.index]
    x = np.empty((len(frame), len(wanted)), dtype)
    with np.errstate(over="ignore"):
        for j, i in enumerate(wanted):
            x[:, j] = _numeric(who, frame.iloc[:, i].to_numpy(), places, names[i])
    if len(wanted) > 1 and (known is None or known.kind != "table"):
        columns.expect_no_count(who, names, True, index_col, wanted[0], x[:, 0])
    return Table(who, x, cells(goal), places, [names[i] for i in wanted], names[goal])


def _number(cell: Any) -> float | None:
    try:
        return float(cell)
    except (TypeError, ValueError):
        return None


def _numeric(who: str, column: Array, places: list[str], name: str) -> Array:
    if column.dtype.kind in "biuf":
        return column
    return numbers(who, column.tolist(), places, name, "Encode text, for example with pandas.get_dummies.")


def _dataset(
    table: Table, task: Task, class_names: Sequence[str] | None, dtype: DTypeLike, scale: str, known: InputSpec | None
) -> Dataset:  # fmt: skip
    who, x, cells, places, features, target = table
    _expect_finite(who, x, places, features)
    spec = known if known is not None else _spec(who, x, features, scale)
    x = _scaled(who, x, spec)
    if task == "regression":
        t = numbers(who, cells, places, target, 'Classes of text need task="classification".')
        made = Dataset(x, t, task=task, class_names=class_names, dtype=dtype)
    else:
        t, names = numbered(who, cells, places, target, class_names)
        if len(names) < 2:
            raise DataError(
                f"{who}: column {target!r} holds one class, {names[0]!r}: there is nothing to tell apart. Is it the "
                "target? Name the column: target=."
            )
        made = Dataset(x, t, task=task, classes=len(names), class_names=names, dtype=dtype)
    made.inputs = spec
    return made


def _expect_finite(who: str, x: Array, places: Sequence[str], features: Sequence[str]) -> None:
    with np.errstate(all="ignore"):
        if np.isfinite(x.sum()):  # which it is not as soon as one cell is not
            return
    wrong = np.argwhere(~np.isfinite(x))
    if len(wrong):
        row, column = wrong[0]
        raise DataError(
            f"{who}: {places[row]}, column {features[column]!r}: {x[row, column]} is not a finite number "
            f"({len(wrong)} such cells). Remove or fill them."
        )


def _spec(who: str, x: Array, features: Sequence[str], scale: str) -> InputSpec:
    """How the columns are brought to the network: as they are, as pixels, or with mean 0 and deviation 1."""
    pixels = x.min() >= 0 and x.max() <= 255
    side = math.isqrt(len(features))
    if scale == "auto":
        looks = pixels and x.max() > 1 and side >= 8 and side * side == len(features) and bool((x == np.round(x)).all())
        scale = "pixels" if looks else "standard"
    if scale == "pixels":
        if not pixels or side * side != len(features):
            raise ArgumentError(
                f"{who}: pixels must lie in 0..255 and their number be a square; {len(features)} columns from "
                f"{x.min():g} to {x.max():g} are something else. Take scale='standard'."
            )
        return InputSpec("images", (side, side, 1), 0.0, 1.0)
    plain = InputSpec("table", (len(features),), float(x.min()), float(x.max()), tuple(features))
    if scale == "none":
        return plain
    wide = x.astype(np.float64)
    deviation = wide.std(axis=0)
    deviation[deviation < 1e-12 * np.abs(wide).max(axis=0, initial=0)] = 1.0  # a constant column says nothing
    deviation[deviation == 0] = 1.0
    return plain.replace(mean=tuple(wide.mean(axis=0).tolist()), deviation=tuple(deviation.tolist()))


def prepared(train: Dataset, test: Dataset, scale: str = "auto") -> tuple[Dataset, Dataset]:
    """Both parts of a table as it was read, scaled by what the training part says."""
    assert train.inputs is not None  # noqa: S101  # load_csv has seen to that
    spec = _spec("prepared", train.x, train.inputs.columns, scale)
    if spec.kind == "images" and are_digits(train.x.reshape(-1, *spec.shape[:2]), train.classes or 0):
        spec = spec.replace(kind="digits")
    return _with(train, spec), _with(test, spec)


def _with(data: Dataset, spec: InputSpec) -> Dataset:
    x = _scaled("prepared", data.x, spec)
    return Dataset._trusted(x, data.t, data.classes, data.class_names, spec)


def _scaled(who: str, x: Array, spec: InputSpec) -> Array:
    if spec.size != x.shape[1]:
        raise DataError(f"{who}: holds {x.shape[1]} columns of features, those it is to be like have {spec.size}.")
    if spec.kind == "table":
        return spec.standardised(x)
    return x / x.dtype.type(255) if spec.white == 1 else x
