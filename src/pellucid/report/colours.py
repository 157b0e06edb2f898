"""Numbers to bytes of colour, without Matplotlib: images, signed maps, maps on images, classes."""

from __future__ import annotations

import numpy as np

from pellucid.plots import pixels
from pellucid.plots.style import CLASSES, DIVERGING
from pellucid.typing import Array, IntArray

FADED, STRENGTH = 0.45, 0.9
LARGEST = 112  # pixels of the longer side; larger pictures are averaged down


def bytes_of(colour: str) -> tuple[int, int, int]:
    """`#0072B2` as three bytes."""
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)


_STOPS = np.array([bytes_of(colour) for colour in DIVERGING], float)


def heat(values: Array, limit: float) -> Array:
    """Signed values (H, W) as colours: −limit blue, 0 paper, limit orange."""
    share = np.clip(values / (limit or 1.0), -1, 1)
    place = (share + 1) * (len(_STOPS) - 1) / 2
    channels = [np.interp(place, np.arange(len(_STOPS)), _STOPS[:, c]) for c in range(3)]
    return np.asarray(np.stack(channels, axis=-1).round().astype(np.uint8))


def overlay(image: Array, values: Array, limit: float) -> Array:
    """A map over the bytes of its image, the stronger the more it hides."""
    ground = 255 - FADED * (255 - colour(image).astype(float))
    strength = STRENGTH * np.sqrt(np.clip(np.abs(values) / (limit or 1.0), 0, 1))[..., None]
    return np.asarray((ground * (1 - strength) + heat(values, limit) * strength).round().astype(np.uint8))


def grey(images: Array) -> Array:
    """A batch (N, H, W, C), (N, D) … as bytes (N, H, W) or (N, H, W, 3), drawings as ink on paper."""
    if images.ndim == 4 and images.shape[3] not in (1, 3):
        images = images.mean(axis=3)
    pictures = pixels.batch("report", images)
    shown = pixels.unit(pictures, pictures)
    if pictures.ndim == 3 and pixels.grey_map(shown) == "gray_r":
        shown = 1 - shown
    return np.asarray((255 * np.clip(shown, 0, 1)).round().astype(np.uint8))


def colour(picture: Array) -> Array:
    """Grey bytes (H, W) as (H, W, 3)."""
    return picture if picture.ndim == 3 else np.repeat(picture[..., None], 3, axis=2)


def classes(indices: IntArray) -> Array:
    """Class numbers (H, W) as colours."""
    table = np.array([bytes_of(c) for c in CLASSES], np.uint8)
    return np.asarray(table[indices % len(table)])


def small(picture: Array) -> Array:
    """A picture of at most LARGEST pixels along its longer side: means of square blocks."""
    step = -(-max(picture.shape[:2]) // LARGEST)
    if step == 1:
        return picture
    height, width = (n // step * step for n in picture.shape[:2])
    blocks = picture[:height, :width].reshape(height // step, step, width // step, step, -1)
    mean = blocks.mean(axis=(1, 3)).round().astype(np.uint8)
    return np.asarray(mean if picture.ndim == 3 else mean[..., 0])
