"""Class labels and their names on their way to a picture."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from pellucid import checks
from pellucid.arrays import as_array
from pellucid.errors import ArgumentError, LabelError
from pellucid.plots import pixels
from pellucid.shown import came, shown
from pellucid.typing import IntArray


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
