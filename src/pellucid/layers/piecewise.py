"""Activations of straight pieces: cut off, or bent at two places."""

from __future__ import annotations

import math

import numpy as np

from pellucid import checks
from pellucid.errors import ArgumentError
from pellucid.layers.activation import Activation
from pellucid.layers.facts import Facts
from pellucid.typing import Array, Config


class Clip(Activation):
    """y = min(max(x, low), high); f' = 1 between the bounds, 0 beyond them and at them.

    `Clip(0, 6)` is ReLU6 of Krizhevsky (2010), "Convolutional deep belief networks on CIFAR-10".

    Parameters
    ----------
    low, high : float, default: no bound

    Examples
    --------
    >>> pl.Clip(0, 6)(np.array([[-1.0, 2.0, 7.0]]))
    array([[0., 2., 6.]])
    """

    def __init__(self, low: float | None = None, high: float | None = None, *, name: str = "") -> None:
        super().__init__(name=name)
        self.low = None if low is None else checks.number("Clip", "low", low)
        self.high = None if high is None else checks.number("Clip", "high", high)
        below, above = self._bounds()
        if below > above:
            raise ArgumentError(f"Clip: low must not lie above high, got {low} and {high}.")

    def _bounds(self) -> tuple[float, float]:
        return -math.inf if self.low is None else self.low, math.inf if self.high is None else self.high

    def function(self, x: Array) -> Array:
        return np.clip(x, *self._bounds())

    def slope(self, x: Array, y: Array) -> Array:
        low, high = self._bounds()
        return (x > low) & (x < high)

    def config(self) -> Config:
        return {"low": self.low, "high": self.high}


class HardSigmoid(Activation):
    """A sigmoid of three straight pieces: y = min(max(αx + β, 0), 1); f' = α where 0 < y < 1, else 0.

    Courbariaux, Bengio & David (2015), "BinaryConnect", arXiv:1511.00363, equation 3, with α = β = ½. Keras and PyTorch
    have α = 1/6, as here; ONNX has 0.2 where nothing is said.

    Examples
    --------
    >>> pl.HardSigmoid()(np.array([[-4.0, 0.0, 1.5]]))
    array([[0.  , 0.5 , 0.75]])
    """

    facts = Facts(elementwise=True, function="hard_sigmoid")

    def __init__(self, alpha: float = 1 / 6, beta: float = 0.5, *, name: str = "") -> None:
        super().__init__(name=name)
        self.alpha = checks.number("HardSigmoid", "alpha", alpha)
        self.beta = checks.number("HardSigmoid", "beta", beta)

    def function(self, x: Array) -> Array:
        return np.clip(x * self.alpha + self.beta, 0, 1)

    def slope(self, x: Array, y: Array) -> Array:
        slope: Array = ((y > 0) & (y < 1)) * x.dtype.type(self.alpha)
        return slope

    def config(self) -> Config:
        return {"alpha": self.alpha, "beta": self.beta}


class HardSwish(Activation):
    """y = x · min(max(x/6 + ½, 0), 1); f' = 0 up to −3, x/3 + ½ between, 1 from 3 on.

    Howard et al. (2019), "Searching for MobileNetV3", arXiv:1905.02244, §5.2.

    Examples
    --------
    >>> pl.HardSwish()(np.array([[-3.0, 1.5, 4.0]]))
    array([[-0.   ,  1.125,  4.   ]])
    """

    def function(self, x: Array) -> Array:
        return x * np.clip(x * (1 / 6) + 0.5, 0, 1)

    def slope(self, x: Array, y: Array) -> Array:
        between = x * (1 / 3) + 0.5
        return np.where(x <= -3, x.dtype.type(0), np.where(x < 3, between, x.dtype.type(1)))
