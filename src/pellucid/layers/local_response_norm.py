"""Local response normalisation: each channel divided by the size of its neighbours."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from pellucid import checks
from pellucid.errors import ShapeError
from pellucid.layers.base import Layer
from pellucid.layers.facts import Facts, Sees, Sight
from pellucid.typing import Array, Arrays, Config, Shape


class LocalResponseCache(NamedTuple):
    """The input, and s."""

    x: Array
    sums: Array


class LocalResponseNorm(Layer[LocalResponseCache]):
    """Each number divided by a power of the squares of the channels around it.

    Forward     y_c = x_c · s_c^(−β),  s_c = bias + α/size · Σ x_k² for k from c − ⌊(size−1)/2⌋ to c + ⌈(size−1)/2⌉
    Backward    dx_k = dy_k s_k^(−β) − 2αβ/size · x_k · Σ dy_c x_c s_c^(−β−1) over the c whose sum has x_k

    The sums go over what channels there are. As ONNX has it; PyTorch's even sizes reach the other way.

    Parameters
    ----------
    size : int
        The channels of a sum.
    alpha, beta, bias : float, default=1e-4, 0.75, 1

    Shapes
    ------
    x (N, …, C) → y (N, …, C)

    References
    ----------
    Krizhevsky, Sutskever & Hinton (2012), "ImageNet classification with deep convolutional neural networks", §3.3.

    Examples
    --------
    >>> network = pl.Sequential([pl.LocalResponseNorm(3, alpha=3.0, beta=1.0)], input_shape=2, dtype=np.float64)
    >>> network(np.array([[1.0, 2.0]])).round(4)  # each divided by 1 + 1² + 2²
    array([[0.1667, 0.3333]])
    """

    def __init__(
        self, size: int, *, alpha: float = 1e-4, beta: float = 0.75, bias: float = 1.0, name: str = ""
    ) -> None:
        super().__init__(name=name)
        who = "LocalResponseNorm"
        self.neighbours = checks.size(who, "size", size)
        self.alpha, self.beta = checks.number(who, "alpha", alpha), checks.number(who, "beta", beta)
        self.bias = checks.number(who, "bias", bias)

    fixed = (*Layer.fixed, "neighbours")

    @property
    def facts(self) -> Facts:  # type: ignore[override]
        """With a bias of at least 1 nothing grows."""
        return Facts(keeps_range=self.bias >= 1 and self.alpha >= 0 and self.beta >= 0)

    def window(self, input_shape: Shape) -> Sight:
        if len(input_shape) == 3:
            return Sees.PLACE
        return Sees.ALL if len(input_shape) == 1 and self.neighbours >= 2 * input_shape[0] else None

    def multiply_adds(self, input_shape: Shape) -> int:
        return math.prod(input_shape) * min(self.neighbours, input_shape[-1])

    def infer_shape(self, input_shape: Shape) -> Shape:
        if not input_shape:
            raise ShapeError(f"{self.label}: an input sample must have a channel axis, got {input_shape}.")
        return input_shape

    def _around(self, a: Array, before: int, after: int) -> Array:
        """Σ a_k for k from c − before to c + after, at every channel c."""
        channels = a.shape[-1]
        total = np.zeros_like(a)
        for k in range(-min(before, channels - 1), min(after, channels - 1) + 1):
            ins, outs = (max(k, 0), channels + min(k, 0)), (max(-k, 0), channels - max(k, 0))
            total[..., slice(*outs)] += a[..., slice(*ins)]
        return total

    def forward(
        self, x: Array, *, train: bool = False, rng: np.random.Generator | None = None
    ) -> tuple[Array, LocalResponseCache]:
        x = self.check_input(x)
        before = (self.neighbours - 1) // 2
        sums = self._around(x * x, before, self.neighbours - 1 - before)
        sums *= self.alpha / self.neighbours
        sums += self.bias
        return x * sums**-self.beta, LocalResponseCache(x, sums)

    def backward(
        self, dy: Array, cache: LocalResponseCache, *, need_dx: bool = True, need_grads: bool = True
    ) -> tuple[Array | None, Arrays]:
        if not need_dx:
            return None, {}
        x, sums = cache
        dx = dy * sums**-self.beta
        before = (self.neighbours - 1) // 2
        felt = self._around(dx * x / sums, self.neighbours - 1 - before, before)  # the sums that x_k is in
        dx -= (2 * self.alpha * self.beta / self.neighbours) * x * felt
        return dx, {}

    def config(self) -> Config:
        return {"size": self.neighbours, "alpha": self.alpha, "beta": self.beta, "bias": self.bias}
