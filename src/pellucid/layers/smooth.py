"""Smooth activations, and the functions of single numbers that graphs are written in."""

from __future__ import annotations

import math

import numpy as np

from pellucid import checks
from pellucid.functions import erf, sigmoid
from pellucid.layers.activation import Activation
from pellucid.typing import Array, Config


class SELU(Activation):
    """Scaled exponential linear unit: y = γx where x > 0, else γα(eˣ − 1), so f' = y + γα there.

    With these α and γ activations keep mean 0 and variance 1 from layer to layer, where weights begin as `LeCun()`.
    Klambauer, Unterthiner, Mayr & Hochreiter (2017), arXiv:1706.02515, equations 2 and 14.

    Examples
    --------
    >>> pl.SELU()(np.array([[-1.0, 2.0]])).round(4)
    array([[-1.1113,  2.1014]])
    """

    def __init__(self, alpha: float = 1.6732632423543772, gamma: float = 1.0507009873554805, *, name: str = "") -> None:
        super().__init__(name=name)
        self.alpha = checks.number("SELU", "alpha", alpha)
        self.gamma = checks.number("SELU", "gamma", gamma)

    def function(self, x: Array) -> Array:
        return np.where(x > 0, self.gamma * x, self.gamma * self.alpha * np.expm1(np.minimum(x, 0)))

    def slope(self, x: Array, y: Array) -> Array:
        return np.where(x > 0, x.dtype.type(self.gamma), y + self.gamma * self.alpha)

    def config(self) -> Config:
        return {"alpha": self.alpha, "gamma": self.gamma}


class Swish(Activation):
    """y = x · sigmoid(x), also called SiLU; f' = s + y(1 − s), s = sigmoid(x).

    Ramachandran, Zoph & Le (2017), arXiv:1710.05941; Elfwing, Uchibe & Doya (2018), arXiv:1702.03118.

    Examples
    --------
    >>> pl.Swish()(np.array([[-1.0, 0.0, 1.0]])).round(4)
    array([[-0.2689,  0.    ,  0.7311]])
    """

    def function(self, x: Array) -> Array:
        y: Array = x * sigmoid(x)
        return y

    def slope(self, x: Array, y: Array) -> Array:
        s = sigmoid(x)
        slope: Array = s + y * (1 - s)
        return slope


class Exp(Activation):
    """y = eˣ, f' = y.

    Examples
    --------
    >>> pl.Exp()(np.array([[0.0, 1.0]])).round(4)
    array([[1.    , 2.7183]])
    """

    def function(self, x: Array) -> Array:
        return np.exp(x)

    def slope(self, x: Array, y: Array) -> Array:
        return y


class Erf(Activation):
    """The error function: y = 2/√π ∫₀ˣ e^{−t²} dt, f' = 2/√π · e^{−x²}.

    Examples
    --------
    >>> pl.Erf()(np.array([[-1.0, 0.0, 1.0]])).round(4)
    array([[-0.8427,  0.    ,  0.8427]])
    """

    def function(self, x: Array) -> Array:
        return erf(x)

    def slope(self, x: Array, y: Array) -> Array:
        slope: Array = (2 / math.sqrt(math.pi)) * np.exp(-x * x)
        return slope


class Power(Activation):
    """y = xᵖ, f' = p·xᵖ⁻¹: squares, roots (p = ½), reciprocals (p = −1).

    Of numbers below 0 the powers that are no whole ones are NaN, as in NumPy.

    Examples
    --------
    >>> pl.Power(0.5)(np.array([[1.0, 4.0]]))
    array([[1., 2.]])
    """

    def __init__(self, exponent: float, *, name: str = "") -> None:
        super().__init__(name=name)
        self.exponent = checks.number("Power", "exponent", exponent)

    def function(self, x: Array) -> Array:
        y: Array = x**self.exponent
        return y

    def slope(self, x: Array, y: Array) -> Array:
        slope: Array = self.exponent * x ** (self.exponent - 1)
        return slope

    def config(self) -> Config:
        return {"exponent": self.exponent}
