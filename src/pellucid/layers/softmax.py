"""Softmax and its logarithm: what looks at a whole axis at once."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from pellucid import checks
from pellucid.errors import ShapeError
from pellucid.functions import softmax
from pellucid.layers.base import Layer
from pellucid.layers.facts import Facts, Sight, seen_along
from pellucid.typing import Array, Arrays, Config, Shape


class SoftmaxCache(NamedTuple):
    """Output of a softmax."""

    y: Array


class _AlongAxis(Layer[SoftmaxCache]):
    """A function of the numbers along one axis of a sample."""

    def __init__(self, axis: int = -1, *, name: str = "") -> None:
        super().__init__(name=name)
        self.axis = checks.axis(type(self).__name__, "axis", axis)

    def infer_shape(self, input_shape: Shape) -> Shape:
        if not -len(input_shape) <= self.axis < len(input_shape):
            raise ShapeError(f"{self.label}: a sample {input_shape} has no axis {self.axis}.")
        return input_shape

    def window(self, input_shape: Shape) -> Sight:
        return seen_along(input_shape, [self.axis])

    def multiply_adds(self, input_shape: Shape) -> int:
        return 0

    def _batch(self, x: Array) -> Array:
        """x as an array, seen so that the axis is the last one."""
        x = self.as_batch(x)
        self.infer_shape(x.shape[1:])
        return self._turned(x)

    def _turned(self, a: Array) -> Array:
        """`a` with the axis at the end, or, of what this gave, back at its place."""
        axis = self.axis + 1 if self.axis >= 0 else self.axis
        return a if axis in (-1, a.ndim - 1) else np.ascontiguousarray(a.swapaxes(axis, -1))

    def config(self) -> Config:
        return {"axis": self.axis}


class Softmax(_AlongAxis):
    """Probabilities over an axis: y_k = exp(x_k) / Σ_j exp(x_j);  dx = y · (dy − Σ_k dy_k y_k).

    For training, leave it out and use `SoftmaxCrossEntropy`, which takes scores and is exact where this saturates.

    Parameters
    ----------
    axis : int, default=-1
        Of a sample, from 0, or from −1 at the end. Written −1 or not at all, the outputs are known to be the
        probabilities of classes.

    Examples
    --------
    >>> pl.Softmax()(np.array([[0.0, np.log(3.0)]])).round(4)
    array([[0.25, 0.75]])
    """

    facts = Facts(function="softmax")

    def __init__(self, axis: int = -1, *, name: str = "") -> None:
        super().__init__(axis, name=name)
        self.probabilities = "Softmax" if self.axis == -1 else ""

    def forward(
        self, x: Array, *, train: bool = False, rng: np.random.Generator | None = None
    ) -> tuple[Array, SoftmaxCache]:
        y = self._turned(softmax(self._batch(x)))
        return y, SoftmaxCache(y)

    def backward(
        self, dy: Array, cache: SoftmaxCache, *, need_dx: bool = True, need_grads: bool = True
    ) -> tuple[Array | None, Arrays]:
        if not need_dx:
            return None, {}
        y, dy = self._turned(cache.y), self._turned(dy)
        return self._turned(y * (dy - (dy * y).sum(axis=-1, keepdims=True))), {}


class LogSoftmax(_AlongAxis):
    """Logarithms of probabilities over an axis: y_k = x_k − ln Σ_j exp(x_j);  dx = dy − exp(y) · Σ_k dy_k.

    Parameters
    ----------
    axis : int, default=-1
        Of a sample, from 0, or from −1 at the end.

    Examples
    --------
    >>> np.exp(pl.LogSoftmax()(np.array([[0.0, np.log(3.0)]]))).round(4)
    array([[0.25, 0.75]])
    """

    facts = Facts(function="log_softmax")

    def forward(
        self, x: Array, *, train: bool = False, rng: np.random.Generator | None = None
    ) -> tuple[Array, SoftmaxCache]:
        x = self._batch(x)
        y = x - x.max(axis=-1, keepdims=True)
        y -= np.log(np.exp(y).sum(axis=-1, keepdims=True))
        y = self._turned(y)
        return y, SoftmaxCache(y)

    def backward(
        self, dy: Array, cache: SoftmaxCache, *, need_dx: bool = True, need_grads: bool = True
    ) -> tuple[Array | None, Arrays]:
        if not need_dx:
            return None, {}
        y, dy = self._turned(cache.y), self._turned(dy)
        return self._turned(dy - np.exp(y) * dy.sum(axis=-1, keepdims=True)), {}
