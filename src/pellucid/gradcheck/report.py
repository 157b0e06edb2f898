"""The verdict of a gradient check, and the table that shows what it rests on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from pellucid.checked import checked_late
from pellucid.shown import shown
from pellucid.typing import Shape


@checked_late
@dataclass(frozen=True)
class Row:
    """The check of one gradient.

    Examples
    --------
    >>> report = pl.check_gradients(pl.Affine(2), np.random.default_rng(0).standard_normal((4, 3)))
    >>> report.rows[0].name, report.rows[0].passed
    ('x', True)
    """

    name: str
    shape: Shape
    checked: int
    """How many coordinates were judged."""
    kinks: int
    """How many of them lie on a kink or within a step of one, and were judged beside it."""
    left_out: int
    """How many more were looked at, where kinks lie so dense that nothing can be said."""
    direction_error: float
    """Of the slopes along directions that move every element; NaN where nothing can be said of one."""
    error: float
    """The largest relative error of a coordinate, which is the one at `index`."""
    index: tuple[int, ...] | None
    """None where only a direction disagrees, and no coordinate could be found guilty."""
    analytic: float
    numerical: float
    passed: bool
    """Whether nothing disagrees."""
    vanishing: bool
    """Whether the gradient is no larger than rounding (a bias in front of a normalisation): a weak test."""
    doubt: str = ""
    """Why agreement says nothing, and what to do; empty where it says something."""


@checked_late
@dataclass(frozen=True, repr=False)
class GradientReport:
    """The verdict, and what it rests on. `str(report)` is a table.

    Examples
    --------
    >>> report = pl.check_gradients(pl.Affine(2), np.random.default_rng(0).standard_normal((4, 3)))
    >>> [row.name for row in report.rows], report.passed, report.kinks
    (['x', 'W', 'b'], True, 0)
    """

    subject: str
    train: bool
    samples: int
    tolerance: float
    rows: tuple[Row, ...]
    problems: tuple[str, ...]
    """What is wrong besides values: missing gradients, wrong shapes or dtypes, results that do not repeat."""

    @property
    def verdict(self) -> Literal["passed", "failed", "inconclusive"]:
        """Whether a gradient is wrong, or none is, or (inconclusive) one could be without being seen."""
        if self.problems or not all(row.passed for row in self.rows):
            return "failed"
        return "inconclusive" if any(row.doubt for row in self.rows) else "passed"

    @property
    def passed(self) -> bool:
        """Whether every gradient is right, as far as the check sees; False also where it is inconclusive."""
        return self.verdict == "passed"

    @property
    def worst(self) -> Row | None:
        """The row with the largest error, a failed one before any other."""
        return max(self.rows, key=lambda row: (not row.passed, row.error), default=None)

    @property
    def checked(self) -> int:
        """How many coordinates were judged."""
        return sum(row.checked for row in self.rows)

    @property
    def kinks(self) -> int:
        """How many of them lie on a kink of ReLU or a maximum, and were judged beside it."""
        return sum(row.kinks for row in self.rows)

    @property
    def left_out(self) -> int:
        """How many coordinates were looked at in vain, because kinks lie too dense there."""
        return sum(row.left_out for row in self.rows)

    def __str__(self) -> str:
        mode = "training" if self.train else "evaluation"
        verdict = self.verdict if self.verdict != "failed" else "FAILED"
        lines = [f"Gradients of {self.subject}, {mode} mode, {self.samples} samples, float64: {verdict}"]
        lines += [f"problem: {problem}" for problem in self.problems]
        lines += [f"inconclusive: {row.doubt}" for row in self.rows if row.doubt]
        if self.rows:
            lines += _table(self.rows)
        if self.worst is not None:
            beside = f", {self.kinks} of them beside a kink" if self.kinks else ""
            lines.append(f"{self.checked} coordinates checked{beside}, {self.left_out} left out because of kinks")
            lines.append(f"worst: {_place(self.worst)} (tolerance {self.tolerance:.0e})")
        return "\n".join(map(shown, lines))

    __repr__ = __str__


def _table(rows: tuple[Row, ...]) -> list[str]:
    cells = [("gradient", "shape", "checked", "kinks", "direction", "worst", "verdict")]
    cells += [_cells(row) for row in rows]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    align = (str.ljust, str.ljust, str.rjust, str.rjust, str.rjust, str.rjust, str.ljust)
    return ["  ".join(a(c, w) for a, c, w in zip(align, row, widths, strict=True)).rstrip() for row in cells]


def _cells(row: Row) -> tuple[str, str, str, str, str, str, str]:
    direction = "kinks" if np.isnan(row.direction_error) else f"{row.direction_error:.1e}"
    verdict = "ok (zero but for rounding)" if row.vanishing else "ok"
    if row.doubt or not row.passed:
        verdict = "inconclusive" if row.passed else "WRONG"
    return row.name, str(row.shape), str(row.checked), str(row.kinks), direction, f"{row.error:.1e}", verdict


def _place(row: Row) -> str:
    along = f"{row.name} along a direction"
    where = along if row.index is None else f"{row.name}[{', '.join(map(str, row.index))}]"
    values = f"backward {row.analytic:.9g}, differences {row.numerical:.9g}"
    return f"{where}: {values}, relative error {row.error:.1e}"
