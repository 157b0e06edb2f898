"""Batch normalisation: each channel brought to mean 0 and variance 1 over the batch, or by running statistics."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from pellucid import checks
from pellucid.checked import checked, checked_late
from pellucid.errors import ShapeError
from pellucid.kernels.crew.threads import blocks_of, parallel_for
from pellucid.layers.base import Layer
from pellucid.layers.facts import ChannelAffine, Facts, Sees
from pellucid.layers.norm import channel_dots, channel_sums
from pellucid.layers.parameters import Parameters
from pellucid.typing import Array, Arrays, Config, DTypeLike, Shape

BLOCK = 64 * 1024
"""Numbers that are scaled together: 256 KB, in and out half a second-level cache."""


class BatchNormCache(NamedTuple):
    """The input, what it was normalised with, and whether that depended on the input."""

    x: Array
    mean: Array
    inverse: Array
    """1/√(v + ε)."""
    from_batch: bool


class BatchNorm(Layer[BatchNormCache]):
    """Batch normalisation of each channel (the last axis) over samples and pixels.

    Forward     y = x̂ · γ + β,  x̂ = (x − m) / √(v + ε)
                train: m and v of the batch, over all M = N·H·W values of a channel, v biased (divided by M);
                evaluation: the running mean and variance
    Backward    dγ = Σ dy · x̂,  dβ = Σ dy
                train: dx = γ/√(v + ε) · (dy − dβ/M − x̂ · dγ/M);  evaluation: dx = γ/√(v + ε) · dy

    Running statistics are updated by each training-mode forward and by nothing else:
    running = momentum · running + (1 − momentum) · batch. The variance that enters is unbiased (divided by M − 1), as
    in the paper and in PyTorch; Keras and ONNX take the biased one.

    Parameters
    ----------
    momentum : float, default=0.9
        The share of the running statistics that stays (PyTorch writes 0.1 for it).
    epsilon : float, default=1e-5
        ε, added to the variance (Keras: 1e-3).

    Shapes
    ------
    x (N, C) or (N, H, W, C) → y of the same shape;  gamma (C,), beta (C,); buffers mean (C,), variance (C,)

    Raises
    ------
    ShapeError
        In training, where a channel has a single value: its variance would be 0.

    References
    ----------
    Ioffe & Szegedy (2015), "Batch normalization", arXiv:1502.03167, algorithms 1 and 2, equations of §3.

    Examples
    --------
    >>> layer = pl.BatchNorm()
    >>> layer.build((1,), np.random.default_rng(0))
    (1,)
    >>> y, cache = layer.forward(np.array([[1.0], [3.0]], np.float32), train=True)
    >>> y.ravel().round(3)
    array([-1.,  1.], dtype=float32)
    >>> layer.buffers["mean"]  # 0.9 · 0 + 0.1 · 2
    array([0.2], dtype=float32)
    """

    facts = Facts(linear=True, normalizes=True)

    def __init__(self, *, momentum: float = 0.9, epsilon: float = 1e-5, name: str = "") -> None:
        super().__init__(name=name)
        checks.expect_range("BatchNorm", "momentum", momentum, 0, 1)
        checks.expect_positive("BatchNorm", "epsilon", epsilon)
        self.momentum = float(momentum)
        self.epsilon = float(epsilon)

    def window(self, input_shape: Shape) -> Sees:
        return Sees.PLACE

    def multiply_adds(self, input_shape: Shape) -> int:
        return math.prod(input_shape)

    def channel_affine(self) -> ChannelAffine:
        variance = self.buffers["variance"]
        scale = self.params["gamma"] / np.sqrt(variance + variance.dtype.type(self.epsilon))
        return ChannelAffine(self.buffers["mean"], scale, self.params["beta"])

    def infer_shape(self, input_shape: Shape) -> Shape:
        if not input_shape:
            raise ShapeError(f"{self.label}: an input sample must have a channel axis, got {input_shape}.")
        return input_shape

    def create_params(self, input_shape: Shape, rng: np.random.Generator, dtype: DTypeLike) -> None:
        channels = input_shape[-1]
        self.params = Parameters(gamma=np.ones(channels, dtype), beta=np.zeros(channels, dtype))
        self.buffers = Parameters(mean=np.zeros(channels, dtype), variance=np.ones(channels, dtype))

    @checked
    def least_batch(self, input_shape: Shape) -> int:
        return 2 if self.trainable and math.prod(input_shape[:-1]) == 1 else 1

    @checked_late
    def forward(
        self, x: Array, *, train: bool = False, rng: np.random.Generator | None = None
    ) -> tuple[Array, BatchNormCache]:
        x = self.check_input(x)
        return self._by_batch(x) if train else self._by_running_statistics(x)

    def _by_batch(self, x: Array) -> tuple[Array, BatchNormCache]:
        values = x.size // x.shape[-1]  # M
        if values < 2:
            raise ShapeError(
                f"{self.label}: needs at least 2 values for each channel when train=True, got x of shape {x.shape}. "
                "Use larger batches; choose a batch size that leaves no last batch of one sample."
            )
        share = x.dtype.type(1 / values)
        mean = channel_sums(x) * share
        y = x - mean
        variance = channel_dots(y, y) * share
        inverse = 1 / np.sqrt(variance + x.dtype.type(self.epsilon))
        y *= inverse * self.params["gamma"]
        y += self.params["beta"]
        self._update("mean", mean)
        self._update("variance", variance * x.dtype.type(values / (values - 1)))
        return y, BatchNormCache(x, mean, inverse, from_batch=True)

    def _update(self, name: str, batch: Array) -> None:
        running = self.buffers[name]
        self.buffers[name] = self.momentum * running + (1 - self.momentum) * batch

    def _by_running_statistics(self, x: Array) -> tuple[Array, BatchNormCache]:
        mean = self.buffers["mean"].copy()  # a training step may change it before the backward pass
        inverse = 1 / np.sqrt(self.buffers["variance"] + x.dtype.type(self.epsilon))
        scale = inverse * self.params["gamma"]
        y = _scaled(x, scale, self.params["beta"] - mean * scale)
        return y, BatchNormCache(x, mean, inverse, from_batch=False)

    def backward(
        self, dy: Array, cache: BatchNormCache, *, need_dx: bool = True, need_grads: bool = True
    ) -> tuple[Array | None, Arrays]:
        scale = cache.inverse * self.params["gamma"]
        if not (need_grads or cache.from_batch):
            return (dy * scale if need_dx else None), {}
        if not (need_dx or need_grads):
            return None, {}
        centred = cache.x - cache.mean
        gamma, beta = channel_dots(dy, centred) * cache.inverse, channel_sums(dy)
        dx: Array | None = None
        if need_dx and cache.from_batch:
            share = dy.dtype.type(dy.shape[-1] / dy.size)  # 1/M
            dx = centred
            dx *= -gamma * cache.inverse * share
            dx += dy
            dx -= beta * share
            dx *= scale
        elif need_dx:
            dx = dy * scale
        return dx, ({"gamma": gamma, "beta": beta} if need_grads else {})

    def config(self) -> Config:
        return {"momentum": self.momentum, "epsilon": self.epsilon}


def _scaled(x: Array, scale: Array, shift: Array) -> Array:
    """x · scale + shift by channel: of many numbers block by block, on all threads, while a block lies in the cache."""
    if x.size < 16 * BLOCK:  # else the threads take longer to come than the work
        y: Array = x * scale
        y += shift
        return y
    y = np.empty(x.shape, x.dtype)
    pixels, made = x.reshape(-1, x.shape[-1]), y.reshape(-1, x.shape[-1])
    parts = blocks_of(len(pixels), max(1, BLOCK // x.shape[-1]))

    def block(index: int) -> None:
        out = made[parts[index]]
        np.multiply(pixels[parts[index]], scale, out=out)
        out += shift

    parallel_for(block, len(parts))
    return y
