"""The verdict of a gradient check, and the table that shows what it rests on."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pellucid.shown import shown
from pellucid.typing import Shape


@dataclass(frozen=True)
class Row:
    """The check of one gradient."""

    name: str
    shape: Shape
    checked: int
    kinks: int
    direction_error: float
    """Of the slope along a random direction; NaN where the direction runs into a kink."""
    error: float
    """The largest relative error of a coordinate, which is the one at `index`."""
    index: tuple[int, ...] | None
    """None where only the direction disagrees, and no coordinate could be found guilty."""
    analytic: float
    numerical: float
    passed: bool
    vanishing: bool
    """Whether the gradient is no larger than rounding (a bias in front of a normalisation): a weak test."""


@dataclass(frozen=True, repr=False)
class GradientReport:
    """The verdict, and what it rests on. `str(report)` is a table."""

    subject: str
    train: bool
    samples: int
    tolerance: float
    rows: tuple[Row, ...]
    problems: tuple[str, ...]
    """What is wrong besides values: missing gradients, wrong shapes or dtypes, results that do not repeat."""

    @property
    def passed(self) -> bool:
        """Whether every gradient is right."""
        return not self.problems and all(row.passed for row in self.rows)

    @property
    def worst(self) -> Row | None:
        """The row with the largest error, a failed one before any other."""
        return max(self.rows, key=lambda row: (not row.passed, row.error), default=None)

    @property
    def kinks(self) -> int:
        """How many places lay on a kink of ReLU or a maximum, where the derivative is not one number."""
        return sum(row.kinks for row in self.rows)

    def __str__(self) -> str:
        mode = "training" if self.train else "evaluation"
        verdict = "passed" if self.passed else "FAILED"
        lines = [f"Gradients of {self.subject}, {mode} mode, {self.samples} samples, float64: {verdict}"]
        lines += [f"problem: {problem}" for problem in self.problems]
        if self.rows:
            lines += _table(self.rows)
        if self.worst is not None:
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
    direction = "kink" if np.isnan(row.direction_error) else f"{row.direction_error:.1e}"
    verdict = "WRONG" if not row.passed else "ok (zero but for rounding)" if row.vanishing else "ok"
    return row.name, str(row.shape), str(row.checked), str(row.kinks), direction, f"{row.error:.1e}", verdict


def _place(row: Row) -> str:
    along = f"{row.name} along a random direction"
    where = along if row.index is None else f"{row.name}[{', '.join(map(str, row.index))}]"
    values = f"backward {row.analytic:.9g}, differences {row.numerical:.9g}"
    return f"{where}: {values}, relative error {row.error:.1e}"
