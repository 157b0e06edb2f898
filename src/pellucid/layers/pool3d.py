"""Pooling of volumes: every output stands for a window of one channel, by its largest number or its mean."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from pellucid import checks
from pellucid.errors import ArgumentError, ShapeError
from pellucid.layers.base import CacheT, Layer
from pellucid.layers.facts import Facts
from pellucid.layers.pool import AveragePoolCache
from pellucid.layers.volume import Border, Cube, Triple, border, triple, volume_shape
from pellucid.typing import Array, Arrays, Config, IntArray, Shape


class MaxPool3DCache(NamedTuple):
    """Which tap won each window, and the shape to give back to the gradient."""

    switch: IntArray
    x_shape: Shape


class _Pool3D(Layer[CacheT]):
    """What both kinds share: windows, and where they lie."""

    fixed = (*Layer.fixed, "pool_size")

    def __init__(
        self,
        size: int | Triple,
        stride: int | Triple | None,
        padding: int | Border,
        dilation: int | Triple,
        ceil: bool,
        *,
        name: str,
    ) -> None:
        super().__init__(name=name)
        who = type(self).__name__
        self.pool_size = triple(who, "size", size)
        self.stride = self.pool_size if stride is None else triple(who, "stride", stride)
        self.padding = border(who, padding)
        self.dilation = triple(who, "dilation", dilation)
        self.ceil = checks.flag(who, "ceil", ceil)
        cube = self.cube()
        if any(max(pair) >= cube.extent(axis) for axis, pair in enumerate(self.padding)):
            raise ArgumentError(f"{who}: padding must be smaller than the window {self.pool_size}, got {self.padding}.")

    def cube(self) -> Cube:
        """Return the window."""
        return Cube(self.pool_size, self.stride, self.padding, self.dilation)

    def multiply_adds(self, input_shape: Shape) -> int:
        return 0

    def infer_shape(self, input_shape: Shape) -> Shape:
        out = self.cube().outputs(volume_shape(self.label, input_shape), ceil=self.ceil)
        if min(out) < 1:
            raise ShapeError(f"{self.label}: a window of {self.pool_size} does not fit into a volume {input_shape}.")
        return *out, input_shape[3]

    def config(self) -> Config:
        return {
            "size": self.pool_size,
            "stride": self.stride,
            "padding": self.padding,
            "dilation": self.dilation,
            "ceil": self.ceil,
        }


class MaxPool3D(_Pool3D[MaxPool3DCache]):
    """The largest number of each window of a volume; see `MaxPool2D`.

    Parameters
    ----------
    size : int or (KD, KH, KW), default=2
    stride : int or triple, default: the size
    padding : int, triple, or three pairs (before, after), default=0
    dilation : int or triple, default=1
    ceil : bool, default=False

    Shapes
    ------
    x (N, D, H, W, C) → y (N, OD, OH, OW, C)

    Examples
    --------
    >>> network = pl.Sequential([pl.MaxPool3D(2)], input_shape=(2, 2, 2, 1))
    >>> network(np.arange(8.0).reshape(1, 2, 2, 2, 1)).ravel().tolist()
    [7.0]
    """

    facts = Facts(switches=True, pools=True, keeps_sums=True, keeps_range=True, homogeneous=True)

    def __init__(
        self,
        size: int | Triple = 2,
        stride: int | Triple | None = None,
        padding: int | Border = 0,
        *,
        dilation: int | Triple = 1,
        ceil: bool = False,
        name: str = "",
    ) -> None:
        super().__init__(size, stride, padding, dilation, ceil, name=name)

    def forward(
        self, x: Array, *, train: bool = False, rng: np.random.Generator | None = None
    ) -> tuple[Array, MaxPool3DCache]:
        x = self.check_input(x)
        *out, channels = self.infer_shape(x.shape[1:])
        framed = self.cube().framed(x, out, -np.inf)
        y = np.full((len(x), *out, channels), -np.inf, x.dtype)
        switch = np.zeros(y.shape, np.intp)
        for k, (_, places) in enumerate(self.cube().taps(out)):
            seen = framed[places]
            better = (seen > y) | (np.isnan(seen) & ~np.isnan(y))
            np.copyto(y, seen, where=better)
            switch[better] = k
        return y, MaxPool3DCache(switch, x.shape)

    def backward(
        self, dy: Array, cache: MaxPool3DCache, *, need_dx: bool = True, need_grads: bool = True
    ) -> tuple[Array | None, Arrays]:
        if not need_dx:
            return None, {}
        out, space = dy.shape[1:4], cache.x_shape[1:4]
        framed = self.cube().framed(np.zeros(cache.x_shape, dy.dtype), out, 0.0)
        for k, (_, places) in enumerate(self.cube().taps(out)):
            framed[places] += np.where(cache.switch == k, dy, dy.dtype.type(0))
        return self.cube().inside(framed, space), {}


class AveragePool3D(_Pool3D[AveragePoolCache]):
    """The mean of each window of a volume; see `AveragePool2D`.

    Parameters
    ----------
    size : int or (KD, KH, KW), default=2
    stride : int or triple, default: the size
    padding : int, triple, or three pairs (before, after), default=0
    count_padding : bool, default=False
        Whether the mean counts the zeros of the padding.
    dilation : int or triple, default=1
    ceil : bool, default=False

    Shapes
    ------
    x (N, D, H, W, C) → y (N, OD, OH, OW, C)

    Examples
    --------
    >>> network = pl.Sequential([pl.AveragePool3D(2)], input_shape=(2, 2, 2, 1))
    >>> network(np.arange(8.0).reshape(1, 2, 2, 2, 1)).ravel().tolist()
    [3.5]
    """

    facts = Facts(linear=True, weights=(), pools=True, homogeneous=True)

    def __init__(
        self,
        size: int | Triple = 2,
        stride: int | Triple | None = None,
        padding: int | Border = 0,
        *,
        count_padding: bool = False,
        dilation: int | Triple = 1,
        ceil: bool = False,
        name: str = "",
    ) -> None:
        super().__init__(size, stride, padding, dilation, ceil, name=name)
        self.count_padding = checks.flag("AveragePool3D", "count_padding", count_padding)

    def _shares(self, input_shape: Shape, dtype: Any) -> Array:
        """One over the numbers that each window's mean is taken of, (OD, OH, OW, 1)."""
        *out, _ = self.infer_shape(input_shape)
        counted = np.ones((1, *input_shape[:3], 1))
        cube = self.cube()
        if self.count_padding:
            counted = np.pad(counted, ((0, 0), *self.padding, (0, 0)), constant_values=1)
            cube = cube._replace(padding=((0, 0),) * 3)
        framed = cube.framed(counted, out, 0.0)
        total: Any = sum(framed[places] for _, places in cube.taps(out))
        return np.asarray(1 / np.maximum(total[0], 1)).astype(dtype)

    def forward(
        self, x: Array, *, train: bool = False, rng: np.random.Generator | None = None
    ) -> tuple[Array, AveragePoolCache]:
        x = self.check_input(x)
        *out, channels = self.infer_shape(x.shape[1:])
        framed, y = self.cube().framed(x, out, 0.0), np.zeros((len(x), *out, channels), x.dtype)
        for _, places in self.cube().taps(out):
            y += framed[places]
        return y * self._shares(x.shape[1:], x.dtype), AveragePoolCache(x.shape)

    def backward(
        self, dy: Array, cache: AveragePoolCache, *, need_dx: bool = True, need_grads: bool = True
    ) -> tuple[Array | None, Arrays]:
        if not need_dx:
            return None, {}
        out, shared = dy.shape[1:4], dy * self._shares(cache.x_shape[1:], dy.dtype)
        framed = self.cube().framed(np.zeros(cache.x_shape, dy.dtype), out, 0.0)
        for _, places in self.cube().taps(out):
            framed[places] += shared
        return self.cube().inside(framed, cache.x_shape[1:4]), {}

    def config(self) -> Config:
        return {**super().config(), "count_padding": self.count_padding}
