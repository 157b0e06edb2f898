"""The book's two convolutional networks. Saito, "Deep Learning from Scratch", chapters 7 and 8."""

from __future__ import annotations

from pellucid.checked import checked
from pellucid.initializers import Gaussian
from pellucid.layers import Affine, Conv2D, Dropout, Flatten, Layer, MaxPool2D, ReLU, Sequential
from pellucid.typing import Shape


@checked
def simple_conv_net(seed: int = 0, *, input_shape: Shape = (28, 28, 1), classes: int = 10) -> Sequential:
    """Convolution 30 of 5x5 → ReLU → pooling → 100 → ReLU → 10: chapter 7, 433,890 parameters, weights 0.01·normal.

    Examples
    --------
    >>> network = pl.models.simple_conv_net()
    >>> network.size, network.output_shape
    (433890, (10,))
    """
    begin = Gaussian(0.01)
    return Sequential(
        [
            Conv2D(30, 5, weight=begin, name="Conv1"),
            ReLU(name="Relu1"),
            MaxPool2D(2, name="Pool1"),
            Flatten(),
            Affine(100, weight=begin, name="Affine1"),
            ReLU(name="Relu2"),
            Affine(classes, weight=begin, name="Affine2"),
        ],
        input_shape=input_shape,
        seed=seed,
    )


@checked
def deep_conv_net(seed: int = 0, *, input_shape: Shape = (28, 28, 1), classes: int = 10) -> Sequential:
    """Six convolutions of 3x3 in pairs, each pair pooled, then 50 and 10: chapter 8, 123,552 parameters, He weights.

    The book's dropout on the scores is left out: it keeps the training loss near 1 and gains nothing.

    Examples
    --------
    >>> network = pl.models.deep_conv_net()
    >>> network.size, network.output_shape
    (123552, (10,))
    """
    layers: list[Layer] = []  # type: ignore[type-arg]
    for filters, paddings in ((16, (1, 1)), (32, (1, 2)), (64, (1, 1))):
        for padding in paddings:
            layers += [Conv2D(filters, 3, padding=padding), ReLU()]
        layers.append(MaxPool2D(2))
    layers += [Flatten(), Affine(50), ReLU(), Dropout(0.5), Affine(classes)]
    return Sequential(layers, input_shape=input_shape, seed=seed)
