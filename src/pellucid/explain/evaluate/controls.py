"""Controls: maps that know nothing of the network. What they reach as well proves nothing about a method."""

from __future__ import annotations

from typing import Any

import numpy as np

from pellucid import checks
from pellucid.checked import checked
from pellucid.typing import Array, ArrayLike, Arrays

DRAWS = 3
"""Random maps for each image; their measures are averaged."""


@checked
def edges(x: ArrayLike) -> Array:
    """Return the strength of the edges of images (N, H, W, C), by Sobel's operator on the mean channel: (N, H, W).

    Examples
    --------
    >>> from pellucid.explain import evaluate
    >>> image = np.zeros((1, 3, 4, 1))
    >>> image[:, :, 2:] = 1  # dark at the left, bright at the right
    >>> evaluate.edges(image)[0, 1].tolist()
    [0.0, 4.0, 4.0, 0.0]
    """
    x = np.asarray(x)
    checks.expect_rank("edges", x, 4, "N, H, W, C")
    grey = np.pad(x.mean(axis=3, dtype=np.float64), ((0, 0), (1, 1), (1, 1)), mode="edge")
    smooth = grey[:, :-2] + 2 * grey[:, 1:-1] + grey[:, 2:]
    across = smooth[:, :, 2:] - smooth[:, :, :-2]
    smooth = grey[:, :, :-2] + 2 * grey[:, :, 1:-1] + grey[:, :, 2:]
    down = smooth[:, 2:] - smooth[:, :-2]
    return np.asarray(np.hypot(across, down))


@checked
def edge_detector(network: Any, x: ArrayLike, target: Any = None) -> Array:
    """Return the edges of the images, as a method that never looks at the network.

    Examples
    --------
    >>> from pellucid.explain import evaluate
    >>> x = np.random.default_rng(0).random((2, 8, 8, 1))
    >>> np.array_equal(evaluate.edge_detector(None, x), evaluate.edges(x))
    True
    """
    return edges(np.asarray(x))


def noise(x: Array, seed: int) -> Array:
    """Return random values, one for each place of x; the same for every image, so that a batch equals one by one."""
    shape = x.shape[1:3] if x.ndim == 4 else x.shape[1:]
    drawn = np.random.default_rng(seed).random(shape)
    return np.broadcast_to(drawn, (len(x), *shape)).copy()


def control_maps(x: Array, seed: int) -> dict[str, list[Array]]:
    """Return the maps of each control: several random ones, and the edges where x are images."""
    found = {"random": [noise(x, seed + 1 + draw) for draw in range(DRAWS)]}
    if x.ndim == 4:
        found["edges"] = [edges(x)]
    return found


def averaged(measured: dict[str, list[Array]]) -> Arrays:
    """Return each control's measure, the mean over its maps."""
    return {name: np.mean(several, axis=0) for name, several in measured.items()}
