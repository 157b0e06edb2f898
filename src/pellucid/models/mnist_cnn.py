"""The CNN of the Keras tutorials for MNIST: 1,199,882 parameters, under its layers' names there."""

from __future__ import annotations

from pellucid.checked import checked
from pellucid.initializers import Xavier
from pellucid.layers import Affine, Conv2D, Dropout, Flatten, MaxPool2D, ReLU, Sequential
from pellucid.typing import Shape


@checked
def mnist_cnn(seed: int = 0, *, input_shape: Shape = (28, 28, 1), classes: int = 10) -> Sequential:
    """Two convolutions, pooling, dropout, a dense layer of 128, dropout, and ten scores named `preds`.

    Weights begin as Keras draws them, Glorot's uniform law. The softmax is the loss's: `predict_proba` gives the
    probabilities that Keras' last layer gives.

    Examples
    --------
    >>> network = pl.models.mnist_cnn()
    >>> network.size, [layer.name for layer in network.layers][-1]
    (1199882, 'preds')
    """
    begin = Xavier("uniform")
    return Sequential(
        [
            Conv2D(32, 3, weight=begin, name="conv2d_1"),
            ReLU(name="conv2d_1_relu"),
            Conv2D(64, 3, weight=begin, name="conv2d_2"),
            ReLU(name="conv2d_2_relu"),
            MaxPool2D(2, name="max_pooling2d_1"),
            Dropout(0.25, name="dropout_1"),
            Flatten(name="flatten_1"),
            Affine(128, weight=begin, name="dense_1"),
            ReLU(name="dense_1_relu"),
            Dropout(0.5, name="dropout_2"),
            Affine(classes, weight=begin, name="preds"),
        ],
        input_shape=input_shape,
        seed=seed,
    )
