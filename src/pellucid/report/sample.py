"""An image that was chosen to be explained."""

from __future__ import annotations

from typing import NamedTuple

from pellucid.checked import checked_late
from pellucid.typing import Array


@checked_late
class Sample(NamedTuple):
    """One image in the shape that the network takes, its name, its class where known, what was done to it."""

    name: str
    x: Array
    truth: int | None = None
    notes: tuple[str, ...] = ()
