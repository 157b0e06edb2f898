"""A convolutional network with one convolution and one pooling layer, whose feature maps can be looked at."""

from __future__ import annotations

from typing import Any

import numpy as np

from pellucid import checks
from pellucid.arrays import numbers
from pellucid.checked import checked
from pellucid.initializers import Uniform
from pellucid.layers import Affine, Conv2D, Flatten, Layer, MaxPool2D, ReLU, Sequential, Sigmoid, Tanh
from pellucid.losses import SoftmaxCrossEntropy
from pellucid.typing import Array, ArrayLike, DTypeLike, Shape

ACTIVATIONS: dict[str, type[Layer[Any]]] = {"sigmoid": Sigmoid, "tanh": Tanh, "relu": ReLU}


class SimpleCNN:
    """Convolution → activation → 2x2 max-pooling → hidden layer → activation → scores, softmax in the loss.

    Parameters
    ----------
    filters : int, default=10
    kernel_size : int, default=5
    activation : {"tanh", "sigmoid", "relu"}
    hidden_size : int, default=128
    seed : int, default=0
        Every weight begins uniform in ±1/√fan_in.

    Attributes
    ----------
    network : Sequential
        Layers "convolution", "activation", "pooling", "flatten", "hidden", "hidden_activation", "scores".

    Examples
    --------
    >>> net = pl.SimpleCNN(filters=4, input_shape=(12, 12, 1))
    >>> net.predict(np.zeros((2, 12, 12, 1))).shape
    (2, 10)
    >>> convolved, pooled = net.feature_maps(np.zeros((12, 12, 1)))
    >>> convolved.shape, pooled.shape
    ((8, 8, 4), (4, 4, 4))
    """

    @checked
    def __init__(
        self,
        filters: int = 10,
        kernel_size: int = 5,
        *,
        activation: str = "tanh",
        hidden_size: int = 128,
        classes: int = 10,
        input_shape: Shape = (28, 28, 1),
        seed: int = 0,
        dtype: DTypeLike = np.float32,
    ) -> None:
        checks.expect_known("SimpleCNN", "activation", activation, ACTIVATIONS)
        begin, f = Uniform(), ACTIVATIONS[activation]
        self.network = Sequential(
            [
                Conv2D(filters, kernel_size, weight=begin, name="convolution"),
                f(name="activation"),
                MaxPool2D(2, name="pooling"),
                Flatten(name="flatten"),
                Affine(hidden_size, weight=begin, name="hidden"),
                f(name="hidden_activation"),
                Affine(classes, weight=begin, name="scores"),
            ],
            input_shape=input_shape,
            seed=seed,
            dtype=dtype,
        )

    @checked
    def predict(self, x: ArrayLike) -> Array:
        """Return class probabilities (N, K) for images (N, H, W, C)."""
        return SoftmaxCrossEntropy().probabilities(self.network(x))

    @checked
    def feature_maps(self, image: ArrayLike) -> tuple[Array, Array]:
        """Return what each filter makes of one image (H, W, C): after convolution and activation, and after pooling."""
        _, tape = self.network.forward(numbers("SimpleCNN", "image", image)[None])
        outputs = {step.name: step.output[0] for step in tape}
        return outputs["activation"], outputs["pooling"]
