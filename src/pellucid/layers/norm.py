"""Normalisation within a sample: over its channels (LayerNorm), or over groups of them and all pixels (GroupNorm), or
over the pixels of each channel (InstanceNorm).

Both bring sets of numbers to mean 0 and variance 1. With the mean m and the variance v of a set:

    x̂ = (x − m) / √(v + ε)        dx = (dx̂ − mean(dx̂) − x̂ · mean(dx̂ · x̂)) / √(v + ε)

m is taken first and v from x − m: Σx² − (Σx)² would lose every digit where the mean is large beside the spread.
"""

from __future__ import annotations

import math
from abc import abstractmethod
from typing import NamedTuple

import numpy as np

from pellucid import checks
from pellucid.checked import checked_late
from pellucid.errors import ShapeError
from pellucid.initializers import Constant
from pellucid.layers.base import Layer
from pellucid.layers.facts import Facts, Sees, Sight, seen_along
from pellucid.layers.parameters import Parameters
from pellucid.typing import Array, Arrays, Config, DTypeLike, Shape


class NormCache(NamedTuple):
    """x̂ as (N, X, C), where X counts the pixels, and 1/√(v + ε), which broadcasts against it.

    Where LayerNorm goes over several axes, C are the numbers of all of these.
    """

    standard: Array
    inverse: Array


class _SampleNorm(Layer[NormCache]):
    """y = x̂ · γ + β, with x̂ standardised over the sets that `means` averages."""

    facts = Facts(normalizes=True)

    def multiply_adds(self, input_shape: Shape) -> int:
        return math.prod(input_shape)

    def __init__(self, epsilon: float, *, name: str) -> None:
        super().__init__(name=name)
        checks.expect_positive(type(self).__name__, "epsilon", epsilon)
        self.epsilon = float(epsilon)

    @abstractmethod
    def means(self, a: Array, b: Array | None = None) -> Array:
        """Return the mean over each set of `a`, or of a·b, both (N, X, C), in a shape that broadcasts against them."""

    @abstractmethod
    def scaled(self, input_shape: Shape) -> Shape:
        """Return the shape of γ and β: that of the last axes of a sample."""

    def _rows(self, x: Array) -> Array:
        """(N, …) → (N, X, C), C the numbers that γ has."""
        c = math.prod(self.scaled(x.shape[1:]))
        return x.reshape(len(x), math.prod(x.shape[1:]) // c, c)

    def create_params(self, input_shape: Shape, rng: np.random.Generator, dtype: DTypeLike) -> None:
        shape = self.scaled(input_shape)
        gamma, beta = (self.drawn(Constant(begin), shape, rng, dtype) for begin in (1, 0))
        self.params = Parameters(gamma=gamma, beta=beta)

    def forward(
        self, x: Array, *, train: bool = False, rng: np.random.Generator | None = None
    ) -> tuple[Array, NormCache]:
        x = self.check_input(x)
        pixels = self._rows(x)
        standard = pixels - self.means(pixels)
        inverse = 1 / np.sqrt(self.means(standard, standard) + self.epsilon)
        standard *= inverse
        y = standard * self.params["gamma"].reshape(-1)
        y += self.params["beta"].reshape(-1)
        return y.reshape(x.shape), NormCache(standard, inverse)

    def backward(
        self, dy: Array, cache: NormCache, *, need_dx: bool = True, need_grads: bool = True
    ) -> tuple[Array | None, Arrays]:
        dx: Array | None = None
        if need_dx:
            dstandard = self._rows(dy) * self.params["gamma"].reshape(-1)
            along = self.means(dstandard, cache.standard)
            dstandard -= self.means(dstandard)
            dstandard -= cache.standard * along
            dstandard *= cache.inverse
            dx = dstandard.reshape(dy.shape)
        if not need_grads:
            return dx, {}
        grads = {"gamma": channel_dots(self._rows(dy), cache.standard), "beta": channel_sums(self._rows(dy))}
        return dx, {key: g.reshape(self.params[key].shape) for key, g in grads.items()}


class LayerNorm(_SampleNorm):
    """Normalisation over the last axis: each vector, or each pixel's channels, by itself; or over several last axes.

    Forward     y = x̂ · γ + β,  x̂ = (x − m) / √(v + ε),  m and v (biased) over the axes from `axis` on
    Backward    dx̂ = dy · γ,  dx = (dx̂ − mean(dx̂) − x̂ · mean(dx̂ · x̂)) / √(v + ε),  dγ = Σ dy · x̂,  dβ = Σ dy

    The same in training and in evaluation. As PyTorch's `LayerNorm(C)` on channels-last images and as Keras'
    `LayerNormalization()`. Over height, width and channels together, axis=0 has γ and β for each number of a sample,
    `GroupNorm(1)` for each channel.

    Parameters
    ----------
    axis : int, default=-1
        The first of the axes of a sample that are normalised together.
    epsilon : float, default=1e-5
        ε, added to the variance (Keras: 1e-3).

    Shapes
    ------
    x (N, …, C) → y (N, …, C);  gamma and beta (C,), or the lengths of all axes from `axis` on

    References
    ----------
    Ba, Kiros & Hinton (2016), "Layer normalization", arXiv:1607.06450.

    Examples
    --------
    >>> layer = pl.LayerNorm()
    >>> layer.build((2,), np.random.default_rng(0), np.float64)
    (2,)
    >>> layer(np.array([[1.0, 3.0], [10.0, 30.0]])).round(3)
    array([[-1.,  1.],
           [-1.,  1.]])
    """

    def __init__(self, axis: int = -1, *, epsilon: float = 1e-5, name: str = "") -> None:
        super().__init__(epsilon, name=name)
        self.axis = checks.axis("LayerNorm", "axis", axis)

    def window(self, input_shape: Shape) -> Sight:
        return seen_along(input_shape, range(self.axis % len(input_shape), len(input_shape)))

    @checked_late
    def scaled(self, input_shape: Shape) -> Shape:
        return input_shape[self.axis :]

    def means(self, a: Array, b: Array | None = None) -> Array:
        sums = np.einsum("nxc->nx", a) if b is None else np.einsum("nxc,nxc->nx", a, b)
        return np.asarray(sums / a.shape[2])[..., None]  # (N, X, 1)

    def infer_shape(self, input_shape: Shape) -> Shape:
        if not -len(input_shape) <= self.axis < len(input_shape) or math.prod(self.scaled(input_shape)) < 2:
            which = "the last axis" if self.axis == -1 else f"the axes from {self.axis} on"
            raise ShapeError(
                f"{self.label}: {which} must hold at least 2 numbers, got a sample {input_shape}. "
                "One number by itself always becomes 0."
            )
        return input_shape

    def config(self) -> Config:
        return {"axis": self.axis, "epsilon": self.epsilon}


class InstanceNorm(_SampleNorm):
    """Normalisation of each channel of a sample over its pixels.

    Forward     y = x̂ · γ + β,  x̂ = (x − m) / √(v + ε),  m and v (biased) over the pixels of a channel
    Backward    dx̂ = dy · γ,  dx = (dx̂ − mean(dx̂) − x̂ · mean(dx̂ · x̂)) / √(v + ε),  dγ = Σ dy · x̂,  dβ = Σ dy

    The same in training and in evaluation: `GroupNorm` with a group for each channel.

    Parameters
    ----------
    epsilon : float, default=1e-5

    Shapes
    ------
    x (N, …, C) → y (N, …, C);  gamma (C,), beta (C,)

    References
    ----------
    Ulyanov, Vedaldi & Lempitsky (2016), "Instance normalization", arXiv:1607.08022, equation 3.

    Examples
    --------
    >>> network = pl.Sequential([pl.InstanceNorm()], input_shape=(2, 1, 2), dtype=np.float64)
    >>> network(np.array([1.0, 10.0, 3.0, 30.0]).reshape(1, 2, 1, 2)).ravel().round(3)
    array([-1., -1.,  1.,  1.])
    """

    def __init__(self, *, epsilon: float = 1e-5, name: str = "") -> None:
        super().__init__(epsilon, name=name)

    def window(self, input_shape: Shape) -> Sees:
        return Sees.ALL

    @checked_late
    def scaled(self, input_shape: Shape) -> Shape:
        return input_shape[-1:]

    def means(self, a: Array, b: Array | None = None) -> Array:
        sums = np.einsum("nxc->nc", a) if b is None else np.einsum("nxc,nxc->nc", a, b)
        return np.asarray(sums / a.shape[1])[:, None]  # (N, 1, C)

    def infer_shape(self, input_shape: Shape) -> Shape:
        if len(input_shape) < 2 or math.prod(input_shape[:-1]) < 2:
            raise ShapeError(
                f"{self.label}: a channel must have at least 2 pixels, got a sample {input_shape}. "
                "One number by itself always becomes 0."
            )
        return input_shape

    def config(self) -> Config:
        return {"epsilon": self.epsilon}


class GroupNorm(_SampleNorm):
    """Normalisation over groups of neighbouring channels and all pixels of a sample.

    Forward     y = x̂ · γ + β,  x̂ = (x − m) / √(v + ε),  m and v (biased) over the pixels and channels of a group
    Backward    dx̂ = dy · γ,  dx = (dx̂ − mean(dx̂) − x̂ · mean(dx̂ · x̂)) / √(v + ε),  dγ = Σ dy · x̂,  dβ = Σ dy

    The same in training and in evaluation, and for any batch size. With one group it normalises whole samples; with
    as many groups as channels it is instance normalisation.

    Parameters
    ----------
    groups : int
        G; the number of channels must be a multiple of it.
    epsilon : float, default=1e-5

    Shapes
    ------
    x (N, …, C) → y (N, …, C);  gamma (C,), beta (C,)

    References
    ----------
    Wu & He (2018), "Group normalization", arXiv:1803.08494, equations 1, 2, 6 and 7.

    Examples
    --------
    >>> layer = pl.GroupNorm(2)  # two groups of two channels
    >>> layer.build((4,), np.random.default_rng(0), np.float64)
    (4,)
    >>> layer(np.array([[1.0, 3.0, 10.0, 30.0]])).round(3)
    array([[-1.,  1., -1.,  1.]])
    """

    def window(self, input_shape: Shape) -> Sees:
        return Sees.ALL

    def __init__(self, groups: int, *, epsilon: float = 1e-5, name: str = "") -> None:
        super().__init__(epsilon, name=name)
        self.groups = checks.size("GroupNorm", "groups", groups)

    @checked_late
    def scaled(self, input_shape: Shape) -> Shape:
        return input_shape[-1:]

    def means(self, a: Array, b: Array | None = None) -> Array:
        sums = np.einsum("nxc->nc", a) if b is None else np.einsum("nxc,nxc->nc", a, b)
        groups = sums.reshape(len(a), self.groups, a.shape[2] // self.groups).sum(axis=2)  # (N, G)
        groups *= self.groups / (a.shape[1] * a.shape[2])
        return np.repeat(groups, a.shape[2] // self.groups, axis=1)[:, None]  # (N, 1, C)

    def infer_shape(self, input_shape: Shape) -> Shape:
        if not input_shape or input_shape[-1] % self.groups:
            raise ShapeError(
                f"{self.label}: the channels must be a multiple of groups={self.groups}, got a sample {input_shape}."
            )
        if int(np.prod(input_shape)) < 2 * self.groups:
            raise ShapeError(
                f"{self.label}: {self.groups} groups leave one number to each for a sample {input_shape}, which "
                "always becomes 0. Write fewer groups."
            )
        return input_shape

    def config(self) -> Config:
        return {"groups": self.groups, "epsilon": self.epsilon}


def _pixels(x: Array) -> Array:
    """(N, …, C) → (N, X, C)."""
    return x.reshape(len(x), math.prod(x.shape[1:-1]), x.shape[-1])


def channel_sums(a: Array) -> Array:
    """Σ over all axes but the last, in two steps: short sums round less, and einsum needs no temporary array."""
    return np.asarray(np.einsum("nxc->nc", _pixels(a)).sum(axis=0))


def channel_dots(a: Array, b: Array) -> Array:
    """Σ a·b over all axes but the last."""
    return np.asarray(np.einsum("nxc,nxc->nc", _pixels(a), _pixels(b)).sum(axis=0))
