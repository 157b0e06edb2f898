"""Layers that only rearrange: the same numbers in another shape, or with their axes in another order."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from pellucid import checks
from pellucid.errors import ArgumentError, ShapeError
from pellucid.layers.base import Layer
from pellucid.layers.facts import MOVES, Sight, Sources
from pellucid.shown import came
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


class Transpose(Layer[ShapeCache]):
    """The axes of a sample in another order: (1, 2, 0) brings (N, C, H, W) to (N, H, W, C).

    Forward     y[n, i_{a_0}, i_{a_1}, …] = x[n, i_0, i_1, …]
    Backward    dx is dy with its axes put back

    Parameters
    ----------
    axes : tuple of int
        axes[k] is the axis of the input that becomes axis k. They count the axes of a sample, from 0.

    Examples
    --------
    >>> pl.Transpose((1, 2, 0))(np.zeros((5, 3, 28, 20))).shape
    (5, 28, 20, 3)
    """

    facts = MOVES

    def __init__(self, axes: Shape, *, name: str = "") -> None:
        super().__init__(name=name)
        self.axes = tuple(checks.axis("Transpose", "axes", a) % max(len(axes), 1) for a in axes)
        if sorted(self.axes) != list(range(len(axes))):
            raise ArgumentError(f"Transpose: axes must hold each of 0..{len(axes) - 1} once, got {came(axes)}.")

    def window(self, input_shape: Shape) -> Sight:
        return Sources(np.arange(math.prod(input_shape)).reshape(input_shape).transpose(self.axes))

    def infer_shape(self, input_shape: Shape) -> Shape:
        if len(input_shape) != len(self.axes):
            raise ShapeError(f"{self.label}: a sample must have {len(self.axes)} axes, got {input_shape}.")
        return tuple(input_shape[a] for a in self.axes)

    def forward(
        self, x: Array, *, train: bool = False, rng: np.random.Generator | None = None
    ) -> tuple[Array, ShapeCache]:
        x = self.as_batch(x)
        self.infer_shape(x.shape[1:])
        y = np.ascontiguousarray(x.transpose(0, *(a + 1 for a in self.axes)))  # whose sums then go in one order
        return y, ShapeCache(x.shape)

    def backward(
        self, dy: Array, cache: ShapeCache, *, need_dx: bool = True, need_grads: bool = True
    ) -> tuple[Array | None, Arrays]:
        if not need_dx:
            return None, {}
        return np.ascontiguousarray(dy.transpose(0, *(1 + np.argsort(self.axes)))), {}

    def config(self) -> Config:
        return {"axes": self.axes}
