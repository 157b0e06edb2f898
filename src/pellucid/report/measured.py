"""What a network was measured on: data with their classes, the pictures of them, and what the network said."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from pellucid.data import Dataset
from pellucid.layers import Container
from pellucid.losses import LossLike
from pellucid.pictures import pixels
from pellucid.report.confusion import confusion
from pellucid.specs import pictures_of
from pellucid.training import predict_proba
from pellucid.typing import Array


class Measured(NamedTuple):
    """Data in the shape that the network takes, bytes of their pictures, and the probabilities (N, K) it gave."""

    data: Dataset
    pictures: Array
    chances: Array
    part: str

    @classmethod
    def of(cls, network: Container[Any], data: Dataset, loss: LossLike | None, part: str) -> Measured:
        """Ask the network about all of the data."""
        shown = pixels.shown_images("report", pictures_of(data.x, network.inputs))
        return cls(data, pixels.as_bytes(shown), predict_proba(network, data.x, loss=loss), part)

    def words(self) -> dict[str, str]:
        """Return how much of it is right."""
        right = int((self.chances.argmax(axis=1) == np.asarray(self.data.t)).sum())
        count = len(self.data)
        return {"accuracy": f"{right / count:.2%}", "right": f"{right:,}", "count": f"{count:,}"}

    def confusion(self, names: list[str]) -> tuple[dict[str, Any] | None, str]:
        """Return the table of what is taken for what; or None, and why there is none."""
        found = confusion(self.pictures, np.asarray(self.data.t), self.chances, names, self.part)
        return found, f"{len(names):,} classes are too many to show."


def class_names(network: Container[Any], data: Dataset | None) -> list[str]:
    """Return what the classes are called: in the data, else as the network says, else by their numbers."""
    named = data.class_names if data is not None else None
    if named is None and network.inputs is not None:
        named = network.inputs.class_names
    known = list(named or ())
    count = max((network.output_shape or (1,))[-1], 2)
    return known + [str(k) for k in range(len(known), count)]
