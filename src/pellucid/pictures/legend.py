"""The legend of a map whose colours are classes: which occur, how often, and which are named."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from pellucid.pictures import palette
from pellucid.typing import IntArray


class Entry(NamedTuple):
    """One class of a legend: its number, its name, and how often it occurs; without a number, the sum of the rest."""

    number: int | None
    name: str
    places: int

    @property
    def text(self) -> str:
        """What stands beside its colour."""
        return f"{self.name}: {self.places:,}"

    @property
    def colour(self) -> str:
        """Its colour; the rest has none."""
        return "" if self.number is None else palette.of_class(self.number)


def entries(counts: IntArray, names: Sequence[str]) -> tuple[Entry, ...]:
    """Return the classes that occur, the most frequent first."""
    order = np.argsort(-counts, kind="stable")
    return tuple(Entry(int(k), names[k], int(counts[k])) for k in order if counts[k])


def listed(every: Sequence[Entry], most: int) -> list[Entry]:
    """Return as many lines as fit; where they are too few for all, the last one sums up the rest."""
    if len(every) <= most:
        return list(every)
    rest = every[most - 1 :]
    return [*every[: most - 1], Entry(None, f"{len(rest)} more", sum(entry.places for entry in rest))]
