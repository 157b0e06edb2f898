"""The weights by which a line of pixels becomes another length: nearest, linear and cubic, as ONNX's Resize says.

A new pixel i comes from a place x in the old line. Its n neighbours are those from ⌈x⌉ − n/2 on, so that of a place
right on a pixel the one before belongs to it too; r in (0, 1] is how far x lies behind its left neighbour.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from pellucid.typing import Array

MODES = ("nearest", "linear", "cubic")
COORDINATES = (
    "half_pixel",
    "half_pixel_symmetric",
    "pytorch_half_pixel",
    "align_corners",
    "asymmetric",
    "tf_crop_and_resize",
)
ROUNDINGS = ("round_prefer_floor", "round_prefer_ceil", "floor", "ceil")


class Line(NamedTuple):
    """What the weights of an axis follow from; see `Resize2D`."""

    pixels: int
    size: int
    scale: float
    coordinates: str
    crop: tuple[float, float]
    mode: str
    rounding: str
    antialias: bool
    exclude_outside: bool
    coefficient: float


def weights(line: Line) -> Array:
    """Return the matrix (size, pixels); rows of NaN for what `tf_crop_and_resize` finds outside."""
    matrix = np.zeros((line.size, line.pixels))
    for i in range(line.size):
        x = _place(line, i)
        if line.coordinates == "tf_crop_and_resize" and not 0 <= x <= line.pixels - 1:
            matrix[i] = np.nan
            continue
        own = _coefficients(line, x - math.ceil(x) + 1)
        index = math.ceil(x) - len(own) // 2 + np.arange(len(own))
        if line.exclude_outside:
            own = own * ((index >= 0) & (index < line.pixels))
            own /= own.sum()
        np.add.at(matrix[i], np.clip(index, 0, line.pixels - 1), own)
    return matrix


def _place(line: Line, i: int) -> float:
    """Where pixel i lies in the line that it was; `wide` is the new length before it was cut to a whole number."""
    n, wide, scale = line.pixels, line.scale * line.pixels, line.scale
    match line.coordinates:
        case "align_corners":
            return 0.0 if wide == 1 else i * (n - 1) / (wide - 1)
        case "asymmetric":
            return i / scale
        case "tf_crop_and_resize":
            begin, end = line.crop
            within = (end - begin) * (n - 1)
            return begin * (n - 1) + (within / 2 if wide == 1 else i * within / (wide - 1))
        case "pytorch_half_pixel" if wide == 1:
            return -0.5
        case "half_pixel_symmetric":
            return n / 2 * (1 - line.size / wide) + (i + 0.5) / scale - 0.5
    return (i + 0.5) / scale - 0.5


def _coefficients(line: Line, r: float) -> Array:
    """The weights of the neighbours of a place that lies r in (0, 1] behind the left one."""
    if line.mode == "nearest":
        left = (
            r < 1
            and {"round_prefer_floor": r <= 0.5, "round_prefer_ceil": r < 0.5, "floor": True, "ceil": False}[
                line.rounding
            ]
        )
        return np.array([1.0, 0.0] if left else [0.0, 1.0])
    shrink = min(line.scale, 1.0) if line.antialias else 1.0
    reach = 1 if line.mode == "linear" else 2
    first = math.floor(-reach / shrink) + 1
    distance = np.abs((np.arange(first, 2 - first) - r) * shrink)
    own = np.clip(1 - distance, 0, None) if reach == 1 else _cubic(distance, line.coefficient)
    return np.asarray(own / own.sum())


def _cubic(d: Array, a: float) -> Array:
    """Keys' cubic: of distances up to 1, and up to 2."""
    near = ((a + 2) * d - (a + 3)) * d * d + 1
    far = ((a * d - 5 * a) * d + 8 * a) * d - 4 * a
    return np.where(d <= 1, near, np.where(d < 2, far, 0))
