"""LayerCAM: every place weighted by its own positive gradient."""

from __future__ import annotations

from typing import Any

import numpy as np

from pellucid.checked import checked
from pellucid.explain.machinery.activations import as_map, look
from pellucid.explain.result import Explanation
from pellucid.explain.target import Question, Target
from pellucid.typing import ArrayLike


@checked
def layer_cam(
    model: Any,
    x: ArrayLike,
    target: Target = "predicted",
    *,
    layer: str | None = None,
    scalar: str = "logit",
    relu: bool = True,
) -> Explanation:
    """Return ReLU(Σ_k ReLU(∂S/∂A^k_ij) A^k_ij), which works in lower layers too.

    Parameters
    ----------
    model, x, target, scalar, layer, relu : as in `grad_cam`

    Limits
    ------
    Negative gradients are left out, so nothing shows what speaks against the class.

    References
    ----------
    Jiang et al. (2021), "LayerCAM", IEEE Transactions on Image Processing 30, equations 5 and 6.

    Examples
    --------
    >>> layers = [pl.Conv2D(4, 3), pl.ReLU(), pl.Flatten(), pl.Affine(3)]
    >>> network = pl.Sequential(layers, input_shape=(8, 8, 1))
    >>> x = np.random.default_rng(0).random((2, 8, 8, 1), np.float32)
    >>> said = pl.explain.layer_cam(network, x, target=1)
    >>> said.values.shape, said.method
    ((2, 6, 6, 1), 'LayerCAM')
    """
    question = Question("layer_cam", model, x, target, scalar)
    seen = look(question, layer)
    values = (np.maximum(seen.gradient, 0) * seen.A).sum(axis=3, keepdims=True)
    return as_map(question, seen, values, "LayerCAM", relu=relu)
