"""Whether a derivative along one line is right, also where the line runs over kinks.

ReLU, maxima and |x| make f piecewise smooth. On a kink backward gives the slope of one piece, and differences a mean of
several, so that both may be right and disagree. What tells this from an error is an identity that holds across kinks:

    (f(s + h) − f(s − h)) / 2h  =  the mean over 0 ≤ u ≤ h of  m(u) = ½ (slope(s + u) + slope(s − u))

slope(s) being backward's at the point s of the line. So where a kink is the reason for a disagreement at s, backward
itself shows it: m(u) differs from slope(s) by at least as much. Where f is smooth, m(u) − slope(s) is O(h²), and the
disagreement is an error, unless the difference is no better known than that: it then changes with the step.

On a kink the question is put again a little to either side, where backward must agree: no place is forgiven, it is
judged beside. Nothing need be known of the layers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Literal, NamedTuple, TypeAlias

import numpy as np

from pellucid.numerical import best_step
from pellucid.typing import Array, IntArray

Outcome: TypeAlias = Literal["agrees", "kink", "unclear", "differs"]

STEP = best_step(np.float64)
FINER = (1, 1 / 8, 1 / 64, 1 / 512)
RADII = (1.0, 0.3, 0.6, 0.8, 0.45, 0.1)
"""Where m(u) is looked at, in steps."""

OTHER_STEPS = (0.5, 0.7, 1.5, 2.0)
"""With these, in steps, the difference must stay the same, or it is no better known than it changes."""

LOOSER = 10
"""How much more may a disagreement be that kinks explain: thousands of units move a large network's slope a little."""

BESIDE = (2.0, 5.0, 11.0, 23.0, 41.0)
"""Where the question is put again, in steps from the kink; more places than one, as there may be kinks there too."""


class Line(NamedTuple):
    """A straight way through an array: some of its places (flat), and how fast each moves."""

    array: Array
    places: IntArray
    speeds: Array

    @contextmanager
    def moved(self, s: float) -> Iterator[None]:
        """Move the array along, in place, and put it back exactly."""
        kept = self.array.flat[self.places]
        try:
            self.array.flat[self.places] = kept + s * self.speeds
            yield
        finally:
            self.array.flat[self.places] = kept

    def part(self, which: slice) -> Line:
        """Return the line that moves only some of the places."""
        return Line(self.array, self.places[which], self.speeds[which])

    def along(self, gradient: Array) -> float:
        """Return the slope that a gradient says this line has."""
        return float(np.vdot(gradient.flat[self.places], self.speeds))


class Comparison(NamedTuple):
    """A derivative of `backward` beside the one by differences."""

    analytic: float
    numerical: float
    error: float
    outcome: Outcome
    """"kink": judged beside a kink, and right there; "unclear": kinks so dense that nothing can be said."""

    @property
    def gap(self) -> float:
        """How far the two are apart."""
        return abs(self.analytic - self.numerical)


class Judge(NamedTuple):
    """Compares derivatives of f along lines through one array.

    The error is relative, |a − n| / max(|a| + |n|, noise / tolerance), so that a difference that rounding alone can
    make never fails: `rounding` is what it does to f, and noise = rounding / h.
    """

    f: Callable[[], float]
    gradient: Callable[[], Array]
    """Backward's for the array of the lines, at the point where everything lies now."""
    rounding: float
    tolerance: float

    def compare(self, line: Line, analytic: float) -> Comparison:
        """Compare at the point itself, where backward says `analytic`, or else on both sides of it."""
        h = STEP * max(1.0, float(np.sqrt(np.mean(line.array.flat[line.places] ** 2))))
        here = self._at(line, 0.0, h, analytic)
        if here.outcome != "unclear":
            return here
        worst = max((self._beside(line, way * h) for way in (1, -1)), key=severity)
        return worst._replace(outcome="kink") if worst.outcome == "agrees" else worst

    def _beside(self, line: Line, h: float) -> Comparison:
        """Compare at one place after the other, on the side that the sign of h says, until f is smooth there."""
        for k in BESIDE:
            seen = self._at(line, k * h, abs(h), self._slope(line, k * h))
            if seen.outcome != "unclear":
                break
        return seen

    def _at(self, line: Line, s: float, h: float, analytic: float) -> Comparison:
        """Compare at one place, with finer and finer steps while they explain more than rounding hides."""
        for step in (h * finer for finer in FINER):
            seen = self._look(line, s, step, analytic)
            if seen.outcome == "agrees" and step < h:
                return seen._replace(outcome="kink")
            if seen.outcome != "unclear" or self.rounding / step > seen.gap / 32:
                break
        return seen

    def _look(self, line: Line, s: float, h: float, analytic: float) -> Comparison:
        """Compare at one place with one step; "unclear" where something else than an error explains a disagreement."""
        numerical = self._difference(line, s, h)
        gap = abs(analytic - numerical)
        error = gap / max(abs(analytic) + abs(numerical), self.rounding / (h * self.tolerance))
        if error <= self.tolerance:
            return Comparison(analytic, numerical, error, "agrees")
        means = (0.5 * (self._slope(line, s + u * h) + self._slope(line, s - u * h)) for u in RADII)
        kink = any(abs(mean - analytic) >= 0.5 * gap for mean in means)
        if not kink and gap > 4 * max(abs(self._difference(line, s, k * h) - numerical) for k in OTHER_STEPS):
            return Comparison(analytic, numerical, error, "differs")
        return Comparison(analytic, numerical, error, "kink" if error <= LOOSER * self.tolerance else "unclear")

    def _difference(self, line: Line, s: float, h: float) -> float:
        """The central difference quotient at a place of the line."""
        with line.moved(s + h):
            above = self.f()
        with line.moved(s - h):
            below = self.f()
        return (above - below) / (2 * h)

    def _slope(self, line: Line, s: float) -> float:
        """Backward's slope at a place of the line."""
        with line.moved(s):
            return line.along(self.gradient())


def severity(found: Comparison) -> tuple[int, float]:
    """Order comparisons from good to bad."""
    order: tuple[Outcome, ...] = ("agrees", "kink", "unclear", "differs")
    return order.index(found.outcome), found.error
