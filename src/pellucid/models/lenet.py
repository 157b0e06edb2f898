"""LeNet-5, the network that read cheques."""

from __future__ import annotations

from pellucid.checked import checked
from pellucid.initializers import LeCun
from pellucid.layers import Affine, AveragePool2D, Conv2D, Flatten, Sequential, Tanh
from pellucid.typing import Shape


@checked
def lenet5(seed: int = 0, *, input_shape: Shape = (28, 28, 1), classes: int = 10) -> Sequential:
    """Convolutions 6, 16 and 120 of 5x5 with average pooling between, then 84 and 10; tanh: 61,706 parameters.

    LeCun, Bottou, Bengio & Haffner (1998), "Gradient-based learning applied to document recognition", §II.B, with
    what has become usual: every filter sees every channel, pooling has no weights, and softmax ends it.

    Examples
    --------
    >>> network = pl.models.lenet5()
    >>> network.size, network.output_shape
    (61706, (10,))
    """
    begin = LeCun()
    return Sequential(
        [
            Conv2D(6, 5, padding=2, weight=begin, name="C1"),
            Tanh(),
            AveragePool2D(2, name="S2"),
            Conv2D(16, 5, weight=begin, name="C3"),
            Tanh(),
            AveragePool2D(2, name="S4"),
            Conv2D(120, 5, weight=begin, name="C5"),
            Tanh(),
            Flatten(),
            Affine(84, weight=begin, name="F6"),
            Tanh(),
            Affine(classes, weight=begin, name="output"),
        ],
        input_shape=input_shape,
        seed=seed,
    )
