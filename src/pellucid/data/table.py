"""A table taken apart becomes a data set: its numbers are looked at, scaled, and its targets numbered."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from pellucid import checks
from pellucid.data import columns
from pellucid.data.dataset import Dataset
from pellucid.data.inputs import warn_about_rounding
from pellucid.data.labels import numbered, numbers
from pellucid.data.scaling import SCALES, scaled, spec_of
from pellucid.data.targets import TASKS, Task
from pellucid.errors import DataError
from pellucid.specs import InputSpec
from pellucid.typing import Array, DTypeLike


class Table(NamedTuple):
    """A table taken apart: the samples, the cells of the target, what messages call rows and columns, decimals."""

    who: str
    x: Array
    cells: Sequence[Any]
    places: Sequence[str]
    features: Sequence[str]
    target: str
    decimal: str = "."


def expect_known(who: str, task: str, scale: str) -> None:
    """Raise UnknownNameError for another task or scaling."""
    checks.expect_known(who, "task", task, TASKS)
    checks.expect_known(who, "scale", scale, SCALES)


def likeness(
    like: Dataset | InputSpec | None, class_names: Sequence[str] | None
) -> tuple[InputSpec | None, Sequence[str] | None]:
    """Return how the data that these are to be like were prepared, and the class names: those given, or theirs."""
    known = like.described() if isinstance(like, Dataset) else like
    return known, known.class_names if known is not None and class_names is None else class_names


def precision(scale: str, known: InputSpec | None, dtype: DTypeLike) -> DTypeLike:
    """The dtype to read columns in: float64 where they are to be standardised, as large numbers differ late."""
    standard = bool(known.mean) if known is not None else scale in ("standard", "auto")
    return np.float64 if standard else dtype


def as_dataset(
    table: Table, task: Task, class_names: Sequence[str] | None, dtype: DTypeLike, scale: str, known: InputSpec | None
) -> Dataset:
    """Return the data set of a table, scaled as `scale` says, or as that which it is to be like."""
    who, x, cells, places, features, target, decimal = table
    if not features:
        columns.nothing_left(who)
    columns.expect_different(who, features)
    expect_finite(who, x, places, features)
    spec = known if known is not None else spec_of(who, x, features, scale)
    x = scaled(who, x, spec)
    if not spec.mean:
        warn_about_rounding(who, x, lambda i: f"column {features[i]!r}", "Take scale='standard', or dtype='float64'.")
    if task == "regression":
        t = numbers(who, cells, places, target, 'Classes of text need task="classification".', decimal)
        expect_finite(who, t[:, None], places, [target])
        made = Dataset(x, t, task=task, class_names=class_names, dtype=dtype)
    else:
        t, names = numbered(who, cells, places, target, class_names, decimal)
        if len(names) < 2:
            raise DataError(
                f"{who}: column {target!r} holds one class, {names[0]!r}: there is nothing to tell apart. Is it the "
                "target? Name the column: target=."
            )
        made = Dataset(x, t, task=task, classes=len(names), class_names=names, dtype=dtype)
    made.inputs = spec
    return made


def expect_finite(who: str, x: Array, places: Sequence[str], features: Sequence[str]) -> None:
    """Raise DataError, naming the first place, where a cell is NaN or infinite, or too large for the dtype."""
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
