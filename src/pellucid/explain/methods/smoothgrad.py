"""SmoothGrad, SquareGrad and VarGrad: the gradient over noisy copies of the input."""

from __future__ import annotations

from typing import Any

import numpy as np

from pellucid import checks
from pellucid.checked import checked
from pellucid.explain.machinery.gradients import copies, gradient_of
from pellucid.explain.machinery.room import blocks, outputs_of, samples_at_once
from pellucid.explain.machinery.rules import relu_rules
from pellucid.explain.result import Explanation, answer
from pellucid.explain.target import Question, Target
from pellucid.typing import Array, ArrayLike


@checked
def smoothgrad(
    model: Any,
    x: ArrayLike,
    target: Target = "predicted",
    *,
    scalar: str = "logit",
    samples: int = 50,
    noise: float = 0.15,
    seed: int = 0,
    rule: str | None = None,
    statistic: str = "mean",
) -> Explanation:
    """Return a statistic of g_t = ∂S/∂x at x + ε_t, ε_t ~ N(0, σ²): the mean keeps its sign.

    "mean": (1/n) Σ g_t;  "square": (1/n) Σ g_t²;  "variance": 1/(n−1) Σ (g_t − ḡ)².
    σ = noise · (max x − min x) of each sample. Every sample sees the same draws, so a batch equals one by one.
    `extras["standard_error"]` holds the standard error of every value.

    Parameters
    ----------
    model, x, target, scalar, rule : as in `saliency`
    samples : n, the number of noisy copies
    noise : share of the sample's range
    seed : of the noise
    statistic : "mean", "square" or "variance"

    Limits
    ------
    A picture of the gradient nearby, no proof of importance. The class "predicted" is that of the clean input.

    References
    ----------
    Smilkov et al. (2017), arXiv:1706.03825. Hooker et al. (2019), arXiv:1806.10758 (SquareGrad).
    Adebayo et al. (2018), arXiv:1810.03307 (VarGrad).

    Examples
    --------
    >>> layers = [pl.Conv2D(4, 3), pl.ReLU(), pl.Flatten(), pl.Affine(3)]
    >>> network = pl.Sequential(layers, input_shape=(8, 8, 1))
    >>> x = np.random.default_rng(0).random((2, 8, 8, 1), np.float32)
    >>> said = pl.explain.smoothgrad(network, x, samples=8)
    >>> said.values.shape, said.extras["standard_error"].shape
    ((2, 8, 8, 1), (2, 8, 8, 1))
    """
    who = {"mean": "smoothgrad", "square": "squaregrad", "variance": "vargrad"}.get(statistic)
    if who is None:
        checks.unknown_name("smoothgrad", "statistic", statistic, ["mean", "square", "variance"])
    checks.expect_range(who, "noise", noise, 0, np.inf)
    n = checks.size(who, "samples", samples) if noise else 1  # without noise all copies are one
    question = Question(who, model, x, target, scalar)
    y = outputs_of(question.network, question.x)
    number = question.scalar(y)
    draws = np.random.default_rng(seed).standard_normal((n, *question.x.shape[1:])).astype(question.x.dtype)
    rules = relu_rules(who, rule, question.network)
    values, errors = np.empty_like(question.x), np.empty_like(question.x)
    for i, one in enumerate(question.x):
        sigma = one.dtype.type(noise * (one.max() - one.min()))
        moments = np.zeros((4, *one.shape))
        for rows in blocks(n, samples_at_once(question.x)):
            g = gradient_of(question, number, one + sigma * draws[rows], copies(len(draws[rows]), i), rules)
            moments += [(g.astype(np.float64) ** k).sum(axis=0) for k in (1, 2, 3, 4)]
        values[i], errors[i] = _statistic(statistic, moments / n, n)
    settings = {"rule": rule, "samples": n, "noise": noise, "statistic": statistic}
    extras = {"standard_error": errors}
    return answer(question, number, y, values, method=who, seed=seed, settings=settings, extras=extras)


@checked
def squaregrad(model: Any, x: ArrayLike, target: Target = "predicted", **options: Any) -> Explanation:
    """Return the mean square of the noisy gradients: `smoothgrad` with statistic="square".

    Examples
    --------
    >>> W, b = [[2.0, 0.0], [-1.0, 0.0]], [0.5, 0.0]
    >>> network = pl.Sequential([pl.Affine.from_arrays(W, b)], input_shape=2)
    >>> x = [[3.0, 4.0]]  # S_0 = 2 · 3 − 4 + ½ = 2.5
    >>> pl.explain.squaregrad(network, x, samples=4).values.tolist()  # the gradient is the same everywhere
    [[4.0, 1.0]]
    """
    return smoothgrad(model, x, target, statistic="square", **options)


@checked
def vargrad(model: Any, x: ArrayLike, target: Target = "predicted", **options: Any) -> Explanation:
    """Return the variance of the noisy gradients: `smoothgrad` with statistic="variance".

    Examples
    --------
    >>> W, b = [[2.0, 0.0], [-1.0, 0.0]], [0.5, 0.0]
    >>> network = pl.Sequential([pl.Affine.from_arrays(W, b)], input_shape=2)
    >>> x = [[3.0, 4.0]]  # S_0 = 2 · 3 − 4 + ½ = 2.5
    >>> pl.explain.vargrad(network, x, samples=4).values.tolist()  # and so does not vary
    [[0.0, 0.0]]
    """
    return smoothgrad(model, x, target, statistic="variance", **options)


def _statistic(statistic: str, moments: Array, n: int) -> tuple[Array, Array]:
    """Return the statistic and its standard error, from the means of g, g², g³ and g⁴."""
    mean, square, cube, fourth = moments
    spread = np.maximum(square - mean**2, 0)
    spread[spread <= 1e-12 * square] = 0  # nothing but rounding
    if statistic == "mean":
        return mean, np.sqrt(spread / max(n - 1, 1))
    if statistic == "square":
        return square, np.sqrt(np.maximum(fourth - square**2, 0) / max(n - 1, 1))
    central = np.maximum(fourth - 4 * mean * cube + 6 * mean**2 * square - 3 * mean**4, 0)
    return spread * (n / max(n - 1, 1)), np.sqrt(np.maximum(central - spread**2, 0) / max(n - 1, 1))
