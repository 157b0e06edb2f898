"""Augmentation: training images changed at random where the class stays the same, each time they are drawn."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import numpy as np

from pellucid import checks
from pellucid.checked import checked, checked_late
from pellucid.typing import Array

Augment: TypeAlias = Callable[[Array, np.random.Generator], Array]
"""(x (N, ...), rng) → new samples of the same shape and dtype; x stays as it was."""


class RandomShift:
    """Each image moved by 0 … `pixels` whole pixels up or down and left or right, all moves equally likely.

    What enters at the edge is `fill`, the background; what leaves is lost.

    Examples
    --------
    >>> shift = pl.data.RandomShift(1)
    >>> shift(np.ones((100, 28, 28, 1), np.float32), np.random.default_rng(0)).shape
    (100, 28, 28, 1)
    """

    @checked
    def __init__(self, pixels: int = 1, fill: float = 0.0) -> None:
        self.pixels = checks.size("RandomShift", "pixels", pixels)
        self.fill = fill

    @checked_late
    def __call__(self, x: Array, rng: np.random.Generator) -> Array:
        """Images (N, H, W, C) → (N, H, W, C)."""
        checks.expect_rank("RandomShift", x, 4, "N, H, W, C")
        n, h, w, c = x.shape
        p = self.pixels
        framed = np.full((n, h + 2 * p, w + 2 * p, c), self.fill, x.dtype)
        framed[:, p : p + h, p : p + w] = x
        corners = rng.integers(0, 2 * p + 1, (n, 2)).tolist()
        return np.stack([image[i : i + h, j : j + w] for image, (i, j) in zip(framed, corners, strict=True)])

    def __repr__(self) -> str:
        return f"RandomShift({self.pixels})" if self.fill == 0 else f"RandomShift({self.pixels}, fill={self.fill})"
