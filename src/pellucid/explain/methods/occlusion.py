"""Occlusion: a patch of grey is slid over the image, and the score watched."""

from __future__ import annotations

from typing import Any

import numpy as np

from pellucid import checks
from pellucid.checked import checked
from pellucid.errors import ArgumentError, ShapeError
from pellucid.explain.machinery.baselines import BaselineLike, as_baseline
from pellucid.explain.machinery.cone import ROWS, Blocks, Cone
from pellucid.explain.machinery.room import blocks, outputs_of, rows_at_once
from pellucid.explain.result import Explanation, answer
from pellucid.explain.target import Question, Scalar, Target
from pellucid.kernels.crew.threads import parallel_for
from pellucid.typing import Array, ArrayLike, Arrays, IntArray


@checked
def occlusion(
    model: Any,
    x: ArrayLike,
    target: Target = "predicted",
    *,
    scalar: str = "logit",
    patch: int | tuple[int, int] | None = None,
    stride: int | tuple[int, int] | None = None,
    value: BaselineLike = "grey",
) -> Explanation:
    """Return by how much the score falls when a pixel is covered: the mean of S(x) − S(x with patch p) over p.

    Every pixel is covered: where the stride does not end at the border, a last patch does. What the patch cannot reach
    is not computed again (`explain.cone`).

    `extras`, a value for each place (N, PH, PW) of the patch: "drop" of the score, "probability" of the class (where
    the network has one), "predicted" class; and "counts" (N, K): at how many places each class was predicted.
    `plots.occlusion_maps` draws them, `plot()` the values alone.

    Parameters
    ----------
    model, scalar : as in `saliency`
    x : images (N, H, W, C)
    target : as in `saliency`; give the true classes to see what the network needs to be right
    patch, stride : pixels, or (height, width); the stride at most the patch. Left out, they grow with the image: a
        seventh and a twenty-eighth of its shorter side, 4 and 1 of digits, 32 and 8 of 224 pixels; at least 4 and 1
    value : what the patch is filled with, in the data's own units: "grey" (the middle of each image's range), "black",
        "white", "mean", "blurred", a number, or an array

    Limits
    ------
    The fill decides: black hides nothing on a black ground. Of two parts that each suffice, neither shows. Covered
    images look like no data.

    References
    ----------
    Zeiler & Fergus (2013), arXiv:1311.2901, §4.2.

    Examples
    --------
    >>> layers = [pl.Conv2D(4, 3), pl.ReLU(), pl.Flatten(), pl.Affine(3)]
    >>> network = pl.Sequential(layers, input_shape=(8, 8, 1))
    >>> x = np.random.default_rng(0).random((2, 8, 8, 1), np.float32)
    >>> said = pl.explain.occlusion(network, x, patch=4, stride=2)
    >>> said.values.shape, said.extras["drop"].shape
    ((2, 8, 8, 1), (2, 3, 3))
    >>> said.extras["counts"].sum(axis=1).tolist()  # 3 · 3 places of the patch
    [9, 9]
    """
    question = Question("occlusion", model, x, target, scalar)
    if question.x.ndim != 4:
        raise ShapeError(
            f"occlusion: x must be images (N, H, W, C), got {question.x.shape}. "
            "For a network of vectors build one that begins with Flatten()."
        )
    shorter = min(question.x.shape[1:3])
    sizes = checks.pair("occlusion", "patch", max(4, shorter // 7) if patch is None else patch)
    usual = max(1, min(shorter // 28, *sizes))
    steps = checks.pair("occlusion", "stride", usual if stride is None else stride)
    fill = as_baseline(question, value, "value")
    _, height, width, _ = question.x.shape
    tops, lefts = _places("height", height, sizes[0], steps[0]), _places("width", width, sizes[1], steps[1])
    y = outputs_of(question.network, question.x)
    number = question.scalar(y)
    covered = _slide(question, fill.values, tops, lefts, sizes)  # (N, PH, PW, …)
    flat = covered.reshape(-1, *y.shape[1:])
    rows = np.repeat(np.arange(len(y)), len(tops) * len(lefts))
    drop = number.values(y)[:, None, None] - number.values(flat, rows).reshape(covered.shape[:3])
    extras = {"drop": drop, **_classes(question, number, flat, rows, covered.shape[:3])}
    values = _spread(drop, tops, lefts, sizes, question.x.shape)
    settings = {"patch": list(sizes), "stride": list(steps), "rows": tops.tolist(), "columns": lefts.tolist()}
    return answer(question, number, y, values, method="occlusion", baseline=fill.text, settings=settings, extras=extras)


def _places(name: str, pixels: int, size: int, step: int) -> IntArray:
    """Return where patches begin along an axis; the last one ends at the border."""
    if size > pixels or step > size:
        bound = (
            f"at most the image's {name} {pixels}"
            if size > pixels
            else f"at least the stride {step}, or pixels stay uncovered"
        )
        raise ArgumentError(f"occlusion: the patch's {name} must be {bound}, got {size}.")
    return np.unique(np.append(np.arange(0, pixels - size + 1, step), pixels - size))


def _slide(question: Question, fill: Array, tops: IntArray, lefts: IntArray, sizes: tuple[int, int]) -> Array:
    """Return the network's outputs for every sample and place."""
    x = question.x
    cone = Cone(question.network, x)
    places = len(tops) * len(lefts)
    top, left = (grid.ravel() for grid in np.meshgrid(tops, lefts, indexing="ij"))
    rows, columns = np.arange(sizes[0])[:, None], np.arange(sizes[1])
    room = rows_at_once(question.network, ROWS, tape=False)
    parts = list(blocks(len(x) * places, room))
    outputs: list[Array] = [x] * len(parts)

    def block(index: int) -> None:
        flat = np.arange(parts[index].start, parts[index].stop)
        sample, place = flat % len(x), flat // len(x)  # neighbouring places of one batch share weights
        t, le = top[place], left[place]
        pixels = fill[sample[:, None, None], t[:, None, None] + rows, le[:, None, None] + columns]
        outputs[index] = cone.scores(Blocks(pixels, t, le, sample))

    if room == ROWS:
        parallel_for(block, len(parts))
    else:  # of a network so large several parts at once would be too much
        for index in range(len(parts)):
            block(index)
    scores = np.concatenate(outputs)
    return np.moveaxis(scores.reshape(len(tops), len(lefts), len(x), *scores.shape[1:]), 2, 0)


def _classes(question: Question, number: Scalar, y: Array, rows: IntArray, shape: tuple[int, ...]) -> Arrays:
    """Return the maps that speak of classes, where the target is one."""
    if number.classes[0] < 0 or y.ndim != 2:
        return {}
    reading = question.reading
    predicted = reading.predicted(y)
    counts = np.zeros((shape[0], reading.classes(y.shape[1])), int)
    np.add.at(counts, (rows, predicted), 1)
    maps = {"predicted": predicted.reshape(shape), "counts": counts}
    p = reading.probabilities(y)
    return maps if p is None else {"probability": p[np.arange(len(y)), number.classes[rows]].reshape(shape), **maps}


def _spread(drop: Array, tops: IntArray, lefts: IntArray, sizes: tuple[int, int], shape: tuple[int, ...]) -> Array:
    """Return for every pixel the mean over the patches that cover it: (N, H, W, 1)."""
    total, count = np.zeros(shape[:3]), np.zeros(shape[1:3])
    for i, top in enumerate(tops):
        for j, left in enumerate(lefts):
            area = slice(top, top + sizes[0]), slice(left, left + sizes[1])
            total[:, *area] += drop[:, i, j, None, None]
            count[area] += 1
    return (total / count).astype(drop.dtype)[..., None]
