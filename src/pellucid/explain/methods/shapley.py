"""Shapley values by sampling: what a region adds to the score, averaged over the orders in which regions appear."""

from __future__ import annotations

from typing import Any

import numpy as np

from pellucid import checks
from pellucid.arrays import as_array
from pellucid.checked import checked
from pellucid.errors import ShapeError
from pellucid.explain.machinery.baselines import BaselineLike, as_baseline
from pellucid.explain.machinery.gradients import copies, values_of
from pellucid.explain.machinery.room import blocks, outputs_of, samples_at_once
from pellucid.explain.result import Explanation, Proof, answer, exactness, sums
from pellucid.explain.target import Question, Target
from pellucid.typing import Array, ArrayLike, IntArray, Shape


@checked
def shapley(
    model: Any,
    x: ArrayLike,
    target: Target = "predicted",
    *,
    scalar: str = "logit",
    baseline: BaselineLike = "black",
    region: int | ArrayLike | None = None,
    permutations: int = 32,
    seed: int = 0,
) -> Explanation:
    """Return φ_r = the mean over orders of S(x_{before r and r}) − S(x_{before r}), shared evenly by r's values.

    Regions not yet in the order hold the baseline. Each order's differences add up, so Σ values = S(x) − S(x')
    whatever the number of orders: the proof checks it. Orders come in pairs, one the reverse of the other.
    `extras["standard_error"]` holds the standard error over the pairs, `extras["region"]` the regions.

    Parameters
    ----------
    model, x, target, scalar, baseline : as in `integrated_gradients`; one baseline
    region : pixels along the side of a square region (of images; single entries of vectors), or an array of region
        numbers 0..R − 1 in the shape of a sample (or of an image without its channels). Left out, a seventh of the
        image's shorter side: 4 of digits, 32 of 224 pixels; 4 entries of a vector
    permutations : orders drawn, an even number
    seed : of the orders

    Limits
    ------
    (R + 1) · permutations images go through the network for each sample. Images of which a part is baseline look like
    no data, and the values depend on the baseline.

    References
    ----------
    Shapley (1953); Castro, Gómez & Tejada (2009), "Polynomial calculation of the Shapley value based on sampling".

    Examples
    --------
    >>> W, b = [[2.0, 0.0], [-1.0, 0.0]], [0.5, 0.0]
    >>> network = pl.Sequential([pl.Affine.from_arrays(W, b)], input_shape=2)
    >>> x = [[3.0, 4.0]]  # S_0 = 2 · 3 − 4 + ½ = 2.5
    >>> said = pl.explain.shapley(network, x, region=1, permutations=2)
    >>> said.values.tolist()  # they add up to S(x) − S(0) = 2
    [[6.0, -4.0]]
    """
    pairs = -(-checks.size("shapley", "permutations", permutations) // 2)
    question = Question("shapley", model, x, target, scalar)
    start = as_baseline(question, baseline)
    regions = _regions(region, question)
    count = int(regions.max()) + 1
    y = outputs_of(question.network, question.x)
    number = question.scalar(y)
    rng = np.random.default_rng(seed)
    orders = [rng.permutation(count) for _ in range(pairs)]
    shares = 1 / np.bincount(regions.ravel(), minlength=count)
    values, errors = np.empty_like(question.x), np.empty_like(question.x)
    promised = np.empty(len(y))
    for i in range(len(y)):
        gains = np.empty((pairs, count))
        for k, order in enumerate(orders):
            walks = [_walk(question, number, start.values, regions, i, o) for o in (order, order[::-1])]
            gains[k] = (walks[0][0] + walks[1][0]) / 2
            promised[i] = walks[0][1]
        values[i] = (gains.mean(axis=0) * shares)[regions]
        errors[i] = (gains.std(axis=0, ddof=1) * shares / np.sqrt(pairs))[regions] if pairs > 1 else 0
    total = sums(values)
    proof = Proof("efficiency", "Σ values = S(x) − S(baseline)", total, promised, exactness(total, promised, values))
    everywhere = np.broadcast_to(regions, values.shape).copy()
    return answer(
        question,
        number,
        y,
        values,
        method="Shapley values",
        baseline=start.text,
        seed=seed,
        proof=proof,
        settings={"permutations": 2 * pairs, "regions": count},
        extras={"standard_error": errors, "region": everywhere},
    )


def _regions(region: Any, question: Question) -> IntArray:
    """Return a region number for every entry of a sample."""
    shape: Shape = question.x.shape[1:]
    if region is None:
        region = max(4, min(shape[:2]) // 7) if len(shape) == 3 else 4
    if np.ndim(region) == 0:
        side = checks.size("shapley", "region", region)
        if len(shape) == 3:
            rows, columns = np.arange(shape[0]) // side, np.arange(shape[1]) // side
            return np.broadcast_to((rows[:, None] * (columns[-1] + 1) + columns)[..., None], shape)
        return np.arange(int(np.prod(shape))).reshape(shape)
    asked = as_array("shapley", "region", region)
    given = question.inward(asked)
    if given.shape == shape[:2] and len(shape) == 3:
        given = np.broadcast_to(given[..., None], shape)
    numbers = np.unique(given)
    if given.shape != shape or given.dtype.kind not in "iu" or not np.array_equal(numbers, np.arange(len(numbers))):
        raise ShapeError(
            f"shapley: region must be a number of pixels, or whole numbers 0..R − 1 of shape "
            f"{question.given.shape[1:]}, got {asked.shape} of {asked.dtype}. Every number must occur."
        )
    return given.astype(np.intp)


def _walk(
    question: Question, number: Any, start: Array, regions: IntArray, i: int, order: IntArray
) -> tuple[Array, float]:
    """Return what each region adds when they appear in that order, and S(x) − S(x')."""
    rank = np.empty(len(order), int)
    rank[order] = np.arange(len(order))
    scores = np.empty(len(order) + 1)
    for rows in blocks(len(scores), samples_at_once(question.x)):
        known = np.arange(rows.start, rows.stop).reshape(-1, *[1] * regions.ndim) > rank[regions]
        seen = np.where(known, question.x[i], start[i])
        scores[rows] = values_of(question, number, seen, copies(len(seen), i))
    gains = np.empty(len(order))
    gains[order] = np.diff(scores)
    return gains, float(scores[-1] - scores[0])
