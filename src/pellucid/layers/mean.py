"""The mean over some axes of a sample."""

from __future__ import annotations

import math

import numpy as np

from pellucid import checks
from pellucid.errors import ShapeError
from pellucid.layers.base import Layer
from pellucid.layers.facts import Facts, Sees, Sight, seen_along
from pellucid.layers.shape import ShapeCache
from pellucid.typing import Array, Arrays, Config, Shape


class Mean(Layer[ShapeCache]):
    """The mean over axes.

    Forward     y = Σ x / K over the axes, K the numbers that are summed
    Backward    dx = dy / K at each of them

    Parameters
    ----------
    axes : int or tuple of int
        Of a sample, from 0, or from −1 at the end.
    keepdims : bool, default=True
        Whether the axes stay, with length 1.

    Examples
    --------
    >>> network = pl.Sequential([pl.Mean((0, 1), keepdims=False)], input_shape=(2, 2, 2))
    >>> network(np.arange(8.0).reshape(1, 2, 2, 2)).tolist()
    [[3.0, 4.0]]
    """

    facts = Facts(linear=True, weights=(), keeps_range=True, homogeneous=True)

    def __init__(self, axes: Shape | int, *, keepdims: bool = True, name: str = "") -> None:
        super().__init__(name=name)
        given = axes if isinstance(axes, (tuple, list)) else (axes,)
        self.axes = tuple(checks.axis("Mean", "axes", a) for a in given)
        self.keepdims = checks.flag("Mean", "keepdims", keepdims)

    def _axes(self, input_shape: Shape) -> list[int]:
        """The axes counted from 0, the last first."""
        own = {axis % len(input_shape) for axis in self.axes if -len(input_shape) <= axis < len(input_shape)}
        if len(own) < len(self.axes):
            raise ShapeError(f"{self.label}: a sample {input_shape} has not the axes {self.axes}, each once.")
        return sorted(own, reverse=True)

    def window(self, input_shape: Shape) -> Sight:
        sees = seen_along(input_shape, self.axes, collapsed=True)
        return sees if self.keepdims or sees is Sees.ALL else None

    def multiply_adds(self, input_shape: Shape) -> int:
        return 0

    def infer_shape(self, input_shape: Shape) -> Shape:
        own = self._axes(input_shape)
        wide = ((1 if axis in own else n) for axis, n in enumerate(input_shape))
        return tuple(wide) if self.keepdims else tuple(n for axis, n in enumerate(input_shape) if axis not in own)

    def forward(
        self, x: Array, *, train: bool = False, rng: np.random.Generator | None = None
    ) -> tuple[Array, ShapeCache]:
        x = self.check_input(x)
        y = x
        for axis in self._axes(x.shape[1:]):  # one axis after another: short sums round less
            y = y.sum(axis=axis + 1, keepdims=True)
        y = y * x.dtype.type(1 / self._count(x.shape))
        return y.reshape(len(x), *self.infer_shape(x.shape[1:])), ShapeCache(x.shape)

    def _count(self, x_shape: Shape) -> int:
        return math.prod(x_shape[axis + 1] for axis in self._axes(x_shape[1:]))

    def backward(
        self, dy: Array, cache: ShapeCache, *, need_dx: bool = True, need_grads: bool = True
    ) -> tuple[Array | None, Arrays]:
        if not need_dx:
            return None, {}
        shape, own = cache.x_shape, self._axes(cache.x_shape[1:])
        wide = dy.reshape(len(dy), *(1 if axis in own else n for axis, n in enumerate(shape[1:])))
        dx = np.empty(shape, dy.dtype)
        dx[...] = wide * dy.dtype.type(1 / self._count(shape))
        return dx, {}

    def config(self) -> Config:
        return {"axes": self.axes, "keepdims": self.keepdims}
