"""Integrated gradients: the gradient gathered on the straight way from a baseline to the input."""

from __future__ import annotations

from typing import Any

import numpy as np

from pellucid import checks
from pellucid.checked import checked
from pellucid.errors import ArgumentError
from pellucid.explain.machinery.baselines import BaselineLike, as_baselines
from pellucid.explain.machinery.gradients import copies, gradient_of
from pellucid.explain.machinery.room import blocks, outputs_of, samples_at_once
from pellucid.explain.result import Explanation, Proof, answer, sums
from pellucid.explain.target import Question, Scalar, Target
from pellucid.typing import Array, ArrayLike


@checked
def integrated_gradients(
    model: Any,
    x: ArrayLike,
    target: Target = "predicted",
    *,
    scalar: str = "logit",
    baseline: BaselineLike = "black",
    steps: int = 32,
    tolerance: float | None = 0.01,
    max_steps: int = 1024,
) -> Explanation:
    """Return (x − x') · ∫₀¹ ∂S/∂x (x' + a (x − x')) da, by the midpoint rule.

    Completeness: Σ values = S(x) − S(x'). The steps of a sample are doubled until that holds within `tolerance`, as a
    share of the difference, or `max_steps` is reached; the proof says which, `extras["steps"]` how many it took.

    Parameters
    ----------
    model, x, target, scalar : as in `saliency`
    baseline : "black", "grey", "white", "mean", "blurred", a number, an array, or a list, which is averaged
    steps : the first number of steps, and the only one where tolerance is None

    Limits
    ------
    The answer depends on the baseline: where x = x' a pixel gets 0, so black is blind to black pixels. The way leads
    through inputs that no data look like.

    References
    ----------
    Sundararajan, Taly & Yan (2017), arXiv:1703.01365, equation 1. Several baselines: Erion et al. (2019),
    arXiv:1906.10670.

    Examples
    --------
    >>> W, b = [[2.0, 0.0], [-1.0, 0.0]], [0.5, 0.0]
    >>> network = pl.Sequential([pl.Affine.from_arrays(W, b)], input_shape=2)
    >>> x = [[3.0, 4.0]]  # S_0 = 2 · 3 − 4 + ½ = 2.5
    >>> said = pl.explain.integrated_gradients(network, x)
    >>> said.values.tolist()
    [[6.0, -4.0]]
    >>> said.proof.claim, bool(said.proof.holds[0])
    ('Σ values = S(x) − S(baseline)', True)
    """
    who = "integrated_gradients"
    steps, max_steps = checks.size(who, "steps", steps), checks.size(who, "max_steps", max_steps)
    if tolerance is not None:
        checks.expect_positive(who, "tolerance", tolerance)
    question = Question(who, model, x, target, scalar)
    starts = as_baselines(question, baseline)
    if not starts:
        raise ArgumentError(f"{who}: baseline must hold at least one baseline, got an empty list.")
    y = outputs_of(question.network, question.x)
    number = question.scalar(y)
    score = number.values(y).astype(np.float64)
    values, used = np.zeros_like(question.x), np.zeros(len(y), int)
    before, allowed = np.zeros(len(y)), np.zeros(len(y))
    for start in starts:
        other = number.values(outputs_of(question.network, start.values)).astype(np.float64)
        bound = (tolerance or 0.01) * np.maximum(np.abs(score - other), 0.01 * (np.abs(score) + np.abs(other)))
        for i in range(len(y)):
            n = steps
            part = _integral(question, number, start.values[i], i, n)
            while tolerance is not None and 2 * n <= max_steps and abs(part.sum() - score[i] + other[i]) > bound[i]:
                n *= 2
                part = _integral(question, number, start.values[i], i, n)
            values[i] += (part / len(starts)).astype(values.dtype)
            used[i] += n
        before += other / len(starts)
        allowed += bound / len(starts)
    proof = Proof("completeness", "Σ values = S(x) − S(baseline)", sums(values), score - before, allowed)
    settings = {"steps": steps, "tolerance": tolerance, "max_steps": max_steps, "quadrature": "midpoint"}
    text = ", ".join(start.text for start in starts)
    return answer(
        question,
        number,
        y,
        values,
        method="integrated gradients",
        baseline=text,
        settings=settings,
        proof=proof,
        extras={"steps": used},
    )


def _integral(question: Question, number: Scalar, start: Array, i: int, n: int) -> Array:
    """(x − x') times the mean gradient at the middles of n equal steps, in float64."""
    way = question.x[i] - start
    middles = ((np.arange(n) + 0.5) / n).astype(way.dtype).reshape(-1, *[1] * way.ndim)
    total = np.zeros(way.shape)
    for rows in blocks(n, samples_at_once(question.x)):
        points = start + middles[rows] * way
        total += gradient_of(question, number, points, copies(len(points), i)).sum(axis=0, dtype=np.float64)
    return np.asarray(way * (total / n))
