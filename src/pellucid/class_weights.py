"""Class weights as users give them: "balanced", a dict of some classes, or a number for each class."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeAlias

import numpy as np

from pellucid.errors import ArgumentError, LabelError, ShapeError
from pellucid.shown import came
from pellucid.typing import Array, ArrayLike, IntArray

ClassWeights: TypeAlias = "str | Mapping[Any, float] | ArrayLike"
FORMS = 'Give "balanced", {class: weight} such as {0: 1.0, 3: 5.0}, or one weight for each class.'


def read_weights(who: str, given: Any) -> str | dict[int, float] | Array:
    """Return weights in the form in which they came, checked as far as they can be without the data."""
    if isinstance(given, str):
        if given != "balanced":
            raise ArgumentError(f"{who}: class_weights must not be {came(given)}. {FORMS}")
        return given
    if isinstance(given, Mapping):
        try:  # whole numbers, which JSON writes as text
            named = {int(str(key)): float(value) for key, value in given.items()}
        except (TypeError, ValueError):
            raise ArgumentError(f"{who}: class_weights must map class indices to numbers, got {came(given)}.") from None
        _expect_weights(who, np.array([*named.values()]))
        return named
    try:
        weights = np.asarray(given, np.float64)
    except Exception:  # TypeError or ValueError most often, but an array's maker may raise anything
        raise ArgumentError(f"{who}: class_weights must be numbers, got {came(given)}. {FORMS}") from None
    if weights.ndim != 1:
        raise ShapeError(f"{who}: class_weights must have shape (K,), got {weights.shape}. {FORMS}")
    _expect_weights(who, weights)
    if not weights.any():
        raise ArgumentError(f"{who}: class_weights are all 0, so that no sample counts. Give one class more.")
    return weights.copy()


def array_of_weights(who: str, weights: str | dict[int, float] | Array, t: IntArray, classes: int) -> Array:
    """Return the weights (K,) for class indices t (N,); LabelError where they leave no sample that counts."""
    if isinstance(weights, str):
        counts = np.bincount(t, minlength=classes)
        occur = counts > 0
        made = np.where(occur, len(t) / (max(1, occur.sum()) * np.maximum(counts, 1)), 1.0)
    elif isinstance(weights, dict):
        strange = [k for k in weights if not 0 <= k < classes]
        if strange:
            raise ArgumentError(f"{who}: class_weights names class {strange[0]}; the classes are 0..{classes - 1}.")
        made = np.array([weights.get(k, 1.0) for k in range(classes)])
    else:
        made = weights
    if len(t) and made.shape == (classes,) and not made[t].any():
        raise LabelError(f"{who}: class_weights are 0 for every class that occurs, so that no sample counts.")
    return made


def weights_config(weights: Any) -> Any:
    """Return weights in a form fit for JSON."""
    if isinstance(weights, dict):
        return {str(k): v for k, v in weights.items()}  # JSON has no other keys
    return weights.tolist() if isinstance(weights, np.ndarray) else weights


def _expect_weights(who: str, weights: Array) -> None:
    if not (np.isfinite(weights).all() and (weights >= 0).all()):
        raise ArgumentError(f"{who}: class_weights must be finite and at least 0, got {weights.tolist()}.")
