"""Samples of several shapes brought together as NumPy broadcasts arrays; the batch axis stays the first.

(N, H, W, C) and (N, C) are samples (H, W, C) and (C,): the second becomes (N, 1, 1, C).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from pellucid.errors import ShapeError
from pellucid.typing import Array, Shape


def broadcast_shape(label: str, shapes: Sequence[Shape], what: str = "its inputs") -> Shape:
    """Return the shape of samples that are joined; raise ShapeError where they cannot be."""
    try:
        return np.broadcast_shapes(*map(tuple, shapes))
    except ValueError:
        raise ShapeError(
            f"{label}: {what} must have one shape, or shapes that broadcast, got {' and '.join(map(str, shapes))}. "
            "Bring them together, for example with Conv2D(filters, 1, stride=...)."
        ) from None


def aligned(x: Array, axes: int) -> Array:
    """Return x (N, …) with axes of length 1 behind the first, so that a sample has `axes` of them."""
    return x.reshape(len(x), *(1,) * (axes + 1 - x.ndim), *x.shape[1:])


def summed_to(dy: Array, shape: Shape) -> Array:
    """Return dy summed over the axes along which an array (N, …) of `shape` was repeated."""
    wide = (shape[0], *(1,) * (dy.ndim - len(shape)), *shape[1:])
    repeated = tuple(axis for axis in range(1, dy.ndim) if wide[axis] != dy.shape[axis])
    return dy.sum(axis=repeated).reshape(shape) if repeated else dy.reshape(shape)
