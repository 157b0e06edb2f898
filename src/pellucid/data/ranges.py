"""Between which numbers samples lie: those far from what a network learnt mean something else to it."""

from __future__ import annotations

from pellucid.errors import DataError
from pellucid.specs import InputSpec
from pellucid.typing import Array

FAR = 10
"""Features may lie so many times the range that was learnt beside it; pixels once."""


def expect_near(label: str, x: Array, spec: InputSpec) -> None:
    """Raise DataError where numbers lie far outside those learnt, or reach 1 where pixels reached 255."""
    if spec.low is None or spec.high is None:
        return
    low, high = float(x.min()), float(x.max())
    pixels = spec.kind in ("digits", "images") or len(spec.shape) > 1 or spec.size >= 64
    begin, end = (spec.low, spec.high) if spec.white is None else (0.0, spec.white)
    room = (end - begin or abs(end) or 1.0) * (1 if pixels else FAR)
    unsigned = pixels and x.dtype.kind == "u" and spec.low < 0 < high  # bytes, where pixels were moved about 0
    if low < begin - room or high > end + room or unsigned:
        bytes_ = spec.white == 1 and low >= 0 and 1 < high <= 255
        remedy = "Write x / 255." if bytes_ else "Scale it as the training data were."
        raise DataError(
            f"{label}: holds numbers from {low:g} to {high:g}, the network learnt from {spec.low:g} to {spec.high:g}. "
            f"{remedy}"
        )
    if pixels and spec.white == 255 and 0 < high <= 1 and x.dtype.kind == "f":
        raise DataError(f"{label}: reaches {high:g}, the network learnt from 0 to {spec.high:g}. Write x * 255.")
