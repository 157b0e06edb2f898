"""Samples that weigh: a weight is how often a sample counts, in training, in evaluation, and for every loss."""

from __future__ import annotations

import numpy as np
import pytest

import pellucid as pl
from cases import LOSS_CASES
from pellucid.training.stepper import weighted

WEIGHTS = np.array([2, 0, 1, 3])


@pytest.fixture
def data(rng) -> tuple[np.ndarray, np.ndarray]:
    return rng.random((12, 3), np.float32), np.arange(12) % 3


def trained(data: pl.Dataset, **options) -> pl.Sequential:
    network = pl.Sequential([pl.Affine(5), pl.Tanh(), pl.Affine(3)], input_shape=3, seed=4)
    pl.fit(network, data, iterations=20, batch_size=len(data), progress=False, **options)
    return network


@pytest.mark.parametrize("case", LOSS_CASES, ids=lambda case: case.id)
def test_a_weight_counts_as_so_many_repeats_in_every_loss(case):
    loss, (y, t), weights = case.make(), case.sample(), WEIGHTS
    t = loss.targets(t, *y.shape)
    loss = loss.for_data(t, y.shape[1])
    value, dy = weighted(loss, y, t, loss.backward(loss.compute(y, t)[1]), weights)
    rows = np.arange(len(y)).repeat(weights)
    repeated, cache = loss.compute(y[rows], t[rows])
    expected = np.zeros_like(y)
    np.add.at(expected, rows, loss.backward(cache))

    assert value == pytest.approx(repeated, rel=1e-12)
    np.testing.assert_allclose(dy, expected, rtol=1e-12, atol=1e-15)


def test_training_with_weights_is_training_with_repeats(data):
    x, t = data
    weights = np.resize(WEIGHTS, 12)
    weighed = trained(pl.Dataset(x, t, weights=weights))
    repeated = trained(pl.Dataset(x.repeat(weights, axis=0), t.repeat(weights)))

    for key, p in weighed.params.items():
        np.testing.assert_allclose(p, repeated.params[key], rtol=1e-4, atol=1e-6)


def test_weights_of_one_change_no_bit(data):
    plain, weighed = trained(pl.Dataset(*data)), trained(pl.Dataset(*data, weights=np.ones(12)))

    for key, p in plain.params.items():
        np.testing.assert_array_equal(p, weighed.params[key])


def test_a_long_training_of_a_small_network_heeds_weights_too(data):
    x, t = data
    network = pl.Sequential([pl.Affine(3)], input_shape=3)
    pl.fit(network, pl.Dataset(x, t, weights=np.where(t == 1, 1, 0)), iterations=600, progress=False, optimizer="sgd")

    assert (pl.predict_classes(network, x) == 1).all()


def test_evaluation_takes_weighted_means():
    network = pl.Sequential([pl.Affine.from_arrays([[1.0, 0.0], [0.0, 1.0]])], input_shape=2)
    x, t = np.array([[3.0, 1.0], [1.0, 3.0], [3.0, 1.0]]), [0, 1, 1]
    found = pl.evaluate(network, pl.Dataset(x, t, weights=[1, 2, 5]))

    right, wrong = np.log1p(np.exp(-2)), np.log1p(np.exp(2))
    assert found.accuracy == pytest.approx(3 / 8)
    assert found.loss == pytest.approx((3 * right + 5 * wrong) / 8, rel=1e-6)


def test_parts_of_a_data_set_keep_their_weights(data):
    whole = pl.Dataset(*data, weights=np.arange(12))
    first, rest = whole.split(0.5, rng=0)

    assert sorted([*first.weights, *rest.weights]) == list(range(12))
    assert whole[3:5].weights.tolist() == [3, 4]
    assert whole[[7, 2]].weights.tolist() == [7, 2]
    assert whole.flattened().weights.tolist() == list(range(12))


@pytest.mark.parametrize(
    ("weights", "said"),
    [
        ([1, 2], r"Dataset: weights must have shape \(12,\), one for each sample, got \(2,\)"),
        (np.zeros(12), "Dataset: weights must be finite, at least 0 and not all 0"),
        (np.full(12, -1), "Dataset: weights must be finite, at least 0 and not all 0"),
        (np.full(12, np.nan), "Dataset: weights must be finite, at least 0 and not all 0"),
        (["a"] * 12, "Dataset: weights must hold numbers"),
    ],
)
def test_weights_that_are_none_are_refused(data, weights, said):
    with pytest.raises((pl.errors.ShapeError, pl.errors.DataError), match=said):
        pl.Dataset(*data, weights=weights)
