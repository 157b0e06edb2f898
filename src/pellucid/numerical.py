"""Derivatives by differences: slow, simple, and independent of every `backward`.

The step balances two errors: the formula is off by about h², rounding by about ε/h, so h ~ ε^(1/3), which is
6e-6 in float64, and leaves about ten correct digits.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from pellucid import arrays, checks
from pellucid.checked import checked_late
from pellucid.errors import ArgumentError
from pellucid.shown import came
from pellucid.typing import Array, ArrayLike, DTypeLike


def best_step(dtype: DTypeLike) -> float:
    """Return ε^(1/3), the step for values around 1."""
    return math.cbrt(float(np.finfo(dtype).eps))


@checked_late
def numerical_gradient(f: Callable[[Array], Any], x: ArrayLike, h: float | None = None) -> Array:
    """Return ∂f/∂x by central differences, one element at a time: (f(x + h eᵢ) − f(x − h eᵢ)) / 2h.

    Parameters
    ----------
    f : function of an array that returns one real number
        It is given x, which it must not change. It may also ignore its argument and read x where it lies, as a network
        reads its weights: a writable floating-point x is stepped in place, and put back bit for bit, also when f
        raises. In place of integers, and of a read-only array, f is given a float64 copy, and must use it.
    x : array of any shape
    h : float, optional
        The step. Left out, ε^(1/3) · max(1, |xᵢ|): 6e-6 where x is float64, 5e-3 in float32, 0.1 in float16. Where f
        returns a number of a lower precision than that of x, its ε counts. A function that computes in float32 and
        returns a Python float cannot be known from outside: give it h=5e-3.

    Returns
    -------
    float64 array of the shape of x

    Raises
    ------
    ArgumentError
        If x does not hold real numbers, if f returns anything but one finite real number or changes x, or if a step is
        lost beside a large number.

    Examples
    --------
    >>> pl.numerical_gradient(lambda x: (x**2).sum(), [3, 4]).round(6)
    array([6., 8.])
    """
    if h is not None:
        checks.expect_positive("numerical_gradient", "h", h)
    x = _writable(x)
    gradient = np.zeros(x.shape)
    kept = x.copy()
    try:
        step = _step(f, x) if h is None and x.size else 0.0
        for index in np.ndindex(x.shape):
            gradient[index] = _slope(f, x, index, h or step * max(1.0, abs(float(x[index]))))
        if x.tobytes() != kept.tobytes():
            raise ArgumentError("numerical_gradient: f changes x. Let it compute with x.copy().")
    finally:
        x[...] = kept
    return gradient


def _writable(x: ArrayLike) -> Array:
    """Return x itself where it can be stepped in place, else a copy."""
    x = arrays.as_array("numerical_gradient", "x", x)
    if x.dtype.kind not in "fiub":
        raise ArgumentError(f"numerical_gradient: x must hold real numbers, got {x.dtype}.")
    checks.expect_finite("numerical_gradient", x)
    return x if x.dtype.kind == "f" and x.flags.writeable else x.astype(np.float64)


def _step(f: Callable[[Array], Any], x: Array) -> float:
    """Return the step for the coarser of the precisions of x and f(x)."""
    try:
        value = f(x)
    except TypeError as error:  # such as float, which takes no array
        raise ArgumentError(f"numerical_gradient: f must take {came(x)}; it raised TypeError: {error}.") from error
    dtype = np.asarray(value).dtype
    return max(best_step(d) for d in (x.dtype, dtype) if d.kind == "f")


def _slope(f: Callable[[Array], Any], x: Array, index: tuple[int, ...], width: float) -> float:
    """Return the difference quotient in one element, by the step as it was rounded."""
    kept = x[index]
    with np.errstate(over="ignore"):
        high, low = x.dtype.type(kept + width), x.dtype.type(kept - width)
    distance = float(high) - float(low)
    if not 0 < distance < math.inf:
        raise ArgumentError(
            f"numerical_gradient: the step {width:g} is lost beside {_place(index)} = {kept}. Scale x, or leave h out."
        )
    try:
        x[index] = high
        above = _number(f(x), x, index)
        x[index] = low
        below = _number(f(x), x, index)
    finally:
        x[index] = kept
    return (above - below) / distance


def _place(index: tuple[int, ...]) -> str:
    return f"x[{', '.join(map(str, index)) or '()'}]"


def _number(value: Any, x: Array, index: tuple[int, ...]) -> float:
    """Return what f gave as a float."""
    array = np.asarray(value)
    if array.size != 1:
        raise ArgumentError(f"numerical_gradient: f must return one number, got shape {array.shape}.")
    if array.dtype.kind not in "fiubO":
        raise ArgumentError(f"numerical_gradient: f must return a real number, got {array.dtype}.")
    try:
        number = float(array.reshape(())[()])
    except (TypeError, ValueError):
        raise ArgumentError(f"numerical_gradient: f must return a real number, got {came(value)}.") from None
    if not math.isfinite(number):
        raise ArgumentError(f"numerical_gradient: f returns {number} where {_place(index)} = {x[index]}.")
    return number
