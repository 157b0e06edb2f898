"""A small residual network."""

from __future__ import annotations

from typing import Any

from pellucid.checked import checked
from pellucid.layers import Affine, BatchNorm, Conv2D, GlobalAveragePool2D, Layer, ReLU, Residual, Sequential
from pellucid.typing import Shape


@checked
def small_resnet(seed: int = 0, *, input_shape: Shape = (28, 28, 1), classes: int = 10) -> Sequential:
    """A stem of 16 filters, three residual blocks of 16, 32 and 64, the means of the channels, ten scores.

    He, Zhang, Ren & Sun (2016), arXiv:1512.03385: figure 2, with projections where the shape changes.

    Examples
    --------
    >>> network = pl.models.small_resnet(classes=4, input_shape=(16, 16, 3))
    >>> network.output_shape
    (4,)
    """
    return Sequential(
        [
            Conv2D(16, 3, padding="same", bias=False, name="stem"),
            BatchNorm(),
            ReLU(),
            _block(16, 1),
            ReLU(),
            _block(32, 2),
            ReLU(),
            _block(64, 2),
            ReLU(),
            GlobalAveragePool2D(),
            Affine(classes),
        ],
        input_shape=input_shape,
        seed=seed,
    )


def _block(filters: int, stride: int) -> Residual:
    """Two convolutions with batch normalisation, beside the input itself or a 1x1 projection of it."""
    branch: list[Layer[Any]] = [
        Conv2D(filters, 3, stride=stride, padding="same", bias=False),
        BatchNorm(),
        ReLU(),
        Conv2D(filters, 3, padding="same", bias=False),
        BatchNorm(),
    ]
    if stride == 1:
        return Residual(branch)
    return Residual(branch, [Conv2D(filters, 1, stride=stride, bias=False), BatchNorm()])
