"""Sensitivity-n: whether the values of n inputs together say by how much the score falls without them."""

from __future__ import annotations

from typing import Any

import numpy as np

from pellucid import checks
from pellucid.checked import checked
from pellucid.errors import ArgumentError
from pellucid.explain.evaluate.attribution import Explainer, attributions, maps, name_of, rows, settle
from pellucid.explain.evaluate.controls import averaged, control_maps
from pellucid.explain.evaluate.measure import Measure
from pellucid.explain.evaluate.ranks import pearson
from pellucid.explain.machinery.baselines import BaselineLike, as_baseline
from pellucid.shown import came
from pellucid.typing import Array, ArrayLike


@checked
def sensitivity_n(
    network: Any, method: Explainer, x: ArrayLike, target: Any = "predicted", *, n: int | float = 0.1,
    scalar: str = "logit", baseline: BaselineLike = "black", samples: int = 64, seed: int = 0,
) -> Measure:  # fmt: skip
    """Return the correlation of Σ_{i∈A} a_i with S(x) − S(x without A), over random sets A of n places; 1 is best.

    Parameters
    ----------
    network, method, x, target, scalar : as in `deletion`
    n : places in a set, or the share of all places below 1
    baseline : what the places without become
    samples : sets; all inputs get the same ones
    seed : of the sets and of the random control

    Limits
    ------
    Made for values that are contributions, in units of the score; of gradients it asks too much. What is summed and
    removed is one place with all of its channels.

    References
    ----------
    Ancona et al. (2018), arXiv:1711.06104, definition 1, as a correlation. With n large: MuFidelity, Bhatt et al.
    (2020), arXiv:2005.00631.

    Examples
    --------
    >>> from pellucid.explain import evaluate
    >>> layers = [pl.Conv2D(4, 3), pl.ReLU(), pl.Flatten(), pl.Affine(3)]
    >>> network = pl.Sequential(layers, input_shape=(8, 8, 1))
    >>> x = np.random.default_rng(0).random((2, 8, 8, 1), np.float32)
    >>> evaluate.sensitivity_n(network, pl.explain.input_x_gradient, x, n=4, samples=16).values.shape
    (2,)
    """
    who = "sensitivity_n"
    asked = settle(who, network, x, target, scalar)
    x = asked.question.x
    shape = x.shape[1:3] if x.ndim == 4 else x.shape[1:]
    places = int(np.prod(shape))
    size = max(1, round(n * places)) if 0 < n < 1 else n
    if size != int(size) or not 1 <= size <= places or checks.size(who, "samples", samples) < 2:
        raise ArgumentError(f"{who}: n must lie in 1..{places} and samples be 2 or more, got {came(n)} and {samples}.")
    rng = np.random.default_rng(seed)
    sets = np.zeros((samples, places), bool)
    for one in sets:
        one[rng.choice(places, int(size), replace=False)] = True
    without = sets.reshape(samples, 1, *shape, *([1] if x.ndim == 4 else []))
    fill, every = as_baseline(asked.question, baseline).values, np.arange(len(x))
    falls = np.stack([asked.clean - asked.values(np.where(one, fill, x), every) for one in without], axis=1)

    def agreement(values: Array) -> Array:
        return pearson(rows(maps(values)) @ sets.T, falls.astype(np.float64))

    controls = averaged({name: [agreement(m) for m in found] for name, found in control_maps(x, seed).items()})
    own = agreement(attributions(who, method, asked.network, x, asked.target))
    settings = {"n": int(size), "scalar": scalar, "baseline": baseline, "samples": samples, "seed": seed}
    return Measure(f"sensitivity-{int(size)}", name_of(method), own, "higher", controls, settings)
