"""The matrix product of each sample with a matrix of weights, or with several of them."""

from __future__ import annotations

import math
from typing import NamedTuple, Self

import numpy as np

from pellucid import checks
from pellucid.checked import checked
from pellucid.errors import ShapeError
from pellucid.initializers import InitializerLike, as_initializer
from pellucid.kernels.crew.blas import single_threaded
from pellucid.layers.base import Layer
from pellucid.layers.broadcast import aligned, summed_to
from pellucid.layers.facts import Facts, Sees, Sight, Taps
from pellucid.layers.parameters import Parameters
from pellucid.typing import Array, ArrayLike, Arrays, Config, DTypeLike, Shape


class MatMulCache(NamedTuple):
    """The input."""

    x: Array


class MatMul(Layer[MatMulCache]):
    """The product with W over the last axes of a sample, as `np.matmul` takes it.

    Forward     y = x W, or with left=True y = W x, for every sample
    Backward    dx = dy Wᵀ,  dW = Σ xᵀ dy;  with left=True  dx = Wᵀ dy,  dW = Σ dy xᵀ

    Where x or W has more axes than two, those before the last two are broadcast. Each sample is a product of its own:
    for vectors `Affine` is faster.

    Parameters
    ----------
    shape : tuple of int
        The shape of W: (K, P), or (…, K, P) for several matrices; (K,) for a vector.
    left : bool, default=False
        Whether W stands on the left.
    weight : initializer or its name, default="he"

    Examples
    --------
    >>> layer = pl.MatMul.from_arrays([[1.0, 2.0], [3.0, 4.0]], left=True)
    >>> pl.Sequential([layer], input_shape=(2, 1))(np.array([[[1.0], [1.0]]])).ravel()
    array([3., 7.], dtype=float32)
    """

    facts = Facts(linear=True, weights=("W",))

    def __init__(self, shape: Shape, left: bool = False, *, weight: InitializerLike = "he", name: str = "") -> None:
        super().__init__(name=name)
        self.shape = checks.shape("MatMul", "shape", shape)
        self.left = checks.flag("MatMul", "left", left)
        self.weight = as_initializer(weight)
        self._given: Array | None = None

    @classmethod
    @checked
    def from_arrays(cls, W: ArrayLike, *, left: bool = False, name: str = "") -> Self:
        """Return a layer that begins with a copy of W, in whatever network it is put."""
        held = np.array(W, dtype=np.result_type(np.asarray(W), np.float32))
        layer = cls(held.shape, left, name=name)
        layer._given = held
        return layer

    def infer_shape(self, input_shape: Shape) -> Shape:
        x, W = np.broadcast_to(0, input_shape), np.broadcast_to(0, self.shape)
        try:
            return tuple(np.matmul(*((W, x) if self.left else (x, W))).shape)
        except ValueError:
            order = "W x" if self.left else "x W"
            raise ShapeError(
                f"{self.label}: a sample {input_shape} and W {self.shape} do not fit for the product {order}."
            ) from None

    def _summed(self, input_shape: Shape) -> int:
        """How many products make a number of the output."""
        return input_shape[-1] if not self.left or len(input_shape) == 1 else input_shape[-2]

    def multiply_adds(self, input_shape: Shape) -> int:
        return math.prod(self.infer_shape(input_shape)) * self._summed(input_shape)

    def window(self, input_shape: Shape) -> Sight:
        out = self.infer_shape(input_shape)
        if len(input_shape) == 1 and len(self.shape) <= 2:
            return Sees.ALL
        if len(input_shape) != 3 or len(out) != 3 or out[0] != input_shape[0]:
            return None
        if self.left:
            rows, width = np.arange(out[0])[:, None], input_shape[1]
            return Taps(rows, np.broadcast_to(np.arange(width), (out[1], width)))
        return Sees.PLACE if out[1] == input_shape[1] else None

    def create_params(self, input_shape: Shape, rng: np.random.Generator, dtype: DTypeLike) -> None:
        drawn = self.drawn(self.weight, self.shape, rng, dtype) if self._given is None else self._given.astype(dtype)
        self.params = Parameters(W=drawn)

    def _matrices(self, x: Array) -> tuple[Array, Array]:
        """x (N, …, M, K) and W (…, K, P), or on the left W (…, M, K) and x (N, …, K, P), as many axes each needs."""
        W = self.params["W"]
        if W.ndim == 1:
            W = W[None] if self.left else W[:, None]
        if x.ndim == 2:
            x = x[:, :, None] if self.left else x[:, None]
        return aligned(x, max(x.ndim - 1, W.ndim)), W

    def forward(
        self, x: Array, *, train: bool = False, rng: np.random.Generator | None = None
    ) -> tuple[Array, MatMulCache]:
        x = self.check_input(x)
        a, W = self._matrices(x)
        with single_threaded():
            y = np.matmul(W, a) if self.left else np.matmul(a, W)
        return y.reshape(len(x), *self.infer_shape(x.shape[1:])), MatMulCache(x)

    def backward(
        self, dy: Array, cache: MatMulCache, *, need_dx: bool = True, need_grads: bool = True
    ) -> tuple[Array | None, Arrays]:
        a, W = self._matrices(cache.x)
        lead = np.broadcast_shapes(a.shape[1:-2], W.shape[:-2])
        ends = (W.shape[-2], a.shape[-1]) if self.left else (a.shape[-2], W.shape[-1])
        dy = dy.reshape(len(dy), *lead, *ends)
        across, turned = W.swapaxes(-1, -2), a.swapaxes(-1, -2)
        dx, grads = None, {}
        with single_threaded():
            if need_dx:
                back = np.matmul(across, dy) if self.left else np.matmul(dy, across)
                dx = summed_to(back, a.shape).reshape(cache.x.shape)
            if need_grads:
                each = np.matmul(dy, turned) if self.left else np.matmul(turned, dy)  # (N, …, K, P)
                dW = summed_to(each.sum(axis=0)[None], (1, *W.shape))
                grads["W"] = dW.reshape(self.shape)
        return dx, grads

    def config(self) -> Config:
        return {"shape": self.shape, "left": self.left, "weight": self.weight}
