"""A measure of a method: one number for each image, beside the same numbers for controls; mean, error and verdict."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from pellucid.checked import checked_late
from pellucid.typing import Array, Arrays, Config

BEYOND = 2.0
"""Standard errors from which a difference counts."""

EQUAL = 1e-9
"""Differences up to here are rounding."""


@checked_late
class Estimate(NamedTuple):
    """A mean over images with its standard error (0 where there is one image).

    Examples
    --------
    >>> from pellucid.explain import evaluate
    >>> print(evaluate.Estimate(0.5, 0.01))
    0.500 ± 0.010
    """

    mean: float
    error: float

    def __str__(self) -> str:
        return f"{self.mean:.3f} ± {self.error:.3f}"


def estimate(values: Array) -> Estimate:
    """Return mean and standard error over images (N,)."""
    values = np.asarray(values, np.float64)
    error = float(values.std(ddof=1) / np.sqrt(len(values))) if len(values) > 1 else 0.0
    return Estimate(float(values.mean()), error)


@checked_late
@dataclass(frozen=True, eq=False)
class Measure:
    """What a check measured.

    Attributes
    ----------
    name : of the check
    method : in words
    values : (N,) one for each image
    better : "lower" or "higher"
    controls : the same measure of maps that know nothing of the network, (N,) each: "random", "edges", …
    settings : the options of the check

    Examples
    --------
    >>> from pellucid.explain import evaluate
    >>> controls = {"random": np.array([0.5, 0.6, 0.55])}
    >>> measure = evaluate.Measure("deletion", "mine", np.array([0.1, 0.2, 0.12]), "lower", controls)
    >>> round(measure.mean, 2), measure.verdict()
    (0.14, 'passes')
    """

    name: str
    method: str
    values: Array
    better: str
    controls: Arrays = field(default_factory=dict)
    settings: Config = field(default_factory=dict)

    @property
    def mean(self) -> float:
        """The mean over images."""
        return self.estimate.mean

    @property
    def error(self) -> float:
        """Its standard error."""
        return self.estimate.error

    @property
    def estimate(self) -> Estimate:
        """Mean and standard error."""
        return estimate(self.values)

    def lead(self, control: str) -> Estimate:
        """Return by how much the method is better than a control, image by image: above 0 is better."""
        difference = np.asarray(self.values - self.controls[control], np.float64)
        return estimate(-difference if self.better == "lower" else difference)

    def verdict(self) -> str:
        """Return "passes" where every control is beaten by more than two standard errors, "fails" where one equals the
        method or beats it by as much, and "open" where the images do not decide. Without controls it is "none".
        """
        leads = [self.lead(name) for name in self.controls]
        if not leads:
            return "none"
        if any(lead.mean + BEYOND * lead.error <= EQUAL for lead in leads):
            return "fails"
        return "passes" if all(lead.mean > BEYOND * lead.error for lead in leads) else "open"

    def __str__(self) -> str:
        lines = [f"{self.name} ({self.better} is better), {len(self.values)} images"]
        lines.append(table({self.method: self.values, **self.controls}))
        return "\n".join(lines)


def table(columns: Mapping[str, Array]) -> str:
    """Return one line for each name: mean ± standard error."""
    width = max(map(len, columns))
    return "\n".join(f"  {name:<{width}}  {estimate(values)}" for name, values in columns.items())
