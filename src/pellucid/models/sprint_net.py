"""The network of the sprint: small enough for a few seconds, large enough for 99 %."""

from __future__ import annotations

from pellucid.layers import Affine, Conv2D, Flatten, MaxPool2D, ReLU, Sequential
from pellucid.typing import Shape


def sprint_net(seed: int = 0, input_shape: Shape = (28, 28, 1), classes: int = 10) -> Sequential:
    """Convolutions 16 of 5x5 and 32 of 3x3, each with ReLU and pooling, then 128 and the scores.

    Network and schedule were chosen on 10,000 held-out training images (docs/decisions/0010-the-sprint.md).
    """
    return Sequential(
        [
            Conv2D(16, 5, name="conv1"),
            ReLU(),
            MaxPool2D(2),
            Conv2D(32, 3, name="conv2"),
            ReLU(),
            MaxPool2D(2),
            Flatten(),
            Affine(128),
            ReLU(),
            Affine(classes),
        ],
        input_shape=input_shape,
        seed=seed,
    )
