"""What users hand over as samples, made into one array of floats, or refused with the reason."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from pellucid import arrays, checks
from pellucid.errors import DataError, ShapeError
from pellucid.typing import Array, DTypeLike


class ScaleWarning(UserWarning):
    """Numbers of a scale that hinders learning: pixels of 0–255, or large ones that float32 cannot tell apart.

    Examples
    --------
    >>> import warnings
    >>> with warnings.catch_warnings(record=True) as caught:
    ...     warnings.simplefilter("always")
    ...     data = pl.Dataset(np.full((2, 8, 8, 1), 255), [0, 1])
    >>> caught[0].category is pl.data.ScaleWarning
    True
    """


def samples(who: str, value: Any, dtype: DTypeLike) -> Array:
    """Samples (N, ...) as a C-ordered array of `dtype`; no copy is made where they are that already.

    Raises
    ------
    ShapeError
        If there is no batch axis.
    DataError
        If there are no samples, they are not numbers, or some are NaN or infinite.
    """
    x = arrays.numbers(who, "x", value)
    if x.ndim < 2:
        raise ShapeError(
            f"{who}: x must have shape (N, ...), got {x.shape}. One sample is x[None], one feature is x[:, None]."
        )
    if x.size == 0:
        raise DataError(f"{who}: x is empty, its shape is {x.shape}. Give at least one sample of at least one value.")
    with np.errstate(over="ignore"):  # what float32 cannot hold becomes infinite, which the next line reports
        converted = np.ascontiguousarray(x, dtype=dtype)
    checks.expect_finite(who, converted)
    return converted


def warn_about_scale(who: str, given: Any, x: Array) -> None:
    """Warn where `x` looks like unscaled pixels: no value below 0, none above 255, and some above 127.

    Only what may be pictures is looked at: samples with axes, `uint8`, or 64 features and more. A table whose
    columns are ages and prices is none of it.
    """
    pixels = getattr(given, "dtype", None) == np.uint8
    if not (pixels or x.ndim > 2 or math.prod(x.shape[1:]) >= 64):
        return
    top = float(x.max())
    if (2 if pixels else 127) < top <= 255 and x.min() >= 0:
        checks.warn(
            f"{who}: x reaches {top:g}, as pixels of 0–255 do; networks learn best from 0–1. Write x / 255.",
            ScaleWarning,
        )


def warn_about_rounding(who: str, x: Array, name: Callable[[int], str], remedy: str) -> None:
    """Warn where the dtype of `x` (N, D) has few steps between a column's ends: what differs there became equal.

    A column that is one number throughout says nothing, unless that number is so large that it may have been several.
    """
    low, high = x.min(axis=0).astype(np.float64), x.max(axis=0).astype(np.float64)
    step = np.maximum(np.abs(low), np.abs(high)) * np.finfo(x.dtype).eps
    for i in np.flatnonzero((high - low < 256 * step) & ((high > low) | (step >= 2)))[:1]:
        count = round((high[i] - low[i]) / step[i]) + 1
        checks.warn(
            f"{who}: {name(i)} lies between {low[i]:.9g} and {high[i]:.9g}, where {x.dtype} tells only about {count} "
            f"numbers apart. {remedy}",
            ScaleWarning,
        )
