"""Pooling: every output pixel stands for a window of one channel, by its largest value or its mean."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from pellucid import checks, kernels
from pellucid.errors import ArgumentError
from pellucid.kernels import NO_PADDING, Pair, Window
from pellucid.layers.base import CacheT, Layer
from pellucid.layers.facts import Facts, Sliding
from pellucid.layers.window import PaddingLike, as_padding, image_shape, placed
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

    def __init__(self, size: int | Pair, stride: int | Pair | None, padding: PaddingLike, *, name: str) -> None:
        super().__init__(name=name)
        who = type(self).__name__
        self.pool_size = checks.pair(who, "size", size)
        self.stride = self.pool_size if stride is None else checks.pair(who, "stride", stride)
        self.padding = as_padding(who, padding)
        rows, columns = NO_PADDING if isinstance(self.padding, str) else self.padding
        if max(rows) >= self.pool_size[0] or max(columns) >= self.pool_size[1]:
            raise ArgumentError(
                f"{who}: padding must be smaller than the window {self.pool_size}, got {came(padding)}. "
                "A window that sees padding alone has nothing to pool."
            )

    def window(self, input_shape: Shape) -> Window:
        """Return the window with its padding in pixels, for images of `input_shape`."""
        return self._placed(input_shape)[0]

    def multiply_adds(self, input_shape: Shape) -> int:
        return 0

    def _placed(self, input_shape: Shape) -> tuple[Window, Pair]:
        h, w, _ = image_shape(self.label, input_shape)
        return placed(self.label, Window(self.pool_size, self.stride), self.padding, h, w)

    def infer_shape(self, input_shape: Shape) -> Shape:
        _, (oh, ow) = self._placed(input_shape)
        return oh, ow, input_shape[2]

    def config(self) -> Config:
        return {"size": self.pool_size, "stride": self.stride, "padding": self.padding}


class MaxPool2D(_Pool[MaxPoolCache]):
    """The largest pixel of each window.

    Forward     y[n,i,j,c] = max_{u,v} x[n, i·SH + u − top, j·SW + v − left, c]
    Backward    dx = each dy at the pixel that won its window; where windows overlap, the sum

    Of equal pixels the first wins, row by row. Padding never wins: it is no pixel.

    Parameters
    ----------
    size : int or (KH, KW), default=2
    stride : int or (SH, SW), default: the size
        Smaller than the size, the windows overlap.
    padding : "valid", "same", int, (height, width) or ((top, bottom), (left, right)), default="valid"
        Less than the size on each side.

    Shapes
    ------
    x (N, H, W, C) → y (N, OH, OW, C),  OH = (H + top + bottom − KH) // SH + 1

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
        name: str = "",
    ) -> None:
        super().__init__(size, stride, padding, name=name)

    def sliding(self) -> Sliding:
        return Sliding(-np.inf, lambda x: kernels.max_pool2d(x, self.pool_size, stride=self.stride)[0])

    def forward(
        self, x: Array, *, train: bool = False, rng: np.random.Generator | None = None
    ) -> tuple[Array, MaxPoolCache]:
        x = self.check_input(x)
        window, _ = self._placed(x.shape[1:])
        y, switch = kernels.max_pool2d(x, window.size, stride=window.stride, padding=window.padding)
        return y, MaxPoolCache(switch, x.shape)

    def backward(
        self, dy: Array, cache: MaxPoolCache, *, need_dx: bool = True, need_grads: bool = True
    ) -> tuple[Array | None, Arrays]:
        if not need_dx:
            return None, {}
        window, _ = self._placed(cache.x_shape[1:])
        dx = kernels.max_pool2d_gradient(
            dy,
            cache.switch,
            cache.x_shape,
            window.size,
            stride=window.stride,
            padding=window.padding,
        )
        return dx, {}


class AveragePool2D(_Pool[AveragePoolCache]):
    """The mean of each window.

    Forward     y[n,i,j,c] = Σ_{u,v} x[n, i·SH + u − top, j·SW + v − left, c] / K
    Backward    dx = dy / K at every pixel of its window; where windows overlap, the sum

    Parameters
    ----------
    size : int or (KH, KW), default=2
    stride : int or (SH, SW), default: the size
    padding : "valid", "same", int, (height, width) or ((top, bottom), (left, right)), default="valid"
        Less than the size on each side.
    count_padding : bool, default=False
        K is the number of pixels of the window that lie in the image, as in Keras; or, if True, always KH·KW, as in
        PyTorch's default (count_include_pad).

    Shapes
    ------
    x (N, H, W, C) → y (N, OH, OW, C),  OH = (H + top + bottom − KH) // SH + 1

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
        name: str = "",
    ) -> None:
        super().__init__(size, stride, padding, name=name)
        self.count_padding = bool(count_padding)

    def sliding(self) -> Sliding | None:
        if self.padding not in ("valid", NO_PADDING):
            return None  # a window at the border has fewer pixels
        return Sliding(0.0, lambda x: kernels.average_pool2d(x, self.pool_size, stride=self.stride))

    def forward(
        self, x: Array, *, train: bool = False, rng: np.random.Generator | None = None
    ) -> tuple[Array, AveragePoolCache]:
        x = self.check_input(x)
        w, _ = self._placed(x.shape[1:])
        y = kernels.average_pool2d(x, w.size, stride=w.stride, padding=w.padding, count_padding=self.count_padding)
        return y, AveragePoolCache(x.shape)

    def backward(
        self, dy: Array, cache: AveragePoolCache, *, need_dx: bool = True, need_grads: bool = True
    ) -> tuple[Array | None, Arrays]:
        if not need_dx:
            return None, {}
        (w, _), shape = self._placed(cache.x_shape[1:]), cache.x_shape
        dx = kernels.average_pool2d_gradient(
            dy,
            shape,
            w.size,
            stride=w.stride,
            padding=w.padding,
            count_padding=self.count_padding,
        )
        return dx, {}

    def config(self) -> Config:
        return {**super().config(), "count_padding": self.count_padding}
