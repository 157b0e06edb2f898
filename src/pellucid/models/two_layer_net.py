"""The book's two-layer network, trained by backpropagation.

Saito, "Deep Learning from Scratch", chapter 5: Affine → ReLU → Affine, softmax with cross-entropy last.
"""

from __future__ import annotations

from collections import OrderedDict

import numpy as np

from pellucid.checked import checked
from pellucid.initializers import Gaussian
from pellucid.layers import Affine, Layer, Parameters, ReLU, Sequential
from pellucid.losses import SoftmaxCrossEntropy
from pellucid.numerical import numerical_gradient
from pellucid.typing import Array, ArrayLike, Arrays, DTypeLike


class TwoLayerNet:
    """A classifier with one hidden layer.

    Parameters
    ----------
    input_size, hidden_size, output_size : int
    weight_init_std : float, default=0.01
        The weights begin normal with this standard deviation, the biases at zero.
    seed : int, default=0

    Attributes
    ----------
    params : dict with W1 (D, H), b1 (H,), W2 (H, K), b2 (K,)
        Writing `params["W1"] -= step` trains the network: the layers share these arrays.
    layers : ordered dict with Affine1, Relu1, Affine2
    network : Sequential
        The same layers, for `fit`, `save` and every explanation.

    Examples
    --------
    >>> net = pl.TwoLayerNet(784, 50, 10)
    >>> x, t = np.random.default_rng(0).random((100, 784)), np.arange(100) % 10
    >>> grads = net.gradient(x, t)
    >>> for key in ("W1", "b1", "W2", "b2"):
    ...     net.params[key] -= 0.1 * grads[key]
    >>> round(net.loss(x, t), 1)  # ln 10 = 2.3: no digit is known yet
    2.3
    """

    @checked
    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        output_size: int,
        weight_init_std: float = 0.01,
        *,
        seed: int = 0,
        dtype: DTypeLike = np.float32,
    ) -> None:
        weight = Gaussian(weight_init_std)
        self.network = Sequential(
            [
                Affine(hidden_size, weight=weight, name="Affine1"),
                ReLU(name="Relu1"),
                Affine(output_size, weight=weight, name="Affine2"),
            ],
            input_shape=(input_size,),
            seed=seed,
            dtype=dtype,
        )
        self.layers: OrderedDict[str, Layer] = OrderedDict(self.network.named_layers())  # type: ignore[type-arg]
        self.last_layer = SoftmaxCrossEntropy()
        self.params = Parameters({short: self.network.params[full] for short, full in _NAMES.items()})

    @checked
    def predict(self, x: ArrayLike) -> Array:
        """Return the scores (N, K), before softmax."""
        return self.network(x)

    @checked
    def loss(self, x: ArrayLike, t: ArrayLike) -> float:
        """Return the mean cross-entropy; t holds one-hot rows or class indices."""
        return self.last_layer.forward(self.predict(x), t)[0]

    @checked
    def accuracy(self, x: ArrayLike, t: ArrayLike) -> float:
        """Return the share of the samples whose largest score is the true class."""
        scores = self.predict(x)
        truth = self.last_layer.targets(t, len(scores), scores.shape[1])
        return float((scores.argmax(axis=1) == truth).mean())

    @checked
    def gradient(self, x: ArrayLike, t: ArrayLike) -> Arrays:
        """Return the gradients of `loss` by backpropagation, named as `params`."""
        scores, tape = self.network.forward(x, train=True)
        _, cache = self.last_layer.forward(scores, t)
        _, grads = self.network.backward(self.last_layer.backward(cache), tape, need_dx=False)
        return {short: grads[full] for short, full in _NAMES.items()}

    @checked
    def numerical_gradient(self, x: ArrayLike, t: ArrayLike) -> Arrays:
        """Return the gradients of `loss` by central differences: slow, and the judge of `gradient`.

        Make the network with dtype=np.float64 to compare; float32 leaves only two or three digits.
        """
        return {key: numerical_gradient(lambda _: self.loss(x, t), p) for key, p in self.params.items()}


_NAMES = {"W1": "Affine1.W", "b1": "Affine1.b", "W2": "Affine2.W", "b2": "Affine2.b"}
