"""Efficient model randomisation: a map of a network that has learnt nothing should be the more complex one."""

from __future__ import annotations

from typing import Any

import numpy as np

from pellucid import checks
from pellucid.checked import checked
from pellucid.explain.evaluate.attribution import Explainer, attributions, maps, name_of, rows, settle
from pellucid.explain.evaluate.measure import Measure
from pellucid.explain.evaluate.randomization import redrawn
from pellucid.layers.container import network_of
from pellucid.typing import Array, ArrayLike


@checked
def complexity_rise(
    network: Any,
    method: Explainer,
    x: ArrayLike,
    target: Any = "predicted",
    *,
    bins: int = 100,
    seeds: int = 3,
    seed: int = 0,
) -> Measure:
    """Return by what share maps grow more complex when all layers are drawn anew: efficient MPRT; higher is better.

    (H(map of the random network) − H(map)) / H(map), where H is the entropy of the values of a map in `bins` equal
    bins, in nats. What a trained network rests on is little; a network that has learnt nothing has no parts that
    matter, and its map should be more complex. An edge detector and random maps know nothing of either, and rise by 0.

    Parameters
    ----------
    network, method, x, target : as in `deletion`
    bins : of the histogram
    seeds : random networks, over which the rise is averaged
    seed : of their parameters

    Limits
    ------
    Maps of a random network may be simple where its initialisation lets little through, and the entropy hangs on the
    bins. It asks about the whole map and no more, in one comparison for the many of `model_randomization`.

    References
    ----------
    Hedström, Weber, Lapuschkin & Höhne (2024), "Sanity checks revisited", arXiv:2401.06465, §4.2.

    Examples
    --------
    >>> from pellucid.explain import evaluate
    >>> layers = [pl.Conv2D(4, 3), pl.ReLU(), pl.Flatten(), pl.Affine(3)]
    >>> network = pl.Sequential(layers, input_shape=(8, 8, 1))
    >>> x = np.random.default_rng(0).random((2, 8, 8, 1), np.float32)
    >>> evaluate.complexity_rise(network, evaluate.edge_detector, x, seeds=1).values.tolist()
    [0.0, 0.0]
    """
    who = "complexity_rise"
    draws, count = checks.size(who, "seeds", seeds), checks.size(who, "bins", bins)
    asked = settle(who, network_of(network, who, built=True), x, target, "logit")
    whole, x = asked.question.body, asked.question.x
    before = entropy(rows(maps(attributions(who, method, whole, x, asked.target))), count)
    rise = np.zeros(len(x))
    for child in np.random.SeedSequence(seed).spawn(draws):
        fresh = redrawn(whole, np.random.default_rng(child))
        after = entropy(rows(maps(attributions(who, method, fresh, x, asked.target))), count)
        rise += np.divide(after - before, before, out=np.zeros_like(before), where=before > 0) / draws
    controls = {"random": np.zeros(len(x)), **({"edges": np.zeros(len(x))} if x.ndim == 4 else {})}
    settings = {"bins": count, "seeds": draws, "seed": seed}
    return Measure("complexity rise", name_of(method), rise, "higher", controls, settings)


def entropy(values: Array, bins: int) -> Array:
    """Return the entropy (N,) in nats of each row of values (N, P), in equal bins from its least to its largest."""
    found = []
    for row in values:
        counts, _ = np.histogram(row, bins)
        p = counts[counts > 0] / len(row)
        found.append(-(p * np.log(p)).sum())
    return np.array(found)
