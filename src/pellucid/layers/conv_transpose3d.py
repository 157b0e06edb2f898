"""Transposed convolution of volumes, in plain NumPy, one tap after another."""

from __future__ import annotations

import math

import numpy as np

from pellucid import checks
from pellucid.errors import ArgumentError, ShapeError
from pellucid.initializers import InitializerLike, as_initializer
from pellucid.kernels.crew.blas import single_threaded
from pellucid.layers.base import Layer
from pellucid.layers.conv import ConvCache
from pellucid.layers.facts import Facts
from pellucid.layers.parameters import Parameters
from pellucid.layers.volume import Border, Cube, Triple, border, triple, volume_shape
from pellucid.layers.window import count
from pellucid.typing import Array, Arrays, Config, DTypeLike, Shape


class ConvTranspose3D(Layer[ConvCache]):
    """Transposed convolution of volumes: every place of the input stamps the kernel on the output.

    Forward     y[n, p·S + u·D − before, f] += W[u,f,c] · x[n,p,c] for all places p, taps u and channels c;  y += b
    Backward    dx[n,p,c] = Σ W[u,f,c] · dy[…],  dW[u,f,c] = Σ dy[…] · x[n,p,c],  db[f] = Σ dy[…,f]

    Parameters
    ----------
    filters, kernel_size, stride, padding, output_padding, dilation, groups, bias, weight
        As in `ConvTranspose2D`, along three axes; padding is a number, three, or three pairs.

    Shapes
    ------
    x (N, D, H, W, C) → y (N, OD, OH, OW, F);  W (KD, KH, KW, F/G, C), b (F,)

    Examples
    --------
    >>> network = pl.Sequential([pl.ConvTranspose3D(2, 2, stride=2)], input_shape=(3, 4, 5, 1))
    >>> network.output_shape
    (6, 8, 10, 2)
    """

    facts = Facts(linear=True, weights=("W",))

    def __init__(
        self,
        filters: int,
        kernel_size: int | Triple,
        *,
        stride: int | Triple = 1,
        padding: int | Border = 0,
        output_padding: int | Triple = 0,
        dilation: int | Triple = 1,
        groups: int = 1,
        bias: bool = True,
        weight: InitializerLike = "he",
        name: str = "",
    ) -> None:
        super().__init__(name=name)
        who = "ConvTranspose3D"
        self.filters = checks.size(who, "filters", filters)
        self.kernel_size = triple(who, "kernel_size", kernel_size)
        self.stride = triple(who, "stride", stride)
        self.padding = border(who, padding)
        extra = output_padding if isinstance(output_padding, (tuple, list)) else (output_padding,) * 3
        self.output_padding = tuple(count(who, "output_padding", n) for n in extra)
        self.dilation = triple(who, "dilation", dilation)
        self.groups = checks.size(who, "groups", groups)
        self.bias = checks.flag(who, "bias", bias)
        self.weight = as_initializer(weight)
        if self.filters % self.groups:
            raise ArgumentError(f"{who}: filters must be a multiple of groups={groups}, got {filters}.")

    def cube(self) -> Cube:
        """Return the window of the convolution that this transposes."""
        return Cube(self.kernel_size, self.stride, self.padding, self.dilation)

    def multiply_adds(self, input_shape: Shape) -> int:
        return math.prod(input_shape) * math.prod(self.kernel_size) * (self.filters // self.groups)

    def infer_shape(self, input_shape: Shape) -> Shape:
        space, cube = volume_shape(self.label, input_shape), self.cube()
        if input_shape[3] % self.groups:
            raise ShapeError(f"{self.label}: the channels must be a multiple of {self.groups}, got {input_shape[3]}.")
        out = tuple(
            (n - 1) * self.stride[k] + cube.extent(k) - sum(self.padding[k]) + self.output_padding[k]
            for k, n in enumerate(space)
        )
        if min(out) < 1:
            raise ShapeError(f"{self.label}: padding {self.padding} cuts away all of the output. Write less.")
        return *out, self.filters

    def create_params(self, input_shape: Shape, rng: np.random.Generator, dtype: DTypeLike) -> None:
        shape = (*self.kernel_size, self.filters // self.groups, input_shape[3])
        self.params = Parameters(W=self.drawn(self.weight, shape, rng, dtype))
        if self.bias:
            self.params = Parameters(self.params, b=np.zeros(self.filters, dtype))

    def _frame(self, x_shape: Shape, dtype: DTypeLike) -> Array:
        """Zeros (N, …, F) as large as the stamps reach, before the border is cut off."""
        out = self.infer_shape(x_shape[1:])
        sizes = (
            max((x_shape[k + 1] - 1) * self.stride[k] + self.cube().extent(k), out[k] + self.padding[k][0])
            for k in range(3)
        )
        return np.zeros((x_shape[0], *sizes, self.filters), dtype)

    def forward(
        self, x: Array, *, train: bool = False, rng: np.random.Generator | None = None
    ) -> tuple[Array, ConvCache]:
        x, W = self.check_input(x), self.params["W"]
        framed = self._frame(x.shape, x.dtype)
        with single_threaded():
            for tap, places in self.cube().taps(x.shape[1:4]):
                for ins, outs in self._parts(x.shape[4]):
                    framed[(*places, outs)] += np.matmul(x[..., ins], W[tap][:, ins].T)
        y = self.cube().inside(framed, self.infer_shape(x.shape[1:])[:3])
        return (y + self.params["b"] if self.bias else y), ConvCache(x)

    def _parts(self, channels: int) -> list[tuple[slice, slice]]:
        """The input channels and the filters of each group."""
        ins, outs = channels // self.groups, self.filters // self.groups
        return [(slice(g * ins, (g + 1) * ins), slice(g * outs, (g + 1) * outs)) for g in range(self.groups)]

    def backward(
        self, dy: Array, cache: ConvCache, *, need_dx: bool = True, need_grads: bool = True
    ) -> tuple[Array | None, Arrays]:
        x, W = cache.x, self.params["W"]
        framed = self._frame(x.shape, dy.dtype)
        self.cube().inside(framed, dy.shape[1:4])[...] = dy
        dx, dW = np.zeros_like(x), np.zeros_like(W)
        with single_threaded():
            for tap, places in self.cube().taps(x.shape[1:4]):
                for ins, outs in self._parts(x.shape[4]):
                    seen = framed[(*places, outs)]
                    if need_dx:
                        dx[..., ins] += np.matmul(seen, W[tap][:, ins])
                    if need_grads:
                        dW[tap][:, ins] = np.tensordot(seen, x[..., ins], (range(4), range(4)))
        grads = {"W": dW, "b": dy.sum(axis=(0, 1, 2, 3))} if self.bias else {"W": dW}
        return (dx if need_dx else None), (grads if need_grads else {})

    def config(self) -> Config:
        return {
            "filters": self.filters,
            "kernel_size": self.kernel_size,
            "stride": self.stride,
            "padding": self.padding,
            "output_padding": self.output_padding,
            "dilation": self.dilation,
            "groups": self.groups,
            "bias": self.bias,
            "weight": self.weight,
        }
