"""Rules at backward time: what takes the place of a layer type's backward for one pass, and which layers they cover.

A rule (layer, dy, cache) → (dx, {}) is handed to `backward(dy, tape, rules)`; the network is as it was. A layer that
a rule says nothing about raises: to explain it in silence by something else would be another method.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, overload

import numpy as np

from pellucid import checks
from pellucid.checked import checked_late
from pellucid.errors import ArgumentError, ShapeError
from pellucid.explain.parts import AnyContainer, operations
from pellucid.kernels.elementwise.plan import relu
from pellucid.layers import (
    Add,
    Affine,
    AveragePool2D,
    BatchNorm,
    Concat,
    Conv2D,
    ConvTranspose2D,
    DepthwiseConv2D,
    Dropout,
    Flatten,
    GlobalAveragePool2D,
    GlobalMaxPool2D,
    GroupNorm,
    LayerNorm,
    MaxPool2D,
    ReLU,
    Reshape,
    Rules,
    Sequential,
    SpatialDropout2D,
    Upsample2D,
    ZeroPad2D,
)
from pellucid.layers.activation import Activation, ActivationCache
from pellucid.layers.plain import is_plain
from pellucid.typing import Array, Arrays

MOVES = (Concat, Dropout, Flatten, Reshape, SpatialDropout2D)
"""What passes every number on as it is."""

WEIGHTED = (Affine, Conv2D, ConvTranspose2D, DepthwiseConv2D)
"""Weighted sums with parameters W and perhaps b."""

MEANS = (AveragePool2D, GlobalAveragePool2D, Upsample2D, ZeroPad2D)
"""Weighted sums whose weights are fixed and not negative."""

SWITCHES = (MaxPool2D, GlobalMaxPool2D)
NORMS = (GroupNorm, LayerNorm)
LINEAR = (Add, BatchNorm, *MOVES, *WEIGHTED, *MEANS)
"""Sums and products by constants, in an evaluation-mode pass."""


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
    _expect_fit("rectified", dy, cache)
    return np.maximum(dy, 0), {}


def _expect_fit(who: str, dy: Array, cache: ActivationCache) -> None:
    if dy.shape != cache.y.shape:
        raise ShapeError(f"{who}: dy must have the output's shape {cache.y.shape}, got {dy.shape}.")


def guided_gate(layer: Any, dy: Array, cache: Any) -> tuple[Any, Arrays]:
    """The guided rule of a fused layer: its own backward holds dy back where x ≤ 0 (and dy reaches one place each)."""
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
    expect_covered(who, f"rule {name!r}", network, (ReLU, *LINEAR, *SWITCHES, *NORMS))
    return {ReLU: RULES[name]}


@overload
def fuse_rules(network: Sequential, rules: Rules | None) -> tuple[Sequential, Rules | None]: ...
@overload
def fuse_rules(network: AnyContainer, rules: Rules | None) -> tuple[AnyContainer, Rules | None]: ...
def fuse_rules(network: AnyContainer, rules: Rules | None) -> tuple[AnyContainer, Rules | None]:
    """Return the network with its neighbours fused where `rules` allow it, and the rules for what that made.

    A fused convolution, ReLU and pooling knows no ReLU; only the guided rule has the same effect on it.
    """
    if not is_plain(network, Sequential) or (rules and rules.get(ReLU) is not guided):
        return network, rules
    fused = network.fused()
    if not rules:
        return fused, rules
    made = {type(layer) for layer in fused.layers} - {type(layer) for layer in network.layers}
    return fused, {**rules, **dict.fromkeys(made, guided_gate)}


def expect_covered(who: str, what: str, network: AnyContainer, known: tuple[type[Any], ...]) -> None:
    """Raise ArgumentError at the first layer or merge that computes as none of `known` does."""
    for path, operation in operations(network):
        if not is_plain(operation, *known):
            kind = "activation" if isinstance(operation, Activation) else "layer"
            raise ArgumentError(
                f"{who}: {what} does not cover the {kind} {type(operation).__name__} {path!r}. "
                "Use a method that is defined for it, such as integrated_gradients."
            )
