"""The weights of a layer as pictures: the kernels of a convolution, or the columns of a dense layer."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from pellucid.errors import ShapeError
from pellucid.pictures import pixels
from pellucid.typing import Array

SEEN = 5
"""Pixels of a kernel's shorter side, from which its colours form a picture."""


def weights_shown(who: str, values: Any) -> tuple[Array, bool]:
    """Return kernels (KH, KW, C, OC) as (OC, H, W), dense weights (D, K) as (K, H, W); and whether each is a mosaic."""
    weights = pixels.numbers(who, "weights", values)
    if weights.ndim == 2:
        side = pixels.square(who, "weights", weights.shape[0])
        return weights.T.reshape(-1, *side), False
    if weights.ndim != 4:
        raise ShapeError(
            f"{who}: weights must have shape (KH, KW, C, OC) or (D, K), got {weights.shape}. "
            "Pass the weight array of a convolution or of a dense layer."
        )
    kernels = weights.transpose(3, 2, 0, 1).astype(np.float64)  # (OC, C, KH, KW)
    return (kernels[:, 0], False) if kernels.shape[1] == 1 else (mosaic(kernels), True)


def as_colours(who: str, values: Any) -> Array | None:
    """Return kernels (KH, KW, 3, OC) of 5 pixels and more as colours (OC, KH, KW, 3) in 0..1; None of others.

    Grey is 0, and a channel's largest share of its colour is the filter's largest weight: each on a scale of its own.
    """
    weights = pixels.numbers(who, "weights", values)
    if weights.ndim != 4 or weights.shape[2] != 3 or min(weights.shape[:2]) < SEEN:
        return None
    kernels = weights.transpose(3, 0, 1, 2).astype(np.float64)
    largest = np.abs(kernels).max(axis=(1, 2, 3), keepdims=True)
    return np.asarray(0.5 + np.divide(kernels, 2 * largest, out=np.zeros_like(kernels), where=largest > 0))


def mosaic(kernels: Array) -> Array:
    """Return (OC, C, KH, KW) as (OC, H, W): the channels in a near square, a pixel of NaN apart."""
    filters, channels, height, width = kernels.shape
    across = math.ceil(math.sqrt(channels))
    down = -(-channels // across)
    canvas = np.full((filters, down * (height + 1) - 1, across * (width + 1) - 1), np.nan)
    for channel in range(channels):
        row, column = divmod(channel, across)
        top, left = row * (height + 1), column * (width + 1)
        canvas[:, top : top + height, left : left + width] = kernels[:, channel]
    return canvas
