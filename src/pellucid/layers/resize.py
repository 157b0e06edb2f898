"""Layers that change the size of images: a border of zeros, and enlargement."""

from __future__ import annotations

import math

import numpy as np

from pellucid import checks
from pellucid.errors import ArgumentError
from pellucid.kernels import NO_PADDING, Padding, Pair
from pellucid.kernels.crew.blas import single_threaded
from pellucid.layers.base import Layer
from pellucid.layers.facts import Facts, Taps
from pellucid.layers.shape import ShapeCache
from pellucid.layers.window import as_padding, image_shape
from pellucid.shown import came
from pellucid.typing import Array, Arrays, Config, DTypeLike, IntArray, Shape


class ZeroPad2D(Layer[ShapeCache]):
    """A border of zeros.

    Forward     y[n, h + top, w + left, c] = x[n,h,w,c], and 0 in the border
    Backward    dx[n,h,w,c] = dy[n, h + top, w + left, c]

    Parameters
    ----------
    padding : int, (height, width) or ((top, bottom), (left, right)), default=1

    Shapes
    ------
    x (N, H, W, C) → y (N, H + top + bottom, W + left + right, C)

    Examples
    --------
    >>> network = pl.Sequential([pl.ZeroPad2D(((0, 0), (1, 2)))], input_shape=(1, 1, 1))
    >>> network(np.array([5.0]).reshape(1, 1, 1, 1)).ravel().tolist()
    [0.0, 5.0, 0.0, 0.0]
    """

    facts = Facts(linear=True, weights=())

    takes_images = True

    def __init__(self, padding: int | Pair | Padding = 1, *, name: str = "") -> None:
        super().__init__(name=name)
        if isinstance(padding, str):
            raise ArgumentError(f"ZeroPad2D: padding must be a number of pixels, got {came(padding)}.")
        read = as_padding("ZeroPad2D", padding)
        self.padding: Padding = NO_PADDING if isinstance(read, str) else read

    def window(self, input_shape: Shape) -> Taps:
        out = self.infer_shape(input_shape)
        return Taps(*(np.arange(out[axis])[:, None] - self.padding[axis][0] for axis in (0, 1)))

    def multiply_adds(self, input_shape: Shape) -> int:
        return 0

    def infer_shape(self, input_shape: Shape) -> Shape:
        h, w, c = image_shape(self.label, input_shape)
        return h + sum(self.padding[0]), w + sum(self.padding[1]), c

    def _inside(self, x_shape: Shape) -> tuple[slice, slice, slice]:
        """Where the image lies in the larger one."""
        (top, _), (left, _) = self.padding
        return slice(None), slice(top, top + x_shape[1]), slice(left, left + x_shape[2])

    def forward(
        self, x: Array, *, train: bool = False, rng: np.random.Generator | None = None
    ) -> tuple[Array, ShapeCache]:
        x = self.check_input(x)
        y = np.zeros((len(x), *self.infer_shape(x.shape[1:])), x.dtype)
        y[self._inside(x.shape)] = x
        return y, ShapeCache(x.shape)

    def backward(
        self, dy: Array, cache: ShapeCache, *, need_dx: bool = True, need_grads: bool = True
    ) -> tuple[Array | None, Arrays]:
        return (dy[self._inside(cache.x_shape)] if need_dx else None), {}

    def config(self) -> Config:
        return {"padding": self.padding}


class Upsample2D(Layer[ShapeCache]):
    """Enlargement by a whole factor.

    Forward     nearest: y[n,i,j,c] = x[n, ⌊i/FH⌋, ⌊j/FW⌋, c]
                bilinear: y = A x Bᵀ along height and width; a row of A holds the two weights of its neighbours
    Backward    nearest: dx = Σ of dy over the FH x FW pixels that each pixel became;  bilinear: dx = Aᵀ dy B

    Bilinear places pixel i at (i + ½)/F − ½ of the input and repeats its border, as Keras does and PyTorch with
    align_corners=False.

    Parameters
    ----------
    factor : int or (FH, FW), default=2
    mode : "nearest" or "bilinear", default="nearest"

    Shapes
    ------
    x (N, H, W, C) → y (N, H·FH, W·FW, C)

    Examples
    --------
    >>> row = np.array([0.0, 4.0]).reshape(1, 1, 2, 1)
    >>> pl.Sequential([pl.Upsample2D((1, 2))], input_shape=(1, 2, 1))(row).ravel().tolist()
    [0.0, 0.0, 4.0, 4.0]
    >>> pl.Sequential([pl.Upsample2D((1, 2), mode="bilinear")], input_shape=(1, 2, 1))(row).ravel().tolist()
    [0.0, 1.0, 3.0, 4.0]
    """

    facts = Facts(linear=True, weights=(), keeps_range=True)

    takes_images = True

    def __init__(self, factor: int | Pair = 2, *, mode: str = "nearest", name: str = "") -> None:
        super().__init__(name=name)
        self.factor = checks.pair("Upsample2D", "factor", factor)
        checks.expect_known("Upsample2D", "mode", mode, ["nearest", "bilinear"])
        self.mode = mode

    def window(self, input_shape: Shape) -> Taps:
        rows, columns = (self._neighbours(input_shape[axis], self.factor[axis]) for axis in (0, 1))
        return Taps(rows, columns)

    def _neighbours(self, pixels: int, factor: int) -> IntArray:
        """Return the pixels that each of the enlarged row is made of."""
        if self.mode == "nearest":
            return np.arange(pixels * factor)[:, None] // factor
        place = _places(pixels, factor)
        return np.stack([np.floor(place), np.ceil(place)], axis=1).astype(int)

    def multiply_adds(self, input_shape: Shape) -> int:
        """Two neighbours along each axis: first down, then across."""
        out = self.infer_shape(input_shape)
        return 0 if self.mode == "nearest" else 2 * out[0] * input_shape[1] * input_shape[2] + 2 * math.prod(out)

    def infer_shape(self, input_shape: Shape) -> Shape:
        h, w, c = image_shape(self.label, input_shape)
        return h * self.factor[0], w * self.factor[1], c

    def forward(
        self, x: Array, *, train: bool = False, rng: np.random.Generator | None = None
    ) -> tuple[Array, ShapeCache]:
        x = self.check_input(x)
        if self.mode == "nearest":
            y = x.repeat(self.factor[0], axis=1).repeat(self.factor[1], axis=2)
        else:
            y = mapped(x, *self._weights(x.shape, x.dtype))
        return y, ShapeCache(x.shape)

    def backward(
        self, dy: Array, cache: ShapeCache, *, need_dx: bool = True, need_grads: bool = True
    ) -> tuple[Array | None, Arrays]:
        if not need_dx:
            return None, {}
        if self.mode == "bilinear":
            a, b = self._weights(cache.x_shape, dy.dtype)
            return mapped(dy, a.T, b.T), {}
        n, h, w, c = cache.x_shape
        dx: Array = np.einsum("nhuwvc->nhwc", dy.reshape(n, h, self.factor[0], w, self.factor[1], c))
        return dx, {}

    def _weights(self, x_shape: Shape, dtype: DTypeLike) -> tuple[Array, Array]:
        """Return A (OH, H) and B (OW, W)."""
        a, b = (_bilinear(x_shape[axis + 1], self.factor[axis]).astype(dtype) for axis in (0, 1))
        return a, b

    def config(self) -> Config:
        return {"factor": self.factor, "mode": self.mode}


def _places(pixels: int, factor: int) -> Array:
    """Return where the pixels of a row that is enlarged by `factor` lie in the row that it was."""
    return np.clip((np.arange(pixels * factor) + 0.5) / factor - 0.5, 0, pixels - 1)


def _bilinear(pixels: int, factor: int) -> Array:
    """Return the matrix that enlarges a row of `pixels` by `factor`."""
    place = _places(pixels, factor)
    return np.asarray(np.maximum(0, 1 - np.abs(place[:, None] - np.arange(pixels))))


def mapped(x: Array, a: Array, b: Array) -> Array:
    """Return images with `a` applied along the height and `b` along the width."""
    n, h, w, c = x.shape
    with single_threaded():
        rows = np.matmul(a, x.reshape(n, h, w * c))  # (N, OH, W·C)
        y: Array = np.matmul(b, rows.reshape(-1, w, c))  # (N·OH, OW, C)
    return y.reshape(n, len(a), len(b), c)
