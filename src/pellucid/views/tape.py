"""Feature maps: what every layer gives, read off the tape of a forward pass."""

from __future__ import annotations

from typing import Any

import numpy as np

from pellucid import checks
from pellucid.arrays import numbers
from pellucid.checked import checked
from pellucid.errors import ShapeError
from pellucid.layers import Container
from pellucid.layers.container import network_of
from pellucid.layers.walk import visits
from pellucid.typing import Array, ArrayLike, Arrays


def outputs(network: Container[Any], tape: Any) -> Arrays:
    """Return the outputs (N, …) of all layers, merges and nested containers of a tape, by their paths."""
    nothing = np.empty(0)  # the input is not asked for
    return {visit.path: visit.output for visit in visits(network, nothing, tape)}


@checked
def feature_maps(model: Any, image: ArrayLike) -> dict[str, Array]:
    """Return what every layer gives for one image, by name: maps (H, W, C), or vectors (D,).

    The image is a sample, or a batch of one. `plots.feature_maps` draws the maps of a layer.

    Examples
    --------
    >>> network = pl.Sequential([pl.Conv2D(4, 3), pl.ReLU(), pl.Flatten(), pl.Affine(3)], input_shape=(8, 8, 1))
    >>> {name: maps.shape for name, maps in pl.views.feature_maps(network, np.zeros((8, 8, 1))).items()}
    {'conv2d1': (6, 6, 4), 'relu1': (6, 6, 4), 'flatten1': (144,), 'affine1': (3,)}
    """
    network = network_of(model, "feature_maps", built=True)
    x, shape = numbers("feature_maps", "image", image), network.input_shape or ()
    if x.shape == shape:
        x = x[None]
    if x.shape[1:] == shape and len(x) != 1:
        raise ShapeError(f"feature_maps: takes one image, got {len(x)}. Write feature_maps(network, images[0]).")
    checks.expect_batch("feature_maps", x, shape, "image")
    _, tape = network.forward(x)
    return {path: output[0] for path, output in outputs(network, tape).items()}
