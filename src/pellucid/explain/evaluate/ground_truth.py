"""Against ground truth: whether a map lies where the cause is known to lie."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from pellucid import checks
from pellucid.arrays import as_array
from pellucid.checked import checked
from pellucid.errors import ShapeError
from pellucid.explain.evaluate.attribution import Explainer, attributions, maps, name_of, rows, settle
from pellucid.explain.evaluate.controls import averaged, control_maps
from pellucid.explain.evaluate.measure import Measure
from pellucid.typing import Array, ArrayLike


@checked
def relevance_mass(
    network: Any,
    method: Explainer,
    x: ArrayLike,
    masks: ArrayLike,
    target: Any = "predicted",
    *,
    dilation: int = 0,
    seed: int = 0,
) -> Measure:
    """Return the share of Σ|values| that lies in the mask; higher is better, a map of zeros has 0.

    The control "area" is the share of the image that the mask covers: what a flat map reaches.

    Parameters
    ----------
    network, method, target : as in `deletion`
    x : images (N, H, W, C)
    masks : (N, H, W) booleans, or (H, W) for all
    dilation : pixels by which the masks are widened first: a patch of occlusion speaks for pixels beside it
    seed : of the random control

    References
    ----------
    Arras, Osman & Samek (2022), "CLEVR-XAI", arXiv:2003.07258.

    Examples
    --------
    >>> from pellucid.explain import evaluate
    >>> layers = [pl.Conv2D(4, 3), pl.ReLU(), pl.Flatten(), pl.Affine(3)]
    >>> network = pl.Sequential(layers, input_shape=(8, 8, 1))
    >>> x = np.random.default_rng(0).random((2, 8, 8, 1), np.float32)
    >>> masks = np.zeros((8, 8), bool)
    >>> masks[:4] = True  # the upper half
    >>> measure = evaluate.relevance_mass(network, evaluate.edge_detector, x, masks)
    >>> measure.controls["area"].tolist()
    [0.5, 0.5]
    """
    return _measure("relevance mass", _mass, network, method, x, masks, target, dilation, seed)


@checked
def pointing_game(
    network: Any,
    method: Explainer,
    x: ArrayLike,
    masks: ArrayLike,
    target: Any = "predicted",
    *,
    dilation: int = 0,
    seed: int = 0,
) -> Measure:
    """Return 1 for each image where the largest |value| lies in the mask, else 0; of equals, the share in the mask.

    Parameters are those of `relevance_mass`; the control "area" is what a point at random reaches.

    References
    ----------
    Zhang et al. (2016), "Top-down neural attention by excitation backprop", arXiv:1608.00507, §4.1.

    Examples
    --------
    >>> from pellucid.explain import evaluate
    >>> layers = [pl.Conv2D(4, 3), pl.ReLU(), pl.Flatten(), pl.Affine(3)]
    >>> network = pl.Sequential(layers, input_shape=(8, 8, 1))
    >>> x = np.random.default_rng(0).random((2, 8, 8, 1), np.float32)
    >>> masks = np.ones((8, 8), bool)
    >>> evaluate.pointing_game(network, pl.explain.saliency, x, masks).values.tolist()
    [1.0, 1.0]
    """
    return _measure("pointing game", _hits, network, method, x, masks, target, dilation, seed)


def _measure(
    name: str,
    share: Callable[[Array, Array], Array],
    network: Any,
    method: Explainer,
    x: ArrayLike,
    masks: ArrayLike,
    target: Any,
    dilation: int,
    seed: int,
) -> Measure:
    who = name.replace(" ", "_")
    asked = settle(who, network, x, target, "logit")
    x = asked.question.x
    checks.expect_rank(who, x, 4, "N, H, W, C")
    given = as_array(who, "masks", masks)
    if given.dtype != bool or given.shape not in (x.shape[:3], x.shape[1:3]):
        raise ShapeError(
            f"{who}: masks must be booleans of shape {x.shape[:3]}, got {given.dtype} of shape {given.shape}."
        )
    inside = rows(dilated(np.broadcast_to(given, x.shape[:3]), dilation))
    found = {name: [share(rows(m), inside) for m in several] for name, several in control_maps(x, seed).items()}
    own = share(rows(np.abs(maps(attributions(who, method, asked.network, x, asked.target)))), inside)
    controls = {"area": inside.mean(axis=1), **averaged(found)}
    return Measure(name, name_of(method), own, "higher", controls, {"dilation": dilation, "seed": seed})


def _mass(sizes: Array, inside: Array) -> Array:
    total = sizes.sum(axis=1)
    return np.asarray(np.divide((sizes * inside).sum(axis=1), total, out=np.zeros(len(total)), where=total > 0))


def _hits(sizes: Array, inside: Array) -> Array:
    largest = sizes == sizes.max(axis=1, keepdims=True)
    hits = (largest & inside).sum(axis=1) / largest.sum(axis=1)
    return np.where(sizes.max(axis=1) > 0, hits, 0.0)


def dilated(masks: Array, pixels: int) -> Array:
    """Return masks (N, H, W) widened by that many pixels to every side, corners too."""
    if pixels < 0:
        checks.expect_range("dilated", "pixels", pixels, 0, np.inf)
    wide = np.pad(masks, ((0, 0), (pixels, pixels), (pixels, pixels)))
    size = 2 * pixels + 1
    return np.asarray(np.lib.stride_tricks.sliding_window_view(wide, (size, size), axis=(1, 2)).any(axis=(3, 4)))
