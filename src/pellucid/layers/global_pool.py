"""Global pooling: one number for each channel, whatever the size of the image."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from pellucid.layers.base import Layer
from pellucid.layers.facts import Facts, Sees
from pellucid.layers.pool import AveragePoolCache
from pellucid.layers.window import image_shape
from pellucid.typing import Array, Arrays, IntArray, Shape


class GlobalMaxPoolCache(NamedTuple):
    """The place h·W + w of each channel's largest pixel, and the shape to give back to the gradient."""

    winner: IntArray
    x_shape: Shape


class GlobalAveragePool2D(Layer[AveragePoolCache]):
    """The mean of each channel.

    Forward     y[n,c] = Σ_{h,w} x[n,h,w,c] / (H·W)
    Backward    dx[n,h,w,c] = dy[n,c] / (H·W)

    Shapes
    ------
    x (N, H, W, C) → y (N, C)

    References
    ----------
    Lin, Chen & Yan (2014), "Network in network", arXiv:1312.4400, §3.2.

    Examples
    --------
    >>> network = pl.Sequential([pl.GlobalAveragePool2D()], input_shape=(2, 2, 2))
    >>> network(np.arange(8.0).reshape(1, 2, 2, 2)).tolist()
    [[3.0, 4.0]]
    """

    takes_images = True
    facts = Facts(linear=True, weights=(), pools=True, keeps_sums=True, keeps_range=True, function="global_average")

    def window(self, input_shape: Shape) -> Sees:
        return Sees.ALL

    def multiply_adds(self, input_shape: Shape) -> int:
        return 0

    def infer_shape(self, input_shape: Shape) -> Shape:
        return image_shape(self.label, input_shape)[2:]

    def forward(
        self, x: Array, *, train: bool = False, rng: np.random.Generator | None = None
    ) -> tuple[Array, AveragePoolCache]:
        x = self.check_input(x)
        y = np.einsum("nhwc->nhc", x).sum(axis=1)  # in two steps: short sums round less
        y *= x.dtype.type(1 / (x.shape[1] * x.shape[2]))
        return y, AveragePoolCache(x.shape)

    def backward(
        self, dy: Array, cache: AveragePoolCache, *, need_dx: bool = True, need_grads: bool = True
    ) -> tuple[Array | None, Arrays]:
        if not need_dx:
            return None, {}
        _, h, w, _ = cache.x_shape
        dx = np.empty(cache.x_shape, dy.dtype)
        dx[...] = (dy * dy.dtype.type(1 / (h * w)))[:, None, None, :]
        return dx, {}


class GlobalMaxPool2D(Layer[GlobalMaxPoolCache]):
    """The largest pixel of each channel; the first of equals, row by row.

    Forward     y[n,c] = max_{h,w} x[n,h,w,c]
    Backward    dx[n,h,w,c] = dy[n,c] at the largest pixel, 0 elsewhere

    Shapes
    ------
    x (N, H, W, C) → y (N, C)

    References
    ----------
    Oquab et al. (2015), "Is object localization for free?".

    Examples
    --------
    >>> network = pl.Sequential([pl.GlobalMaxPool2D()], input_shape=(2, 2, 2))
    >>> network(np.arange(8.0).reshape(1, 2, 2, 2)).tolist()
    [[6.0, 7.0]]
    """

    takes_images = True
    facts = Facts(switches=True, pools=True, keeps_sums=True, keeps_range=True, homogeneous=True)

    def window(self, input_shape: Shape) -> Sees:
        return Sees.ALL

    def infer_shape(self, input_shape: Shape) -> Shape:
        return image_shape(self.label, input_shape)[2:]

    def __call__(self, x: Array) -> Array:
        return np.asarray(self.check_input(x).max(axis=(1, 2)))

    def forward(
        self, x: Array, *, train: bool = False, rng: np.random.Generator | None = None
    ) -> tuple[Array, GlobalMaxPoolCache]:
        x = self.check_input(x)
        pixels = x.reshape(len(x), x.shape[1] * x.shape[2], x.shape[3])  # (N, H·W, C)
        winner = pixels.argmax(axis=1)[:, None, :]  # (N, 1, C)
        y = np.take_along_axis(pixels, winner, axis=1)[:, 0]
        return y, GlobalMaxPoolCache(winner, x.shape)

    def backward(
        self, dy: Array, cache: GlobalMaxPoolCache, *, need_dx: bool = True, need_grads: bool = True
    ) -> tuple[Array | None, Arrays]:
        if not need_dx:
            return None, {}
        n, h, w, c = cache.x_shape
        dx = np.zeros((n, h * w, c), dy.dtype)
        np.put_along_axis(dx, cache.winner, dy[:, None, :], axis=1)
        return dx.reshape(cache.x_shape), {}
