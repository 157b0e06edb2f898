"""The dense layer: every output is a weighted sum of every input."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from pellucid import checks
from pellucid.checked import checked
from pellucid.errors import ShapeError
from pellucid.initializers import InitializerLike, as_initializer
from pellucid.kernels.dense.matmul import matmul
from pellucid.kernels.dense.rows import rows_times, rows_times_transposed
from pellucid.kernels.single import plan as single
from pellucid.layers.base import Layer
from pellucid.layers.facts import ChannelAffine, Facts, KernelUse, Sees, absorbed
from pellucid.layers.parameters import Parameters
from pellucid.typing import Array, ArrayLike, Arrays, Config, DTypeLike, Shape


class AffineCache(NamedTuple):
    """The input, and whether every sum is a sample's own, as it is outside training."""

    x: Array
    alone: bool = True


class Affine(Layer[AffineCache]):
    """Affine map of a vector, also called dense or fully connected.

    Forward     y = x W + b
    Backward    dx = dy Wᵀ,  dW = xᵀ dy,  db = Σ_n dy_n

    Parameters
    ----------
    units : int
        K, the number of outputs.
    bias : bool, default=True
        Whether `b` is added.
    weight : initializer or its name, default="he"
        How W begins; b begins at zero.

    Shapes
    ------
    x (N, D) → y (N, K);  W (D, K), b (K,)

    Examples
    --------
    >>> layer = pl.Affine.from_arrays([[1.0, 2.0], [3.0, 4.0]], [0.5, -0.5])
    >>> y, cache = layer.forward(np.array([[1.0, 1.0]]))
    >>> y
    array([[4.5, 5.5]])
    >>> dx, grads = layer.backward(np.array([[1.0, 0.0]]), cache)
    >>> dx, grads["b"]
    (array([[1., 3.]]), array([1., 0.]))
    """

    facts = Facts(linear=True, weights=("W",), function="affine")

    def __init__(self, units: int, *, bias: bool = True, weight: InitializerLike = "he", name: str = "") -> None:
        super().__init__(name=name)
        self.units = checks.size("Affine", "units", units)
        self.bias = checks.flag(type(self).__name__, "bias", bias)
        self.weight = as_initializer(weight)

    @classmethod
    @checked
    def from_arrays(cls, W: ArrayLike, b: ArrayLike | None = None, *, name: str = "") -> Affine:
        """Return a layer that holds copies of the weights W (D, K) and the bias b (K,)."""
        W = np.array(W, dtype=np.result_type(np.asarray(W), np.float32))
        if W.ndim != 2:
            raise ShapeError(f"Affine: W must have shape (D, K), got {W.shape}.")
        layer = cls(W.shape[1], bias=b is not None, name=name)
        layer.build((W.shape[0],), np.random.default_rng(0), W.dtype)
        layer.params["W"] = W
        if b is not None:
            layer.params["b"] = np.asarray(b)
        return layer

    def window(self, input_shape: Shape) -> Sees:
        return Sees.ALL

    def multiply_adds(self, input_shape: Shape) -> int:
        return input_shape[0] * self.units

    def filter_weights(self) -> Array:
        return self.params["W"]

    def absorb(self, after: ChannelAffine) -> Affine:
        return self.with_arrays(absorbed(self.params, after), bias=True)

    def one_sample(self, steps: Sequence[Any], input_shape: Shape) -> list[Any]:
        return [*steps, single.Product(input_shape[0], self.units)]

    def kernel_use(self, batch_size: int) -> KernelUse:
        W = self.params["W"]
        numbers = batch_size * sum(W.shape) + W.size
        return KernelUse("gemm", "a matrix product", 2 * batch_size * W.size, numbers * W.itemsize)

    def infer_shape(self, input_shape: Shape) -> Shape:
        if len(input_shape) != 1:
            raise ShapeError(
                f"{self.label}: an input sample must be a vector (D,), got {input_shape}. Put Flatten() before it."
            )
        return (self.units,)

    def create_params(self, input_shape: Shape, rng: np.random.Generator, dtype: DTypeLike) -> None:
        shape = (input_shape[0], self.units)
        self.params = Parameters(W=self.drawn(self.weight, shape, rng, dtype))
        if self.bias:
            self.params = Parameters(self.params, b=np.zeros(self.units, dtype))

    def forward(
        self, x: Array, *, train: bool = False, rng: np.random.Generator | None = None
    ) -> tuple[Array, AffineCache]:
        x = self.check_input(x)
        alone = train is False  # no sum may depend on who else is in the batch
        y = (rows_times if alone else matmul)(x, self.params["W"])  # (N, K)
        if self.bias:
            y += self.params["b"]
        return y, AffineCache(x, alone)

    def backward(
        self, dy: Array, cache: AffineCache, *, need_dx: bool = True, need_grads: bool = True
    ) -> tuple[Array | None, Arrays]:
        W, dx = self.params["W"], None
        if need_dx:
            dx = rows_times_transposed(dy, W) if cache.alone else matmul(dy, W.T)  # (N, D)
        if not need_grads:
            return dx, {}
        grads = {"W": matmul(cache.x.T, dy)}  # (D, K)
        if self.bias:
            grads["b"] = dy.sum(axis=0)
        return dx, grads

    def config(self) -> Config:
        return {"units": self.units, "bias": self.bias, "weight": self.weight}
