"""Layers that only rearrange: the same numbers in another shape."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from pellucid import checks
from pellucid.errors import ArgumentError, ShapeError
from pellucid.layers.base import Layer
from pellucid.layers.facts import MOVES
from pellucid.typing import Array, Arrays, Config, Shape


class ShapeCache(NamedTuple):
    """The shape to give back to the gradient."""

    x_shape: Shape


class _Rearrange(Layer[ShapeCache]):
    """y = x in another shape; dx = dy in the old one."""

    facts = MOVES._replace(in_order=True)

    def forward(
        self, x: Array, *, train: bool = False, rng: np.random.Generator | None = None
    ) -> tuple[Array, ShapeCache]:
        x = self.as_batch(x)
        return x.reshape(len(x), *self.infer_shape(x.shape[1:])), ShapeCache(x.shape)

    def backward(
        self, dy: Array, cache: ShapeCache, *, need_dx: bool = True, need_grads: bool = True
    ) -> tuple[Array | None, Arrays]:
        return (dy.reshape(cache.x_shape) if need_dx else None), {}


class Flatten(_Rearrange):
    """(N, H, W, C) → (N, H·W·C), or any other sample shape to a vector.

    Examples
    --------
    >>> pl.Flatten()(np.zeros((2, 28, 28, 1))).shape
    (2, 784)
    """

    facts = MOVES._replace(in_order=True, keeps_sums=True)

    def infer_shape(self, input_shape: Shape) -> Shape:
        return (math.prod(input_shape),)


class Reshape(_Rearrange):
    """(N, …) → (N, *shape); one entry of `shape` may be -1.

    Examples
    --------
    >>> pl.Reshape((28, 28, -1))(np.zeros((2, 784))).shape
    (2, 28, 28, 1)
    """

    def __init__(self, shape: Shape | int, *, name: str = "") -> None:
        super().__init__(name=name)
        sizes = shape if isinstance(shape, Sequence) else (shape,)
        self.shape = tuple(s if s == -1 else checks.size("Reshape", "shape", s) for s in sizes)
        if self.shape.count(-1) > 1:
            raise ArgumentError(f"Reshape: shape may hold -1 once, got {self.shape}.")

    def infer_shape(self, input_shape: Shape) -> Shape:
        size, known = math.prod(input_shape), math.prod(s for s in self.shape if s != -1)
        shape = tuple(size // known if s == -1 else s for s in self.shape)
        if math.prod(shape) != size:
            raise ShapeError(
                f"{self.label}: a sample {input_shape} has {size} numbers and does not fit shape {self.shape}."
            )
        return shape

    def config(self) -> Config:
        return {"shape": self.shape}
