"""Structural similarity of two maps: alike in mean, contrast and form, window by window."""

from __future__ import annotations

import numpy as np

from pellucid.typing import Array

K1, K2 = 0.01, 0.03


def ssim(a: Array, b: Array, window: int = 7) -> Array:
    """Return the mean structural similarity (N,) of maps (N, H, W), each divided by its own largest absolute value.

    (2 μ_a μ_b + K₁²)(2 σ_ab + K₂²) / ((μ_a² + μ_b² + K₁²)(σ_a² + σ_b² + K₂²)), averaged over all square windows.

    References
    ----------
    Wang et al. (2004), "Image quality assessment: from error visibility to structural similarity", equation 13.
    """
    a, b = _scaled(a), _scaled(b)
    size = min(window, *a.shape[1:3])
    mean_a, mean_b = _means(a, size), _means(b, size)
    variance_a = np.maximum(_means(a * a, size) - mean_a**2, 0)
    variance_b = np.maximum(_means(b * b, size) - mean_b**2, 0)
    together = _means(a * b, size) - mean_a * mean_b
    c1, c2 = K1**2, K2**2
    top = (2 * mean_a * mean_b + c1) * (2 * together + c2)
    return np.asarray((top / ((mean_a**2 + mean_b**2 + c1) * (variance_a + variance_b + c2))).mean(axis=(1, 2)))


def _scaled(maps: Array) -> Array:
    largest = np.abs(maps).max(axis=(1, 2), keepdims=True)
    return np.asarray(np.divide(maps, largest, out=np.zeros(maps.shape), where=largest > 0))


def _means(maps: Array, size: int) -> Array:
    """Return the means over all windows of size x size."""
    windows = np.lib.stride_tricks.sliding_window_view(maps, (size, size), axis=(1, 2))
    return np.asarray(windows.mean(axis=(3, 4)))
