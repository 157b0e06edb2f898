"""The confusion matrix as numbers: counts, their shares of a row, and how strongly each cell is coloured."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from pellucid.pictures import palette
from pellucid.typing import Array, IntArray

RIGHT, WRONG = palette.SEQUENTIAL[:-1], palette.ERRORS


class Confusion(NamedTuple):
    """Rows are true classes, columns predicted ones; the diagonal has one scale of colours, the mistakes another.

    Attributes
    ----------
    names : of the K classes
    counts : (K, K)
    shares : (K, K), of all samples of the row's class
    most_right, most_wrong : the largest share on the diagonal and beside it, where the two scales end
    """

    names: Sequence[str]
    counts: IntArray
    shares: Array
    most_right: float
    most_wrong: float

    @classmethod
    def of(cls, truth: IntArray, guess: IntArray, names: Sequence[str]) -> Confusion:
        """Count the pairs of true and predicted classes (N,)."""
        size = len(names)
        flat = truth.astype(np.int64) * size + guess.astype(np.int64)
        counts = np.bincount(flat, minlength=size * size).reshape(size, size)
        shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
        wrong = float((shares * (1 - np.eye(size))).max())
        return cls(names, counts, shares, float(shares.diagonal().max()) or 1.0, wrong or 1.0)

    def strength(self, t: int, p: int) -> float:
        """Return how far up its scale a cell is, from 0 to 1."""
        return float(self.shares[t, p] / (self.most_right if t == p else self.most_wrong))

    def is_dark(self, t: int, p: int) -> bool:
        """Whether a cell's number is white."""
        return t == p and self.strength(t, p) > 0.75
