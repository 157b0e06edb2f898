"""Max-sensitivity: by how much values change when the input hardly does."""

from __future__ import annotations

from typing import Any

import numpy as np

from pellucid import checks
from pellucid.checked import checked
from pellucid.explain.evaluate.attribution import Explainer, attributions, name_of, rows, settle
from pellucid.explain.evaluate.controls import edges
from pellucid.explain.evaluate.measure import Measure
from pellucid.typing import Array, ArrayLike


@checked
def max_sensitivity(
    network: Any,
    method: Explainer,
    x: ArrayLike,
    target: Any = "predicted",
    *,
    radius: float = 0.02,
    samples: int = 10,
    seed: int = 0,
) -> Measure:
    """Return the largest ‖a(x + δ) − a(x)‖ / ‖a(x)‖ over some δ, uniform in ±radius · range of x; lower is better.

    0 is no praise alone: a method that always says the same has it. The controls say what is reached without the
    network: "random" by values drawn anew each time, "edges" by an edge detector.

    Parameters
    ----------
    network, method, x, target : as in `deletion`; the class asked about stays that of the clean input
    radius : share of each sample's range
    samples : δ of each input; all inputs get the same draws
    seed : of δ and of the random control

    References
    ----------
    Yeh et al. (2019), arXiv:1901.09392, definition 3.1, by sampling.

    Examples
    --------
    >>> from pellucid.explain import evaluate
    >>> W, b = [[2.0, 0.0], [-1.0, 0.0]], [0.5, 0.0]
    >>> network = pl.Sequential([pl.Affine.from_arrays(W, b)], input_shape=2)
    >>> x = [[3.0, 4.0]]  # S_0 = 2 · 3 − 4 + ½ = 2.5
    >>> measure = evaluate.max_sensitivity(network, pl.explain.saliency, x)
    >>> measure.values.tolist()  # the gradient does not move
    [0.0]
    """
    who = "max_sensitivity"
    checks.expect_range(who, "radius", radius, 0, np.inf)
    asked = settle(who, network, x, target, "logit")
    x = asked.question.x
    everything = tuple(range(1, x.ndim))
    reach = radius * (x.max(axis=everything, keepdims=True) - x.min(axis=everything, keepdims=True))
    rng = np.random.default_rng(seed)
    checks.expect_memory(who, (checks.size(who, "samples", samples), *x.shape))
    shifts = rng.uniform(-1, 1, (samples, *x.shape[1:]))
    nearby = [(x + reach * shift).astype(x.dtype) for shift in shifts]

    def changed(before: Array, after: list[Array]) -> Array:
        return np.asarray(np.max([_change(rows(before), rows(one)) for one in after], axis=0))

    own = attributions(who, method, asked.network, x, asked.target)
    again = [attributions(who, method, asked.network, one, asked.target) for one in nearby]
    shape = own.shape[1:]
    drawn = [np.broadcast_to(rng.random(shape), own.shape) for _ in range(len(nearby) + 1)]
    controls = {"random": changed(drawn[0], drawn[1:])}
    if x.ndim == 4:
        controls["edges"] = changed(edges(x), [edges(one) for one in nearby])
    settings = {"radius": radius, "samples": samples, "seed": seed}
    return Measure("max-sensitivity", name_of(method), changed(own, again), "lower", controls, settings)


def _change(before: Array, after: Array) -> Array:
    """Return ‖after − before‖ / ‖before‖ for each row; 0 where nothing changed."""
    difference, size = np.linalg.norm(after - before, axis=1), np.linalg.norm(before, axis=1)
    tiny = np.finfo(np.float64).tiny
    return np.asarray(np.where(difference == 0, 0.0, difference / np.maximum(size, tiny)))
