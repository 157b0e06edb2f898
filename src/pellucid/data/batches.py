"""Batches drawn from arrays: gathered by index, in shuffled epochs, or at random."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeAlias

import numpy as np

from pellucid import checks
from pellucid.errors import ArgumentError, DataError, ShapeError
from pellucid.shown import came
from pellucid.typing import Array, IntArray

Batch: TypeAlias = tuple[Array, Array]
"""Samples (N, ...) and their targets."""

_BLOCK_BYTES = 1 << 20  # small batches are gathered many at a time: one call of `take` for about 1 MiB


def take(x: Array, t: Array, indices: IntArray, out: Batch | None = None) -> Batch:
    """The samples at valid `indices`, written into the first rows of `out` where it is given."""
    # mode="clip" changes nothing for valid indices, but lets NumPy write into `out` directly, where
    # mode="raise" goes through a copy.
    if out is None:
        return x.take(indices, axis=0, mode="clip"), t.take(indices, axis=0, mode="clip")
    count = len(indices)
    x_out, t_out = out[0][:count], out[1][:count]
    if len(x_out) < count or x_out.dtype != x.dtype or t_out.dtype != t.dtype or x_out.shape[1:] != x.shape[1:]:
        raise ShapeError(
            f"Dataset: out holds {out[0].dtype} {out[0].shape} and {out[1].dtype} {out[1].shape}, "
            f"{count} samples of {x.dtype} {x.shape[1:]} were asked for. Make it with buffers({count})."
        )
    x.take(indices, axis=0, out=x_out, mode="clip")
    t.take(indices, axis=0, out=t_out, mode="clip")
    return x_out, t_out


def shuffled(x: Array, t: Array, size: int, order: IntArray) -> Iterator[Batch]:
    """Batches of `size` samples in the given order; the last one holds what remains."""
    block = size * max(1, _BLOCK_BYTES // (size * x[0].nbytes))
    for start in range(0, len(order), block):
        x_block, t_block = take(x, t, order[start : start + block])
        for i in range(0, len(x_block), size):
            yield x_block[i : i + size], t_block[i : i + size]


def valid_indices(who: str, indices: IntArray, count: int, *, negative: bool = False) -> IntArray:
    """`indices` (n,) if all lie in 0..count-1; with `negative`, -1 means the last one, as in a list.

    Raises
    ------
    ShapeError, ArgumentError, DataError
        If they are not whole numbers, not in range, or none at all.
    """
    if indices.size == 0:
        raise DataError(f"{who}: no samples were selected. Give at least one index.")
    if indices.ndim != 1 or indices.dtype.kind not in "iu":
        raise ShapeError(f"{who}: indices must be whole numbers of shape (n,), got {indices.dtype} {indices.shape}.")
    low, high = int(indices.min()), int(indices.max())
    lowest = -count if negative else 0
    if low < lowest or high >= count:
        wrong = low if low < lowest else high
        raise ArgumentError(f"{who}: indices must lie in {lowest}..{count - 1}, got {wrong}.")
    return np.where(indices < 0, indices + count, indices) if low < 0 else indices


def valid_size(who: str, batch_size: int, count: int) -> int:
    """`batch_size` as an int of 1 to `count`; ArgumentError otherwise."""
    size = checks.size(who, "batch_size", batch_size)
    if size > count:
        raise ArgumentError(f"{who}: batch_size must be at most {count}, the number of samples, got {size}.")
    return size


def generator(who: str, rng: object) -> np.random.Generator:
    """`rng` if it is a Generator; a seed would shuffle every epoch alike, so it is refused."""
    if not isinstance(rng, np.random.Generator):
        raise ArgumentError(
            f"{who}: rng must be a numpy.random.Generator, got {came(rng)}. "
            "Make one before the loop: rng = np.random.default_rng(0)."
        )
    return rng
