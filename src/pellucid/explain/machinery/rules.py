"""Rules at backward time: what takes the place of a layer type's backward for one pass, and which layers they cover.

A rule (layer, dy, cache) → (dx, {}) is handed to `backward(dy, tape, rules)`; the network is as it was. A layer that
a rule says nothing about raises: to explain it in silence by something else would be another method.
"""

from __future__ import annotations

from collections.abc import Callable, Container
from typing import Any

import numpy as np

from pellucid import checks
from pellucid.checked import checked_late
from pellucid.errors import ArgumentError, ShapeError
from pellucid.kernels.elementwise.plan import relu
from pellucid.layers import Facts, Fused, Merge, ReLU, Rule, Rules
from pellucid.layers.activation import ActivationCache
from pellucid.layers.container import rule_for
from pellucid.layers.facts import UNKNOWN
from pellucid.layers.parts import AnyContainer
from pellucid.layers.walk import operations
from pellucid.typing import Array, Arrays


@checked_late
def guided(layer: ReLU, dy: Array, cache: ActivationCache) -> tuple[Array, Arrays]:
    """Guided backpropagation: dx = dy · 1[x > 0] · 1[dy > 0]. Springenberg et al. (2014), arXiv:1412.6806.

    Examples
    --------
    >>> layers = [pl.Conv2D(4, 3), pl.ReLU(), pl.Flatten(), pl.Affine(3)]
    >>> network = pl.Sequential(layers, input_shape=(8, 8, 1))
    >>> x = np.random.default_rng(0).random((2, 8, 8, 1), np.float32)
    >>> y, tape = network.forward(x)
    >>> dx, _ = network.backward(np.ones_like(y), tape, rules={pl.ReLU: pl.explain.guided})
    >>> dx.shape
    (2, 8, 8, 1)
    """
    if not _is_known(cache):
        return guided_gate(layer, dy, cache)
    _expect_fit("guided", dy, cache)
    return np.where((cache.y > 0) & (dy > 0), dy, dy.dtype.type(0)), {}


@checked_late
def rectified(layer: ReLU, dy: Array, cache: ActivationCache) -> tuple[Array, Arrays]:
    """The deconvnet: dx = dy · 1[dy > 0], whatever x was. Zeiler & Fergus (2013), arXiv:1311.2901.

    Examples
    --------
    >>> layers = [pl.Conv2D(4, 3), pl.ReLU(), pl.Flatten(), pl.Affine(3)]
    >>> network = pl.Sequential(layers, input_shape=(8, 8, 1))
    >>> x = np.random.default_rng(0).random((2, 8, 8, 1), np.float32)
    >>> y, tape = network.forward(x)
    >>> dx, _ = network.backward(np.ones_like(y), tape, rules={pl.ReLU: pl.explain.rectified})
    >>> dx.shape
    (2, 8, 8, 1)
    """
    if _is_known(cache):
        _expect_fit("rectified", dy, cache)
    return np.maximum(dy, 0), {}


def _is_known(cache: Any) -> bool:
    """Whether this is what our activations keep; a ReLU of one's own keeps what it likes."""
    return isinstance(cache, ActivationCache)


def _expect_fit(who: str, dy: Array, cache: ActivationCache) -> None:
    if dy.shape != cache.y.shape:
        raise ShapeError(f"{who}: dy must have the output's shape {cache.y.shape}, got {dy.shape}.")


def guided_gate(layer: Any, dy: Array, cache: Any) -> tuple[Any, Arrays]:
    """The guided rule of a fused layer, and of a ReLU of one's own, whose cache nobody knows.

    Its own backward holds dy back where x ≤ 0, and each dy reaches one place.
    """
    return layer.backward(relu(dy), cache, need_grads=False)  # type: ignore[no-any-return]


RULES: dict[str, Callable[[Any, Array, Any], tuple[Array, Arrays]]] = {
    "guided": guided,
    "rectified": rectified,
    "deconvnet": rectified,
}
"""The rules for ReLU by their names."""


def relu_rules(who: str, name: str | None, network: AnyContainer) -> Rules | None:
    """Return the rules of that name for `backward`, None for None; raise where the network holds other activations."""
    if name is None:
        return None
    checks.expect_known(who, "rule", name, RULES)
    expect_covered(who, f"rule {name!r}", network, _passed_by_relu_rules, "relu, linear, switches or normalizes")
    return only_where(is_relu, RULES[name])


def _passed_by_relu_rules(facts: Facts) -> bool:
    return is_relu(facts) or facts.linear or facts.switches or facts.normalizes


def is_relu(facts: Facts) -> bool:
    """Whether facts are those of y = max(x, 0)."""
    return facts.function == "relu"


def only_where(fits: Callable[[Facts], bool], rule: Rule) -> Rules:
    """Return the rules that put one rule in the place of every layer whose facts fit."""
    return lambda operation: rule if fits(operation.facts) else None


def fuse_rules(network: AnyContainer, rules: Rules | None) -> tuple[AnyContainer, Rules | None]:
    """Return the network with its neighbours fused where `rules` allow it, and the rules for what that made.

    A fused convolution, ReLU and pooling knows no ReLU; only the guided rule has the same effect on it.
    """
    if not rules:
        return network.fused(), rules
    of_relu = {id(rule_for(layer, rules)) for layer in network.walk() if is_relu(layer.facts)}
    fused = network.fused()
    made = {id(layer) for layer in fused.layers if isinstance(layer, Fused) and layer.gated}
    others = [layer for layer in fused.layers if id(layer) not in made and layer not in network.layers]
    if others or of_relu - {id(guided)}:
        return network, rules
    return fused, lambda layer: guided_gate if id(layer) in made else rule_for(layer, rules)


def expect_covered(
    who: str,
    what: str,
    network: AnyContainer,
    fits: Callable[[Facts], bool],
    wanted: str,
    spared: Container[int] = (),
) -> None:
    """Raise ArgumentError at the first layer whose facts do not fit, or merge that is no sum, by `id` none of `spared`.

    `wanted` names the facts of layers that would fit.
    """
    for path, operation in operations(network):
        facts, merges = operation.facts, isinstance(operation, Merge)
        if not (id(operation) in spared or (facts.linear if merges else fits(facts))):
            kind = "merge" if merges else "activation" if facts.elementwise else "layer"
            raise ArgumentError(
                f"{who}: {what} does not cover the {kind} {type(operation).__name__} {path!r}"
                f"{_lacking(operation, wanted)}. Use a method that is defined for it, such as integrated_gradients."
            )


def _lacking(operation: Any, wanted: str) -> str:
    """Return what a layer that says nothing would have to say."""
    return f", which states no facts ({wanted})" if operation.facts == UNKNOWN else ""
