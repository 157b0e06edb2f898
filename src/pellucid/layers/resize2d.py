"""Images brought to any size: each axis by one matrix of weights."""

from __future__ import annotations

import numpy as np

from pellucid import checks
from pellucid.errors import ArgumentError
from pellucid.kernels import Pair
from pellucid.layers.base import Layer
from pellucid.layers.facts import Facts, Taps
from pellucid.layers.interpolation import COORDINATES, MODES, ROUNDINGS, Line, weights
from pellucid.layers.resize import mapped
from pellucid.layers.shape import ShapeCache
from pellucid.layers.window import image_shape
from pellucid.shown import came
from pellucid.typing import Array, Arrays, Config, DTypeLike, IntArray, Shape

Ends = tuple[float, float]
WHOLE = ((0.0, 1.0), (0.0, 1.0))


class Resize2D(Layer[ShapeCache]):
    """Images of another size, each pixel a weighted sum of those around the place that it comes from.

    Forward     y = A x Bᵀ along height and width; row i of A holds the weights of what is around the place of pixel i
    Backward    dx = Aᵀ dy B

    Places, with the scale s = OH/H: "half_pixel" (i + ½)/s − ½; "asymmetric" i/s; "align_corners" i(H − 1)/(OH −
    1); "pytorch_half_pixel" as the first, and −½ for a single pixel; "half_pixel_symmetric" as the first about the
    middle of a size that was cut to a whole number; "tf_crop_and_resize" i(e − b)(H − 1)/(OH − 1) + b(H − 1) from b
    to e, and `extrapolation` for what lies outside. All as in ONNX.

    Parameters
    ----------
    size : int or (OH, OW)
    mode : "nearest", "linear" or "cubic", default="nearest"
    coordinates : one of the names above, default="half_pixel"
    rounding : "round_prefer_floor", "round_prefer_ceil", "floor" or "ceil", default="round_prefer_floor"
        Which pixel is the nearest.
    antialias : bool, default=False
        Whether the weights reach farther where an image is made smaller.
    exclude_outside : bool, default=False
        Whether pixels beyond the border have no weight; else the border is repeated.
    coefficient : float, default=-0.75
        Of the cubic.
    extrapolation : float, default=0
    scales : (height, width), default: OH/H and OW/W
        The s of the places, where OH is s·H cut to a whole number.
    crop : ((b, e), (b, e)), default: the whole image
        From where to where, as shares of height and width.

    Shapes
    ------
    x (N, H, W, C) → y (N, OH, OW, C)

    References
    ----------
    ONNX, operator Resize, version 19. Keys (1981), "Cubic convolution interpolation for digital image processing".

    Examples
    --------
    >>> row = np.array([0.0, 4.0]).reshape(1, 1, 2, 1)
    >>> layer = pl.Resize2D((1, 3), mode="linear", coordinates="align_corners")
    >>> pl.Sequential([layer], input_shape=(1, 2, 1))(row).ravel().tolist()
    [0.0, 2.0, 4.0]
    """

    takes_images = True

    def __init__(
        self,
        size: int | Pair,
        *,
        mode: str = "nearest",
        coordinates: str = "half_pixel",
        rounding: str = "round_prefer_floor",
        antialias: bool = False,
        exclude_outside: bool = False,
        coefficient: float = -0.75,
        extrapolation: float = 0.0,
        scales: Ends | None = None,
        crop: tuple[Ends, Ends] = WHOLE,
        name: str = "",
    ) -> None:
        super().__init__(name=name)
        who = "Resize2D"
        self.image_size = checks.pair(who, "size", size)
        for what, given, known in (
            ("mode", mode, MODES),
            ("coordinates", coordinates, COORDINATES),
            ("rounding", rounding, ROUNDINGS),
        ):
            checks.expect_known(who, what, given, known)
        self.mode, self.coordinates, self.rounding = mode, coordinates, rounding
        self.antialias = checks.flag(who, "antialias", antialias)
        self.exclude_outside = checks.flag(who, "exclude_outside", exclude_outside)
        self.coefficient = checks.number(who, "coefficient", coefficient)
        self.extrapolation = checks.number(who, "extrapolation", extrapolation)
        self.scales = None if scales is None else _two(who, "scales", scales)
        if not isinstance(crop, (tuple, list)) or len(crop) != 2:
            raise ArgumentError(f"{who}: crop must be ((top, bottom), (left, right)), got {came(crop)}.")
        self.crop = (_two(who, "crop", crop[0]), _two(who, "crop", crop[1]))
        if self.scales and min(self.scales) <= 0:
            raise ArgumentError(f"{who}: scales must be two numbers above 0, got {self.scales}.")

    fixed = (*Layer.fixed, "image_size")

    @property
    def facts(self) -> Facts:  # type: ignore[override]
        """No weight is negative but those of the cubic; what is extrapolated is added."""
        plain = self.mode != "cubic" and self.extrapolation == 0
        return Facts(linear=True, weights=(), homogeneous=True) if plain else Facts(linear=True)

    def _matrix(self, axis: int, pixels: int) -> Array:
        """A (OH, H) or B (OW, W); a row of a place outside is NaN."""
        scale = self.scales[axis] if self.scales else self.image_size[axis] / pixels
        line = Line(
            pixels,
            self.image_size[axis],
            scale,
            self.coordinates,
            self.crop[axis],
            self.mode,
            self.rounding,
            self.antialias,
            self.exclude_outside,
            self.coefficient,
        )
        return weights(line)

    def matrices(self, input_shape: Shape, dtype: DTypeLike) -> tuple[Array, Array, Array]:
        """Return A, B and what is outside (OH, OW), rows of it being 0 in A and B."""
        a, b = (self._matrix(axis, input_shape[axis]) for axis in (0, 1))
        outside = np.logical_or.outer(np.isnan(a[:, 0]), np.isnan(b[:, 0]))
        return np.nan_to_num(a).astype(dtype), np.nan_to_num(b).astype(dtype), outside

    def window(self, input_shape: Shape) -> Taps:
        a, b, _ = self.matrices(input_shape, np.float64)
        return Taps(_seen(a), _seen(b))

    def multiply_adds(self, input_shape: Shape) -> int:
        """First down, then across; a weight of 0 costs nothing."""
        if self.mode == "nearest":
            return 0
        a, b, _ = self.matrices(input_shape, np.float64)
        _, w, c = input_shape
        return int(np.count_nonzero(a)) * w * c + int(np.count_nonzero(b)) * self.image_size[0] * c

    def infer_shape(self, input_shape: Shape) -> Shape:
        return *self.image_size, image_shape(self.label, input_shape)[2]

    def forward(
        self, x: Array, *, train: bool = False, rng: np.random.Generator | None = None
    ) -> tuple[Array, ShapeCache]:
        x = self.check_input(x)
        a, b, outside = self.matrices(x.shape[1:], x.dtype)
        if self.mode == "nearest" and not outside.any():
            y = x.take(a.argmax(axis=1), axis=1).take(b.argmax(axis=1), axis=2)
        else:
            y = mapped(x, a, b)
            y[:, outside] = self.extrapolation
        return y, ShapeCache(x.shape)

    def backward(
        self, dy: Array, cache: ShapeCache, *, need_dx: bool = True, need_grads: bool = True
    ) -> tuple[Array | None, Arrays]:
        if not need_dx:
            return None, {}
        a, b, _ = self.matrices(cache.x_shape[1:], dy.dtype)
        return mapped(dy, a.T, b.T), {}

    def config(self) -> Config:
        return {
            "size": self.image_size,
            "mode": self.mode,
            "coordinates": self.coordinates,
            "rounding": self.rounding,
            "antialias": self.antialias,
            "exclude_outside": self.exclude_outside,
            "coefficient": self.coefficient,
            "extrapolation": self.extrapolation,
            "scales": self.scales,
            "crop": self.crop,
        }


def _two(who: str, name: str, given: Ends) -> Ends:
    if not isinstance(given, (tuple, list)) or len(given) != 2:
        raise ArgumentError(f"{who}: {name} must be two numbers, got {came(given)}.")
    return checks.number(who, name, given[0]), checks.number(who, name, given[1])


def _seen(weighted: Array) -> IntArray:
    """The places of the weights that are not 0 (OH, k); −1 where a row has fewer."""
    rows = [np.flatnonzero(row) for row in weighted]
    width = max(map(len, rows))
    return np.array([[*row, *[-1] * (width - len(row))] for row in rows]).reshape(len(rows), width)
