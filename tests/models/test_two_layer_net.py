"""The book's network: its names, its gradients, and what it reaches on MNIST."""

from __future__ import annotations

import numpy as np
import pytest

import pellucid as pl
from pellucid.errors import ShapeError


@pytest.fixture
def net() -> pl.TwoLayerNet:
    return pl.TwoLayerNet(6, 5, 3, weight_init_std=0.5, dtype=np.float64)


def test_it_has_the_books_names(net):
    assert list(net.params) == ["W1", "b1", "W2", "b2"]
    assert list(net.layers) == ["Affine1", "Relu1", "Affine2"]
    assert [p.shape for p in net.params.values()] == [(6, 5), (5,), (5, 3), (3,)]


def test_weights_begin_gaussian_and_biases_at_zero():
    params = pl.TwoLayerNet(784, 50, 10).params

    assert params["W1"].std() == pytest.approx(0.01, rel=0.02)
    assert abs(params["W1"].mean()) < 1e-4
    assert not params["b1"].any()
    assert not params["b2"].any()


def test_backpropagation_agrees_with_differences(net, rng):
    x, t = rng.random((7, 6)), rng.integers(0, 3, 7)
    analytic, numerical = net.gradient(x, t), net.numerical_gradient(x, t)

    for key in ("W1", "b1", "W2", "b2"):
        assert np.abs(analytic[key] - numerical[key]).mean() < 1e-7, key
        assert np.abs(analytic[key]).max() > 1e-3, key


def test_one_hot_and_indices_are_the_same(net, rng):
    x, t = rng.random((7, 6)), rng.integers(0, 3, 7)

    assert net.loss(x, t) == net.loss(x, np.eye(3)[t])
    assert net.accuracy(x, t) == net.accuracy(x, np.eye(3)[t])
    assert all(np.array_equal(g, net.gradient(x, np.eye(3)[t])[k]) for k, g in net.gradient(x, t).items())


def test_the_books_update_trains_it(net, rng):
    x, t = rng.random((20, 6)), rng.integers(0, 3, 20)
    before = net.loss(x, t)
    for _ in range(50):
        grads = net.gradient(x, t)
        for key in ("W1", "b1", "W2", "b2"):
            net.params[key] -= 0.5 * grads[key]

    assert net.loss(x, t) < before


def test_assigning_a_parameter_reaches_the_layers(net):
    net.params["W2"] = np.zeros((5, 3))
    net.params["b2"] = np.array([1.0, 2.0, 3.0])

    np.testing.assert_array_equal(net.predict(np.ones((1, 6))), [[1, 2, 3]])
    with pytest.raises(ShapeError, match=r"b2 must have shape \(3,\)"):
        net.params["b2"] = np.zeros(4)
    with pytest.raises(pl.errors.UnknownNameError, match="Did you mean 'W1'"):
        net.params["w1"] = np.zeros((6, 5))


def test_accuracy_divides_by_all_samples(net):
    net.params["W2"] = np.zeros((5, 3))
    net.params["b2"] = np.array([0.0, 1.0, 0.0])

    assert net.accuracy(np.ones((4, 6)), [1, 1, 1, 0]) == 0.75


def test_a_column_of_labels_means_the_same_as_a_row(net):
    assert net.loss(np.ones((2, 6)), [[0], [1]]) == net.loss(np.ones((2, 6)), [0, 1])


def test_it_reaches_the_books_accuracy_on_mnist():
    from pellucid.models import recipe

    net, history = recipe("two-layer-net").train(*pl.mnist(), iterations=3000)

    assert history.epochs["iteration"] == [1, 601, 1201, 1801, 2401]
    assert 0.88 < history.epochs["validation_accuracy"][1] < 0.92  # the book: about 0.90 after one epoch
    assert history.epochs["validation_accuracy"][4] > 0.93
