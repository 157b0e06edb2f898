"""Score-CAM: the maps of a layer, weighted by the score that the image keeps where each of them is bright."""

from __future__ import annotations

from typing import Any

import numpy as np

from pellucid import checks
from pellucid.checked import checked
from pellucid.explain.machinery.activations import Seen, as_map, choose_layer, weighted
from pellucid.explain.machinery.baselines import BaselineLike, as_baseline
from pellucid.explain.machinery.gradients import copies, values_of
from pellucid.explain.machinery.room import BATCH, blocks, outputs_of, samples_at_once
from pellucid.explain.resize import bilinear
from pellucid.explain.result import Explanation
from pellucid.explain.target import Question, Target
from pellucid.functions import softmax
from pellucid.layers.parts import upto
from pellucid.typing import Array, ArrayLike


@checked
def score_cam(
    model: Any,
    x: ArrayLike,
    target: Target = "predicted",
    *,
    layer: str | None = None,
    scalar: str = "logit",
    normalise: str = "softmax",
    baseline: BaselineLike = "black",
    batch_size: int = BATCH,
    relu: bool = True,
) -> Explanation:
    """Return ReLU(Σ_k w_k A^k), w = softmax_k(s_k), s_k = S(x · H_k) − S(x'), H_k = A^k at image size in 0..1.

    A flat map has H_k = 0. `extras["weights"]` holds w, `extras["increase"]` s.

    Parameters
    ----------
    model, x, target, scalar, layer, relu : as in `grad_cam`
    normalise : "softmax" (the paper's algorithm 1) or "none" (w_k = s_k, its first version)
    baseline : x'; as in `integrated_gradients`. With "softmax" it changes nothing.
    batch_size : how many masked images go through the network at once; each sample takes ⌈K / batch_size⌉ passes

    Limits
    ------
    Images masked by soft maps look like no data. The softmax over logits is nearly all or nothing.

    References
    ----------
    Wang et al. (2019), arXiv:1910.01279, equations 5 to 8.

    Examples
    --------
    >>> layers = [pl.Conv2D(4, 3), pl.ReLU(), pl.Flatten(), pl.Affine(3)]
    >>> network = pl.Sequential(layers, input_shape=(8, 8, 1))
    >>> x = np.random.default_rng(0).random((2, 8, 8, 1), np.float32)
    >>> said = pl.explain.score_cam(network, x)
    >>> said.extras["weights"].sum(axis=1).round(4).tolist()  # one weight for each channel
    [1.0, 1.0]
    """
    who = "score_cam"
    checks.expect_known(who, "normalise", normalise, ["softmax", "none"])
    batch_size = checks.size(who, "batch_size", batch_size)
    question = Question(who, model, x, target, scalar)
    name = choose_layer(question, layer)
    A = outputs_of(upto(question.network, name).fused(), question.x)
    y = outputs_of(question.network, question.x)
    number = question.scalar(y)
    start = as_baseline(question, baseline)
    below = number.values(outputs_of(question.network, start.values))
    increase = np.empty((len(A), A.shape[3]), A.dtype)
    for i, one in enumerate(question.x):
        for rows in blocks(A.shape[3], min(batch_size, samples_at_once(question.x))):
            masked = one * unit_masks(A[i][..., rows], *one.shape[:2])[..., None]
            increase[i, rows] = values_of(question, number, masked, copies(len(masked), i)) - below[i]
    weights = softmax(increase) if normalise == "softmax" else increase
    seen = Seen(name, A, A, y, number)
    return as_map(
        question,
        seen,
        weighted(weights, A),
        "Score-CAM",
        relu=relu,
        baseline=start.text,
        settings={"normalise": normalise},
        extras={"weights": weights, "increase": increase},
    )


def unit_masks(A: Array, height: int, width: int) -> Array:
    """Maps (h, w, K) as masks (K, H, W), each stretched to 0..1 after it was enlarged; a flat one becomes 0."""
    large = bilinear(np.ascontiguousarray(A.transpose(2, 0, 1)), height, width)
    low, high = large.min(axis=(1, 2), keepdims=True), large.max(axis=(1, 2), keepdims=True)
    span = high - low
    return np.asarray(np.divide(large - low, span, out=np.zeros_like(large), where=span > 0))
