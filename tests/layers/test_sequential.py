"""Sequential: the tape, names, rules at backward time, and what is not computed."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from pellucid.errors import ArgumentError, ShapeError, StateError, UnknownNameError
from pellucid.layers import Affine, Container, Dropout, Flatten, ReLU, Sequential, Sigmoid, Softmax, Tanh
from pellucid.typing import Array, Arrays


@pytest.fixture
def by_hand() -> Sequential:
    """Two inputs, two ReLU units, one output, with round numbers."""
    network = Sequential([Affine(2), ReLU(), Affine(1)], input_shape=2, dtype=np.float64)
    network.params["affine1.W"] = [[1, -1], [2, 1]]
    network.params["affine1.b"] = [0, 1]
    network.params["affine2.W"] = [[3], [5]]
    network.params["affine2.b"] = [-1]
    return network


def test_forward_and_backward_by_hand(by_hand: Sequential) -> None:
    # x = (1, 1): hidden (3, 1), both on; output 9 + 5 − 1.   x = (2, 0): hidden (2, −1), one on; output 6 − 1.
    y, tape = by_hand.forward([[1, 1], [2, 0]])
    dx, grads = by_hand.backward(np.array([[1.0], [10.0]]), tape)

    np.testing.assert_array_equal(y, [[13], [5]])
    np.testing.assert_array_equal(dx, [[3 - 5, 6 + 5], [30, 60]])
    np.testing.assert_array_equal(grads["affine2.W"], [[3 + 20], [1]])
    np.testing.assert_array_equal(grads["affine2.b"], [11])
    np.testing.assert_array_equal(grads["affine1.W"], [[3 + 60, 5], [3, 5]])
    np.testing.assert_array_equal(grads["affine1.b"], [33, 5])


def test_the_tape_holds_every_layer_with_its_output(by_hand: Sequential) -> None:
    y, tape = by_hand.forward([[1, 1]])

    assert [step.layer.name for step in tape] == ["affine1", "relu1", "affine2"]
    assert [step.layer for step in tape] == list(by_hand.layers)
    np.testing.assert_array_equal(tape[0].output, [[3, 1]])
    assert tape[-1].output is y


def test_a_part_of_the_tape_gives_the_gradient_at_an_inner_layer(by_hand: Sequential) -> None:
    _, tape = by_hand.forward([[2, 0]])
    at_hidden, grads = by_hand.backward(np.ones((1, 1)), tape[1:])

    np.testing.assert_array_equal(at_hidden, [[3, 0]])
    assert set(grads) == {"affine2.W", "affine2.b"}


def test_the_books_network_has_39760_parameters() -> None:
    network = Sequential([Affine(50), ReLU(), Affine(10)], input_shape=784)

    assert network.size == 39_760
    assert list(network.params) == ["affine1.W", "affine1.b", "affine2.W", "affine2.b"]
    assert (network.input_shape, network.output_shape) == ((784,), (10,))


# Not computed


def needs(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, bool, bool]]:
    """Record which layer was asked for what."""
    asked: list[tuple[str, bool, bool]] = []
    for kind in (Affine, ReLU, Flatten):
        original = kind.backward

        def spy(self: Any, dy: Array, cache: Any, *, need_dx: bool, need_grads: bool, run: Any = original) -> Any:
            asked.append((self.name, need_dx, need_grads))
            return run(self, dy, cache, need_dx=need_dx, need_grads=need_grads)

        monkeypatch.setattr(kind, "backward", spy)
    return asked


def test_training_computes_no_input_gradient_of_the_first_parameters(monkeypatch: pytest.MonkeyPatch) -> None:
    network = Sequential([Flatten(), Affine(3), ReLU(), Affine(2)], input_shape=(2, 2))
    y, tape = network.forward(np.ones((1, 2, 2)))
    asked = needs(monkeypatch)
    dx, grads = network.backward(y, tape, need_dx=False)

    assert asked == [("affine2", True, True), ("relu1", True, True), ("affine1", False, True)]
    assert dx is None
    assert set(grads) == set(network.params)


def test_saliency_computes_no_parameter_gradients(monkeypatch: pytest.MonkeyPatch) -> None:
    network = Sequential([Flatten(), Sequential([Affine(3), ReLU()]), Affine(2)], input_shape=(2, 2))
    y, tape = network.forward(np.ones((1, 2, 2)))
    asked = needs(monkeypatch)
    dx, grads = network.backward(y, tape, need_grads=False)

    assert [need_grads for _, _, need_grads in asked] == [False] * 4
    assert dx is not None
    assert dx.shape == (1, 2, 2)
    assert grads == {}


# Rules


def guided(layer: ReLU, dy: Array, cache: Any) -> tuple[Array, Arrays]:
    """Pass on only what is positive, both ways."""
    return np.maximum(dy, 0) * (cache.x > 0), {}


def test_a_rule_replaces_the_backward_of_its_layer_type_for_one_call(by_hand: Sequential) -> None:
    by_hand.params["affine2.W"] = [[3], [-5]]
    _, tape = by_hand.forward([[1, 1]])
    plain, _ = by_hand.backward(np.ones((1, 1)), tape)
    ruled, _ = by_hand.backward(np.ones((1, 1)), tape, {ReLU: guided})
    again, _ = by_hand.backward(np.ones((1, 1)), tape)

    np.testing.assert_array_equal(plain, [[3 + 5, 6 - 5]])
    np.testing.assert_array_equal(ruled, [[3, 6]])
    np.testing.assert_array_equal(again, plain)


def test_rules_reach_into_nested_containers() -> None:
    seen = []

    def rule(layer: Any, dy: Array, cache: Any) -> tuple[Array, Arrays]:
        seen.append(layer.name)
        return layer.backward(dy, cache)

    inner = Sequential([Affine(3), Tanh(), Sequential([Tanh(name="deep")])])
    network = Sequential([Tanh(name="first"), inner, Sigmoid()], input_shape=2, dtype=np.float64)
    y, tape = network.forward(np.ones((2, 2)))
    plain, grads = network.backward(y, tape)
    ruled, grads_ruled = network.backward(y, tape, {Tanh: rule})

    assert seen == ["deep", "tanh1", "first"]
    np.testing.assert_array_equal(plain, ruled)
    for key in grads:
        np.testing.assert_array_equal(grads[key], grads_ruled[key])


def test_a_rule_is_for_its_own_type_and_not_for_subclasses(by_hand: Sequential) -> None:
    _, tape = by_hand.forward([[1, 1]])

    def never(*args: Any) -> Any:
        raise AssertionError

    by_hand.backward(np.ones((1, 1)), tape, {Sigmoid: never, Container: never})


# Names


def test_layers_are_named_by_kind_and_place() -> None:
    network = Sequential([Affine(3), ReLU(), Affine(3), ReLU(name="last"), Affine(1, name="affine1")])

    assert [layer.name for layer in network.layers] == ["affine2", "relu1", "affine3", "last", "affine1"]


def test_layers_are_found_by_name_also_inside() -> None:
    network = Sequential([Affine(3), Sequential([Affine(2), ReLU()], name="block")], input_shape=4)

    assert network.layer("affine1") is network.layers[0]
    assert network.layer("block.affine1") is network.layers[1].layers[0]  # type: ignore[attr-defined]
    assert list(network.params) == ["affine1.W", "affine1.b", "block.affine1.W", "block.affine1.b"]
    assert [layer.name for layer in network.walk()] == ["affine1", "block", "affine1", "relu1"]
    with pytest.raises(UnknownNameError, match="Sequential: unknown layer 'afine1'. Did you mean 'affine1'"):
        network.layer("afine1")
    with pytest.raises(UnknownNameError, match="Sequential 'block': unknown layer 'relu2'. Did you mean 'relu1'"):
        network.layer("block.relu2")


@pytest.mark.parametrize(
    ("layers", "message"),
    [
        (lambda: [Affine(2, name="a"), ReLU(name="a")], "Sequential: two layers are named 'a'"),
        (lambda: [Affine(2, name="a.b")], r"a layer's name may not hold '\.' or '/', got 'a\.b'"),
        (lambda: [Affine(2, name="a/b")], r"a layer's name may not hold '\.' or '/', got 'a/b'"),
        (lambda: [Affine(2), ReLU], "Sequential: layer 1 is .*ReLU.*, which is not a Layer. Call it to make one"),
        (lambda: ["relu"], "Sequential: layer 0 is 'relu', which is not a Layer"),
        (lambda: [ReLU()] * 2, "Sequential: the same layer stands in it twice. Make two layers"),
    ],
)
def test_layers_that_cannot_be_chained_are_refused(layers: Any, message: str) -> None:
    with pytest.raises(ArgumentError, match=message):
        Sequential(layers())


# Building


def test_a_seed_makes_the_network() -> None:
    one, same, other = (Sequential([Affine(3), Affine(2)], input_shape=4, seed=s) for s in (1, 1, 2))

    for key in one.params:
        np.testing.assert_array_equal(one.params[key], same.params[key])
    assert (one.params["affine1.W"] != other.params["affine1.W"]).all()


def test_parameters_are_shared_with_the_layers_and_not_copied() -> None:
    network = Sequential([Sequential([Affine(3)], name="block"), Affine(2)], input_shape=4)
    inner = network.layer("block.affine1")

    assert network.params["block.affine1.W"] is inner.params["W"]
    network.params["block.affine1.W"] = np.zeros((4, 3))
    np.testing.assert_array_equal(inner.params["W"], np.zeros((4, 3)))
    with pytest.raises(UnknownNameError, match="unknown array 'affine2.W'"):
        network.params["affine2.W"] = np.zeros((3, 2))


@pytest.mark.parametrize("shape", [4, (4,), [4], np.int64(4)])
def test_the_input_shape_may_be_a_size(shape: Any) -> None:
    assert Sequential([Affine(2)], input_shape=shape).input_shape == (4,)


def test_shapes_are_inferred_through_the_network() -> None:
    network = Sequential([Flatten(), Affine(7), Softmax()])

    assert network.infer_shape((4, 4, 1)) == (7,)
    with pytest.raises(ShapeError, match=r"Affine 'affine1': an input sample must be a vector"):
        Sequential([Affine(7)]).infer_shape((4, 4, 1))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_what_comes_in_is_brought_to_the_networks_dtype(dtype: Any) -> None:
    network = Sequential([Affine(2), Sequential([ReLU()])], input_shape=3, dtype=dtype)

    for x in ([[1, 2, 3]], np.ones((1, 3), np.uint8), np.ones((1, 3), np.float32), np.ones((1, 3))):
        assert network(x).dtype == network.forward(x)[0].dtype == dtype
    assert {p.dtype for p in network.params.values()} == {np.dtype(dtype)}


@pytest.mark.parametrize("options", [{"input_shape": 0}, {"input_shape": (3, -1)}, {"input_shape": 2.5}])
def test_impossible_input_shapes_are_refused(options: Any) -> None:
    with pytest.raises(ArgumentError, match="Sequential: input_shape must be a whole number of at least 1"):
        Sequential([ReLU()], **options)


def test_integers_are_no_dtype_for_a_network() -> None:
    with pytest.raises(ArgumentError, match="Sequential: dtype must be float32 or float64, got int64"):
        Sequential([ReLU()], dtype=np.int64)


@pytest.mark.parametrize(
    ("sample", "shape", "message"),
    [
        ((784,), (100, 28, 28), r"x must have shape \(N, 784\), got \(100, 28, 28\).*x\.reshape\(len\(x\), -1\)"),
        ((784,), (784,), r"for one sample write x\[None\]"),
        ((28, 28, 1), (5, 28, 28), r"Add the channel axis: x\[\.\.\., None\]"),
        ((28, 28, 3), (5, 3, 28, 28), r"The channel axis comes last; try x\.transpose\(0, 2, 3, 1\)"),
        ((28, 28, 1), (5, 784), r"The sizes agree: x\.reshape\(len\(x\), 28, 28, 1\)"),
        ((784,), (5, 100), "Check the input shape that the network was built with"),
    ],
)
def test_inputs_that_do_not_fit_come_with_a_remedy(sample: Any, shape: Any, message: str) -> None:
    network = Sequential([Flatten(), ReLU()], input_shape=sample)

    with pytest.raises(ShapeError, match=f"Sequential: .*{message}"):
        network(np.zeros(shape))
    with pytest.raises(ShapeError, match=message):
        network.forward(np.zeros(shape))


def test_a_network_that_is_not_built_says_so() -> None:
    with pytest.raises(StateError, match=r"Sequential: not built yet\. Give the container input_shape"):
        Sequential([Affine(2)])(np.ones((1, 3)))


def test_the_generator_is_handed_to_every_layer_in_turn() -> None:
    network = Sequential([Dropout(0.5), Sequential([Dropout(0.5)])], input_shape=(50,), dtype=np.float64)
    x = np.ones((4, 50))
    y, _ = network.forward(x, train=True, rng=np.random.default_rng(1))
    rng = np.random.default_rng(1)
    once, _ = Dropout(0.5).forward(x, train=True, rng=rng)
    twice, _ = Dropout(0.5).forward(once, train=True, rng=rng)

    np.testing.assert_array_equal(twice, y)
    assert network.stochastic
    assert not Sequential([ReLU()]).stochastic


def test_one_layer_after_the_other_is_the_chain(rng: np.random.Generator) -> None:
    network = Sequential([Affine(5), Tanh(), Affine(2)], input_shape=3, dtype=np.float64)
    x = rng.standard_normal((4, 3))
    y, tape = network.forward(x)
    dy = rng.standard_normal(y.shape)
    dx, grads = network.backward(dy, tape)

    first, tanh, last = network.layers
    a, cache_a = first.forward(x)
    b, cache_b = tanh.forward(a)
    c, cache_c = last.forward(b)
    db, grads_last = last.backward(dy, cache_c)
    da, _ = tanh.backward(db, cache_b)
    expected, grads_first = first.backward(da, cache_a)

    np.testing.assert_array_equal(y, c)
    np.testing.assert_array_equal(dx, expected)
    np.testing.assert_array_equal(grads["affine1.W"], grads_first["W"])
    np.testing.assert_array_equal(grads["affine2.b"], grads_last["b"])


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda network: pickle.loads(pickle.dumps(network))])
def test_a_copy_is_a_network_of_its_own(by_hand: Sequential, copied: Callable[[Sequential], Sequential]) -> None:
    x = [[1.0, 2.0]]
    before = by_hand(x)
    twin = copied(by_hand)
    assert np.array_equal(twin(x), before)
    twin.params["affine1.W"] = np.zeros((2, 2))  # in one place, which its layer shares

    assert not twin.layer("affine1").params["W"].any()
    assert np.array_equal(by_hand(x), before)
