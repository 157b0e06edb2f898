"""What is evaluated: any callable (network, x, target) that gives an Explanation or an array, brought to one form."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple, TypeAlias

import numpy as np

from pellucid import checks
from pellucid.arrays import numbers
from pellucid.errors import ShapeError
from pellucid.explain.catalogue import Method
from pellucid.explain.machinery.room import outputs_of
from pellucid.explain.resize import bilinear
from pellucid.explain.result import Explanation
from pellucid.explain.target import Contrast, Filter, Function, Question, Scalar, Unit
from pellucid.typing import Array, ArrayLike, IntArray

Explainer: TypeAlias = "Callable[[Any, Array, Any], Explanation | ArrayLike]"
"""(network, x, target) → Explanation, or values (N, H, W, C), (N, H, W) or (N, D). Options go in by `partial`."""

ROWS = 512
"""Inputs that go through a network at once."""


class Asked(NamedTuple):
    """A question with its classes settled on the clean inputs, whatever is done to the inputs or the network later."""

    question: Question
    scalar: Scalar
    target: Any
    y: Array

    @property
    def network(self) -> Any:
        """What methods are asked about: behind its door, so that all pictures have their channels last."""
        return self.question.model

    def values(self, x: Array, rows: IntArray) -> Array:
        """Return the number explained at inputs x, batch by batch; row i of x belongs to sample `rows[i]`."""
        return self.scalar.values(outputs_of(self.question.network, x, ROWS), rows)

    @property
    def clean(self) -> Array:
        """The number explained (N,) at the clean inputs."""
        return self.scalar.values(self.y)


def settle(who: str, network: Any, x: ArrayLike, target: Any, scalar: str) -> Asked:
    """Check network and inputs, and settle "predicted" as the classes predicted for the clean inputs."""
    question = Question(who, network, x, target, scalar)
    y = outputs_of(question.network, question.x)
    number = question.scalar(y)
    settled = target if isinstance(target, (Contrast, Filter, Function, Unit)) else number.classes
    return Asked(question, number, settled, y)


def attributions(who: str, method: Explainer, network: Any, x: Array, target: Any) -> Array:
    """Return what a method says of x, in float64 and at the size of the inputs: (N, H, W, C or 1), or (N, D)."""
    given = method(network, x, target)
    values = numbers(who, "the map", given.values if isinstance(given, Explanation) else given, np.float64)
    if x.ndim == 4 and values.shape == x.shape[:3]:
        values = values[..., None]
    if x.ndim != values.ndim or len(values) != len(x) or (x.ndim != 4 and values.shape != x.shape):
        raise ShapeError(
            f"{who}: the method must give values for x {x.shape}: (N, H, W, C), (N, H, W) or (N, D), "
            f"got {values.shape}."
        )
    checks.expect_finite(who, values, "what the method gives")
    if x.ndim == 4:
        if values.shape[3] not in (1, x.shape[3]):
            values = values.sum(axis=3, keepdims=True)
        if values.shape[1:3] != x.shape[1:3]:
            values = bilinear(values, x.shape[1], x.shape[2])
    return values


def maps(values: Array) -> Array:
    """Return one number for each place: channels are summed, (N, H, W) from (N, H, W, C); (N, D) stays."""
    return np.asarray(values.sum(axis=3)) if values.ndim == 4 else values


def rows(values: Array) -> Array:
    """Return the values of each sample as one row (N, P)."""
    return values.reshape(len(values), -1)


def name_of(method: Explainer) -> str:
    """Return how the catalogue calls a method, or its name with its options: "saliency(rule='guided')"."""
    if isinstance(method, Method):
        return method.label
    if isinstance(method, partial):
        options = [*map(repr, method.args), *(f"{key}={value!r}" for key, value in method.keywords.items())]
        return f"{name_of(method.func)}({', '.join(options)})"
    return str(getattr(method, "__name__", type(method).__name__))
