"""One colour scale for many pictures: from 0 up where nothing is negative, symmetric about 0 elsewhere."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from pellucid.pictures import palette
from pellucid.typing import Array

# Per cent of the values that a robust scale must hold: a few far ones would turn all others pale.
OUTLIERS = 99.5
PHOTOGRAPH = 64  # pixels of the shorter side, from which an image is no small drawing


class Scale(NamedTuple):
    """The values at both ends; `signed` chooses the two-sided colours; `clipped`: some lie beyond."""

    low: float
    high: float
    signed: bool
    clipped: bool = False

    @classmethod
    def of(cls, values: Array, *, signed: bool | None = None, robust: bool = False) -> Scale:
        """Return the scale that holds all values; two-sided if any is negative, or on request.

        `robust`: where the largest is over 1.5 times as large as nearly all, the scale ends at those.
        """
        sizes = np.abs(values).astype(np.float64)
        far = float(sizes.max()) or 1.0
        near = float(np.percentile(sizes, OUTLIERS)) if robust else far
        clipped = 0 < 1.5 * near < far
        high = near if clipped else far
        both = bool((values < 0).any()) if signed is None else signed
        return cls(-high if both else 0.0, high, both, clipped)

    @classmethod
    def of_map(cls, values: Array, *, signed: bool | None = None) -> Scale:
        """Return the scale of maps (…, H, W); of photographs a robust one, as a few of many pixels lie far out."""
        return cls.of(values, signed=signed, robust=min(values.shape[-2:]) >= PHOTOGRAPH)

    @property
    def reach(self) -> str:
        """What stands below a picture that has no colour bar: `±0.63`, or `0 – 0.63`, and whether some lie beyond."""
        return f"{'±' if self.signed else '0 – '}{self.high:.2g}{', few beyond' * self.clipped}"

    @property
    def ends(self) -> str:
        """Which ends of a colour bar some values lie beyond: "neither", "max" or "both"."""
        return "neither" if not self.clipped else "both" if self.signed else "max"

    @property
    def colours(self) -> tuple[str, ...]:
        """The colours of numbers: blue from 0 up, or blue below and orange above."""
        return palette.DIVERGING if self.signed else palette.SEQUENTIAL

    @property
    def evidence(self) -> tuple[str, ...]:
        """The colours of an explanation: orange speaks for what is explained, blue against it."""
        return palette.DIVERGING if self.signed else palette.EVIDENCE

    def drawn(self, values: Array, colours: tuple[str, ...]) -> Array:
        """Return values (H, W) as bytes (H, W, 3); what is missing is paper."""
        known = np.nan_to_num(values, nan=0.0 if self.signed else self.low)
        return palette.through(colours, (known - self.low) / (self.high - self.low))
