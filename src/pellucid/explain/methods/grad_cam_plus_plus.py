"""Grad-CAM++: positive gradients only, weighted so that every instance of a class counts."""

from __future__ import annotations

from typing import Any

import numpy as np

from pellucid.checked import checked
from pellucid.explain.machinery.activations import as_map, look, weighted
from pellucid.explain.result import Explanation
from pellucid.explain.target import Question, Target
from pellucid.typing import ArrayLike


@checked
def grad_cam_plus_plus(
    model: Any,
    x: ArrayLike,
    target: Target = "predicted",
    *,
    layer: str | None = None,
    scalar: str = "logit",
    relu: bool = True,
) -> Explanation:
    """Return ReLU(Σ_k w_k A^k), w_k = Σ_ij a^k_ij ReLU(g^k_ij), g = ∂S/∂A.

    a^k_ij = g² / (2 g² + (Σ_ab A^k_ab) g³), and 0 where g or the denominator is 0. The paper's Y = exp(S) has
    derivatives Y g, Y g², Y g³: Y cancels in a and scales the map as a whole, so it is left out.

    Parameters
    ----------
    model, x, target, scalar, layer, relu : as in `grad_cam`

    Limits
    ------
    Higher derivatives of a ReLU network are 0; the formula is that of exp(S). Otherwise as Grad-CAM.

    References
    ----------
    Chattopadhay et al. (2017), arXiv:1710.11063, equations 10 and 19.

    Examples
    --------
    >>> layers = [pl.Conv2D(4, 3), pl.ReLU(), pl.Flatten(), pl.Affine(3)]
    >>> network = pl.Sequential(layers, input_shape=(8, 8, 1))
    >>> x = np.random.default_rng(0).random((2, 8, 8, 1), np.float32)
    >>> said = pl.explain.grad_cam_plus_plus(network, x, target=1)
    >>> said.values.shape, said.method
    ((2, 6, 6, 1), 'Grad-CAM++')
    """
    question = Question("grad_cam_plus_plus", model, x, target, scalar)
    seen = look(question, layer)
    g = seen.gradient
    below = 2 * g**2 + seen.A.sum(axis=(1, 2), keepdims=True) * g**3
    a = np.divide(g**2, below, out=np.zeros_like(g), where=below != 0)
    weights = (a * np.maximum(g, 0)).sum(axis=(1, 2))
    return as_map(question, seen, weighted(weights, seen.A), "Grad-CAM++", relu=relu)
