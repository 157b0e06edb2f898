"""Convolution: every output pixel is a weighted sum of a window of the input."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Sequence
from typing import Any, NamedTuple, Self, TypedDict

import numpy as np

from pellucid import checks, kernels
from pellucid.errors import ArgumentError, ShapeError
from pellucid.initializers import InitializerLike, as_initializer
from pellucid.kernels import NO_PADDING, Padding, Pair, Window
from pellucid.layers.base import Layer
from pellucid.layers.conv_relu import fused_convolution, with_convolution
from pellucid.layers.facts import ChannelAffine, Facts, KernelUse, Sliding, absorbed
from pellucid.layers.parameters import Parameters
from pellucid.layers.window import PaddingLike, as_padding, image_shape, placed
from pellucid.typing import Array, Arrays, Config, DTypeLike, Shape


class ConvCache(NamedTuple):
    """What the backward pass of a convolution needs."""

    x: Array


class Geometry(TypedDict):
    """The keyword arguments of the convolution kernels."""

    stride: Pair
    padding: Padding
    dilation: Pair
    groups: int


class _Convolution(Layer[ConvCache]):
    """What plain and depthwise convolution share."""

    takes_images = True
    facts = Facts(linear=True, weights=("W",))

    def __init__(
        self,
        kernel_size: int | Pair,
        *,
        stride: int | Pair,
        padding: PaddingLike,
        dilation: int | Pair,
        bias: bool,
        weight: InitializerLike,
        name: str,
    ) -> None:
        super().__init__(name=name)
        who = type(self).__name__
        self.kernel_size = checks.pair(who, "kernel_size", kernel_size)
        self.stride = checks.pair(who, "stride", stride)
        self.padding = as_padding(who, padding)
        self.dilation = checks.pair(who, "dilation", dilation)
        self.bias = checks.flag(type(self).__name__, "bias", bias)
        self.weight = as_initializer(weight)

    @abstractmethod
    def channels(self, input_shape: Shape) -> tuple[int, int]:
        """Return (groups, OC) for samples of `input_shape`."""

    def geometry(self, input_shape: Shape) -> Geometry:
        """Return how the kernels slide over images of `input_shape`: `kernels.conv2d(x, W, b, **geometry)`."""
        window, _ = self._placed(input_shape)
        groups, _ = self.channels(input_shape)
        return {"stride": self.stride, "padding": window.padding, "dilation": self.dilation, "groups": groups}

    def window(self, input_shape: Shape) -> Window:
        """Return the window with its padding in pixels, for images of `input_shape`."""
        return self._placed(input_shape)[0]

    def multiply_adds(self, input_shape: Shape) -> int:
        groups, _ = self.channels(input_shape)
        taps = math.prod(self.kernel_size) * (input_shape[2] // groups)
        return taps * math.prod(self.infer_shape(input_shape))

    def filter_weights(self) -> Array:
        return self.params["W"]

    def sliding(self) -> Sliding:
        return Sliding(0.0, self._on_windows)

    def _on_windows(self, x: Array) -> Array:
        geometry = {**self.geometry(x.shape[1:]), "padding": NO_PADDING}
        return kernels.conv2d(x, self.params["W"], self.params.get("b"), **geometry)  # type: ignore[arg-type]

    def absorb(self, after: ChannelAffine) -> Self:
        return self.with_arrays(absorbed(self.params, after), bias=True)

    def kernel_use(self, batch_size: int) -> KernelUse:
        shape, W = self.input_shape or (), self.params["W"]
        return KernelUse(*kernels.choose((batch_size, *shape), W.shape, **self.geometry(shape), dtype=W.dtype))

    def _placed(self, input_shape: Shape) -> tuple[Window, Pair]:
        h, w, _ = image_shape(self.label, input_shape)
        return placed(self.label, Window(self.kernel_size, self.stride, dilation=self.dilation), self.padding, h, w)

    def infer_shape(self, input_shape: Shape) -> Shape:
        _, (oh, ow) = self._placed(input_shape)
        return oh, ow, self.channels(input_shape)[1]

    def create_params(self, input_shape: Shape, rng: np.random.Generator, dtype: DTypeLike) -> None:
        groups, filters = self.channels(input_shape)
        shape = (*self.kernel_size, input_shape[2] // groups, filters)
        self.params = Parameters(W=self.drawn(self.weight, shape, rng, dtype))
        if self.bias:
            self.params = Parameters(self.params, b=np.zeros(filters, dtype))

    def forward(
        self, x: Array, *, train: bool = False, rng: np.random.Generator | None = None
    ) -> tuple[Array, ConvCache]:
        x = self.check_input(x)
        y = kernels.conv2d(x, self.params["W"], self.params.get("b"), **self.geometry(x.shape[1:]))
        return y, ConvCache(x)

    def backward(
        self, dy: Array, cache: ConvCache, *, need_dx: bool = True, need_grads: bool = True
    ) -> tuple[Array | None, Arrays]:
        x = cache.x
        dx, dW, db = kernels.conv2d_backward(
            x, dy, self.params["W"], **self.geometry(x.shape[1:]), want_dx=need_dx, want_dw=need_grads
        )
        if not need_grads or dW is None or db is None:
            return dx, {}
        return dx, {"W": dW, "b": db} if self.bias else {"W": dW}

    def config(self) -> Config:
        return {
            "kernel_size": self.kernel_size,
            "stride": self.stride,
            "padding": self.padding,
            "dilation": self.dilation,
            "bias": self.bias,
            "weight": self.weight,
        }


class Conv2D(_Convolution):
    """Two-dimensional convolution (a cross-correlation: the kernel is not flipped).

    Forward     y[n,i,j,o] = b[o] + Σ_{u,v,c} W[u,v,c,o] · x[n, i·SH + u·DH − top, j·SW + v·DW − left, g·C/G + c]
    Backward    dx[n,r,s,c] = the sum of W[u,v,c,o] · dy[n,i,j,o] over all outputs that saw x[n,r,s,c] through (u,v),
                dW[u,v,c,o] = Σ_{n,i,j} dy[n,i,j,o] · x[n, i·SH + u·DH − top, …, c],  db[o] = Σ_{n,i,j} dy[n,i,j,o]

    g is the group of output channel o. Pixels outside the image count as 0.

    Parameters
    ----------
    filters : int
        OC, the number of output channels.
    kernel_size : int or (KH, KW)
    stride : int or (SH, SW), default=1
    padding : "valid", "same", int, (height, width) or ((top, bottom), (left, right)), default="valid"
        "same" gives ⌈H / SH⌉ x ⌈W / SW⌉, the odd pixel at the bottom and the right, as Keras does.
    dilation : int or (DH, DW), default=1
        The distance between the pixels that neighbouring weights see.
    groups : int, default=1
        G: the channels in G bundles, each with its own OC/G filters. C and OC must be multiples of it.
    bias : bool, default=True
    weight : initializer or its name, default="he"

    Shapes
    ------
    x (N, H, W, C) → y (N, OH, OW, OC),  OH = (H + top + bottom − (KH − 1)·DH − 1) // SH + 1
    W (KH, KW, C/G, OC), b (OC,). Keras has the same kernel; PyTorch's is `W.transpose(3, 2, 0, 1)`.

    References
    ----------
    LeCun et al. (1989), "Backpropagation applied to handwritten zip code recognition".
    Dumoulin & Visin (2016), "A guide to convolution arithmetic for deep learning", arXiv:1603.07285.

    Examples
    --------
    >>> network = pl.Sequential([pl.Conv2D(1, (1, 2), bias=False)], input_shape=(1, 3, 1))
    >>> network.params["conv2d1.W"] = np.array([-1.0, 1.0]).reshape(1, 2, 1, 1)  # the step to the right
    >>> network(np.array([2.0, 3.0, 7.0]).reshape(1, 1, 3, 1)).ravel().tolist()
    [1.0, 4.0]
    >>> pl.Conv2D(8, 3, stride=2, padding="same").infer_shape((28, 28, 1))
    (14, 14, 8)
    """

    def __init__(
        self,
        filters: int,
        kernel_size: int | Pair,
        *,
        stride: int | Pair = 1,
        padding: PaddingLike = "valid",
        dilation: int | Pair = 1,
        groups: int = 1,
        bias: bool = True,
        weight: InitializerLike = "he",
        name: str = "",
    ) -> None:
        super().__init__(
            kernel_size, stride=stride, padding=padding, dilation=dilation, bias=bias, weight=weight, name=name
        )
        self.filters = checks.size("Conv2D", "filters", filters)
        self.groups = checks.size("Conv2D", "groups", groups)
        if self.filters % self.groups:
            raise ArgumentError(f"Conv2D: filters must be a multiple of groups={groups}, got {filters}.")

    def channels(self, input_shape: Shape) -> tuple[int, int]:
        if input_shape[2] % self.groups:
            raise ShapeError(
                f"{self.label}: the input's channels must be a multiple of groups={self.groups}, got {input_shape[2]}."
            )
        return self.groups, self.filters

    def config(self) -> Config:
        return {"filters": self.filters, **super().config(), "groups": self.groups}

    def fuse_with(self, following: Sequence[Layer[Any]]) -> tuple[Layer[Any], int] | None:
        return fused_convolution(self, following)

    def one_sample(self, steps: Sequence[Any], input_shape: Shape) -> list[Any] | None:
        return with_convolution(steps, self, input_shape)


class DepthwiseConv2D(_Convolution):
    """Convolution of each channel by itself: `Conv2D` with one group for each input channel.

    Forward     y[n,i,j, c·M + m] = b[c·M + m] + Σ_{u,v} W[u,v,0, c·M + m] · x[n, i·SH + u·DH − top, …, c]
    Backward    as `Conv2D`

    Parameters
    ----------
    kernel_size : int or (KH, KW)
    multiplier : int, default=1
        M, the filters for each channel.
    stride, padding, dilation, bias, weight
        As in `Conv2D`.

    Shapes
    ------
    x (N, H, W, C) → y (N, OH, OW, C·M);  W (KH, KW, 1, C·M), b (C·M,). Keras' kernel (KH, KW, C, M) holds the
    same numbers in the same order.

    References
    ----------
    Sifre (2014), "Rigid-motion scattering for image classification"; Howard et al. (2017), arXiv:1704.04861.

    Examples
    --------
    >>> layer = pl.DepthwiseConv2D(3, multiplier=2)
    >>> layer.build((8, 8, 5), np.random.default_rng(0))
    (6, 6, 10)
    >>> layer.params["W"].shape
    (3, 3, 1, 10)
    """

    def __init__(
        self,
        kernel_size: int | Pair,
        multiplier: int = 1,
        *,
        stride: int | Pair = 1,
        padding: PaddingLike = "valid",
        dilation: int | Pair = 1,
        bias: bool = True,
        weight: InitializerLike = "he",
        name: str = "",
    ) -> None:
        super().__init__(
            kernel_size, stride=stride, padding=padding, dilation=dilation, bias=bias, weight=weight, name=name
        )
        self.multiplier = checks.size("DepthwiseConv2D", "multiplier", multiplier)

    def channels(self, input_shape: Shape) -> tuple[int, int]:
        return input_shape[2], input_shape[2] * self.multiplier

    def config(self) -> Config:
        return {**super().config(), "multiplier": self.multiplier}
