"""Merges that compute place by place: sums, differences, products, quotients.

Samples of several shapes are joined as NumPy broadcasts them, the batch axis apart; dx is summed over the axes along
which an input was repeated.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from functools import reduce

import numpy as np

from pellucid.checked import checked_late
from pellucid.errors import ArgumentError
from pellucid.layers.broadcast import aligned, broadcast_shape, summed_to
from pellucid.layers.facts import Facts
from pellucid.layers.merge import Merge, MergeCache
from pellucid.typing import Array, Shape


class _PlaceByPlace(Merge[MergeCache]):
    """y = f(x_1, x_2, …) at every place of the samples once they have one shape."""

    @abstractmethod
    def _joined(self, xs: Sequence[Array]) -> Array:
        """Return y of inputs that broadcast."""

    @abstractmethod
    def _slopes(self, dy: Array, xs: Sequence[Array]) -> Sequence[Array]:
        """Return dy · ∂y/∂x_k for each input, in the shape of y."""

    def infer_shape(self, shapes: Sequence[Shape]) -> Shape:
        self.expect_several(shapes)
        return broadcast_shape(self.label, shapes)

    @checked_late
    def forward(self, xs: Sequence[Array]) -> tuple[Array, MergeCache]:
        self.infer_shape([x.shape[1:] for x in xs])
        return self._joined(_one_rank(xs)), MergeCache(tuple(xs))

    def backward(self, dy: Array, cache: MergeCache) -> list[Array]:
        return _summed(self._slopes(dy, _one_rank(cache.xs)), cache.xs)


def _one_rank(xs: Sequence[Array]) -> list[Array]:
    axes = max(x.ndim for x in xs) - 1
    return [aligned(x, axes) for x in xs]


def _summed(dxs: Sequence[Array], xs: Sequence[Array]) -> list[Array]:
    return [summed_to(dx, x.shape) for dx, x in zip(dxs, xs, strict=True)]


class Add(_PlaceByPlace):
    """The sum of its inputs: y = Σ_k x_k, dx_k = dy.

    Examples
    --------
    >>> y, cache = pl.Add().forward([np.array([[1.0, 2.0]]), np.array([[10.0, 20.0]])])
    >>> y
    array([[11., 22.]])
    """

    facts = Facts(elementwise=True, linear=True, homogeneous=True)
    symbol = "+"

    def multiply_adds(self, shapes: Sequence[Shape]) -> int:
        return 0

    def _joined(self, xs: Sequence[Array]) -> Array:
        return reduce(np.add, xs)

    def _slopes(self, dy: Array, xs: Sequence[Array]) -> Sequence[Array]:
        return [dy] * len(xs)


class _OfTwo(_PlaceByPlace):
    """A function of two inputs."""

    def infer_shape(self, shapes: Sequence[Shape]) -> Shape:
        if len(shapes) != 2:
            raise ArgumentError(f"{self.label}: needs two inputs, got {len(shapes)}.")
        return super().infer_shape(shapes)


class Subtract(_OfTwo):
    """The difference of two inputs: y = a − b, da = dy, db = −dy.

    Examples
    --------
    >>> y, cache = pl.Subtract().forward([np.array([[1.0, 2.0]]), np.array([[10.0]])])
    >>> y
    array([[-9., -8.]])
    """

    facts = Facts(elementwise=True, linear=True, homogeneous=True)
    symbol = "−"

    def multiply_adds(self, shapes: Sequence[Shape]) -> int:
        return 0

    def _joined(self, xs: Sequence[Array]) -> Array:
        return np.subtract(*xs)

    def _slopes(self, dy: Array, xs: Sequence[Array]) -> Sequence[Array]:
        return [dy, -dy]


class Multiply(_PlaceByPlace):
    """The product of its inputs: y = Π_k x_k, dx_k = dy · Π_{j≠k} x_j.

    Between two inputs and a baseline, Δ(ab) = ½(b + b') Δa + ½(a + a') Δb exactly: so DeepLIFT shares a product, one
    factor after another. LRP gives all to the signal where the other one is a gate (see `explain.lrp`).

    Examples
    --------
    >>> y, cache = pl.Multiply().forward([np.array([[2.0, 3.0]]), np.array([[10.0]])])
    >>> y, pl.Multiply().backward(np.ones((1, 2)), cache)
    (array([[20., 30.]]), [array([[10., 10.]]), array([[5.]])])
    """

    facts = Facts(elementwise=True, function="multiply")
    symbol = "×"

    def multiply_adds(self, shapes: Sequence[Shape]) -> int:
        return 0  # nothing is summed

    def _joined(self, xs: Sequence[Array]) -> Array:
        return reduce(np.multiply, xs)

    def _slopes(self, dy: Array, xs: Sequence[Array]) -> Sequence[Array]:
        return [reduce(np.multiply, [x for j, x in enumerate(xs) if j != k], dy) for k in range(len(xs))]

    def secants(self, m: Array, xs: Sequence[Array], bases: Sequence[Array]) -> list[Array]:
        here, there = _one_rank(xs), _one_rank(bases)
        found: list[Array] = []
        for k in reversed(range(1, len(xs))):  # y = (x_0 ⋯ x_{k−1}) · x_k
            a, a0 = self._joined(here[:k]), self._joined(there[:k])
            found.append(0.5 * m * (a + a0))
            m = 0.5 * m * (here[k] + there[k])
        return _summed([m, *reversed(found)], xs)


class Divide(_OfTwo):
    """The quotient of two inputs: y = a / b, da = dy / b, db = −dy · a / b².

    With r = 1/b, Δ(ar) = ½(r + r') Δa + ½(a + a') Δr and Δr = −r r' Δb: so DeepLIFT shares a quotient exactly.

    Examples
    --------
    >>> y, cache = pl.Divide().forward([np.array([[2.0, 3.0]]), np.array([[10.0]])])
    >>> y, pl.Divide().backward(np.ones((1, 2)), cache)
    (array([[0.2, 0.3]]), [array([[0.1, 0.1]]), array([[-0.05]])])
    """

    facts = Facts(elementwise=True, function="divide")
    symbol = "÷"

    def multiply_adds(self, shapes: Sequence[Shape]) -> int:
        return 0

    def _joined(self, xs: Sequence[Array]) -> Array:
        return np.divide(*xs)

    def _slopes(self, dy: Array, xs: Sequence[Array]) -> Sequence[Array]:
        a, b = xs
        da = dy / b
        return [da, -da * (a / b)]

    def secants(self, m: Array, xs: Sequence[Array], bases: Sequence[Array]) -> list[Array]:
        (a, b), (a0, b0) = _one_rank(xs), _one_rank(bases)
        r, r0 = 1 / b, 1 / b0
        return _summed([0.5 * m * (r + r0), -0.5 * m * (a + a0) * (r * r0)], xs)
