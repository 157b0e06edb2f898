"""The dense layer: numbers worked out by hand, PyTorch's, and what it refuses."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from pellucid.errors import ArgumentError, ShapeError, StateError, UnknownNameError
from pellucid.initializers import Gaussian
from pellucid.layers import Affine, Sequential


@pytest.fixture
def layer() -> Affine:
    return Affine.from_arrays([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]], [0.5, -0.5])


def test_forward_by_hand(layer: Affine) -> None:
    np.testing.assert_array_equal(layer(np.array([[1.0, 0.0, 2.0]])), [[11.5, 13.5]])


def test_backward_by_hand(layer: Affine) -> None:
    x, dy = np.array([[1.0, 0.0, 2.0], [0.0, 1.0, 1.0]]), np.array([[1.0, -1.0], [2.0, 3.0]])
    _, cache = layer.forward(x)
    dx, grads = layer.backward(dy, cache)

    np.testing.assert_array_equal(dx, [[-1, -1, -1], [8, 18, 28]])
    np.testing.assert_array_equal(grads["W"], [[1, -1], [2, 3], [4, 1]])
    np.testing.assert_array_equal(grads["b"], [3, 2])  # Σ_n dy_n: no mean, and nothing of dW


def test_everything_agrees_with_pytorch(rng: np.random.Generator) -> None:
    torch = pytest.importorskip("torch")
    layer = Affine(4)
    layer.build((6,), rng, np.float64)
    layer.params["b"] = rng.standard_normal(4)
    x, dy = rng.standard_normal((5, 6)), rng.standard_normal((5, 4))
    theirs = torch.nn.Linear(6, 4, dtype=torch.float64)
    with torch.no_grad():
        theirs.weight.copy_(torch.tensor(layer.params["W"].T))
        theirs.bias.copy_(torch.tensor(layer.params["b"]))
    tensor = torch.tensor(x, requires_grad=True)
    expected = theirs(tensor)
    expected.backward(torch.tensor(dy))

    y, cache = layer.forward(x)
    dx, grads = layer.backward(dy, cache)

    np.testing.assert_allclose(y, expected.detach().numpy(), rtol=1e-12)
    np.testing.assert_allclose(dx, tensor.grad.numpy(), rtol=1e-12)
    np.testing.assert_allclose(grads["W"], theirs.weight.grad.numpy().T, rtol=1e-12)
    np.testing.assert_allclose(grads["b"], theirs.bias.grad.numpy(), rtol=1e-12)


def test_weights_follow_the_initialiser_and_biases_begin_at_zero(rng: np.random.Generator) -> None:
    layer, book = Affine(200), Affine(200, weight=Gaussian(0.01))
    layer.build((300,), rng)
    book.build((300,), rng)

    assert layer.params["W"].std() == pytest.approx(math.sqrt(2 / 300), rel=0.02)
    assert book.params["W"].std() == pytest.approx(0.01, rel=0.02)
    np.testing.assert_array_equal(layer.params["b"], np.zeros(200))
    assert layer.size == 300 * 200 + 200


def test_without_bias_there_is_only_a_weight(rng: np.random.Generator) -> None:
    layer = Affine(2, bias=False)
    layer.build((3,), rng)
    _, cache = layer.forward(np.ones((1, 3), np.float32))

    assert list(layer.params) == ["W"]
    assert list(layer.backward(np.ones((1, 2), np.float32), cache)[1]) == ["W"]
    assert list(Affine.from_arrays(np.ones((3, 2))).params) == ["W"]


def test_from_arrays_copies() -> None:
    W, b = np.ones((2, 3), np.float32), np.zeros(3, np.float32)
    layer = Affine.from_arrays(W, b, name="mine")
    W[...] = b[...] = 7

    assert layer.name == "mine"
    np.testing.assert_array_equal(layer(np.ones((1, 2), np.float32)), [[2, 2, 2]])


@pytest.mark.parametrize(
    ("dtype", "expected"), [(np.float32, np.float32), (np.float64, np.float64), (np.int64, np.float64)]
)
def test_from_arrays_keeps_the_precision_of_its_weights(dtype: Any, expected: Any) -> None:
    assert Affine.from_arrays(np.ones((2, 3), dtype)).params["W"].dtype == expected


def test_input_is_brought_to_the_dtype_of_the_weights() -> None:
    layer = Affine.from_arrays(np.ones((2, 3), np.float32))

    assert layer(np.ones((1, 2))).dtype == np.float32
    assert layer(np.ones((1, 2), np.int64)).dtype == np.float32


@pytest.mark.parametrize(
    ("shape", "message"),
    [
        ((2, 4), r"Affine: x must have shape \(N, 3\), got \(2, 4\)"),
        ((3,), r"got \(3,\)\. A batch axis comes first; for one sample write x\[None\]"),
        ((5, 3, 1), r"got \(5, 3, 1\)\. The sizes agree: x\.reshape\(len\(x\), -1\)"),
        ((), r"got \(\)"),
    ],
)
def test_inputs_that_do_not_fit_are_refused(layer: Affine, shape: tuple[int, ...], message: str) -> None:
    with pytest.raises(ShapeError, match=message):
        layer.forward(np.zeros(shape))


def test_the_message_names_the_layer() -> None:
    layer = Affine.from_arrays(np.ones((2, 3)), name="output")

    with pytest.raises(ShapeError, match=r"Affine 'output': x must have shape \(N, 2\), got \(1, 3\)"):
        layer(np.ones((1, 3)))


def test_a_layer_that_is_not_built_says_so() -> None:
    with pytest.raises(StateError, match=r"Affine: not built yet\. Give the container input_shape"):
        Affine(3)(np.ones((1, 2)))


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: Affine(0), ArgumentError, "Affine: units must be a whole number of at least 1, got 0"),
        (lambda: Affine(-3), ArgumentError, "units must be a whole number of at least 1, got -3"),
        (lambda: Affine(2.5), ArgumentError, "units must be a whole number of at least 1, got 2.5"),
        (lambda: Affine("10"), ArgumentError, "units must be a whole number of at least 1, got '10'"),
        (lambda: Affine(True), ArgumentError, "units must be a whole number of at least 1, got True"),
        (lambda: Affine(3, weight="hee"), UnknownNameError, "unknown name 'hee'. Did you mean 'he'"),
        (lambda: Affine.from_arrays([1.0, 2.0]), ShapeError, r"W must have shape \(D, K\), got \(2,\)"),
        (
            lambda: Affine.from_arrays(np.ones((2, 3)), np.ones(2)),
            ShapeError,
            r"Parameters: b must have shape \(3,\), got \(2,\)",
        ),
    ],
)
def test_impossible_layers_are_refused(make: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        make()


def test_an_image_needs_flattening_first(rng: np.random.Generator) -> None:
    with pytest.raises(ShapeError, match=r"must be a vector \(D,\), got \(28, 28, 1\)\. Put Flatten\(\) before it"):
        Affine(10).build((28, 28, 1), rng)


def test_parameters_are_written_in_place(layer: Affine) -> None:
    W = layer.params["W"]
    layer.params["W"] = np.zeros((3, 2))
    layer.params["W"] -= 1

    assert layer.params["W"] is W
    np.testing.assert_array_equal(W, -np.ones((3, 2)))
    with pytest.raises(ShapeError, match=r"W must have shape \(3, 2\), got \(2,\)"):
        layer.params["W"] = np.zeros(2)
    with pytest.raises(UnknownNameError, match="unknown array 'w'. Did you mean 'W'"):
        layer.params["w"] = np.zeros((3, 2))


def test_arrays_given_survive_being_built_into_a_network():
    W, b = np.arange(6.0).reshape(2, 3), np.ones(3)
    network = Sequential([Affine.from_arrays(W, b)], input_shape=2)

    np.testing.assert_array_equal(network(np.eye(2)), W + b)
    assert network.params["affine1.W"].dtype == np.float32
