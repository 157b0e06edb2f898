"""RISE: random soft masks, each weighted by the score that it leaves."""

from __future__ import annotations

from typing import Any

import numpy as np

from pellucid import checks
from pellucid.checked import checked
from pellucid.errors import ShapeError
from pellucid.explain.machinery.baselines import BaselineLike, as_baseline
from pellucid.explain.machinery.gradients import copies, values_of
from pellucid.explain.machinery.room import BATCH, blocks, outputs_of, samples_at_once
from pellucid.explain.resize import bilinear
from pellucid.explain.result import Explanation, answer
from pellucid.explain.target import Question, Target
from pellucid.typing import Array, ArrayLike, DTypeLike


@checked
def rise(
    model: Any,
    x: ArrayLike,
    target: Target = "predicted",
    *,
    scalar: str = "probability",
    masks: int = 1000,
    grid: int = 7,
    keep: float = 0.5,
    baseline: BaselineLike = "black",
    seed: int = 0,
) -> Explanation:
    """Return (1/(n p)) Σ_t S(m_t · x + (1 − m_t) · x') m_t: the mean score of the masks that show a pixel.

    Each mask is a grid of ones (with probability p = `keep`) and zeros, enlarged smoothly and shifted at random.
    `extras["standard_error"]` holds the standard error of every value. Every sample sees the same masks.

    Parameters
    ----------
    model, target : as in `saliency`
    x : images (N, H, W, C)
    scalar : as in `saliency`; the paper takes the probability
    masks, grid, keep : n, the cells of a mask along each axis, and p
    baseline : x', what is seen where nothing is; as in `integrated_gradients`
    seed : of the masks

    Limits
    ------
    Values are mean scores, not differences: only their contrast within a map says something, and it takes thousands of
    masks until it stands out from the standard error.

    References
    ----------
    Petsiuk, Das & Saenko (2018), arXiv:1806.07421, equation 6.

    Examples
    --------
    >>> layers = [pl.Conv2D(4, 3), pl.ReLU(), pl.Flatten(), pl.Affine(3)]
    >>> network = pl.Sequential(layers, input_shape=(8, 8, 1))
    >>> x = np.random.default_rng(0).random((2, 8, 8, 1), np.float32)
    >>> said = pl.explain.rise(network, x, masks=50, grid=4)
    >>> said.values.shape, said.extras["standard_error"].shape
    ((2, 8, 8, 1), (2, 8, 8, 1))
    """
    n, grid = checks.size("rise", "masks", masks), checks.size("rise", "grid", grid)
    if not 0 < keep < 1:
        checks.expect_range("rise", "keep", keep, 1e-9, 1 - 1e-9)
    question = Question("rise", model, x, target, scalar)
    if question.x.ndim != 4:
        raise ShapeError(f"rise: x must be images (N, H, W, C), got {question.x.shape}.")
    start = as_baseline(question, baseline)
    y = outputs_of(question.network, question.x)
    number = question.scalar(y)
    drawn = random_masks(n, grid, keep, question.x.shape[1:3], seed, question.x.dtype)
    values, errors = (np.empty((*question.x.shape[:3], 1), question.x.dtype) for _ in range(2))
    for i, one in enumerate(question.x):
        total, squares = (np.zeros(one.shape[:2]) for _ in range(2))
        for rows in blocks(n, samples_at_once(question.x)):
            m = drawn[rows, :, :, None]
            seen = m * one + (1 - m) * start.values[i]
            score = values_of(question, number, seen, copies(len(m), i))
            part = score[:, None, None] * drawn[rows] / keep
            total += part.sum(axis=0, dtype=np.float64)
            squares += (part.astype(np.float64) ** 2).sum(axis=0)
        values[i, ..., 0] = total / n
        errors[i, ..., 0] = np.sqrt(np.maximum(squares / n - (total / n) ** 2, 0) / max(n - 1, 1))
    settings = {"masks": n, "grid": grid, "keep": keep}
    return answer(
        question,
        number,
        y,
        values,
        method="RISE",
        baseline=start.text,
        seed=seed,
        settings=settings,
        extras={"standard_error": errors},
    )


def random_masks(
    count: int, grid: int, keep: float, size: tuple[int, ...], seed: int, dtype: DTypeLike = np.float64
) -> Array:
    """Return masks (count, H, W) in 0..1: grids enlarged to a cell more than the image, cut out at a random shift."""
    rng = np.random.default_rng(seed)
    h, w = size
    cell_h, cell_w = -(-h // grid), -(-w // grid)
    cells = (rng.random((count, grid + 1, grid + 1)) < keep).astype(np.float64)
    top, left = rng.integers(0, cell_h, count), rng.integers(0, cell_w, count)
    masks = np.empty((count, h, w), dtype)
    for some in blocks(count, BATCH // 4):
        large = bilinear(cells[some], (grid + 1) * cell_h, (grid + 1) * cell_w)
        for mask, big, i, j in zip(masks[some], large, top[some], left[some], strict=True):
            mask[...] = big[i : i + h, j : j + w]
    return masks
