"""Rows that are equal, taken together: a sample that stands twice is one of weight 2.

So weights *are* repeats, to the last bit, whatever the batches; the order of the rows does not matter; no repeat of a
row that is learnt can be among those held out; and what is oversampled or drawn with replacement costs no more time.

Rows are told apart by a sum of their bits with fixed random factors, modulo 2⁶⁴, which is the same in any order and
whether zeros are stored or not. Two rows of one sum are compared before they are taken for equal. The sums give the
order, too.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from pellucid.typing import Array, IntArray

_BLOCK = 1 << 20
"""Numbers whose bits are summed at once, so that little memory is taken."""


def merged(x: Any, t: Array, weights: Array | None) -> tuple[Any, Array, Array | None]:
    """Return the different rows of x (N, D) and targets t in the order of their sums, and what each weighs.

    x is an array or a sparse matrix by rows, of float32. The weights are None where all are equal.
    """
    if not (isinstance(x, np.ndarray) or x.has_canonical_format):
        x = x.copy()  # the caller's stays as it is
        x.sum_duplicates()
    kept = None if weights is None or weights.all() else np.flatnonzero(weights)
    if kept is not None and weights is not None:
        x, t, weights = x[kept], t[kept], weights[kept]
    targets = np.ascontiguousarray(t.reshape(len(t), -1))
    marks = _sums(x, seed=1) + _sums(targets.view(np.uint32).reshape(len(t), -1), seed=2)
    order = np.argsort(marks, kind="stable")
    after = 1 + np.flatnonzero(marks[order[1:]] == marks[order[:-1]])  # those that may repeat the row before them
    pairs = order[after], order[after - 1]
    again = after[_equal(x, *pairs) & _equal(targets, *pairs)]
    first = np.delete(np.arange(len(t)), again)
    counts = np.ones(len(t)) if weights is None else weights[order]
    summed = np.add.reduceat(counts, first)
    equal = (summed == summed[0]).all()
    return x[order[first]], t[order[first]], None if equal else summed


def _sums(x: Any, seed: int) -> Array:
    """Σ_j a_j · bits(x_nj) modulo 2⁶⁴ (N,): a zero adds nothing."""
    factors = np.random.default_rng(seed).integers(1 << 63, dtype=np.uint64, size=x.shape[1]) * 2 + 1
    if not isinstance(x, np.ndarray):
        bits = type(x)((_bits(x.data), x.indices, x.indptr), shape=x.shape)
        return np.asarray(bits @ factors)
    rows = max(1, _BLOCK // x.shape[1])
    return np.concatenate([_bits(x[i : i + rows]) @ factors for i in range(0, len(x), rows)])


def _bits(x: Array) -> Array:
    x = x if x.dtype == np.uint32 else (x + np.float32(0)).view(np.uint32)  # −0 and 0 are one number
    return x.astype(np.uint64)


def _equal(x: Any, a: IntArray, b: IntArray) -> Array:
    """Whether the rows a and b of x are equal, pair by pair."""
    if isinstance(x, np.ndarray):
        return np.asarray((x[a] == x[b]).all(axis=1))
    return np.asarray((x[a] != x[b]).sum(axis=1) == 0).ravel()
