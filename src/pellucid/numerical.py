"""Derivatives by differences: slow, simple, and independent of every `backward`.

The step balances two errors: the formula is off by about h², rounding by about ε/h, so h ~ ε^(1/3), which is
6e-6 in float64, and leaves about ten correct digits.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, Literal, NamedTuple

import numpy as np

from pellucid import checks
from pellucid.errors import ArgumentError
from pellucid.typing import Array, ArrayLike, DTypeLike, IntArray


def best_step(dtype: DTypeLike) -> float:
    """Return ε^(1/3), the step for values around 1."""
    return math.cbrt(float(np.finfo(dtype).eps))


def numerical_gradient(f: Callable[[Array], Any], x: ArrayLike, h: float | None = None) -> Array:
    """Return ∂f/∂x by central differences, one element at a time: (f(x + h eᵢ) − f(x − h eᵢ)) / 2h.

    Parameters
    ----------
    f : function of an array that returns one number
        It is given x. It may also ignore its argument and read a floating-point x where it lies, as a network
        reads its weights: x is changed in place, and put back exactly, also when f raises.
    x : array of any shape
        Integers are computed with as float64 (their array is not written to; f is given a copy).
    h : float, optional
        The step. Left out, ε^(1/3) · max(1, |xᵢ|) for the precision of x.

    Returns
    -------
    float64 array of the shape of x
    """
    if h is not None:
        checks.expect_positive("numerical_gradient", "h", h)
    x = _writable(x)
    gradient = np.zeros(x.shape)
    step = best_step(x.dtype)
    for index in np.ndindex(x.shape):
        kept = x[index]
        width = step * max(1.0, abs(float(kept))) if h is None else h
        try:
            x[index] = kept + width
            high, above = float(x[index]), _number(f(x))
            x[index] = kept - width
            low, below = float(x[index]), _number(f(x))
        finally:
            x[index] = kept
        if high == low:
            raise ArgumentError(f"numerical_gradient: h={h} is lost beside x[{index}] = {kept}. Leave h out.")
        gradient[index] = (above - below) / (high - low)  # the step as it was rounded
    return gradient


def _writable(x: ArrayLike) -> Array:
    """Return x itself where it can be stepped in place, else a float64 copy."""
    x = np.asarray(x)
    if x.dtype.kind not in "fiub":
        raise ArgumentError(f"numerical_gradient: x must hold real numbers, got {x.dtype}.")
    if x.dtype.kind == "f" and x.flags.writeable:
        return x
    return x.astype(np.float64)


def _number(value: Any) -> float:
    value = np.asarray(value)
    if value.size != 1:
        raise ArgumentError(f"numerical_gradient: f must return one number, got shape {value.shape}.")
    return float(value.reshape(()))
