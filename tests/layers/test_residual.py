"""Residual blocks: the sum of two ways, its gradients, names, rules and randomness."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from peers import assert_close, both_dtypes, kernel_first, kernel_last, normal, torch_pass
from pellucid.errors import ArgumentError, ShapeError
from pellucid.layers import (
    Add,
    Affine,
    Conv2D,
    Dropout,
    ReLU,
    Residual,
    Sequential,
    copy_network,
)
from pellucid.typing import Array, Arrays


def doubling(name: str = "") -> Affine:
    """y = 2x for pairs."""
    return Affine.from_arrays(2 * np.eye(2), name=name)


def test_the_input_is_added_to_the_branch_and_gets_both_gradients() -> None:
    block = Residual(Affine(2, bias=False))
    block.build((2,), np.random.default_rng(0))
    block.params["branch.affine1.W"] = np.array([[2, 0], [1, 3]])
    y, cache = block.forward(np.array([[1.0, 10.0]]))
    dx, grads = block.backward(np.array([[1, 100]], np.float32), cache)

    np.testing.assert_array_equal(y, [[1 + 12, 10 + 30]])
    np.testing.assert_array_equal(dx, [[1 + 2, 100 + 301]])
    np.testing.assert_array_equal(grads["branch.affine1.W"], [[1, 100], [10, 1000]])


def test_parameters_are_named_by_their_way_through_the_block() -> None:
    network = Sequential(
        [Residual([Conv2D(4, 3, padding="same"), ReLU()], shortcut=Conv2D(4, 1, name="fit"), name="block")],
        input_shape=(5, 5, 2),
    )

    assert list(network.params) == [
        "block.branch.conv2d1.W",
        "block.branch.conv2d1.b",
        "block.shortcut.fit.W",
        "block.shortcut.fit.b",
    ]
    assert network.layer("block.shortcut.fit") is network.layers[0].shortcut.layers[0]  # type: ignore[attr-defined]


@both_dtypes
def test_a_block_with_a_projection_is_that_of_pytorch(dtype: Any) -> None:
    torch = pytest.importorskip("torch")
    block = Residual(
        [Conv2D(6, 3, stride=2, padding=1), ReLU(), Conv2D(6, 3, padding="same")],
        shortcut=[Conv2D(6, 1, stride=2, bias=False)],
    )
    block.build((8, 6, 3), np.random.default_rng(0), dtype)
    x = normal((2, 8, 6, 3), dtype)
    y, cache = block.forward(x, train=True)
    dy = normal(y.shape, dtype, seed=2)
    dx, grads = block.backward(dy, cache)

    def f(x: Any, W1: Any, b1: Any, W2: Any, b2: Any, V: Any) -> Any:
        conv = torch.nn.functional.conv2d
        return conv(torch.relu(conv(x, W1, b1, 2, 1)), W2, b2, 1, 1) + conv(x, V, None, 2)

    short = dict(zip(("W1", "b1", "W2", "b2", "V"), block.params, strict=True))
    params = {s: kernel_first(block.params[k]) if s[0] in "WV" else block.params[k] for s, k in short.items()}
    expected, expected_dx, expected_grads = torch_pass(f, x, params, dy)

    assert_close(y, expected)
    assert_close(dx, expected_dx)
    for s, key in short.items():
        assert_close(grads[key], kernel_last(expected_grads[s]) if s[0] in "WV" else expected_grads[s])


def test_dropout_inside_draws_from_the_rng_of_the_call() -> None:
    block = Residual([Dropout(0.5)])
    block.build((100,), np.random.default_rng(0))
    x = np.ones((1, 100), np.float32)
    y, _ = block.forward(x, train=True, rng=np.random.default_rng(3))

    assert block.stochastic
    assert set(np.unique(y)) == {1, 3}
    np.testing.assert_array_equal(y, block.forward(x, train=True, rng=np.random.default_rng(3))[0])


def test_rules_reach_into_the_block_and_decide_at_the_sum() -> None:
    block = Residual([doubling(), ReLU()])
    block.build((2,), np.random.default_rng(0))
    block.params["branch.affine1.W"] = 2 * np.eye(2)
    _, cache = block.forward(np.array([[1.0, -1.0]]))
    dy = np.array([[10.0, 10.0]], np.float32)

    def straight(layer: ReLU, dy: Array, cache: Any) -> tuple[Array, Arrays]:
        return dy, {}

    def branch_only(layer: Add, dy: Array, cache: Any) -> tuple[list[Array], Arrays]:
        return [dy, np.zeros_like(dy)], {}

    np.testing.assert_array_equal(block.backward(dy, cache)[0], [[30, 10]])
    np.testing.assert_array_equal(block.backward(dy, cache, {ReLU: straight})[0], [[30, 30]])
    np.testing.assert_array_equal(block.backward(dy, cache, {Add: branch_only})[0], [[20, 0]])


def test_a_rule_at_the_sum_gives_each_way_its_own_share() -> None:
    block = Residual([doubling()], shortcut=[doubling()])
    block.build((2,), np.random.default_rng(0))
    for key in ("branch.affine1.W", "shortcut.affine1.W"):
        block.params[key] = 2 * np.eye(2)
    _, cache = block.forward(np.array([[1.0, -1.0]]))

    def one_to_three(layer: Add, dy: Array, cache: Any) -> tuple[list[Array], Arrays]:
        return [dy, 3 * dy], {}

    dx, grads = block.backward(np.array([[1, 10]], np.float32), cache, {Add: one_to_three})

    np.testing.assert_array_equal(dx, [[8, 80]])
    np.testing.assert_array_equal(grads["branch.affine1.W"], [[1, 10], [-1, -10]])
    np.testing.assert_array_equal(grads["shortcut.affine1.W"], [[3, 30], [-3, -30]])


def test_the_tape_shows_what_happens_inside() -> None:
    network = Sequential([Residual([ReLU(), Affine(3)], name="block")], input_shape=3)
    y, tape = network.forward(normal((2, 3)))
    branch, add = tape[0].cache
    inner = branch.cache

    assert [branch.name, add.name] == ["branch", "add"]
    assert [step.layer.name for step in inner] == ["relu1", "affine1"]
    np.testing.assert_array_equal(y, inner[-1].output + add.cache.xs[1])


def test_an_empty_branch_doubles_and_leaves_the_gradient_it_was_given_alone() -> None:
    block = Residual([])
    block.build((2,), np.random.default_rng(0))
    y, cache = block.forward(np.array([[1.0, 2.0]]))
    dy = np.array([[1, 10]], np.float32)
    dx, _ = block.backward(dy, cache)

    np.testing.assert_array_equal(y, [[2, 4]])
    np.testing.assert_array_equal(dx, [[2, 20]])
    np.testing.assert_array_equal(dy, [[1, 10]])


def test_a_copy_is_equal_and_independent() -> None:
    network = Sequential([Residual([Affine(3)], shortcut=[Affine(3)])], input_shape=4, seed=3)
    twin = copy_network(network, np.float64)
    x = normal((2, 4), np.float64)

    np.testing.assert_allclose(twin(x), network(x), rtol=1e-5)
    twin.params["residual1.branch.affine1.b"] = np.ones(3)
    assert not network.params["residual1.branch.affine1.b"].any()


def test_ways_that_do_not_meet_are_refused() -> None:
    with pytest.raises(ShapeError, match=r"must give one shape, got \(4,\) and \(3,\). Give a shortcut"):
        Residual([Affine(4)], name="block").infer_shape((3,))
    with pytest.raises(ShapeError, match=r"Residual: .* got \(4,\) and \(5,\). Change one"):
        Residual([Affine(4)], shortcut=[Affine(5)]).infer_shape((3,))


def test_one_layer_on_both_ways_is_refused() -> None:
    shared = Affine(3)

    with pytest.raises(ArgumentError, match="the same layer stands in it twice"):
        Residual([shared], shortcut=[shared])
