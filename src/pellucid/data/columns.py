"""Which column of a table is what: the targets, the features, and the numbers of its rows.

A name or number that is given decides. Else names do; else what the columns hold, where only one answer is possible.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NoReturn

import numpy as np

from pellucid import checks
from pellucid.data.cells import is_missing
from pellucid.data.csv_text import Column
from pellucid.errors import ArgumentError, DataError
from pellucid.shown import came
from pellucid.typing import Array

USUAL_TARGETS = ("label", "target", "class", "y")
USUAL_INDICES = ("id", "index", "idx", "row", "rowid", "row_id", "rownames", "unnamed: 0", "#")

ENOUGH_ROWS = 10
"""From so many on, a column that counts 1, 2, 3, … does not do so by chance."""


class ColumnWarning(UserWarning):
    r"""A column that numbers the rows was left out: it says nothing of a new sample, and much of sorted ones.

    Examples
    --------
    >>> import warnings
    >>> from pathlib import Path
    >>> _ = Path("indexed.csv").write_text(",length,species\n0,5.1,iris\n1,6.2,lily\n")
    >>> with warnings.catch_warnings(record=True) as said:
    ...     warnings.simplefilter("always")
    ...     flowers = pl.load_csv("indexed.csv")
    >>> said[0].category.__name__, flowers.sample_shape
    ('ColumnWarning', (1,))
    """


def position(who: str, option: str, names: Sequence[str], column: Column) -> int:
    """The index of a column that is given by name or index."""
    if isinstance(column, str):
        if list(names).count(column) > 1:
            raise ArgumentError(
                f"{who}: {list(names).count(column)} columns are called {column!r}. Give the index of one."
            )
        if column not in names:
            checks.unknown_name(who, f"{option} column", column, names)
        return list(names).index(column)
    if isinstance(column, bool) or not isinstance(column, (int, np.integer)):
        raise ArgumentError(f"{who}: {option} must be a column's name or index, got {came(column)}.")
    if not -len(names) <= column < len(names):
        raise ArgumentError(f"{who}: {option} must lie in {-len(names)}..{len(names) - 1}, got {column}.")
    return int(column) % len(names)


def named_target(who: str, names: Sequence[str], target: Column | None) -> int | None:
    """The column of the targets, if it is given or has a usual name."""
    if target is not None:
        return position(who, "target", names, target)
    usual = [i for i, name in enumerate(names) if name.strip().lower() in USUAL_TARGETS]
    if len(usual) > 1:
        listed = _listed([names[i] for i in usual])
        raise ArgumentError(
            f"{who}: several columns could be the target: {listed}. Say which: target={names[usual[0]]!r}."
        )
    return usual[0] if usual else None


def left_out(who: str, names: Sequence[str], headed: bool, given: Any, target: int | None) -> list[int]:
    """The columns that are no features, because they are given as such, or have no name and come first."""
    if given is False:
        return []
    if given is not None:
        found = {position(who, "index_col", names, column) for column in as_list(given)}
        if target in found:
            raise ArgumentError(f"{who}: {names[target or 0]!r} is both target and index_col. Name another column.")
        return sorted(found)
    if headed and names[0] == "" and target != 0 and len(names) > 2:
        tell(who, "the first column, which has no name and numbers the rows", "index_col=0")
        return [0]
    return []


def as_list(given: Any) -> list[Any]:
    """The columns that index_col names."""
    if given is None or given is False:
        return []
    return [given] if isinstance(given, str) or not isinstance(given, Sequence) else list(given)


def suspects(names: Sequence[str], given: Any, known: Sequence[int | None]) -> list[int]:
    """The columns whose name says that they number the rows; they do where all their values differ."""
    if given is not None:
        return []
    taken = set(known)
    return [i for i, name in enumerate(names) if name.strip().lower() in USUAL_INDICES and i not in taken]


def tell(who: str, what: str, option: str) -> None:
    """Warn that a column was left out."""
    checks.warn(f"{who}: {what}, is left out. Say so with {option}; keep it with index_col=False.", ColumnWarning)


def expect_no_count(who: str, names: Sequence[str], headed: bool, given: Any, column: int, values: Array) -> None:
    """Raise ArgumentError where the first column of features counts the rows, and nothing says what it is for."""
    if given is not None or len(values) < ENOUGH_ROWS:
        return
    if values[0] in (0, 1) and np.array_equal(values, np.arange(len(values)) + values[0]):
        shown = repr(names[column] if headed else column)
        raise ArgumentError(
            f"{who}: column {shown} counts the rows. If it only numbers them, leave it out: index_col={shown}; "
            "if it is a feature, keep it: index_col=False."
        )


def choose_target(
    who: str,
    names: Sequence[str],
    headed: bool,
    task: str,
    columns: Mapping[int, Sequence[Any]],
    number: Callable[[Any], float | None],
) -> int:
    """The one of some columns that alone can be the target: the only one of text, or the only one of classes."""
    text = [i for i, cells in columns.items() if _is_text(cells, number)]
    if task == "classification" and len(text) == 1:
        return text[0]
    ends = [min(columns), max(columns)]
    possible = text or [i for i in ends if _are_classes(columns[i], number)]
    if task == "classification" and len(possible) == 1:
        return possible[0]
    said = [repr(names[i]) if headed else str(i) for i in (possible or ends)]
    several = "several columns could hold" if task != "classification" or possible else "no column seems to hold"
    raise ArgumentError(
        f"{who}: nothing says which column holds the targets, and {several} them ({_listed(said)}). "
        f"Say which: target={said[-1]}."
    )


def text_columns(row: Sequence[Any], number: Callable[[Any], float | None]) -> list[int]:
    """The columns in which a row holds text."""
    return [i for i, cell in enumerate(row) if number(cell) is None and not is_missing(cell)]


def _is_text(cells: Sequence[Any], number: Callable[[Any], float | None]) -> bool:
    there = {cell for cell in cells if not is_missing(cell)}
    return bool(there) and all(number(cell) is None for cell in there)


def _are_classes(cells: Sequence[Any], number: Callable[[Any], float | None]) -> bool:
    """Whether there are two whole numbers or more, each about twice."""
    there = {cell for cell in cells if not is_missing(cell)}
    values = {number(cell) for cell in there}
    whole = all(value is not None and float(value).is_integer() for value in values)
    return whole and 2 <= len(values) <= max(2, len(cells) // 2)


def expect_two_columns(who: str, names: Sequence[str]) -> None:
    """Raise DataError unless a table has features and targets."""
    if len(names) < 2:
        raise DataError(
            f"{who}: a table needs a column of targets and at least one of features, got {list(names)}. "
            "Is the delimiter right?"
        )


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names[:12]) + (f" and {len(names) - 12} more" if len(names) > 12 else "")


def nothing_left(who: str) -> NoReturn:
    """Raise DataError for a table without features."""
    raise DataError(f"{who}: no column of features is left beside the targets. Leave out fewer columns: index_col=.")


def expect_different(who: str, names: Sequence[str]) -> None:
    """Raise DataError where two columns of features have one name, by which they are known later."""
    twice = [name for name, n in Counter(names).items() if n > 1]
    if twice:
        raise DataError(f"{who}: two columns are called {twice[0]!r}. Rename one, or leave one out.")
