"""Breaking any one backward on purpose is caught: for every layer, loss and kind of mistake.

Each mutation changes what `backward` returns as a slip in its code would. Those that change nothing for a case
(the transpose of a single number) are sorted out beforehand, by comparing the values.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import product
from typing import Any, TypeAlias

import numpy as np
import pytest

from cases import CASES, LOSS_CASES, Case, LossCase
from pellucid.gradcheck import check_gradients
from pellucid.layers import (
    LAYERS,
    Affine,
    AveragePool2D,
    BatchNorm,
    Concat,
    Container,
    Conv2D,
    ConvTranspose2D,
    DepthwiseConv2D,
    Flatten,
    GlobalMaxPool2D,
    Graph,
    GroupNorm,
    Layer,
    LayerNorm,
    LeakyReLU,
    MaxPool2D,
    ReLU,
    Reshape,
    Residual,
    Sequential,
    Tanh,
)
from pellucid.losses import LOSSES
from pellucid.typing import Array, Arrays

Gradients: TypeAlias = dict[str, Any]
"""What backward returned: "x" for dx, and the parameters by their names."""

Altered: TypeAlias = Callable[[Gradients, Array], Gradients]
"""Another result in place of the right one; it also sees dy."""


def with_one_zero(g: Array) -> Array:
    """Lose the largest entry."""
    g = g.copy()
    g.flat[np.argmax(np.abs(g))] = 0
    return g


def with_smallest_off(g: Array) -> Array:
    """Double the smallest entry that is not zero: the slip that hides best."""
    g = g.copy()
    sizes = np.where(g == 0, np.inf, np.abs(g)).ravel()
    g.flat[np.argmin(sizes)] *= 2
    return g


def with_two_swapped(g: Array) -> Array:
    """Exchange the largest entry and the smallest."""
    g = g.copy()
    high, low = np.argmax(g), np.argmin(g)
    g.flat[high], g.flat[low] = g.flat[low], g.flat[high]
    return g


def transposed(g: Array) -> Array:
    """Order the numbers of each matrix the other way, in the same shape."""
    return np.moveaxis(g, -1, 0).reshape(g.shape) if g.ndim > 1 else g


VALUE_MUTATIONS: dict[str, Callable[[Array], Any]] = {
    "sign flipped": lambda g: -g,
    "one per cent too large": lambda g: g * 1.01,
    "doubled": lambda g: g * 2,
    "all zero": np.zeros_like,
    "all ones": np.ones_like,
    "a little added": lambda g: g + 1e-3,
    "one entry zero": with_one_zero,
    "smallest entry doubled": with_smallest_off,
    "two entries swapped": with_two_swapped,
    "transposed": transposed,
    "reversed": lambda g: np.flip(g),
    "neighbour's row": lambda g: np.roll(g, 1, axis=0),
    "neighbour's column": lambda g: np.roll(g, 1, axis=-1),
    "first row for all": lambda g: np.broadcast_to(g[:1], g.shape).copy(),
    "magnitude only": np.abs,
    "clipped": lambda g: np.clip(g, -0.1, 0.1),
    "mean over the batch": lambda g: g / SAMPLES,
    "summed to one row": lambda g: g.sum(axis=0),
    "in float32": lambda g: g.astype(np.float32),
    "a nan": lambda g: np.where(np.arange(g.size).reshape(g.shape) == 0, np.nan, g),
    "missing": lambda g: None,
}

SAMPLES = 4


def mutations(gradients: Gradients, dy: Array) -> Iterator[tuple[str, Altered]]:
    """Every mutation that changes these gradients, with its name."""
    for name in gradients:
        for kind, change in VALUE_MUTATIONS.items():
            yield f"{name}: {kind}", lambda g, dy, n=name, c=change: {**g, n: c(g[n])}
        yield f"{name}: dropped", lambda g, dy, n=name: {k: v for k, v in g.items() if k != n}
        for other in gradients:
            yield f"{name}: that of {other}", lambda g, dy, n=name, o=other: {**g, n: taken_from(g[o], g[n])}
    yield "x: dy untouched", lambda g, dy: {**g, "x": dy}
    yield "one gradient too many", lambda g, dy: {**g, "spare": np.ones(3)}


def taken_from(other: Array, mine: Array) -> Array:
    """A gradient computed from the wrong array, brought to the shape: `db = dW.sum(axis=0)`."""
    summed = other.sum(axis=0) if other.ndim > mine.ndim else other
    return np.resize(summed, mine.shape)


def matters(change: Altered, gradients: Gradients, dy: Array) -> bool:
    """Whether a mutation changes anything (beyond rounding) for these values."""
    changed = change(dict(gradients), dy)
    if set(changed) != set(gradients):
        return True
    return any(differ(changed[name], gradients[name]) for name in gradients)


def differ(one: Any, other: Array) -> bool:
    alike = isinstance(one, np.ndarray) and one.shape == other.shape and one.dtype == other.dtype
    return not (alike and np.allclose(one, other, rtol=1e-9, atol=1e-12))


def run(layer: Layer[Any], case: Case) -> tuple[Gradients, Array]:
    """Gradients of a case, as backward returns them."""
    x = case.batch(SAMPLES, np.float64)
    y, cache = layer.forward(x, train=True, rng=np.random.default_rng(0))
    dy = np.random.default_rng(1).standard_normal(y.shape)
    dx, grads = layer.backward(dy, cache)
    return {"x": dx, **grads}, dy


def applicable(case: Case) -> list[Any]:
    gradients, dy = run(case.build(np.float64), case)
    return [
        pytest.param(case, change, id=f"{case.id} {name}")
        for name, change in mutations(gradients, dy)
        if matters(change, gradients, dy)
    ]


def break_backward(monkeypatch: pytest.MonkeyPatch, kind: type[Any], change: Altered) -> None:
    """Let the backward of a layer class return something else, but not within itself (nested containers)."""
    original = kind.backward
    depth = 0

    def broken(self: Any, dy: Array, cache: Any, *args: Any, **options: Any) -> tuple[Any, Arrays]:
        nonlocal depth
        depth += 1
        try:
            dx, grads = original(self, dy, cache, *args, **options)
        finally:
            depth -= 1
        if depth:
            return dx, grads
        changed = change({"x": dx, **grads}, dy)
        return changed.pop("x", None), changed

    monkeypatch.setattr(kind, "backward", broken)


def caught(*args: Any, **options: Any) -> bool:
    return check_gradients(*args, **options).verdict == "failed"


@pytest.mark.parametrize(("case", "change"), [mutant for case in CASES for mutant in applicable(case)])
def test_a_broken_layer_is_caught(case: Case, change: Altered, monkeypatch: pytest.MonkeyPatch) -> None:
    layer = case.build(np.float64)
    break_backward(monkeypatch, type(layer), change)

    assert caught(layer, case.batch(SAMPLES, np.float64))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_every_layer_is_broken_in_many_ways(case: Case) -> None:
    assert len(applicable(case)) >= 12


# Inside a network, where the slip of one layer reaches the gradients of those before it

NOT_IN_THE_MIDDLE = (Affine, Container, Reshape)
"""These stand in the network already, and would be broken twice."""
VECTOR_CASES = [c for c in CASES if len(c.shape) == 1 and not isinstance(c.make(), NOT_IN_THE_MIDDLE)]


@pytest.mark.parametrize("case", VECTOR_CASES, ids=lambda case: case.id)
@pytest.mark.parametrize("kind", ["sign flipped", "one per cent too large", "one entry zero", "magnitude only"])
def test_a_broken_layer_is_caught_inside_a_network(case: Case, kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    network = Sequential([Affine(case.shape[0]), case.make(), Reshape((-1,)), Affine(3)], input_shape=4, seed=5)
    x = np.random.default_rng(2).standard_normal((SAMPLES, 4))
    t = np.arange(SAMPLES) % 3
    assert check_gradients(network, x, t).passed

    break_backward(monkeypatch, type(network.layers[1]), lambda g, dy: {**g, "x": VALUE_MUTATIONS[kind](g["x"])})

    assert caught(network, x, t)


# Inside a network on images, drawn on flat ground and random ones


def picture_network() -> Sequential:
    return Sequential(
        [
            Conv2D(3, 3, name="conv"), BatchNorm(), ReLU(), MaxPool2D(3, 2, 1), DepthwiseConv2D(2, padding="same"),
            GroupNorm(1), Residual([ConvTranspose2D(3, 3, padding="same"), LeakyReLU(0.2)]), AveragePool2D(2, 1),
            LayerNorm(), Graph({
                "a": (Conv2D(2, 2), "input"), "b": (Tanh(), "a"), "both": (Concat(), ["a", "b", "b"]),
            }), GlobalMaxPool2D(), Affine(3),
        ],
        input_shape=(10, 10, 1), seed=2,  # so that 2 x 2 pixels reach the global pooling
    )  # fmt: skip


def pictures(kind: str) -> Array:
    rng = np.random.default_rng(3)
    x = rng.random((3, 10, 10, 1))
    return x if kind == "random" else np.where(np.pad(np.ones((4, 4)), 3)[None, ..., None] > 0, x, 0)


IN_A_NETWORK = (
    Conv2D, BatchNorm, ReLU, MaxPool2D, DepthwiseConv2D, GroupNorm, ConvTranspose2D, Residual, LeakyReLU,
    AveragePool2D, LayerNorm, Graph, GlobalMaxPool2D, Affine,
)  # fmt: skip

GROUNDS = ("flat ground", "random")

WITH_PARAMETERS = (Conv2D, BatchNorm, DepthwiseConv2D, GroupNorm, ConvTranspose2D, LayerNorm, Affine)

IMAGE_MUTATIONS: dict[str, Callable[[Array], Array]] = {
    "sign": lambda g: -g,
    "off by 1e-4": lambda g: g * 1.0001,
    "factor N": lambda g: g * 3,
    "off by one crop": lambda g: np.roll(g, 1, axis=1),
    "rows for columns": lambda g: np.swapaxes(g, 1, 2) if g.ndim == 4 and g.shape[1] == g.shape[2] else np.flip(g),
    "missing term": lambda g: g - g.mean(axis=0) - 0.1 * g,
}


@pytest.mark.parametrize("kind", ["flat ground", "random"])
def test_the_network_of_the_image_mutations_passes(kind: str) -> None:
    report = check_gradients(picture_network(), pictures(kind), np.arange(3), samples=10)

    assert report.passed, report


@pytest.mark.parametrize("broken", IN_A_NETWORK, ids=lambda kind: kind.__name__)
@pytest.mark.parametrize(("mutation", "kind"), [*product(IMAGE_MUTATIONS, ["flat ground"]), ("off by 1e-4", "random")])
def test_a_broken_dx_is_caught_on_images(
    mutation: str, broken: type[Any], kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    change = IMAGE_MUTATIONS[mutation]
    break_backward(monkeypatch, broken, lambda g, dy: {**g, "x": g["x"] if g["x"] is None else change(g["x"])})

    assert caught(picture_network(), pictures(kind), np.arange(3), samples=1)


@pytest.mark.parametrize("broken", WITH_PARAMETERS, ids=lambda kind: kind.__name__)
@pytest.mark.parametrize(("mutation", "kind"), [("sign", "flat ground"), *product(["off by 1e-4"], GROUNDS)])
def test_a_broken_parameter_gradient_is_caught_on_images(
    mutation: str, broken: type[Any], kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    change = IMAGE_MUTATIONS[mutation]
    break_backward(monkeypatch, broken, lambda g, dy: {k: v if k == "x" else change(v) for k, v in g.items()})

    assert caught(picture_network(), pictures(kind), np.arange(3), samples=1)


def to_all_tied(layer: MaxPool2D, dy: Array, cache: Any) -> Array:
    """Give dy to every pixel that equals the maximum, and so too much where there are several."""
    x, y = cache
    dx = np.zeros_like(x)
    for i, j in np.ndindex(y.shape[1:3]):
        window = x[:, 2 * i : 2 * i + 2, 2 * j : 2 * j + 2]
        dx[:, 2 * i : 2 * i + 2, 2 * j : 2 * j + 2] += (window == y[:, i : i + 1, j : j + 1]) * dy[:, i, j][
            :, None, None
        ]
    return dx


def test_a_gradient_for_every_tied_pixel_is_caught_on_flat_ground(monkeypatch: pytest.MonkeyPatch) -> None:
    # Right wherever no two pixels are equal: only what keeps them equal shows it.
    original = MaxPool2D.forward
    monkeypatch.setattr(MaxPool2D, "forward", lambda self, x, **options: (y := original(self, x, **options)[0], (x, y)))
    monkeypatch.setattr(MaxPool2D, "backward", lambda self, dy, cache, **needs: (to_all_tied(self, dy, cache), {}))

    assert caught(MaxPool2D(2), pictures("flat ground"))
    assert not caught(MaxPool2D(2), pictures("random"))


# Losses: their gradient is that of a network of one layer which does nothing


LOSS_MUTATIONS = {
    **{kind: VALUE_MUTATIONS[kind] for kind in VALUE_MUTATIONS if kind not in ("missing", "summed to one row")},
    "sum instead of mean": lambda g: g * SAMPLES,
    "mean over the outputs too": lambda g: g / g.shape[1],
    "only the true class": lambda g: np.where(np.abs(g) == np.abs(g).max(axis=1, keepdims=True), g, 0),
}


def applicable_to_loss(case: LossCase) -> list[Any]:
    y, t = case.sample(SAMPLES)
    loss = case.make()
    dy = loss.backward(loss.forward(y, t)[1])
    return [
        pytest.param(case, change, id=f"{case.id} {name}")
        for name, change in LOSS_MUTATIONS.items()
        if differ(change(dy), dy)
    ]


@pytest.mark.parametrize(("case", "change"), [m for case in LOSS_CASES for m in applicable_to_loss(case)])
def test_a_broken_loss_is_caught(
    case: LossCase, change: Callable[[Array], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    loss = case.make()
    original = type(loss).backward
    monkeypatch.setattr(type(loss), "backward", lambda self, *args, **options: change(original(self, *args, **options)))
    y, t = case.sample(SAMPLES)

    assert caught(Flatten(), y, t, loss=loss)


@pytest.mark.parametrize("case", LOSS_CASES, ids=lambda case: case.id)
def test_an_unbroken_loss_passes(case: LossCase) -> None:
    y, t = case.sample(SAMPLES)
    report = check_gradients(Flatten(), y, t, loss=case.make())

    assert report.passed, report


def test_every_loss_has_a_case() -> None:
    tested = {type(case.make()) for case in LOSS_CASES}

    assert not {name for name, kind in LOSSES.items() if kind not in tested}, "add a line to tests/cases.py"


def test_mutations_of_every_registered_layer_are_run() -> None:
    broken = {type(mutant.values[0].make()) for case in CASES for mutant in applicable(case)[:1]}
    concrete = {type(case.make()) for case in CASES}

    assert concrete == broken
    assert broken <= set(LAYERS.values())
