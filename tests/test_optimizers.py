"""Optimisers: steps worked out by hand, twenty steps beside PyTorch, decay, clipping, and resuming."""

from __future__ import annotations

import copy
import math
import pickle
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from pellucid.errors import ArgumentError, ShapeError, StateError, UnknownNameError
from pellucid.optimizers import (
    OPTIMIZERS,
    SGD,
    AdaDelta,
    AdaGrad,
    Adam,
    AdamW,
    Lion,
    Momentum,
    Nesterov,
    Optimizer,
    RMSProp,
    as_optimizer,
    clipped,
)
from pellucid.schedules import Constant, ReduceOnPlateau, StepDecay
from pellucid.typing import Array

each = pytest.mark.parametrize("kind", OPTIMIZERS.values(), ids=list(OPTIMIZERS))


def steps_on(optimizer: Optimizer, p: float, gradients: list[float]) -> list[float]:
    """Where a single number goes under the gradients given."""
    params = {"p": np.array([p])}
    path = []
    for g in gradients:
        optimizer.step(params, {"p": np.array([g])})
        path.append(float(params["p"][0]))
    return path


# By hand: p = 1, gradients 2 and then −1


@pytest.mark.parametrize(
    ("optimizer", "expected"),
    [
        (SGD(0.1), [1 - 0.2, 0.8 + 0.1]),
        (Momentum(0.1, momentum=0.5), [1 - 0.2, 0.8 + (0.5 * -0.2 + 0.1)]),
        # v = −0.2, p = 1 + 0.5 v − 0.2; then v = −0.1 + 0.1 = 0, p + 0 + 0.1
        (Nesterov(0.1, momentum=0.5), [1 - 0.1 - 0.2, 0.7 + 0.0 + 0.1]),
        # h = 4, then 5
        (AdaGrad(0.1, epsilon=0), [1 - 0.1, 0.9 + 0.1 / math.sqrt(5)]),
        # h = 2, then 1.5
        (
            RMSProp(0.1, rho=0.5, epsilon=0),
            [1 - 0.2 / math.sqrt(2), 1 - 0.2 / math.sqrt(2) + 0.1 / math.sqrt(1.5)],
        ),
        # h = 2, d = 2 √(1/3); with ε = 1
        (AdaDelta(1.0, rho=0.5, epsilon=1), [1 - 2 / math.sqrt(3)]),
        # Both moments corrected: the first step is η whatever the size of g
        (Adam(0.1, epsilon=0), [1 - 0.1]),
        (AdamW(0.1, epsilon=0, weight_decay=0), [1 - 0.1]),
        # The sign of 0.9 · 0 + 0.1 · 2, then of 0.9 · 0.02 − 0.1
        (Lion(0.1), [1 - 0.1, 0.9 + 0.1]),
        # m = 0.2 after the first step: 0.9 · 0.2 − 0.1 > 0, so it goes on
        (Lion(0.1, beta2=0.9), [1 - 0.1, 0.9 - 0.1]),
    ],
    ids=repr,
)
def test_the_first_steps_by_hand(optimizer: Optimizer, expected: list[float]) -> None:
    assert steps_on(optimizer, 1.0, [2.0, -1.0][: len(expected)]) == pytest.approx(expected, rel=1e-14)


def test_the_second_step_of_adam_by_hand() -> None:
    # m = 0.9 · 0.2 − 0.1 = 0.08, m̂ = 0.08 / 0.19; v = 0.999 · 0.004 + 0.001, v̂ = v / (1 − 0.999²)
    v = (0.999 * 0.004 + 0.001) / (1 - 0.999**2)
    path = steps_on(Adam(0.1, epsilon=0), 1.0, [2.0, -1.0])

    assert path[1] == pytest.approx(0.9 - 0.1 * (0.08 / 0.19) / math.sqrt(v), rel=1e-12)


def test_three_steps_of_lion_by_hand() -> None:
    # m: 0 → 0.01 → 0.0199 → …; signs of 0.1, 0.9 · 0.01 + 0.1, 0.9 · 0.0199 − 0.3; decay 0.5 shrinks W, not b
    params = {"W": np.ones((1, 1)), "b": np.ones(1)}
    optimizer = Lion(0.1, weight_decay=0.5)
    for g in (1.0, 1.0, -3.0):
        optimizer.step(params, {"W": np.full((1, 1), g), "b": np.full(1, g)})

    assert params["b"][0] == pytest.approx(1 - 0.1 - 0.1 + 0.1)
    assert params["W"][0, 0] == pytest.approx(((0.95 - 0.1) * 0.95 - 0.1) * 0.95 + 0.1)
    assert optimizer.state["b/momentum"][0] == pytest.approx(0.99 * (0.99 * 0.01 + 0.01) - 0.03)


# By another library: twenty steps down a quadratic valley


@pytest.mark.parametrize(
    ("optimizer", "theirs", "options"),
    [
        (SGD(0.1), "SGD", {"lr": 0.1}),
        (SGD(0.1, weight_decay=0.3), "SGD", {"lr": 0.1, "weight_decay": 0.3}),
        (Momentum(0.05, 0.8), "SGD", {"lr": 0.05, "momentum": 0.8}),
        (Momentum(0.05, 0.8, weight_decay=0.1), "SGD", {"lr": 0.05, "momentum": 0.8, "weight_decay": 0.1}),
        (Nesterov(0.05, 0.8), "SGD", {"lr": 0.05, "momentum": 0.8, "nesterov": True}),
        (AdaGrad(0.5, 1e-7), "Adagrad", {"lr": 0.5, "eps": 1e-7}),
        (RMSProp(0.1, 0.9, 1e-7), "RMSprop", {"lr": 0.1, "alpha": 0.9, "eps": 1e-7}),
        (AdaDelta(1.0, 0.95, 1e-6), "Adadelta", {"lr": 1.0, "rho": 0.95, "eps": 1e-6}),
        (AdaDelta(0.5, 0.9, 1e-3), "Adadelta", {"lr": 0.5, "rho": 0.9, "eps": 1e-3}),
        (Adam(0.1), "Adam", {"lr": 0.1}),
        (Adam(0.1, 0.7, 0.9, 1e-3), "Adam", {"lr": 0.1, "betas": (0.7, 0.9), "eps": 1e-3}),
        (Adam(0.1, weight_decay=0.2), "Adam", {"lr": 0.1, "weight_decay": 0.2}),
        (AdamW(0.1), "AdamW", {"lr": 0.1, "weight_decay": 0.01}),
        (AdamW(0.1, weight_decay=0.5), "AdamW", {"lr": 0.1, "weight_decay": 0.5}),
    ],
    ids=lambda value: repr(value) if isinstance(value, Optimizer) else "",
)
def test_twenty_steps_agree_with_pytorch(
    optimizer: Optimizer, theirs: str, options: dict[str, Any], rng: np.random.Generator
) -> None:
    torch = pytest.importorskip("torch")
    start, curvature = rng.standard_normal((3, 4)), rng.uniform(0.1, 3, (3, 4))
    tensor = torch.nn.Parameter(torch.tensor(start))
    peer = getattr(torch.optim, theirs)([tensor], **options)
    params = {"W": start.copy()}

    for _ in range(20):
        peer.zero_grad()
        (0.5 * torch.tensor(curvature) * tensor**2).sum().backward()
        peer.step()
        optimizer.step(params, {"W": curvature * params["W"]})
        np.testing.assert_allclose(params["W"], tensor.detach().numpy(), rtol=1e-11, atol=1e-14)


# What all of them promise


@each
def test_a_valley_is_walked_down(kind: type[Optimizer]) -> None:
    optimizer = kind(1.0 if kind is AdaDelta else 0.02)
    params = {"W": np.full((2, 2), 3.0)}
    start = float((params["W"] ** 2).sum())
    for _ in range(300):
        optimizer.step(params, {"W": 2 * params["W"]})

    assert float((params["W"] ** 2).sum()) < 0.7 * start


@each
def test_parameters_change_in_place_and_gradients_are_only_read(
    kind: type[Optimizer], rng: np.random.Generator
) -> None:
    w, g = rng.standard_normal((3, 2)), rng.standard_normal((3, 2))
    before, gradient = w.copy(), g.copy()
    g.flags.writeable = False
    params = {"W": w}

    optimizer = kind(0.1, weight_decay=0.1, clip_norm=0.5)
    for _ in range(3):
        optimizer.step(params, {"W": g})

    assert params["W"] is w
    assert not np.array_equal(before, w)
    np.testing.assert_array_equal(gradient, g)


@each
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_parameters_and_state_keep_their_dtype(kind: type[Optimizer], dtype: Any) -> None:
    optimizer = kind(0.1, weight_decay=0.1, clip_norm=1.0)
    params = {"W": np.ones((2, 2), dtype), "b": np.ones(2, dtype)}
    for _ in range(2):
        optimizer.step(params, {k: np.full_like(p, 3) for k, p in params.items()})

    assert {a.dtype for a in (*params.values(), *optimizer.state.values())} == {np.dtype(dtype)}


@each
def test_a_run_resumed_from_its_state_goes_on_bit_for_bit(kind: type[Optimizer], rng: np.random.Generator) -> None:
    gradients = [{"W": rng.standard_normal((3, 2)), "b": rng.standard_normal(2)} for _ in range(8)]
    whole = {"W": np.ones((3, 2)), "b": np.ones(2)}
    parts = {key: p.copy() for key, p in whole.items()}
    first, second, one = kind(0.1, weight_decay=0.1), kind(0.1, weight_decay=0.1), kind(0.1, weight_decay=0.1)

    for g in gradients:
        one.step(whole, g)
    for g in gradients[:5]:
        first.step(parts, g)
    second.state = {key: value.copy() for key, value in first.state.items()}
    second.iteration = first.iteration
    for g in gradients[5:]:
        second.step(parts, g)

    for key in whole:
        np.testing.assert_array_equal(whole[key], parts[key])


@each
def test_parameters_are_independent_of_each_other(kind: type[Optimizer], rng: np.random.Generator) -> None:
    gradients = [{"a": rng.standard_normal(3), "b": rng.standard_normal(3)} for _ in range(4)]
    both, alone = {"a": np.ones(3), "b": np.ones(3)}, {"a": np.ones(3)}
    two, one = kind(0.1), kind(0.1)
    for g in gradients:
        two.step(both, g)
        one.step(alone, {"a": g["a"]})

    np.testing.assert_array_equal(alone["a"], both["a"])


# An optimiser belongs to one training


def run(optimizer: Optimizer, params: dict[str, Array], steps: int = 3) -> dict[str, Array]:
    for _ in range(steps):
        optimizer.step(params, {k: 0.3 * p + 0.1 for k, p in params.items()})
    return params


def ones() -> dict[str, Array]:
    return {"W": np.ones((3, 2)), "b": np.ones(2)}


@each
def test_a_fresh_optimiser_has_taken_no_step(kind: type[Optimizer]) -> None:
    used = kind(ReduceOnPlateau(0.1, patience=0), weight_decay=0.1, clip_norm=5.0)
    used.schedule.observe(1.0)
    used.schedule.observe(1.0)
    run(used, ones())
    fresh, new = used.fresh(), kind(0.1, weight_decay=0.1, clip_norm=5.0)

    assert (fresh.iteration, fresh.state, fresh.learning_rate) == (0, {}, 0.1)
    assert (used.iteration, used.learning_rate) == (3, 0.05)
    for ours, theirs in zip(run(fresh, ones()).values(), run(new, ones()).values(), strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_a_fresh_optimiser_of_ones_own_shares_no_state() -> None:
    class Mine(Optimizer):
        def __init__(self) -> None:
            super().__init__(0.1)
            self.seen: dict[str, int] = {}

        def update(self, key: str, p: Array, g: Array, rate: float) -> None:
            self.seen[key] = self.seen.get(key, 0) + 1

    given = Mine()
    run(given.fresh(), ones())

    assert given.seen == {}


@each
@pytest.mark.parametrize(
    "other",
    [
        {"W": np.ones((3, 2)), "b": np.ones(2)},  # as large, and another network's all the same
        {"W": np.ones((5, 2)), "b": np.ones(2)},
        {"V": np.ones((3, 2))},
    ],
    ids=["equal shapes", "other shapes", "other names"],
)
def test_the_parameters_of_another_network_are_refused(kind: type[Optimizer], other: dict[str, Array]) -> None:
    optimizer, own = kind(0.1), ones()
    run(optimizer, own)
    before = {k: p.copy() for k, p in other.items()}

    with pytest.raises(StateError, match=r"'[WV]' is not the array of the steps before.*optimizer\.fresh\(\)"):
        run(optimizer, other)
    del own  # its arrays are gone
    with pytest.raises(StateError, match="count of 3 steps"):
        run(optimizer, ones())
    assert optimizer.iteration == 3
    assert all(np.array_equal(before[k], p) for k, p in other.items())


@each
def test_layers_may_be_frozen_and_thawed_between_steps(kind: type[Optimizer]) -> None:
    optimizer, params = kind(0.1), ones()
    run(optimizer, {"b": params["b"]})
    run(optimizer, params)
    run(optimizer, {"W": params["W"]})

    assert optimizer.iteration == 9


@each
def test_a_copied_optimiser_goes_on_with_the_copied_parameters(kind: type[Optimizer]) -> None:
    optimizer, params = kind(0.1), ones()
    run(optimizer, params)
    copied, arrays_ = copy.deepcopy((optimizer, params))
    pickled, others = pickle.loads(pickle.dumps((optimizer, params)))  # noqa: S301
    wrong = pickle.loads(pickle.dumps(optimizer))  # noqa: S301

    for mine in (optimizer, params), (copied, arrays_), (pickled, others):
        run(*mine)
    for key, p in params.items():
        np.testing.assert_array_equal(p, arrays_[key])
        np.testing.assert_array_equal(p, others[key])
    if optimizer.state:
        with pytest.raises(StateError):
            run(wrong, {"W": np.ones((7, 2)), "b": np.ones(2)})


# Weight decay


@each
def test_weight_decay_leaves_biases_alone(kind: type[Optimizer]) -> None:
    decayed, plain = kind(0.1, weight_decay=0.5), kind(0.1, weight_decay=0.0)
    with_decay = {"W": np.ones((2, 2)), "b": np.ones(2)}
    without = {"W": np.ones((2, 2)), "b": np.ones(2)}
    for _ in range(3):
        decayed.step(with_decay, {k: np.full_like(p, 0.3) for k, p in with_decay.items()})
        plain.step(without, {k: np.full_like(p, 0.3) for k, p in without.items()})

    np.testing.assert_array_equal(without["b"], with_decay["b"])
    assert (with_decay["W"] != without["W"]).all() or kind in (AdaGrad, Adam)
    # AdaGrad's and Adam's steps hardly depend on the size of a steady gradient


def test_l2_joins_the_gradient_and_decoupled_decay_does_not() -> None:
    l2, decoupled = {"W": np.full((1, 1), 2.0)}, {"W": np.full((1, 1), 2.0)}
    SGD(0.1, weight_decay=0.5).step(l2, {"W": np.zeros((1, 1))})
    AdamW(0.1, weight_decay=0.5).step(decoupled, {"W": np.zeros((1, 1))})

    assert l2["W"][0, 0] == pytest.approx(2 - 0.1 * 0.5 * 2)
    assert decoupled["W"][0, 0] == pytest.approx(2 * (1 - 0.1 * 0.5))


# Clipping


def test_clipping_is_by_the_joint_norm() -> None:
    grads = {"W": np.array([[3.0, 0.0]]), "b": np.array([4.0])}  # norm 5

    np.testing.assert_allclose(clipped(grads, 1.0)["W"], [[0.6, 0.0]])
    np.testing.assert_allclose(clipped(grads, 1.0)["b"], [0.8])
    assert clipped(grads, 5.0) is grads


@given(arrays(np.float64, (3, 4), elements=st.floats(-100, 100)), st.floats(0.01, 1000))
def test_a_clipped_gradient_keeps_its_direction_and_is_no_longer_than_the_limit(g: Array, limit: float) -> None:
    (short,) = clipped({"W": g}, limit).values()

    assert np.linalg.norm(short) <= limit * (1 + 1e-9)
    np.testing.assert_allclose(short * np.linalg.norm(g), g * np.linalg.norm(short), rtol=1e-9, atol=1e-9)


def test_an_optimiser_clips_before_it_steps() -> None:
    params = {"b": np.zeros(2)}
    SGD(1.0, clip_norm=1.0).step(params, {"b": np.array([3.0, 4.0])})

    np.testing.assert_allclose(params["b"], [-0.6, -0.8])


# Rates, names, representations


def test_a_schedule_is_followed_from_iteration_zero() -> None:
    optimizer = SGD(StepDecay(1.0, every=2, factor=0.1))

    assert steps_on(optimizer, 0.0, [-1.0] * 5) == pytest.approx([1, 2, 2.1, 2.2, 2.21])
    assert optimizer.learning_rate == pytest.approx(0.01)
    assert optimizer.iteration == 5


def test_an_optimiser_is_found_by_its_name() -> None:
    assert type(as_optimizer("AdaGrad")) is AdaGrad
    assert as_optimizer("adam").learning_rate == 0.001
    assert as_optimizer("sgd", 0.5).learning_rate == 0.5
    mine = SGD(0.3)
    assert as_optimizer(mine) is mine


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        (("adma",), UnknownNameError, "Optimizer: unknown name 'adma'. Did you mean 'adam'"),
        ((Adam,), UnknownNameError, "Optimizer: unknown name"),
        ((SGD(0.1), 0.2), ArgumentError, "Give the learning rate to the optimiser itself"),
        (("sgd", 0.0), ArgumentError, "SGD: learning_rate must be a number above 0, got 0.0"),
    ],
)
def test_what_is_no_optimiser_is_refused(arguments: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        as_optimizer(*arguments)


def test_the_repr_is_python_that_makes_it_again() -> None:
    optimizer = Momentum(0.1, momentum=0.8, weight_decay=0.01)

    assert repr(optimizer) == "Momentum(Constant(learning_rate=0.1), momentum=0.8, weight_decay=0.01)"
    assert repr(eval(repr(optimizer), {"Momentum": Momentum, "Constant": Constant})) == repr(optimizer)


@each
def test_the_configuration_makes_it_again(kind: type[Optimizer]) -> None:
    optimizer = kind(0.2, weight_decay=0.1, clip_norm=2.0)

    assert kind(0.2, **optimizer.config()).config() == optimizer.config()


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: SGD(-0.1), "SGD: learning_rate must be a number above 0, got -0.1"),
        (lambda: SGD("fast"), "SGD: learning_rate must be a number above 0, got 'fast'"),
        (lambda: Adam(math.inf), "Adam: learning_rate must be a number above 0, got inf"),
        (lambda: Adam(weight_decay=-1), r"Adam: weight_decay must lie in \[0, inf\), got -1"),
        (lambda: SGD(clip_norm=0), "SGD: clip_norm must be a number above 0, got 0"),
        (lambda: Momentum(momentum=1.0), r"Momentum: momentum must lie in \[0, 1\), got 1.0"),
        (lambda: Nesterov(momentum=-0.5), r"Nesterov: momentum must lie in \[0, 1\), got -0.5"),
        (lambda: RMSProp(rho=1), r"RMSProp: rho must lie in \[0, 1\), got 1"),
        (lambda: AdaDelta(rho=2), r"AdaDelta: rho must lie in \[0, 1\), got 2"),
        (lambda: AdamW(beta1=1.0), r"AdamW: beta1 must lie in \[0, 1\), got 1.0"),
        (lambda: Adam(beta2=-0.1), r"Adam: beta2 must lie in \[0, 1\), got -0.1"),
        (lambda: Adam(epsilon=-1e-8), r"Adam: epsilon must lie in \[0, inf\), got -1e-08"),
        (lambda: AdaGrad(epsilon=math.nan), r"AdaGrad: epsilon must lie in \[0, inf\), got nan"),
        (lambda: SGD(True), "SGD: learning_rate must be a number above 0, got True"),
        (lambda: Lion(beta2=1.5), r"Lion: beta2 must lie in \[0, 1\), got 1.5"),
    ],
)
def test_impossible_options_are_refused(make: Any, message: str) -> None:
    with pytest.raises(ArgumentError, match=message):
        make()


@each
@pytest.mark.parametrize("clip_norm", [None, 1.0])
def test_gradients_that_do_not_fit_are_refused_and_nothing_is_changed(
    kind: type[Optimizer], clip_norm: float | None
) -> None:
    params = {"b": np.ones(3), "W": np.ones((2, 3))}
    optimizer = kind(0.1, clip_norm=clip_norm)

    with pytest.raises(ShapeError, match=r"the gradient of 'W' must have shape \(2, 3\), got \(3,\)"):
        optimizer.step(params, {"b": np.ones(3), "W": np.ones(3)})
    with pytest.raises(ArgumentError, match="no parameter has a gradient. Is every layer frozen"):
        optimizer.step(params, {})
    with pytest.raises(ArgumentError, match=r"unknown parameter 'w'\. Did you mean 'W'"):
        optimizer.step(params, {"b": np.ones(3), "w": np.ones((2, 3))})

    assert optimizer.iteration == 0
    np.testing.assert_array_equal(np.ones(3), params["b"])
