"""How a vector is drawn: as the square image that was laid flat, or, where it is short, as a strip of its numbers."""

from __future__ import annotations

import math

LONGEST = 64
"""Numbers of a strip: columns of a table, which no one takes for an image."""


def picture_shape(size: int) -> tuple[int, int] | None:
    """Return (H, W) of the picture of a vector; None where it is too long for a strip and no square."""
    side = math.isqrt(size)
    if side * side == size:
        return side, side
    return (1, size) if size <= LONGEST else None
