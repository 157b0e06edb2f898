"""Images in any usual form on their way to a picture: (N, H, W) or (N, H, W, 3) in 0..1."""

from __future__ import annotations

from typing import Any

import numpy as np

from pellucid import checks
from pellucid.arrays import as_array
from pellucid.errors import ArgumentError, DataError, ShapeError
from pellucid.flat import picture_shape
from pellucid.typing import Array


def numbers(who: str, name: str, values: Any) -> Array:
    """`values` as an array of finite real numbers with at least one element."""
    array = as_array(who, name, values)
    if array.dtype.kind not in "biuf":
        raise ArgumentError(
            f"{who}: {name} must hold numbers, got an array of {array.dtype}. Convert with .astype(float)."
        )
    if array.size == 0:
        raise DataError(f"{who}: {name} must hold at least one element, got shape {array.shape}. Nothing can be drawn.")
    checks.expect_finite(who, array, name)
    return array


def batch(who: str, values: Any, name: str = "images") -> Array:
    """Images of shape (N, H, W), (N, H, W, 1), (N, H, W, 3) or flat (N, H·W) as (N, H, W) or (N, H, W, 3)."""
    array = numbers(who, name, values)
    if array.ndim == 2:
        array = array.reshape(len(array), *square(who, name, array.shape[1]))
    if array.ndim == 4 and array.shape[3] == 1:
        array = array[..., 0]
    if array.ndim != 3 and not (array.ndim == 4 and array.shape[3] == 3):
        raise ShapeError(
            f"{who}: {name} must have shape (N, H, W), (N, H, W, 1), (N, H, W, 3) or (N, H·W), "
            f"got {array.shape}. {_remedy(name, array)}"
        )
    return array


def _remedy(name: str, array: Array) -> str:
    if array.ndim == 4 and array.shape[1] in (1, 3):
        return f"The channel axis comes last; try {name}.transpose(0, 2, 3, 1)."
    if array.ndim == 1:
        return f"A batch axis comes first; for one flat image write {name}[None]."
    return "Grey images have one channel, colour images three."


def square(who: str, name: str, size: int) -> tuple[int, int]:
    """(H, W) of a square image of `size` pixels laid flat, or of a strip of a few numbers."""
    shape = picture_shape(size)
    if shape is None:
        raise ShapeError(
            f"{who}: flat {name} must be square, such as 784 = 28 x 28 pixels, got {size}. "
            f"A single image or another shape: reshape {name} to (N, H, W) or (N, H, W, 3) first."
        )
    return shape


def unit(shown: Array, images: Array) -> Array:
    """Some of `images` in 0..1, by one rule for all: 0..1 stays, 0..255 is divided, the rest is stretched."""
    low, high = float(images.min()), float(images.max())
    shown = shown.astype(np.float64)
    if low >= 0 and high <= 1:
        return shown
    if low >= 0 and high <= 255:
        return shown / 255
    return (shown - low) / (high - low) if high > low else np.full_like(shown, 0.5)


def grey_map(pictures: Array) -> str:
    """Drawings on an empty ground (most pixels 0, as MNIST) become ink on paper, other images stay."""
    return "gray_r" if float(np.median(pictures)) < 0.02 else "gray"


def shown_images(who: str, values: Any, name: str = "images") -> Array:
    """Return inputs as (N, H, W) or (N, H, W, 3) in 0..1; of channels that are neither 1 nor 3, their mean."""
    array = numbers(who, name, values)
    if array.ndim == 4 and array.shape[3] not in (1, 3):
        array = array.mean(axis=3)
    images = batch(who, array, name)
    return unit(images, images)


def as_bytes(images: Array) -> Array:
    """Return images in 0..1 as bytes, drawings as ink on paper."""
    inked = 1 - images if images.ndim == 3 and grey_map(images) == "gray_r" else images
    return np.asarray((255 * np.clip(inked, 0, 1)).round().astype(np.uint8))


def coloured(picture: Array) -> Array:
    """Return a grey picture (H, W) as (H, W, 3), and one of colours as it is."""
    return picture if picture.ndim == 3 else np.repeat(picture[..., None], 3, axis=2)


def is_part(box: Any, height: int, width: int) -> bool:
    """Whether a box of pixels is worth a frame: it lies within the picture, and is not all of it."""
    whole = box.bottom - box.top >= height and box.right - box.left >= width
    return not whole and box.right <= width and box.bottom <= height


def at_most(who: str, name: str, count: int | None, available: int) -> int:
    """How many of `available` pictures are drawn: the first `count`, or all where `count` is None."""
    return available if count is None else min(checks.size(who, name, count), available)
