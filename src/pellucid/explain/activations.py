"""What class activation maps are made of: a layer's activations A and the gradient of the score by them."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from pellucid.errors import ArgumentError
from pellucid.explain.gradients import swift
from pellucid.explain.parts import AnyContainer, after, expect_open, image_layer, layer_shape, upto, visits
from pellucid.explain.result import Explanation, Proof, answer
from pellucid.explain.rules import fuse_rules, relu_rules
from pellucid.explain.target import Filter, Question, Scalar, Unit
from pellucid.explain.totals import summed_gradient
from pellucid.kernels.crew.threads import blocks_of, parallel_for
from pellucid.layers import Container, Graph, Layer, Merge, Residual, Rules, Sequential
from pellucid.layers.container import rule_for
from pellucid.layers.plain import is_plain
from pellucid.typing import Array, Arrays


class Seen(NamedTuple):
    """The layer looked at, its activations A (N, h, w, K) and gradients ∂S/∂A, and what was asked."""

    layer: str
    A: Array
    gradient: Array
    y: Array
    scalar: Scalar


def choose_layer(question: Question, layer: str | None) -> str:
    """Return the name of the layer to look at: the last one that gives an image, before pooling, if none is named."""
    network = question.network
    expect_open(question.who, network)
    if layer is None:
        if isinstance(question.target, (Unit, Filter)):
            raise ArgumentError(f"{question.who}: say which layer to look at: layer=..., below {question.target!r}.")
        return image_layer(question.who, network)
    shape = layer_shape(question.who, network, layer)
    if len(shape) != 3:
        raise ArgumentError(
            f"{question.who}: layer {layer!r} gives {shape} for a sample, which is no image (H, W, C). "
            f"Name one before it, such as {image_layer(question.who, network)!r}."
        )
    return layer


def look(question: Question, layer: str | None, *, total: bool = False, rule: str | None = None) -> Seen:
    """Return the activations of a layer and the gradient of the score by them, or what a rule for ReLU makes of it.

    With `total` only its sum over the places is wanted: the gradient is (N, 1, 1, K) where that is found sooner.
    """
    name = choose_layer(question, layer)
    network = question.network
    if is_plain(network, Sequential) and "." not in name:  # only the part above needs a tape
        A = swift(upto(network, name))(question.x)
        part = after(network, name)
        above, rules = fuse_rules(part, relu_rules(question.who, rule, part))
        y, tape = above.forward(A)
        number = question.scalar(y)
        dy = number.gradient(y)
        gradient = summed_gradient(above, dy, tape, rules) if total else None
        if gradient is None:
            gradient, _ = above.backward(dy, tape, rules, need_grads=False)
        assert gradient is not None  # noqa: S101  # backward was asked for it
        return Seen(name, A, gradient, y, number)
    rules = relu_rules(question.who, rule, network)
    y, tape = network.forward(question.x)
    number = question.scalar(y)
    step = next(visit for visit in visits(network, question.x, tape) if visit.path == name)
    return Seen(name, step.output, _listen(network, tape, number.gradient(y), step.layer, rules or {}), y, number)


def _listen(network: AnyContainer, tape: Any, dy: Array, layer: Any, rules: Rules) -> Array:
    """Return the gradient that reaches a layer's output, wherever it stands, overheard by a rule beside the others."""
    heard: list[Array] = []
    wanted = _last(layer)
    usual = rule_for(wanted, rules)

    def ear(operation: Any, dy: Array, cache: Any) -> tuple[Any, Arrays]:
        if operation is wanted:
            heard.append(dy)
        if usual is not None:
            return usual(operation, dy, cache)
        if isinstance(operation, Merge):
            return operation.backward(dy, cache), {}
        dx, _ = operation.backward(dy, cache, need_grads=False)
        return dx, {}

    network.backward(dy, tape, {**rules, type(wanted): ear}, need_grads=False)
    return heard[0]


def _last(layer: Any) -> Layer[Any] | Merge[Any]:
    """Return what computes the output of a container."""
    while isinstance(layer, Container):
        expect_open("explain", layer)
        if isinstance(layer, Residual):
            return layer.add
        layer = layer.node(layer.output).operation if isinstance(layer, Graph) else layer.layers[-1]
    return layer  # type: ignore[no-any-return]


def weighted(weights: Array, A: Array) -> Array:
    """Σ_k w_k A^k for weights (N, K): (N, h, w, 1)."""
    n, h, w, k = A.shape
    values = np.empty((n, h * w, 1), np.result_type(A, weights))
    images = A.reshape(n, h * w, k)
    parts = blocks_of(n, max(1, -(-n // 8)))

    def block(index: int) -> None:
        part = parts[index]
        np.matmul(images[part], weights[part, :, None], out=values[part])

    parallel_for(block, len(parts))
    return values.reshape(n, h, w, 1)


def as_map(
    question: Question, seen: Seen, values: Array, method: str, *, relu: bool, proof: Proof | None = None, **more: Any
) -> Explanation:
    """Return the explanation whose map lies on the layer's own grid; with `relu` its positive part."""
    if relu:
        values, proof = np.maximum(values, 0), None
    settings = {"relu": relu, "grid": list(values.shape[1:3]), **more.pop("settings", {})}
    return answer(
        question, seen.scalar, seen.y, values, method=method, layer=seen.layer, settings=settings, proof=proof,
        positive=relu, **more,
    )  # fmt: skip
