"""Grad-CAM: the maps of a layer, weighted by the mean gradient of each; and guided Grad-CAM."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from pellucid.checked import checked
from pellucid.explain.machinery.activations import as_map, look, weighted
from pellucid.explain.methods.saliency import saliency
from pellucid.explain.result import Explanation
from pellucid.explain.target import Question, Target
from pellucid.typing import ArrayLike


@checked
def grad_cam(
    model: Any,
    x: ArrayLike,
    target: Target = "predicted",
    *,
    layer: str | None = None,
    scalar: str = "logit",
    relu: bool = True,
    rule: str | None = None,
) -> Explanation:
    """Return ReLU(Σ_k α_k A^k), α_k = (1/Z) Σ_ij ∂S/∂A^k_ij, on the grid of the layer.

    Where no weighted sum is above 0 the map is empty: the result says "no positive evidence". `relu=False` keeps the
    sign. `upsampled()` gives the map at the size of the image.

    Under a rule α_k is the mean of what reaches the layer when the rule takes the place of every ReLU's backward above
    it: the three forms of keras-vis, its `backprop_modifier`. That is another thing than `guided_grad_cam`, the product
    of the map and guided backpropagation that the paper calls guided Grad-CAM.

    Parameters
    ----------
    model, x, target, scalar : as in `saliency`
    layer : name of a layer whose output is an image; default: the last one, after its ReLU and before pooling.
        The result says which it was.
    relu : whether only what speaks for the class is kept
    rule : None, "guided" or "rectified", as in `saliency`; any activation but ReLU above the layer raises under a rule

    Limits
    ------
    The mean gradient speaks for places that do not matter and may miss those that do: compare `hires_cam` (Draelos &
    Carin 2020, arXiv:2011.08891). The grid is coarse; what lies between its points is interpolation.
    Where no ReLU lies above the layer the three forms are one. Else what a rule gives is no gradient, nor its mean.

    References
    ----------
    Selvaraju et al. (2016), arXiv:1610.02391, equations 1 and 2.

    Examples
    --------
    >>> layers = [pl.Conv2D(4, 3), pl.ReLU(), pl.Flatten(), pl.Affine(3)]
    >>> network = pl.Sequential(layers, input_shape=(8, 8, 1))
    >>> x = np.random.default_rng(0).random((2, 8, 8, 1), np.float32)
    >>> said = pl.explain.grad_cam(network, x, target=1)
    >>> said.values.shape, said.upsampled().shape, said.layer
    ((2, 6, 6, 1), (2, 8, 8), 'relu1')
    """
    question = Question("grad_cam", model, x, target, scalar)
    seen = look(question, layer, total=True, rule=rule)
    places = seen.A.shape[1] * seen.A.shape[2]
    weights = np.einsum("nhwk->nk", seen.gradient) / places
    method = "Grad-CAM" if rule is None else f"Grad-CAM by {rule} gradients"
    return as_map(question, seen, weighted(weights, seen.A), method, relu=relu, settings={"rule": rule})


@checked
def guided_grad_cam(
    model: Any, x: ArrayLike, target: Target = "predicted", *, layer: str | None = None, scalar: str = "logit"
) -> Explanation:
    """Return guided backpropagation multiplied, pixel by pixel, by the Grad-CAM map at the size of the image.

    Parameters
    ----------
    model, x, target, scalar, layer : as in `grad_cam`

    Limits
    ------
    Fine detail comes from guided backpropagation, which depends little on the class; only where it shows is
    Grad-CAM's.

    References
    ----------
    Selvaraju et al. (2016), arXiv:1610.02391, §3.2.

    Examples
    --------
    >>> layers = [pl.Conv2D(4, 3), pl.ReLU(), pl.Flatten(), pl.Affine(3)]
    >>> network = pl.Sequential(layers, input_shape=(8, 8, 1))
    >>> x = np.random.default_rng(0).random((2, 8, 8, 1), np.float32)
    >>> said = pl.explain.guided_grad_cam(network, x, target=1)
    >>> said.values.shape, said.method
    ((2, 8, 8, 1), 'guided Grad-CAM')
    """
    where = grad_cam(model, x, target, layer=layer, scalar=scalar)
    what = saliency(model, x, target, scalar=scalar, rule="guided")
    values = what.values * np.expand_dims(where.upsampled(), what.channel_axis)
    return replace(what, values=values, method="guided Grad-CAM", layer=where.layer, positive=True)
