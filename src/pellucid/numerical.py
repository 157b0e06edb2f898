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


class Slopes(NamedTuple):
    """The one-sided difference quotients ahead of a point and behind it."""

    ahead: float
    behind: float

    @property
    def central(self) -> float:
        """The central difference quotient."""
        return 0.5 * (self.ahead + self.behind)

    @property
    def gap(self) -> float:
        """How far the two sides disagree: O(h) where f is smooth, of the order of the slope across a kink."""
        return abs(self.ahead - self.behind)


class Line(NamedTuple):
    """A straight way through an array: some of its places (flat), and how fast each moves."""

    array: Array
    places: IntArray
    speeds: Array

    def slopes(self, f: Callable[[], float], here: float, h: float) -> Slopes:
        """Return the slopes of f along the line, where f reads the array and is `here` now."""
        kept = self.array.flat[self.places]
        try:
            self.array.flat[self.places] = kept + h * self.speeds
            above = f()
            self.array.flat[self.places] = kept - h * self.speeds
            below = f()
        finally:
            self.array.flat[self.places] = kept
        return Slopes((above - here) / h, (here - below) / h)

    def half(self, part: slice) -> Line:
        """Return the line that moves only some of the places."""
        return Line(self.array, self.places[part], self.speeds[part])


class Comparison(NamedTuple):
    """A derivative of `backward` beside the one by differences."""

    analytic: float
    numerical: float
    error: float
    outcome: Literal["agrees", "kink", "differs"]


class Judge(NamedTuple):
    """Decides whether a derivative along a line is right.

    The error is relative, |a − n| / max(|a| + |n|, noise / tolerance), so that a difference that rounding
    alone can make never fails: `rounding` is what it does to f, and noise = rounding / h.
    """

    f: Callable[[], float]
    here: float
    rounding: float
    tolerance: float

    def error(self, analytic: float, numerical: float, h: float) -> float:
        """Return the relative error of a derivative."""
        noise = self.rounding / h
        return abs(analytic - numerical) / max(abs(analytic) + abs(numerical), noise / self.tolerance)

    def compare(self, line: Line, analytic: float) -> Comparison:
        """Compare at the best step; on disagreement look whether a kink is the reason."""
        h = best_step(np.float64)
        if len(line.places) == 1:
            h *= max(1.0, abs(float(line.array.flat[line.places][0])))
        slopes = line.slopes(self.f, self.here, h)
        error = self.error(analytic, slopes.central, h)
        if error <= self.tolerance:
            return Comparison(analytic, slopes.central, error, "agrees")
        kink = self._at_kink(line, analytic, slopes, h)
        return Comparison(analytic, slopes.central, error, "kink" if kink else "differs")

    def _at_kink(self, line: Line, analytic: float, slopes: Slopes, h: float) -> bool:
        """Whether the sides disagree so much that it explains the error, and finer steps say the same.

        Beside a kink, a finer step stays on one side and agrees. On one (a tie in a maximum, a zero under a
        ReLU), the two sides keep their distance however fine the step, and any slope between them is right.
        Along a line through several ties the slopes need not enclose it: there nothing can be said.
        """
        if slopes.gap < 0.1 * abs(analytic - slopes.central):
            return False
        finer = slopes
        for _ in range(2):
            h /= 16
            finer = line.slopes(self.f, self.here, h)
            if self.error(analytic, finer.central, h) <= self.tolerance:
                return True
        slack = 2 * self.rounding / h + self.tolerance * (abs(finer.ahead) + abs(finer.behind))
        between = min(finer) - slack <= analytic <= max(finer) + slack
        return finer.gap > max(0.5 * slopes.gap, slack) and (between or len(line.places) > 1)
