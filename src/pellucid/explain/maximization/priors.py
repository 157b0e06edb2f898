"""What keeps a maximised image an image: two penalties with their gradients, a pull apart, and a blur.

Images are u (N, H, W, C), or any (N, …) for the penalty on sizes; a penalty is a number for each image.
"""

from __future__ import annotations

import numpy as np

from pellucid.typing import Array

EDGE = 1e-3
"""ε of the total variation: differences well below it cost as in a square, so that its gradient exists at 0."""


def power_penalty(u: Array, p: float) -> tuple[Array, Array]:
    """Return Σ|u|^p for each image, and its gradient p|u|^(p−1)·sign(u)."""
    size = np.abs(u)
    cost = (size**p).reshape(len(u), -1).sum(axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        slope = p * size ** (p - 1) * np.sign(u)
    return cost, np.where(size > 0, slope, 0).astype(u.dtype, copy=False)


def total_variation(u: Array, power: float) -> tuple[Array, Array]:
    """Return Σ (Δ² + ε²)^(b/2) − ε^b for each image (N, H, W, C), and its gradient; b is `power`.

    Δ² is the squared difference to the pixel below plus that to the pixel at the right (0 at the border), so a
    constant image costs nothing. Mahendran & Vedaldi (2015), arXiv:1512.02017, §3.
    """
    down, right = np.zeros_like(u), np.zeros_like(u)
    down[:, :-1] = u[:, 1:] - u[:, :-1]
    right[:, :, :-1] = u[:, :, 1:] - u[:, :, :-1]
    change = down**2 + right**2
    square = change + EDGE**2
    cost = np.where(change > 0, square ** (power / 2) - EDGE**power, 0).reshape(len(u), -1).sum(axis=1)
    weight = power * square ** (power / 2 - 1)
    down *= weight
    right *= weight
    slope = -down - right
    slope[:, 1:] += down[:, :-1]
    slope[:, :, 1:] += right[:, :, :-1]
    return cost, slope


def likeness(u: Array) -> tuple[Array, Array]:
    """Return the mean cosine between each image of u (T, S, …) and its S − 1 siblings, (T, S), and the gradient.

    The gradient is that of the sum over the S siblings, which all see one another.
    """
    flat = u.reshape(*u.shape[:2], -1)
    siblings = max(flat.shape[1] - 1, 1)
    length = np.sqrt((flat**2).sum(axis=2, keepdims=True)) + 1e-12
    unit = flat / length
    others = unit.sum(axis=1, keepdims=True) - unit
    cosine = (unit * others).sum(axis=2, keepdims=True)
    slope = 2 * (others - cosine * unit) / length / siblings
    return cosine[..., 0] / siblings, slope.reshape(u.shape).astype(u.dtype, copy=False)


def blurred(u: Array, sigma: float) -> Array:
    """Return images (N, H, W, C) under a Gaussian of `sigma` pixels; what would leave the image stays at its border."""
    if sigma < 0.05:
        return u
    _, h, w, c = u.shape
    rows, columns = _gaussian(h, sigma, u.dtype), _gaussian(w, sigma, u.dtype)
    tall = np.matmul(rows, u.reshape(len(u), h, w * c)).reshape(-1, w, c)
    return np.asarray(np.matmul(columns, tall).reshape(u.shape))


def _gaussian(pixels: int, sigma: float, dtype: np.dtype[np.floating]) -> Array:
    """The matrix whose row i holds the weights of all pixels in pixel i; rows sum to 1."""
    distance = np.arange(pixels)[:, None] - np.arange(pixels)
    weights = np.exp(-0.5 * np.minimum((distance / sigma) ** 2, 500))
    return np.asarray(weights / weights.sum(axis=1, keepdims=True), dtype)
