"""Pooling: every output pixel stands for a window of one channel, by its largest value or its mean."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from pellucid import checks, kernels
from pellucid.errors import ArgumentError
from pellucid.kernels import NO_PADDING, Pair, Window
from pellucid.layers.base import CacheT, Layer
from pellucid.layers.facts import Facts, Sliding
from pellucid.layers.window import PaddingLike, as_padding, image_shape, in_pixels, placed
from pellucid.shown import came
from pellucid.typing import Array, Arrays, Config, IntArray, Shape


class MaxPoolCache(NamedTuple):
    """The place u·KW + v of the pixel that won each window, and the shape to give back to the gradient."""

    switch: IntArray
    x_shape: Shape


class AveragePoolCache(NamedTuple):
    """The shape to give back to the gradient."""

    x_shape: Shape


class _Pool(Layer[CacheT]):
    """What both kinds of pooling share: windows, and where they lie."""

    takes_images = True

    fixed = (*Layer.fixed, "pool_size")

    def __init__(
        self,
        size: int | Pair,
        stride: int | Pair | None,
        padding: PaddingLike,
        dilation: int | Pair,
        ceil: bool,
        *,
        name: str,
    ) -> None:
        super().__init__(name=name)
        who = type(self).__name__
        self.pool_size = checks.pair(who, "size", size)
        self.stride = self.pool_size if stride is None else checks.pair(who, "stride", stride)
        self.padding = as_padding(who, padding)
        self.dilation = checks.pair(who, "dilation", dilation)
        self.ceil = checks.flag(who, "ceil", ceil)
        rows, columns = NO_PADDING if isinstance(self.padding, str) else self.padding
        window = Window(self.pool_size, dilation=self.dilation)
        extent = window.extent(0), window.extent(1)
        if max(rows) >= extent[0] or max(columns) >= extent[1]:
            raise ArgumentError(
                f"{who}: padding must be smaller than the window {extent}, got {came(padding)}. "
                "A window that sees padding alone has nothing to pool."
            )

    def window(self, input_shape: Shape) -> Window:
        """Return the window with its padding in pixels, for images of `input_shape`."""
        return self._placed(input_shape)[0]

    def multiply_adds(self, input_shape: Shape) -> int:
        return 0

    def _placed(self, input_shape: Shape) -> tuple[Window, Pair]:
        h, w, _ = image_shape(self.label, input_shape)
        window = Window(self.pool_size, self.stride, dilation=self.dilation)
        return placed(self.label, window, self.padding, h, w, ceil=self.ceil)

    def infer_shape(self, input_shape: Shape) -> Shape:
        _, (oh, ow) = self._placed(input_shape)
        return oh, ow, input_shape[2]

    def config(self) -> Config:
        return {
            "size": self.pool_size,
            "stride": self.stride,
            "padding": self.padding,
            "dilation": self.dilation,
            "ceil": self.ceil,
        }


class MaxPool2D(_Pool[MaxPoolCache]):
    """The largest pixel of each window.

    Forward     y[n,i,j,c] = max_{u,v} x[n, i·SH + u·DH − top, j·SW + v·DW − left, c]
    Backward    dx = each dy at the pixel that won its window; where windows overlap, the sum

    Of equal pixels the first wins, row by row. Padding never wins: it is no pixel.

    Parameters
    ----------
    size : int or (KH, KW), default=2
    stride : int or (SH, SW), default: the size
        Smaller than the size, the windows overlap.
    padding : "valid", "same", int, (height, width) or ((top, bottom), (left, right)), default="valid"
        Less than the size on each side.
    dilation : int or (DH, DW), default=1
        How far apart the pixels of a window lie.
    ceil : bool, default=False
        Whether a last window that is not full counts: one that begins in the image or in the padding before it.

    Shapes
    ------
    x (N, H, W, C) → y (N, OH, OW, C),  OH = (H + top + bottom − (KH − 1)·DH − 1) // SH + 1, or with `ceil` rounded up

    References
    ----------
    Scherer, Müller & Behnke (2010), "Evaluation of pooling operations in convolutional architectures".

    Examples
    --------
    >>> network = pl.Sequential([pl.MaxPool2D(2)], input_shape=(2, 2, 1))
    >>> y, tape = network.forward(np.array([[1.0, 5.0], [2.0, 3.0]]).reshape(1, 2, 2, 1))
    >>> y.ravel().tolist()
    [5.0]
    >>> network.backward(y, tape)[0][0, :, :, 0].tolist()  # the winner takes the gradient
    [[0.0, 5.0], [0.0, 0.0]]
    """

    facts = Facts(switches=True, pools=True, keeps_sums=True, keeps_range=True, homogeneous=True)

    def __init__(
        self,
        size: int | Pair = 2,
        stride: int | Pair | None = None,
        padding: PaddingLike = "valid",
        *,
        dilation: int | Pair = 1,
        ceil: bool = False,
        name: str = "",
    ) -> None:
        super().__init__(size, stride, padding, dilation, ceil, name=name)

    def sliding(self) -> Sliding:
        how = Window(self.pool_size, self.stride, dilation=self.dilation)._asdict()
        return Sliding(-np.inf, lambda x: kernels.max_pool2d(x, **how)[0])

    def forward(
        self, x: Array, *, train: bool = False, rng: np.random.Generator | None = None
    ) -> tuple[Array, MaxPoolCache]:
        x = self.check_input(x)
        window, _ = self._placed(x.shape[1:])
        y, switch = kernels.max_pool2d(x, **window._asdict())
        return y, MaxPoolCache(switch, x.shape)

    def backward(
        self, dy: Array, cache: MaxPoolCache, *, need_dx: bool = True, need_grads: bool = True
    ) -> tuple[Array | None, Arrays]:
        if not need_dx:
            return None, {}
        window, _ = self._placed(cache.x_shape[1:])
        return kernels.max_pool2d_gradient(dy, cache.switch, cache.x_shape, **window._asdict()), {}


class AveragePool2D(_Pool[AveragePoolCache]):
    """The mean of each window.

    Forward     y[n,i,j,c] = Σ_{u,v} x[n, i·SH + u·DH − top, j·SW + v·DW − left, c] / K
    Backward    dx = dy / K at every pixel of its window; where windows overlap, the sum

    Parameters
    ----------
    size : int or (KH, KW), default=2
    stride : int or (SH, SW), default: the size
    padding : "valid", "same", int, (height, width) or ((top, bottom), (left, right)), default="valid"
        Less than the size on each side.
    dilation : int or (DH, DW), default=1
        How far apart the pixels of a window lie.
    ceil : bool, default=False
        Whether a last window that is not full counts: one that begins in the image or in the padding before it.
    count_padding : bool, default=False
        K is the number of pixels of the window that lie in the image, as in Keras; or, if True, always KH·KW, as in
        PyTorch's default (count_include_pad).

    Shapes
    ------
    x (N, H, W, C) → y (N, OH, OW, C),  OH = (H + top + bottom − (KH − 1)·DH − 1) // SH + 1, or with `ceil` rounded up

    Examples
    --------
    >>> network = pl.Sequential([pl.AveragePool2D(2)], input_shape=(2, 2, 1))
    >>> network(np.array([[1.0, 5.0], [2.0, 4.0]]).reshape(1, 2, 2, 1)).ravel().tolist()
    [3.0]
    """

    facts = Facts(linear=True, weights=(), pools=True, keeps_range=True)

    def __init__(
        self,
        size: int | Pair = 2,
        stride: int | Pair | None = None,
        padding: PaddingLike = "valid",
        *,
        count_padding: bool = False,
        dilation: int | Pair = 1,
        ceil: bool = False,
        name: str = "",
    ) -> None:
        super().__init__(size, stride, padding, dilation, ceil, name=name)
        self.count_padding = bool(count_padding)

    def sliding(self) -> Sliding | None:
        if self.padding not in ("valid", NO_PADDING) or self.ceil:
            return None  # a window at the border has fewer pixels
        how = Window(self.pool_size, self.stride, dilation=self.dilation)._asdict()
        return Sliding(0.0, lambda x: kernels.average_pool2d(x, **how))

    def forward(
        self, x: Array, *, train: bool = False, rng: np.random.Generator | None = None
    ) -> tuple[Array, AveragePoolCache]:
        x = self.check_input(x)
        window, _ = self._placed(x.shape[1:])
        y = kernels.average_pool2d(x, **window._asdict(), count_padding=self.count_padding)
        beyond = self._beyond(window, x.shape[1:], x.dtype)
        return (y if beyond is None else y * beyond), AveragePoolCache(x.shape)

    def _beyond(self, window: Window, input_shape: Shape, dtype: np.dtype[Any]) -> Array | None:
        """KH·KW over the pixels (OH, OW, 1) of image and padding in a window, where some reach beyond both."""
        if not (self.ceil and self.count_padding):
            return None
        given = in_pixels(window, self.padding, *input_shape[:2])
        counts = [_inside(window, axis, pixels, sum(given[axis])) for axis, pixels in enumerate(input_shape[:2])]
        inside = counts[0][:, None] * counts[1]
        return (math.prod(window.size) / inside).astype(dtype)[..., None]

    def backward(
        self, dy: Array, cache: AveragePoolCache, *, need_dx: bool = True, need_grads: bool = True
    ) -> tuple[Array | None, Arrays]:
        if not need_dx:
            return None, {}
        window, _ = self._placed(cache.x_shape[1:])
        beyond = self._beyond(window, cache.x_shape[1:], dy.dtype)
        dy = dy if beyond is None else dy * beyond
        return kernels.average_pool2d_gradient(
            dy, cache.x_shape, **window._asdict(), count_padding=self.count_padding
        ), {}

    def config(self) -> Config:
        return {**super().config(), "count_padding": self.count_padding}


def _inside(window: Window, axis: int, pixels: int, padding: int) -> IntArray:
    """How many taps of each output along an axis lie in the pixels and their padding."""
    outputs = window.output(pixels, pixels)[axis]
    taps = np.arange(outputs)[:, None] * window.stride[axis] + np.arange(window.size[axis]) * window.dilation[axis]
    return np.asarray((taps < pixels + padding).sum(axis=1))
