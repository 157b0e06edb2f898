"""Weights brought into panels, as `tile.sweep` reads them: 32 columns each, the last of 16 if that is enough."""

from __future__ import annotations

from typing import NamedTuple

from pellucid.kernels.jit import inner
from pellucid.kernels.vectors.simd import LANES, load_some, store

PANEL = 2 * LANES


class Panels(NamedTuple):
    """The panels of a matrix (rows, columns), at an address."""

    at: int
    rows: int
    columns: int


@inner
def in_panels(source, step, low, high, panels):
    """Rows low … high − 1 of a matrix → their places in its panels.

    `source` is the address of row `low`; rows lie `step` bytes apart and are read straight on.
    """
    for r in range(low, high):
        for c in range(0, panels.columns, LANES):
            first, left = c // PANEL * PANEL, panels.columns - c
            width = PANEL if panels.columns - first > LANES else LANES
            store(panels.at + (first * panels.rows + r * width + c - first) * 4, load_some(source + c * 4, left))
        source += step
