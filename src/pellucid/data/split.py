"""Which samples go to the one part and which to the other."""

from __future__ import annotations

import numpy as np

from pellucid.errors import ArgumentError
from pellucid.shown import came
from pellucid.typing import IntArray


def split_indices(
    who: str, count: int, labels: IntArray | None, fraction: float, rng: np.random.Generator
) -> tuple[IntArray, IntArray]:
    """Indices of the two parts, each shuffled; the first holds `fraction` of the `count` samples, rounded.

    With `labels` every class is divided in that proportion, to within one sample.

    Raises
    ------
    ArgumentError
        If a part would be empty.
    """
    if not 0 < fraction < 1:
        raise ArgumentError(
            f"{who}: fraction must lie between 0 and 1, got {came(fraction)}. 0.8 puts 80 % in the first part."
        )
    wanted = round(fraction * count)
    if wanted in (0, count):
        raise ArgumentError(
            f"{who}: a fraction of {fraction} leaves one part of {count} samples empty. Choose it nearer 0.5."
        )
    order = rng.permutation(count)
    if labels is None:
        return order[:wanted], order[wanted:]
    first = np.zeros(count, dtype=bool)
    shuffled = labels[order]
    by_class = np.argsort(shuffled, kind="stable")  # within a class the shuffled order remains
    sizes = np.bincount(shuffled)
    starts = np.cumsum(sizes) - sizes
    for start, take in zip(starts, _quotas(sizes, fraction, wanted), strict=True):
        first[by_class[start : start + take]] = True
    return order[first], order[~first]


def _quotas(sizes: IntArray, fraction: float, wanted: int) -> IntArray:
    """How many of each class, summing to `wanted`: rounded down, then the largest remainders get one more."""
    exact = sizes * fraction
    quotas: IntArray = np.floor(exact).astype(np.intp)
    largest = np.argsort(quotas - exact, kind="stable")
    quotas[largest[: wanted - int(quotas.sum())]] += 1
    return quotas
