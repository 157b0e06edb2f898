"""What class activation maps are made of: a layer's activations A and the gradient of the score by them."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from pellucid.errors import ArgumentError
from pellucid.explain.machinery.gradients import Pass, passes
from pellucid.explain.machinery.room import joined, outputs_of
from pellucid.explain.machinery.rules import fuse_rules, relu_rules
from pellucid.explain.machinery.totals import summed_gradient
from pellucid.explain.parts import image_layer
from pellucid.explain.result import Explanation, Proof, answer
from pellucid.explain.target import Filter, Question, Scalar, Unit
from pellucid.kernels.crew.threads import blocks_of, parallel_for
from pellucid.layers import Merge, Rules
from pellucid.layers.container import rule_for
from pellucid.layers.parts import AnyContainer, after, expect_open, layer_shape, upto
from pellucid.layers.walk import last_of, visits
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
    part = after(network, name)
    if part is not None:  # only the part above needs a tape
        A = outputs_of(upto(network, name).fused(), question.x)
        above, rules = fuse_rules(part, relu_rules(question.who, rule, part))
        y, number, made = passes(question, above, A)
        gradient = joined([_pulled(above, one, rules, total) for one in made])
        return Seen(name, A, gradient, y, number)
    rules = relu_rules(question.who, rule, network)
    y, number, made = passes(question, network, question.x)
    heard = [_overheard(network, question.x[one.rows], one, name, rules) for one in made]
    A, gradient = (joined(parts) for parts in zip(*heard, strict=True))
    return Seen(name, A, gradient, y, number)


def _pulled(above: AnyContainer, one: Pass, rules: Rules | None, total: bool) -> Array:
    gradient = summed_gradient(above, one.dy, one.tape, rules) if total else None
    return above.pull(one.dy, one.tape, rules) if gradient is None else gradient


def _overheard(network: AnyContainer, x: Array, one: Pass, name: str, rules: Rules | None) -> tuple[Array, Array]:
    """Return what a layer within a branch gives, and the gradient that reaches it."""
    step = next(visit for visit in visits(network, x, one.tape) if visit.path == name)
    return step.output, _listen(network, one.tape, one.dy, step.layer, rules)


def _listen(network: AnyContainer, tape: Any, dy: Array, layer: Any, rules: Rules | None) -> Array:
    """Return the gradient that reaches a layer's output, wherever it stands, overheard by a rule beside the others."""
    heard: list[Array] = []
    wanted = last_of(layer)
    usual = rule_for(wanted, rules)

    def ear(operation: Any, dy: Array, cache: Any) -> tuple[Any, Arrays]:
        heard.append(dy)
        if usual is not None:
            return usual(operation, dy, cache)
        if isinstance(operation, Merge):
            return operation.backward(dy, cache), {}
        return operation.backward(dy, cache, need_grads=False)  # type: ignore[no-any-return]

    network.pull(dy, tape, lambda operation: ear if operation is wanted else rule_for(operation, rules))
    return heard[0]


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
