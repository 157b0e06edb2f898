"""Class labels, their names, and shares of them on their way to a picture."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from pellucid import checks
from pellucid.arrays import as_array
from pellucid.errors import ArgumentError, LabelError
from pellucid.pictures import pixels
from pellucid.shown import came, shown
from pellucid.typing import Array, IntArray


def labels(who: str, values: Any, samples: int | None = None) -> IntArray:
    """True classes (N,), from indices or one-hot rows."""
    indices = checks.class_indices(who, values, samples=samples)
    if len(indices) and indices.min() < 0:
        raise LabelError(f"{who}: class labels must be 0 or more, got {int(indices.min())}.")
    return indices


def predicted(who: str, values: Any, samples: int | None = None) -> IntArray:
    """Predicted classes (N,), from indices or from the scores or probabilities of all classes (N, K)."""
    values = as_array(who, "predicted", values)
    if values.ndim == 2 and values.shape[1] > 1:
        values = pixels.numbers(who, "predicted", values).argmax(axis=1)
    return labels(f"{who} (predicted)", values, samples)


def names(who: str, class_names: Any, classes: Iterable[int]) -> dict[int, str]:
    """A name for each of `classes`; its number where no names are given."""
    wanted = sorted({int(k) for k in classes})
    given = name_list(who, class_names)
    if given is None:
        return {k: str(k) for k in wanted}
    if wanted and len(given) <= wanted[-1]:
        raise ArgumentError(
            f"{who}: class_names must name {wanted[-1] + 1} classes, got {len(given)}. Name every class."
        )
    return {k: given[k] for k in wanted}


def name_list(who: str, class_names: Any) -> list[str] | None:
    """The names of the classes in order, or None."""
    if isinstance(class_names, (str, Mapping)):
        raise ArgumentError(f"{who}: class_names must be a list of names in order, got {came(class_names)}.")
    if class_names is None:
        return None
    try:
        return [shown(name) for name in class_names]
    except Exception:  # TypeError for what holds nothing, but an object's own words may fail in any way
        raise ArgumentError(f"{who}: class_names must be a list of names in order, got {came(class_names)}.") from None


def worst_first(truth: IntArray, chances: Array) -> IntArray:
    """The indices of the wrong samples, by the probability that their true class was given."""
    wrong = np.flatnonzero(chances.argmax(axis=1) != truth)
    return wrong[np.argsort(chances[wrong, truth[wrong]], kind="stable")]


def percent(share: float) -> str:
    """A share in per cent, short; only 0 and 1 themselves are called 0% and 100%."""
    if 0 < share < 0.00001:
        return "<0.001%"
    if 0 < share < 0.01:
        return f"{100 * share:.1g}%"
    return ">99%" if 0.995 <= share < 1 else f"{100 * share:.0f}%"
