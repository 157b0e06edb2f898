"""One colour scale for many pictures: from 0 up where nothing is negative, symmetric about 0 elsewhere."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from pellucid.plots import grid, style
from pellucid.typing import Array

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Per cent of the values that a robust scale must hold: a few far ones would turn all others pale.
OUTLIERS = 99.5


class Scale(NamedTuple):
    """The values at both ends; `signed` chooses the two-sided colours; `clipped`: some lie beyond."""

    low: float
    high: float
    signed: bool
    clipped: bool = False

    @classmethod
    def of(cls, values: Array, *, signed: bool | None = None, robust: bool = False) -> Scale:
        """The scale that holds all values; two-sided if any is negative, or on request.

        `robust`: where the largest is over 1.5 times as large as nearly all, the scale ends at those.
        """
        sizes = np.abs(values).astype(np.float64)
        far = float(sizes.max()) or 1.0
        near = float(np.percentile(sizes, OUTLIERS)) if robust else far
        clipped = 0 < 1.5 * near < far
        high = near if clipped else far
        both = bool((values < 0).any()) if signed is None else signed
        return cls(-high if both else 0.0, high, both, clipped)

    def draw(self, fig: Figure, axes: Sequence[Axes], pictures: Sequence[Array]) -> None:
        """Draw pictures (H, W) on this scale, each on its axes, and the colour bar beside them."""
        colours = style.colour_map(style.DIVERGING if self.signed else style.SEQUENTIAL)
        for place, picture in zip(axes, pictures, strict=True):
            drawn = place.imshow(picture, cmap=colours, vmin=self.low, vmax=self.high, aspect="auto")
        extend = "neither" if not self.clipped else "both" if self.signed else "max"
        grid.colour_bar(fig, axes, drawn, extend)
