"""Infidelity: whether values foretell by how much the score falls when the inputs are disturbed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np

from pellucid import checks
from pellucid.checked import checked
from pellucid.errors import ShapeError
from pellucid.explain.evaluate.attribution import Asked, Explainer, attributions, name_of, settle
from pellucid.explain.evaluate.controls import averaged, control_maps
from pellucid.explain.evaluate.measure import Measure
from pellucid.typing import Array, ArrayLike

Disturbance: TypeAlias = "str | Callable[[Array, np.random.Generator], Array]"
"""A name, or (x (N, …), rng) → I (N, …): what is taken from x."""

DISTURBANCES = ("gaussian", "square")


@checked
def infidelity(
    network: Any, method: Explainer, x: ArrayLike, target: Any = "predicted", *, scalar: str = "logit",
    disturbance: Disturbance = "gaussian", noise: float = 0.1, samples: int = 64, scaled: bool = False, seed: int = 0,
) -> Measure:  # fmt: skip
    """Return E[(I · a − (S(x) − S(x − I)))²] over disturbances I, for values a; lower is better, 0 is perfect.

    Parameters
    ----------
    network, method, x, target, scalar : as in `deletion`
    disturbance : "gaussian", noise on every input; "square", a square of a quarter of the image set to 0; or a function
    noise : its deviation as a share of each sample's range
    samples : disturbances of each input; all inputs get the same draws
    scaled : fit one factor to the values of each sample and divide by E[(S(x) − S(x − I))²], so that methods of other
        units compare: 0 for the best, 1 for values that foretell nothing
    seed : of the disturbances and of the random control

    Limits
    ------
    Made for values in units of the score by input, as gradients are. Small disturbances ask for the gradient itself.

    References
    ----------
    Yeh et al. (2019), arXiv:1901.09392, definition 2.1; the factor: §2.3 there.

    Examples
    --------
    >>> from pellucid.explain import evaluate
    >>> W, b = [[2.0, 0.0], [-1.0, 0.0]], [0.5, 0.0]
    >>> network = pl.Sequential([pl.Affine.from_arrays(W, b)], input_shape=2)
    >>> x = [[3.0, 4.0]]  # S_0 = 2 · 3 − 4 + ½ = 2.5
    >>> measure = evaluate.infidelity(network, pl.explain.saliency, x)
    >>> float(measure.values[0]) < 1e-9  # exact where all is linear
    True
    """
    who = "infidelity"
    asked = settle(who, network, x, target, scalar)
    x = asked.question.x
    taken = _disturbances(who, x, disturbance, noise, checks.size(who, "samples", samples), seed)
    falls = _falls(asked, taken)

    def miss(values: Array) -> Array:
        a = np.broadcast_to(values[..., None] if values.ndim < x.ndim else values, x.shape)
        foretold = np.einsum("snp,np->sn", taken.reshape(*taken.shape[:2], -1), a.reshape(len(x), -1))
        return _missed(foretold, falls, scaled)

    controls = averaged({name: [miss(m) for m in found] for name, found in control_maps(x, seed).items()})
    own = miss(attributions(who, method, asked.network, x, asked.target))
    settings = {
        "scalar": scalar,
        "disturbance": str(disturbance),
        "noise": noise,
        "samples": samples,
        "scaled": scaled,
        "seed": seed,
    }
    return Measure("infidelity" + ", scaled" * scaled, name_of(method), own, "lower", controls, settings)


def _disturbances(who: str, x: Array, disturbance: Disturbance, noise: float, samples: int, seed: int) -> Array:
    """Return what is taken from the inputs, (S, N, …) in float64."""
    checks.expect_memory(who, (samples, *x.shape))
    rng = np.random.default_rng(seed)
    if callable(disturbance):
        taken = np.stack([np.asarray(disturbance(x, rng), np.float64) for _ in range(samples)])
        if taken.shape[1:] != x.shape:
            raise ShapeError(f"{who}: disturbance(x, rng) must return {x.shape}, got {taken.shape[1:]}.")
        return taken
    checks.expect_known(who, "disturbance", disturbance, DISTURBANCES)
    if disturbance == "gaussian":
        checks.expect_positive(who, "noise", noise)
        everything = tuple(range(1, x.ndim))
        spread = noise * (x.max(axis=everything, keepdims=True) - x.min(axis=everything, keepdims=True))
        return np.asarray(spread * rng.standard_normal((samples, 1, *x.shape[1:])))
    checks.expect_rank(who, x, 4, "N, H, W, C")
    h, w = x.shape[1:3]
    shown = np.zeros((samples, 1, h, w, 1))
    size_h, size_w = max(1, h // 2), max(1, w // 2)
    for one in shown:
        top, left = rng.integers(0, h - size_h + 1), rng.integers(0, w - size_w + 1)
        one[:, top : top + size_h, left : left + size_w] = 1
    return np.asarray(shown * x)


def _falls(asked: Asked, taken: Array) -> Array:
    """Return S(x) − S(x − I), (S, N)."""
    x = asked.question.x
    every = np.arange(len(x))
    return np.stack([asked.clean - asked.values((x - one).astype(x.dtype), every) for one in taken]).astype(np.float64)


def _missed(foretold: Array, falls: Array, scaled: bool) -> Array:
    if not scaled:
        return np.asarray(((foretold - falls) ** 2).mean(axis=0))
    size, seen = (foretold**2).mean(axis=0), (falls**2).mean(axis=0)
    factor = np.divide((foretold * falls).mean(axis=0), size, out=np.zeros_like(size), where=size > 0)
    missed = ((factor * foretold - falls) ** 2).mean(axis=0)
    return np.asarray(np.divide(missed, seen, out=np.zeros_like(seen), where=seen > 0))
