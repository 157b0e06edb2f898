"""Targets: class indices for classification, columns of numbers for regression."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, TypeAlias

import numpy as np

from pellucid import checks
from pellucid.arrays import as_array, numbers
from pellucid.data.labels import expect_different
from pellucid.errors import ArgumentError, DataError, LabelError, ShapeError
from pellucid.shown import came
from pellucid.typing import Array, DTypeLike, IntArray

Task: TypeAlias = Literal["classification", "regression"]
TASKS: tuple[Task, ...] = ("classification", "regression")


def class_targets(who: str, value: Any, classes: int | None, count: int) -> tuple[IntArray, int]:
    """Class indices (N,) from indices or one-hot rows, and the number of classes K.

    K is `classes` where given, else the columns of one-hot rows, else the largest index + 1.

    Raises
    ------
    LabelError
        For columns (N, 1), floats, classes outside 0..K-1, counts that differ from `count`.
    """
    t = as_array(who, "t", value)
    if classes is None and t.ndim == 2 and t.shape[1] > 1:  # one column is refused below
        classes = t.shape[1]
    indices = checks.class_indices(who, t, classes, count)
    if classes is None:
        classes = _inferred(who, indices)
    return np.ascontiguousarray(indices, dtype=np.intp), classes


def _inferred(who: str, t: IntArray) -> int:
    if t.min() < 0:
        raise LabelError(f"{who}: class labels start at 0, got {t.min()}. Number them by np.unique.")
    classes = int(t.max()) + 1
    if classes > max(1000, len(t)):  # years or prices, whose one-hot rows would fill the memory
        raise LabelError(
            f"{who}: the labels reach {classes - 1} with {len(t)} samples. For numbers to predict give "
            f'task="regression"; for that many classes give classes={classes}.'
        )
    return classes


def regression_targets(who: str, value: Any, count: int, dtype: DTypeLike) -> Array:
    """Targets (N, M) of `dtype`; a vector (N,) becomes a column (N, 1), the shape that a network puts out.

    Raises
    ------
    LabelError
        If the number of targets is not `count`, or they have more than two axes.
    DataError
        If they are not numbers, or some are NaN or infinite.
    """
    t = as_array(who, "t", value)
    if t.dtype.kind not in "biuf":
        raise DataError(f"{who}: regression targets must be numbers, got {t.dtype}. Convert them: t.astype(float).")
    if t.ndim not in (1, 2) or t.size == 0:
        raise LabelError(f"{who}: regression targets must have shape (N,) or (N, M), got {t.shape}.")
    if len(t) != count:
        raise LabelError(f"{who}: {count} samples came with {len(t)} targets. Give each sample one.")
    with np.errstate(over="ignore"):
        t = np.ascontiguousarray(t.reshape(count, -1), dtype=dtype)
    checks.expect_finite(who, t, "t")
    return t


def sample_weights(who: str, value: Any, count: int) -> Array:
    """How often each sample counts (N,), in float64; they are finite, at least 0, and not all 0."""
    weights = np.array(numbers(who, "weights", value), np.float64)
    if weights.shape != (count,):
        raise ShapeError(f"{who}: weights must have shape ({count},), one for each sample, got {weights.shape}.")
    if not (np.isfinite(weights).all() and (weights >= 0).all() and weights.any()):
        raise DataError(f"{who}: weights must be finite, at least 0 and not all 0, got {came(weights)}.")
    return weights


def expect_class_names(who: str, names: Sequence[str] | None, classes: int | None) -> tuple[str, ...] | None:
    """`names` as a tuple with one name for each class."""
    if names is None:
        return None
    if classes is None:
        raise ArgumentError(f"{who}: class_names belong to classification, got task='regression'. Leave them out.")
    if isinstance(names, str) or len(names) != classes:
        raise ArgumentError(f"{who}: class_names must be {classes} names, one for each class, got {came(names)}.")
    made = tuple(str(name) for name in names)
    expect_different(who, made)
    return made
