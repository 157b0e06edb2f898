"""Activations: y = f(x) element by element, dx = dy · f'(x).

Each one is a function and its slope; `Activation` holds what they share. The slope is written in x, in y, or in
both, whichever is cheaper and exact.
"""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from pellucid import checks
from pellucid.functions import erf, sigmoid, softplus
from pellucid.kernels.single import plan as single
from pellucid.layers.base import Layer
from pellucid.layers.facts import Facts
from pellucid.typing import Array, Arrays, Config, Shape


class ActivationCache(NamedTuple):
    """Input and output of an activation."""

    x: Array
    y: Array


class Activation(Layer[ActivationCache]):
    """An element-wise function of any shape: y = f(x), dx = dy · f'(x)."""

    facts = Facts(elementwise=True)

    @abstractmethod
    def function(self, x: Array) -> Array:
        """Return f(x), in the dtype of x."""

    @abstractmethod
    def slope(self, x: Array, y: Array) -> Array:
        """Return f'(x), where y = f(x)."""

    def infer_shape(self, input_shape: Shape) -> Shape:
        return input_shape

    def __call__(self, x: Array) -> Array:
        return self.function(self.as_batch(x))

    def forward(
        self, x: Array, *, train: bool = False, rng: np.random.Generator | None = None
    ) -> tuple[Array, ActivationCache]:
        x = self.as_batch(x)
        y = self.function(x)
        return y, ActivationCache(x, y)

    def backward(
        self, dy: Array, cache: ActivationCache, *, need_dx: bool = True, need_grads: bool = True
    ) -> tuple[Array | None, Arrays]:
        if not need_dx:
            return None, {}
        dx = self.slope(cache.x, cache.y)
        own = dx.dtype == dy.dtype and not (np.may_share_memory(dx, cache.y) or np.may_share_memory(dx, cache.x))
        return np.multiply(dx, dy, out=dx if own else None), {}


class ReLU(Activation):
    """Rectified linear unit: y = max(x, 0), f'(x) = 1 where x > 0, else 0 (also at 0).

    Nair & Hinton (2010), "Rectified linear units improve restricted Boltzmann machines".

    Examples
    --------
    >>> y, cache = pl.ReLU().forward(np.array([[-1.0, 0.0, 2.0]]))
    >>> y
    array([[0., 0., 2.]])
    >>> pl.ReLU().backward(np.ones((1, 3)), cache)[0]
    array([[0., 0., 1.]])
    """

    facts = Facts(elementwise=True, keeps_range=True, homogeneous=True, function="relu")

    def one_sample(self, steps: Sequence[Any], input_shape: Shape) -> list[Any] | None:
        if not steps or not isinstance(steps[-1], single.Product):
            return None
        return [*steps[:-1], steps[-1]._replace(relu=True)]

    def function(self, x: Array) -> Array:
        return np.maximum(x, 0)

    def slope(self, x: Array, y: Array) -> Array:
        return y > 0


class LeakyReLU(Activation):
    """y = x where x > 0, else slope·x. Maas et al. (2013), "Rectifier nonlinearities improve acoustic models".

    Examples
    --------
    >>> pl.LeakyReLU(0.1)(np.array([[-1.0, 2.0]]))
    array([[-0.1,  2. ]])
    """

    facts = Facts(elementwise=True, keeps_range=True, homogeneous=True)

    def __init__(self, negative_slope: float = 0.01, *, name: str = "") -> None:
        super().__init__(name=name)
        self.negative_slope = checks.number("LeakyReLU", "negative_slope", negative_slope)

    def function(self, x: Array) -> Array:
        return np.where(x > 0, x, x * self.negative_slope)

    def slope(self, x: Array, y: Array) -> Array:
        slope: Array = np.where(x > 0, x.dtype.type(1), x.dtype.type(self.negative_slope))
        return slope

    def config(self) -> Config:
        return {"negative_slope": self.negative_slope}


class ELU(Activation):
    """Exponential linear unit: y = x where x > 0, else α(eˣ − 1), so f' = y + α there.

    Clevert, Unterthiner & Hochreiter (2016), arXiv:1511.07289.

    Examples
    --------
    >>> pl.ELU()(np.array([[-1.0, 2.0]])).round(4)
    array([[-0.6321,  2.    ]])
    """

    facts = Facts(elementwise=True, keeps_range=True)

    def __init__(self, alpha: float = 1.0, *, name: str = "") -> None:
        super().__init__(name=name)
        self.alpha = checks.number("ELU", "alpha", alpha)

    def function(self, x: Array) -> Array:
        return np.where(x > 0, x, self.alpha * np.expm1(np.minimum(x, 0)))

    def slope(self, x: Array, y: Array) -> Array:
        return np.where(x > 0, x.dtype.type(1), y + self.alpha)

    def config(self) -> Config:
        return {"alpha": self.alpha}


class GELU(Activation):
    """Gaussian error linear unit: y = x Φ(x), where Φ is the standard normal distribution.

    approximate=True    y = ½x(1 + tanh u), u = √(2/π)(x + 0.044715x³); f' = ½(1 + tanh u) + ½x(1 − tanh² u)u'
    approximate=False   y = ½x(1 + erf(x/√2)); f' = ½(1 + erf(x/√2)) + x e^{−x²/2} / √(2π)

    Hendrycks & Gimpel (2016), arXiv:1606.08415, §2. The two differ by less than 5e-4. Keras and PyTorch take the exact
    one where nothing is said.

    Examples
    --------
    >>> pl.GELU()(np.array([[-1.0, 0.0, 1.0]])).round(4)
    array([[-0.1588,  0.    ,  0.8412]])
    >>> pl.GELU(approximate=False)(np.array([[-1.0, 0.0, 1.0]])).round(4)
    array([[-0.1587,  0.    ,  0.8413]])
    """

    _SCALE = math.sqrt(2 / math.pi)
    _CUBIC = 0.044715

    def __init__(self, approximate: bool = True, *, name: str = "") -> None:
        super().__init__(name=name)
        self.approximate = checks.flag("GELU", "approximate", approximate)

    def _tanh(self, x: Array) -> Array:
        """2Φ(x) − 1, or tanh u, which is near it."""
        return np.tanh(self._SCALE * (x + self._CUBIC * x * x * x)) if self.approximate else erf(x * math.sqrt(0.5))

    def function(self, x: Array) -> Array:
        y: Array = 0.5 * x * (1 + self._tanh(x))
        return y

    def slope(self, x: Array, y: Array) -> Array:
        tanh = self._tanh(x)
        if not self.approximate:
            return np.asarray(0.5 * (1 + tanh) + (0.5 * self._SCALE) * x * np.exp(-0.5 * x * x))
        inner = self._SCALE * (1 + 3 * self._CUBIC * x * x)
        slope: Array = 0.5 * (1 + tanh) + 0.5 * x * (1 - tanh * tanh) * inner
        return slope

    def config(self) -> Config:
        return {"approximate": self.approximate}


class Sigmoid(Activation):
    """Logistic function: y = 1 / (1 + e⁻ˣ), f' = y(1 − y). Exact and without overflow for any x.

    Examples
    --------
    >>> pl.Sigmoid()(np.array([[-1.0, 0.0, 1000.0]])).round(4)
    array([[0.2689, 0.5   , 1.    ]])
    """

    facts = Facts(elementwise=True, function="sigmoid")
    probabilities = "Sigmoid"

    def function(self, x: Array) -> Array:
        return sigmoid(x)

    def slope(self, x: Array, y: Array) -> Array:
        dx = 1 - y
        dx *= y
        return dx


class Tanh(Activation):
    """Hyperbolic tangent: y = tanh x, f' = 1 − y².

    Examples
    --------
    >>> pl.Tanh()(np.array([[-1.0, 0.0, 1.0]])).round(4)
    array([[-0.7616,  0.    ,  0.7616]])
    """

    facts = Facts(elementwise=True, function="tanh")

    def function(self, x: Array) -> Array:
        return np.tanh(x)

    def slope(self, x: Array, y: Array) -> Array:
        return 1 - y * y


class Softplus(Activation):
    """y = ln(1 + eˣ), f' = sigmoid(x). Dugas et al. (2001).

    Examples
    --------
    >>> pl.Softplus()(np.array([[-100.0, 0.0, 100.0]])).round(4)
    array([[  0.    ,   0.6931, 100.    ]])
    """

    def function(self, x: Array) -> Array:
        return softplus(x)

    def slope(self, x: Array, y: Array) -> Array:
        return sigmoid(x)
