"""Layers that join every sample with one array of parameters: its scale, its shift, its slope below 0.

The array has any shape that broadcasts with a sample as NumPy does: (C,) for channels, () for one number, a whole
sample, or even more than that, where the output is larger than the input.
"""

from __future__ import annotations

import math
from typing import NamedTuple, Self

import numpy as np

from pellucid import checks
from pellucid.checked import checked
from pellucid.errors import ShapeError
from pellucid.initializers import Constant
from pellucid.layers.base import Layer
from pellucid.layers.broadcast import aligned, broadcast_shape, summed_to
from pellucid.layers.facts import Facts, Sees, Sight, Sources
from pellucid.layers.parameters import Parameters
from pellucid.typing import Array, ArrayLike, Arrays, Config, DTypeLike, Shape


class ConstantCache(NamedTuple):
    """The input."""

    x: Array


class _WithArray(Layer[ConstantCache]):
    """A layer whose one parameter broadcasts with each sample."""

    parameter = ""
    """What the parameter is called."""
    begins = 1.0
    """What it begins with."""

    def __init__(self, shape: Shape | int | None = None, *, name: str = "") -> None:
        super().__init__(name=name)
        who = type(self).__name__
        sizes = shape if isinstance(shape, (tuple, list)) else (shape,)
        self.shape = None if shape is None else tuple(checks.size(who, "shape", n) for n in sizes)
        self._given: Array | None = None

    @classmethod
    @checked
    def from_arrays(cls, values: ArrayLike, *, name: str = "") -> Self:
        """Return a layer that begins with a copy of `values`, for samples of any shape that broadcasts with them."""
        held = np.array(values, dtype=np.result_type(np.asarray(values), np.float32))
        layer = cls(held.shape, name=name)
        layer._given = held
        layer.build(held.shape, np.random.default_rng(0), held.dtype)
        return layer

    def _held(self, input_shape: Shape) -> Shape:
        """The shape of the parameter: that of the channels where none was asked for."""
        return input_shape[-1:] if self.shape is None else self.shape

    def infer_shape(self, input_shape: Shape) -> Shape:
        return broadcast_shape(self.label, [input_shape, self._held(input_shape)], "x and " + self.parameter)

    def window(self, input_shape: Shape) -> Sight:
        out = self.infer_shape(input_shape)
        if out == input_shape:
            return Sees.PLACE
        return Sources(np.broadcast_to(np.arange(math.prod(input_shape)).reshape(input_shape), out))

    def create_params(self, input_shape: Shape, rng: np.random.Generator, dtype: DTypeLike) -> None:
        if self._given is None:
            held = self.drawn(Constant(self.begins), self._held(input_shape), rng, dtype)
        else:
            held = self._given.astype(dtype)
        self.params = Parameters({self.parameter: held})

    def _aligned(self, x: Array, p: Array) -> Array:
        """x with axes of length 1 where `p` has more axes than a sample."""
        return aligned(x, max(x.ndim - 1, p.ndim))

    def config(self) -> Config:
        return {"shape": self.shape}


def _over_batch(products: Array, p: Array) -> Array:
    """The gradient of `p`: the sum over the samples, and over the axes along which `p` was repeated."""
    return np.asarray(summed_to(products.sum(axis=0)[None], (1, *p.shape))[0])


class Scale(_WithArray):
    """Multiplication by a learnt array.

    Forward     y = x · γ
    Backward    dx = dy · γ,  dγ = Σ dy · x, each summed over the axes along which it was repeated

    Parameters
    ----------
    shape : tuple or int, default: that of the channels, (C,)
        The shape of γ; () for one number.

    Shapes
    ------
    x (N, …), gamma of `shape` → y (N, …) as NumPy broadcasts a sample and γ

    Examples
    --------
    >>> pl.Scale.from_arrays([2.0, 3.0])(np.array([[1.0, 1.0]]))
    array([[2., 3.]])
    """

    parameter = "gamma"
    facts = Facts(linear=True, weights=("gamma",))

    def multiply_adds(self, input_shape: Shape) -> int:
        return math.prod(self.infer_shape(input_shape))

    def forward(
        self, x: Array, *, train: bool = False, rng: np.random.Generator | None = None
    ) -> tuple[Array, ConstantCache]:
        x, gamma = self.check_input(x), self.params["gamma"]
        return self._aligned(x, gamma) * gamma, ConstantCache(x)

    def backward(
        self, dy: Array, cache: ConstantCache, *, need_dx: bool = True, need_grads: bool = True
    ) -> tuple[Array | None, Arrays]:
        x, gamma = cache.x, self.params["gamma"]
        dx = summed_to(dy * gamma, x.shape) if need_dx else None
        if not need_grads:
            return dx, {}
        return dx, {"gamma": _over_batch(dy * self._aligned(x, gamma), gamma)}


class Shift(_WithArray):
    """Addition of a learnt array.

    Forward     y = x + β
    Backward    dx = dy,  dβ = Σ dy, each summed over the axes along which it was repeated

    Parameters
    ----------
    shape : tuple or int, default: that of the channels, (C,)
        The shape of β; () for one number.

    Shapes
    ------
    x (N, …), beta of `shape` → y (N, …) as NumPy broadcasts a sample and β

    Examples
    --------
    >>> pl.Shift.from_arrays([2.0, 3.0])(np.array([[1.0, 1.0]]))
    array([[3., 4.]])
    """

    parameter = "beta"
    begins = 0.0
    facts = Facts(linear=True, weights=())

    def multiply_adds(self, input_shape: Shape) -> int:
        return 0

    def forward(
        self, x: Array, *, train: bool = False, rng: np.random.Generator | None = None
    ) -> tuple[Array, ConstantCache]:
        x, beta = self.check_input(x), self.params["beta"]
        return self._aligned(x, beta) + beta, ConstantCache(x)

    def backward(
        self, dy: Array, cache: ConstantCache, *, need_dx: bool = True, need_grads: bool = True
    ) -> tuple[Array | None, Arrays]:
        dx = summed_to(dy, cache.x.shape) if need_dx else None
        if not need_grads:
            return dx, {}
        return dx, {"beta": _over_batch(dy, self.params["beta"])}


class PReLU(_WithArray):
    """Leaky ReLU whose slopes are learnt.

    Forward     y = x where x > 0, else a·x
    Backward    dx = dy where x > 0, else a·dy;  da = Σ dy · min(x, 0) over the axes along which a was repeated

    Parameters
    ----------
    shape : tuple or int, default: that of the channels, (C,)
        The shape of the slopes a, which broadcast to a sample; they begin with 0.25.

    Shapes
    ------
    x (N, …), slope of `shape` → y (N, …)

    References
    ----------
    He, Zhang, Ren & Sun (2015), "Delving deep into rectifiers", arXiv:1502.01852, equations 1 and 7 to 10.

    Examples
    --------
    >>> pl.PReLU.from_arrays([0.5, 0.1])(np.array([[-2.0, -2.0]]))
    array([[-1. , -0.2]])
    """

    parameter = "slope"
    begins = 0.25
    facts = Facts(separate=True, keeps_range=True, homogeneous=True)

    def infer_shape(self, input_shape: Shape) -> Shape:
        if super().infer_shape(input_shape) != input_shape:
            raise ShapeError(
                f"{self.label}: slope must broadcast to a sample {input_shape}, got {self._held(input_shape)}."
            )
        return input_shape

    def multiply_adds(self, input_shape: Shape) -> int:
        return 0

    def forward(
        self, x: Array, *, train: bool = False, rng: np.random.Generator | None = None
    ) -> tuple[Array, ConstantCache]:
        x = self.check_input(x)
        return np.where(x > 0, x, x * self.params["slope"]), ConstantCache(x)

    def backward(
        self, dy: Array, cache: ConstantCache, *, need_dx: bool = True, need_grads: bool = True
    ) -> tuple[Array | None, Arrays]:
        x, slope = cache.x, self.params["slope"]
        dx = np.where(x > 0, dy, dy * slope) if need_dx else None
        if not need_grads:
            return dx, {}
        return dx, {"slope": _over_batch(dy * np.minimum(x, 0), slope)}
