"""The rules of layer-wise relevance propagation: how a layer hands relevance R from its outputs to its inputs.

    R_j = Σ_k (x_j w_jk) / z_k · R_k,   z_k = Σ_j x_j w_jk + …

Each rule is a choice of w and z. What a bias, a stabiliser or a z of 0 takes does not reach the inputs: the rule
returns it as its *losses*, so that ΣR_in + Σ losses = ΣR_out for every layer.

Bach et al. (2015), PLOS ONE 0130140; Montavon et al. (2019), "Layer-wise relevance propagation: an overview".
"""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import Any

import numpy as np

from pellucid import checks
from pellucid.checked import checked_late
from pellucid.constructed import Constructed
from pellucid.errors import ArgumentError
from pellucid.shown import came
from pellucid.typing import Array, Arrays

LARGEST = 1e6
"""A factor beyond has no effect but to overflow."""
WIDEST = 1e30
"""A bound beyond leaves float32 no room for a sum."""


class RelevanceRule(metaclass=Constructed):
    """One way to share the relevance R of a layer's outputs among its inputs x.

    Examples
    --------
    >>> class Evenly(pl.explain.RelevanceRule):
    ...     "Every input takes the same share."
    ...     def share(self, layer, x, R):
    ...         total = R.reshape(len(R), -1).sum(axis=1)
    ...         return np.ones_like(x) * (total / x[0].size).reshape(-1, *[1] * (x.ndim - 1)), {}
    >>> W, b = [[2.0, 0.0], [-1.0, 0.0]], [0.5, 0.0]
    >>> network = pl.Sequential([pl.Affine.from_arrays(W, b)], input_shape=2)
    >>> x = [[3.0, 4.0]]  # S_0 = 2 · 3 − 4 + ½ = 2.5
    >>> pl.explain.lrp(network, x, rule=Evenly()).values.tolist()
    [[1.25, 1.25]]
    """

    @abstractmethod
    def share(self, layer: Any, x: Array, R: Array) -> tuple[Array, Arrays]:
        """Return the relevance of x, and the losses (N,) by name: "bias", "stabiliser", "dead"."""


@checked_late
@dataclass(frozen=True)
class Epsilon(RelevanceRule):
    """LRP-ε: R_j = Σ_k x_j w_jk / (z_k + ε sign z_k) · R_k, z with its bias. ε = 0 is LRP-0; a large ε absorbs.

    Examples
    --------
    >>> W, b = [[2.0, 0.0], [-1.0, 0.0]], [0.5, 0.0]
    >>> network = pl.Sequential([pl.Affine.from_arrays(W, b)], input_shape=2)
    >>> x = [[3.0, 4.0]]  # S_0 = 2 · 3 − 4 + ½ = 2.5
    >>> said = pl.explain.lrp(network, x, rule=pl.explain.Epsilon(0.5))
    >>> said.values.astype(float).round(3).tolist()  # 5/6 of each: ε took the rest
    [[5.0, -3.333]]
    """

    epsilon: float = 1e-6

    def __post_init__(self) -> None:
        _expect_not_below_0("Epsilon", "epsilon", self.epsilon)

    def share(self, layer: Any, x: Array, R: Array) -> tuple[Array, Arrays]:
        return _through(layer, x, R, self.epsilon)


@checked_late
@dataclass(frozen=True)
class Gamma(RelevanceRule):
    """LRP-γ: w + γ max(w, 0) and b likewise take the place of w and b: what speaks for the class counts more.

    Examples
    --------
    >>> W, b = [[2.0, 0.0], [-1.0, 0.0]], [0.5, 0.0]
    >>> network = pl.Sequential([pl.Affine.from_arrays(W, b)], input_shape=2)
    >>> x = [[3.0, 4.0]]  # S_0 = 2 · 3 − 4 + ½ = 2.5
    >>> pl.explain.lrp(network, x, rule=pl.explain.Gamma(1.0)).values.astype(float).round(3).tolist()
    [[3.333, -1.111]]
    """

    gamma: float = 0.25

    def __post_init__(self) -> None:
        _expect_not_below_0("Gamma", "gamma", self.gamma)

    def share(self, layer: Any, x: Array, R: Array) -> tuple[Array, Arrays]:
        grown = {key: p + p.dtype.type(self.gamma) * np.maximum(p, 0) for key, p in layer.params.items()}
        return _through(layer.with_arrays(grown), x, R, 0.0)


@checked_late
@dataclass(frozen=True)
class AlphaBeta(RelevanceRule):
    """LRP-αβ: α times the share of the positive x_j w_jk less β times that of the negative ones, α − β = 1; no bias.

    α = 1, β = 0 is the z⁺ rule: it hands on positive relevance only and keeps its sum.

    Examples
    --------
    >>> W, b = [[2.0, 0.0], [-1.0, 0.0]], [0.5, 0.0]
    >>> network = pl.Sequential([pl.Affine.from_arrays(W, b)], input_shape=2)
    >>> x = [[3.0, 4.0]]  # S_0 = 2 · 3 − 4 + ½ = 2.5
    >>> pl.explain.lrp(network, x, rule=pl.explain.AlphaBeta(2.0, 1.0)).values.astype(float).round(3).tolist()
    [[5.0, -2.5]]
    """

    alpha: float = 2.0
    beta: float = 1.0

    def __post_init__(self) -> None:
        for name in ("alpha", "beta"):
            _expect_not_below_0("AlphaBeta", name, getattr(self, name))
        if not np.isclose(self.alpha - self.beta, 1):
            raise ArgumentError(f"AlphaBeta: alpha − beta must be 1, got {came(self.alpha)} and {came(self.beta)}.")

    def share(self, layer: Any, x: Array, R: Array) -> tuple[Array, Arrays]:
        result, losses = _one_sign(layer, x, R, 1)
        result, dead = self.alpha * result, self.alpha * losses
        if self.beta:
            against, lost = _one_sign(layer, x, R, -1)
            result, dead = result - self.beta * against, dead - self.beta * lost
        return result.astype(x.dtype, copy=False), {"dead": dead}


@checked_late
@dataclass(frozen=True)
class Bounded(RelevanceRule):
    """LRP-z^B, for the first layer: inputs lie in [low, high], z_k = Σ_j x_j w_jk − low w⁺_jk − high w⁻_jk.

    A bound that is None is the smallest or the largest value of each sample.

    Examples
    --------
    >>> W, b = [[2.0, 0.0], [-1.0, 0.0]], [0.5, 0.0]
    >>> network = pl.Sequential([pl.Affine.from_arrays(W, b)], input_shape=2)
    >>> x = [[3.0, 4.0]]  # S_0 = 2 · 3 − 4 + ½ = 2.5
    >>> pl.explain.lrp(network, x, rule=pl.explain.Bounded(0.0, 5.0)).values.astype(float).round(3).tolist()
    [[2.143, 0.357]]
    """

    low: float | None = None
    high: float | None = None

    def __post_init__(self) -> None:
        for name in ("low", "high"):
            if getattr(self, name) is not None:
                checks.expect_range("Bounded", name, getattr(self, name), -WIDEST, WIDEST)
        if self.low is not None and self.high is not None and not self.low < self.high:
            raise ArgumentError(f"Bounded: low must lie below high, got {came(self.low)} and {came(self.high)}.")

    def share(self, layer: Any, x: Array, R: Array) -> tuple[Array, Arrays]:
        axes = tuple(range(1, x.ndim))
        low = x.min(axis=axes, keepdims=True) if self.low is None else self.low
        high = x.max(axis=axes, keepdims=True) if self.high is None else self.high
        parts = [(plain(layer), x)]
        parts += [(signed(layer, sign), (0 * x - bound).astype(x.dtype)) for sign, bound in ((1, low), (-1, high))]
        z: Any = sum(part.forward(a)[0] for part, a in parts if part is not None)
        s, dead = _quotient(R, z)
        result: Any = sum(a * _back(part, a, s) for part, a in parts if part is not None)
        return result, {"dead": dead}


def _expect_not_below_0(who: str, name: str, value: Any) -> None:
    checks.expect_range(who, name, value, 0, LARGEST)


NAMED: dict[str, RelevanceRule] = {
    "0": Epsilon(0.0),
    "epsilon": Epsilon(),
    "gamma": Gamma(),
    "z+": AlphaBeta(1.0, 0.0),
    "alpha-beta": AlphaBeta(),
}


def as_rule(who: str, given: Any) -> RelevanceRule:
    """Return a rule from itself or its name."""
    if isinstance(given, RelevanceRule):
        return given
    if not isinstance(given, str) or given not in NAMED:
        checks.unknown_name(who, "rule", given, [*NAMED, "composite"])
    return NAMED[given]


def biases(layer: Any) -> Arrays:
    """Return the parameters of a weighted sum that are added to it."""
    return {key: p for key, p in layer.params.items() if key not in layer.facts.weights}


def plain(layer: Any) -> Any:
    """Return the layer without its bias."""
    return layer.with_arrays({**layer.params, **{key: np.zeros_like(b) for key, b in biases(layer).items()}})


def signed(layer: Any, sign: int) -> Any:
    """Return the layer with its positive (1) or negative (−1) weights alone, no bias; None where there are none."""
    if not layer.facts.weights:  # fixed, and all of them positive
        return plain(layer) if sign > 0 else None
    part = np.maximum if sign > 0 else np.minimum
    kept = {key: part(layer.params[key], 0) for key in layer.facts.weights}
    return plain(layer.with_arrays({**layer.params, **kept}))


def _through(layer: Any, x: Array, R: Array, epsilon: float) -> tuple[Array, Arrays]:
    z, cache = layer.forward(x)
    shift = np.where(z < 0, -z.dtype.type(epsilon), z.dtype.type(epsilon))
    s, dead = _quotient(R, z + shift)
    dx, _ = layer.backward(s, cache, need_grads=False)
    losses = {"dead": dead, "stabiliser": _total(s * shift)}
    for b in biases(layer).values():
        losses["bias"] = losses.get("bias", 0) + _total(s * b)
    return x * dx, losses


def _one_sign(layer: Any, x: Array, R: Array, sign: int) -> tuple[Array, Array]:
    """Share R by the positive (or negative) ones of all products x_j w_jk."""
    pairs = [(signed(layer, sign), np.maximum(x, 0)), (signed(layer, -sign), np.minimum(x, 0))]
    used = [(part, a) for part, a in pairs if part is not None and a.any()]
    if not used:
        return np.zeros_like(x), _total(R)
    z: Any = sum(part.forward(a)[0] for part, a in used)
    s, dead = _quotient(R, z)
    shares: Any = sum(a * _back(part, a, s) for part, a in used)
    return shares, dead


def _back(layer: Any, x: Array, s: Array) -> Array:
    dx: Array = layer.backward(s, layer.forward(x)[1], need_grads=False)[0]
    return dx


def _quotient(R: Array, z: Array) -> tuple[Array, Array]:
    """R / z, 0 where z is too small to divide by, and the relevance (N,) that is lost there."""
    alive = np.abs(z) > np.finfo(z.dtype).tiny * 1e6
    return np.divide(R, z, out=np.zeros_like(z), where=alive), _total(np.where(alive, 0, R))


def _total(values: Array) -> Array:
    return np.asarray(values.reshape(len(values), -1).sum(axis=1, dtype=np.float64))
