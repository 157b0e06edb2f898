"""What a training history recorded, as arrays that can be drawn.

A history is anything with `iterations` and `epochs`: dictionaries of equally long lists. None, NaN and
infinity become gaps; a column that holds nothing else is left out.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from pellucid.errors import ArgumentError, DataError
from pellucid.typing import Array, Arrays


class Series(NamedTuple):
    """The columns of a history that hold at least one number."""

    iterations: Arrays
    epochs: Arrays

    def epoch_of_iterations(self) -> Array | None:
        """The epoch (a fraction) of each iteration, or None where no epoch was recorded."""
        if not {"iteration", "epoch"} <= self.epochs.keys():
            return None
        per_iteration = self.epochs["epoch"][-1] / max(self.epochs["iteration"][-1], 1)
        return self.iterations["iteration"] * per_iteration if per_iteration > 0 else None

    def axis(self, table: str, unit: str) -> Array | None:
        """Where the rows of a table lie, counted in "epoch" or "iteration"; None where unknown."""
        if table == "iterations" and unit == "epoch":
            return self.epoch_of_iterations()
        return (self.iterations if table == "iterations" else self.epochs).get(unit)


def read(who: str, history: Any) -> Series:
    """The columns of `history`; ArgumentError unless it looks like one, DataError if it recorded no loss."""
    tables = [_table(history, name) for name in ("iterations", "epochs")]
    if not all(isinstance(table, Mapping) for table in tables):
        raise ArgumentError(
            f"{who}: history must have the tables .iterations and .epochs, as fit(...) returns it, "
            f"got {type(history).__name__}. learning_curves also takes several: {{'name': history}}."
        )
    series = Series(*(_columns(who, name, table) for name, table in zip(Series._fields, tables, strict=True)))
    if not {"iteration", "loss"} <= series.iterations.keys():
        raise DataError(f"{who}: the history holds no finite loss, so nothing can be drawn. Train first.")
    return series


def _table(history: Any, name: str) -> Any:
    try:
        return getattr(history, name, None)
    except Exception:  # noqa: BLE001  # `__getattr__` is the object's own
        return None


def _columns(who: str, table: str, columns: Any) -> Arrays:
    lengths = {name: len(values) for name, values in columns.items()}
    if len(set(lengths.values())) > 1:
        raise ArgumentError(f"{who}: the columns of history.{table} must be equally long, got {lengths}.")
    arrays = {name: _gaps(who, f"history.{table}[{name!r}]", values) for name, values in columns.items()}
    return {name: values for name, values in arrays.items() if not np.isnan(values).all()}


def _gaps(who: str, name: str, values: Any) -> Array:
    try:
        array: Array = np.array([np.nan if value is None else value for value in values], dtype=np.float64)
    except (TypeError, ValueError):
        raise ArgumentError(f"{who}: {name} must hold numbers or None, got {list(values)[:3]!r} ...") from None
    if array.ndim != 1:
        raise ArgumentError(f"{who}: {name} must be one list of numbers, got shape {array.shape}.")
    return np.where(np.isfinite(array), array, np.nan)


def running_mean(values: Array, window: int) -> Array:
    """The mean of about `window` values around each place; gaps are left out.

    Centred, so that it does not lag behind where the loss falls fast, and narrower at the start for the same
    reason: k places reach back and k ahead, as far as there are values.
    """
    known = np.isfinite(values)
    total = np.concatenate([[0.0], np.cumsum(np.where(known, values, 0.0))])
    count = np.concatenate([[0], np.cumsum(known)])
    place = np.arange(len(values))
    reach = np.minimum(place, window // 2)
    first, last = place - reach, np.minimum(place + reach + 1, len(values))
    counts = count[last] - count[first]
    mean = np.full(len(values), np.nan)
    np.divide(total[last] - total[first], counts, out=mean, where=counts > 0)
    return mean


def smoothing_window(iterations: int) -> int:
    """A hundredth of the run, at least 1: 100 for the book's 10,000 iterations."""
    return max(1, iterations // 100)
