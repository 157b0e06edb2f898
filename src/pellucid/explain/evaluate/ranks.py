"""Ranks: rank correlation of maps, and the order in which pixels are removed. No tie is left to chance."""

from __future__ import annotations

import numpy as np

from pellucid.typing import Array, IntArray


def ranks(values: Array) -> Array:
    """Return the rank of each of some numbers (P,), from 1; equal numbers share the mean of their ranks."""
    _, place, counts = np.unique(values, return_inverse=True, return_counts=True)
    return np.asarray((np.cumsum(counts) - (counts - 1) / 2)[place])


def spearman(a: Array, b: Array) -> Array:
    """Return the rank correlation of each row of a with that row of b (N, P).

    A row without any difference has no ranks: beside another such row it counts as equal, 1, beside any other as 0.
    """
    return np.array([_correlation(ranks(i), ranks(j)) for i, j in zip(a, b, strict=True)])


def pearson(a: Array, b: Array) -> Array:
    """Return the correlation of each row of a with that row of b (N, P); rows without differences as in `spearman`."""
    return np.array([_correlation(i, j) for i, j in zip(a, b, strict=True)])


def _correlation(a: Array, b: Array) -> float:
    a, b = a - a.mean(dtype=np.float64), b - b.mean(dtype=np.float64)
    spread_a, spread_b = float(np.sqrt(a @ a)), float(np.sqrt(b @ b))
    tiny = np.finfo(np.float64).tiny
    if spread_a <= tiny or spread_b <= tiny:
        return float(spread_a <= tiny and spread_b <= tiny)
    return float(np.clip((a / spread_a) @ (b / spread_b), -1, 1))


def descending(values: Array, seed: int = 0) -> IntArray:
    """Return the places (N, P) of each row's numbers, the largest first.

    Equal ones come in a shuffled order, the same for every row: in reading order a map of zeros would begin at the top.
    """
    places = values.shape[1]
    shuffled = np.random.default_rng(seed).permutation(places)
    return shuffled[np.argsort(-values[:, shuffled], axis=1, kind="stable")]
