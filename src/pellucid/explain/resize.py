"""Maps brought to another size, and blurred: small matrices from the left and from the right."""

from __future__ import annotations

import numpy as np

from pellucid.typing import Array


def bilinear(maps: Array, height: int, width: int) -> Array:
    """Maps (N, h, w) or (N, h, w, C) at another size, linear between pixel *centres*; the edge is held.

    The convention of `align_corners=False`: pixel i of n lies at (i + ½) / n.
    """
    dtype = maps.dtype
    rows, columns = (_weights(a, b).astype(dtype) for a, b in zip((height, width), maps.shape[1:3], strict=True))
    return np.asarray(np.einsum("Hh,nh...->nH...", rows, np.einsum("Ww,nhw...->nhW...", columns, maps)))


def _weights(large: int, small: int) -> Array:
    """(large, small): row i holds the weights of the two pixels next to place i."""
    place = np.clip((np.arange(large) + 0.5) * small / large - 0.5, 0, small - 1)
    low = np.minimum(place.astype(int), max(small - 2, 0))
    weights = np.zeros((large, small))
    rows = np.arange(large)
    weights[rows, np.minimum(low + 1, small - 1)] = place - low
    weights[rows, low] += 1 - (place - low)
    return weights


def gaussian_blur(images: Array, sigma: float) -> Array:
    """Images (N, H, W, C) blurred by a Gaussian of that width in pixels; the edge is held."""
    rows, columns = (_gaussian(n, sigma).astype(images.dtype) for n in images.shape[1:3])
    return np.asarray(np.einsum("Hh,nhwc->nHwc", rows, np.einsum("Ww,nhwc->nhWc", columns, images)))


def _gaussian(pixels: int, sigma: float) -> Array:
    reach = int(np.ceil(4 * sigma))
    weights = np.zeros((pixels, pixels))
    for shift in range(-reach, reach + 1):
        source = np.clip(np.arange(pixels) + shift, 0, pixels - 1)
        np.add.at(weights, (np.arange(pixels), source), np.exp(-0.5 * (shift / sigma) ** 2))
    return np.asarray(weights / weights.sum(axis=1, keepdims=True))
