"""Deletion and insertion: pixels are taken away, or given, in the order of their values, and the score is watched."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from pellucid import checks
from pellucid.checked import checked, checked_late
from pellucid.explain.evaluate.attribution import Asked, Explainer, attributions, maps, name_of, rows, settle
from pellucid.explain.evaluate.controls import averaged, control_maps
from pellucid.explain.evaluate.measure import Measure, estimate
from pellucid.explain.evaluate.ranks import descending
from pellucid.explain.machinery.baselines import BaselineLike, as_baseline
from pellucid.typing import Array, ArrayLike, Arrays


@checked_late
@dataclass(frozen=True, eq=False)
class Curves(Measure):
    """Areas under curves: a `Measure`, and the curves.

    Attributes
    ----------
    fractions : (Q,) of the pixels removed or inserted, from 0 to 1
    curves : the score after each step, (N, Q), of the "method" and of each control

    Examples
    --------
    >>> from pellucid.explain import evaluate
    >>> layers = [pl.Conv2D(4, 3), pl.ReLU(), pl.Flatten(), pl.Affine(3)]
    >>> network = pl.Sequential(layers, input_shape=(8, 8, 1))
    >>> x = np.random.default_rng(0).random((2, 8, 8, 1), np.float32)
    >>> curves = evaluate.deletion(network, pl.explain.saliency, x, steps=4)
    >>> curves.fractions.tolist(), curves.curves["method"].shape
    ([0.0, 0.25, 0.5, 0.75, 1.0], (2, 5))
    >>> mean, error = curves.mean_curve("method")
    >>> mean.shape
    (5,)
    """

    fractions: Array = field(default_factory=lambda: np.zeros(0))
    curves: Arrays = field(default_factory=dict)

    def mean_curve(self, name: str = "method") -> tuple[Array, Array]:
        """Return the mean curve (Q,) over the images, and its standard error."""
        points = [estimate(column) for column in self.curves[name].T]
        return np.array([p.mean for p in points]), np.array([p.error for p in points])


@checked
def deletion(
    network: Any,
    method: Explainer,
    x: ArrayLike,
    target: Any = "predicted",
    *,
    scalar: str = "probability",
    baseline: BaselineLike = "black",
    steps: int | None = None,
    seed: int = 0,
) -> Curves:
    """Return the area under the score while pixels are removed, those of the largest value first; lower is better.

    Parameters
    ----------
    network : or an object that holds one in `.network`
    method : callable (network, x, target) → Explanation or array
    x : (N, …)
    target, scalar : what is explained; "predicted" are the classes of the whole image. With a probability the area
        lies in 0..1
    baseline : what a pixel becomes when it is removed; as in `integrated_gradients`
    steps : how many, all equally large; default: one for each place, at most 28
    seed : of the random control and of the order of pixels of equal value

    Returns
    -------
    Curves
        Areas by the trapezoid rule, with controls: random orders and, for images, the order of an edge detector.

    Limits
    ------
    Removed pixels look like no data. Black is the background of digits: removing background changes nothing, and so
    whatever follows the ink does well, the edge detector too.

    References
    ----------
    Petsiuk, Das & Saenko (2018), arXiv:1806.07421, §4.2.

    Examples
    --------
    >>> from pellucid.explain import evaluate
    >>> layers = [pl.Conv2D(4, 3), pl.ReLU(), pl.Flatten(), pl.Affine(3)]
    >>> network = pl.Sequential(layers, input_shape=(8, 8, 1))
    >>> x = np.random.default_rng(0).random((2, 8, 8, 1), np.float32)
    >>> curves = evaluate.deletion(network, pl.explain.saliency, x, steps=8)
    >>> curves.values.shape, curves.better, sorted(curves.controls)
    ((2,), 'lower', ['edges', 'random'])
    """
    return _measure("deletion", network, method, x, target, scalar, baseline, steps, seed)


@checked
def insertion(
    network: Any,
    method: Explainer,
    x: ArrayLike,
    target: Any = "predicted",
    *,
    scalar: str = "probability",
    baseline: BaselineLike = "blurred",
    steps: int | None = None,
    seed: int = 0,
) -> Curves:
    """Return the area under the score while pixels are put back into the baseline, largest first; higher is better.

    Parameters, controls and limits are those of `deletion`; the paper begins with the blurred image.

    Examples
    --------
    >>> from pellucid.explain import evaluate
    >>> layers = [pl.Conv2D(4, 3), pl.ReLU(), pl.Flatten(), pl.Affine(3)]
    >>> network = pl.Sequential(layers, input_shape=(8, 8, 1))
    >>> x = np.random.default_rng(0).random((2, 8, 8, 1), np.float32)
    >>> curves = evaluate.insertion(network, pl.explain.saliency, x, steps=8)
    >>> curves.values.shape, curves.better
    ((2,), 'higher')
    """
    return _measure("insertion", network, method, x, target, scalar, baseline, steps, seed)


def _measure(
    who: str,
    network: Any,
    method: Explainer,
    x: ArrayLike,
    target: Any,
    scalar: str,
    baseline: BaselineLike,
    steps: int | None,
    seed: int,
) -> Curves:
    asked = settle(who, network, x, target, scalar)
    x = asked.question.x
    fill = as_baseline(asked.question, baseline)
    places = int(np.prod(x.shape[1:3] if x.ndim == 4 else x.shape[1:]))
    count = min(places, 28) if steps is None else min(checks.size(who, "steps", steps), places)
    removed = np.round(np.linspace(0, places, count + 1)).astype(int)
    before, after = (x, fill.values) if who == "deletion" else (fill.values, x)

    def curve(values: Array) -> Array:
        return _curve(asked, before, after, descending(rows(maps(values)), seed), removed)

    curves = {name: [curve(m) for m in found] for name, found in control_maps(x, seed).items()}
    own = curve(attributions(who, method, asked.network, x, asked.target))
    fractions = removed / places
    means = averaged(curves)
    areas = {name: area(fractions, several) for name, several in means.items()}
    settings = {"scalar": scalar, "baseline": fill.text, "steps": count, "seed": seed}
    return Curves(
        f"{who} area",
        name_of(method),
        area(fractions, own),
        "lower" if who == "deletion" else "higher",
        areas,
        settings,
        fractions,
        {"method": own, **means},
    )


def _curve(asked: Asked, before: Array, after: Array, order: Array, removed: Array) -> Array:
    """Return the score (N, Q) with the first `removed[q]` places of each order taken from `after`."""
    n = len(before)
    rank = np.empty_like(order)
    np.put_along_axis(rank, order, np.broadcast_to(np.arange(order.shape[1]), order.shape), axis=1)
    rank = rank.reshape(*before.shape[:3], 1) if before.ndim == 4 else rank.reshape(before.shape)
    scores = [asked.values(np.where(rank < k, after, before), np.arange(n)) for k in removed]
    return np.stack(scores, axis=1).astype(np.float64)


def area(fractions: Array, curve: Array) -> Array:
    """Return the area (N,) under curves (N, Q) over fractions (Q,), by the trapezoid rule."""
    widths = np.diff(fractions)
    return np.asarray(((curve[:, 1:] + curve[:, :-1]) / 2) @ widths)
