"""A map upon its image: the image faded, and the map the stronger the more it says."""

from __future__ import annotations

import numpy as np

from pellucid.pictures import pixels
from pellucid.pictures.scale import Scale
from pellucid.typing import Array

FADED = 0.55  # how much of the image's contrast stays under a map
LUMA = np.array([0.299, 0.587, 0.114])  # of ITU-R 601
STRENGTH = 0.85  # how much of the image the strongest value hides


def grounds(images: Array) -> Array:
    """Return images in 0..1 as (N, H, W, 3), grey and with less contrast, towards their paper: colour is the map's."""
    drawing = images.ndim == 3 and pixels.grey_map(images) == "gray_r"
    if images.ndim == 4:
        images = images @ LUMA
    shown = 1 - FADED * (images if drawing else 1 - images)
    return np.repeat(shown[..., None], 3, axis=3)


def strength(values: Array, scale: Scale) -> Array:
    """Return how opaque each value (H, W) of a map is."""
    return np.asarray(STRENGTH * np.sqrt(np.clip(np.abs(values) / scale.high, 0, 1)))


def upon(ground: Array, values: Array, scale: Scale) -> Array:
    """Return a map (H, W) upon a ground (H, W, 3) as bytes (H, W, 3)."""
    share = strength(values, scale)[..., None]
    mixed = 255 * ground * (1 - share) + scale.drawn(values, scale.evidence) * share
    return np.asarray(mixed.round().astype(np.uint8))
