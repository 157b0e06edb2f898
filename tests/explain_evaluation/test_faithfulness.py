"""Infidelity, max-sensitivity and sensitivity-n where their values are known."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose

from explain_evaluation.toys import linear, says, small_cnn
from pellucid import explain
from pellucid.errors import ArgumentError, ShapeError, UnknownNameError
from pellucid.explain.evaluate import infidelity, max_sensitivity, sensitivity_n

WEIGHTS = np.array([0.3, -1.2, 2.0, 0.7, -0.1, 1.1, 0.5, 0.9])


def test_the_weights_of_a_linear_network_have_infidelity_0(rng):
    x = rng.random((3, 8))

    found = infidelity(linear(WEIGHTS, 0.4), says(WEIGHTS), x, 1)

    assert_allclose(found.values, 0, atol=1e-20)
    assert (found.controls["random"] > 1e-3).all()


def test_infidelity_is_the_mean_square_of_what_was_not_foretold():
    x = np.array([[1.0, 2.0]])
    disturbances = iter([np.array([[1.0, 0.0]]), np.array([[0.0, 3.0]])])

    # I·a is 1 and 0, the score falls by 2 and by 15: ((1 − 2)² + (0 − 15)²) / 2
    found = infidelity(
        linear([2.0, 5.0]), says([1.0, 0.0]), x, 1, disturbance=lambda x, rng: next(disturbances), samples=2
    )

    assert found.values[0] == pytest.approx((1 + 225) / 2)


def test_scaled_infidelity_does_not_depend_on_the_unit_of_the_values(rng):
    x = rng.random((2, 8))
    network = linear(WEIGHTS)

    exact = infidelity(network, says(100 * WEIGHTS), x, 1, scaled=True)
    one, two = (infidelity(network, says(k * WEIGHTS**2), x, 1, scaled=True).values for k in (1, 50))

    assert_allclose(exact.values, 0, atol=1e-12)
    assert_allclose(one, two)
    assert (one > 0.1).all()
    assert (one <= 1).all()


def test_squares_are_taken_from_images_only(rng):
    found = infidelity(small_cnn(), explain.saliency, rng.random((3, 12, 12, 1)), disturbance="square", samples=4)

    assert found.values.shape == (3,)
    with pytest.raises(ShapeError, match="N, H, W, C"):
        infidelity(linear(WEIGHTS), says(WEIGHTS), np.ones((1, 8)), 0, disturbance="square")
    with pytest.raises(UnknownNameError, match="gaussian"):
        infidelity(linear(WEIGHTS), says(WEIGHTS), np.ones((1, 8)), 0, disturbance="gauss")


def test_a_method_that_always_says_the_same_has_max_sensitivity_0(rng):
    found = max_sensitivity(linear(WEIGHTS), says(WEIGHTS), rng.random((3, 8)), 1)

    assert (found.values == 0).all()
    assert (found.controls["random"] > 0.1).all()


def test_max_sensitivity_is_the_largest_relative_change():
    def method(network, x, target):
        return 3 * x  # the change is that of x

    x = np.array([[3.0, 4.0]])
    found = max_sensitivity(linear([1.0, 1.0]), method, x, 1, radius=1.0, samples=200)

    # |δ| is at most √2 · radius · (4 − 3), and |x| is 5.
    assert 0.9 * np.sqrt(2) / 5 < found.values[0] <= np.sqrt(2) / 5


@pytest.mark.parametrize("sign", [1, -1])
def test_for_a_sum_the_inputs_themselves_have_sensitivity_n_of_1_and_their_negatives_of_minus_1(rng, sign):
    x = rng.random((3, 8))

    found = sensitivity_n(linear(np.ones(8)), lambda network, x, target: sign * x, x, 1, n=3)

    assert_allclose(found.values, sign)
    assert found.settings["n"] == 3


def test_for_an_image_sensitivity_n_removes_places_with_all_their_channels(rng):
    x = rng.random((2, 12, 12, 1)).astype(np.float32)

    found = sensitivity_n(small_cnn(), explain.integrated_gradients, x, n=0.25)

    assert found.settings["n"] == 36
    assert (found.values > found.controls["edges"]).all()


@pytest.mark.parametrize("n", [0, 9, 1.5])
def test_sets_larger_than_the_input_are_refused(n):
    with pytest.raises(ArgumentError, match=r"n must lie in 1\.\.8"):
        sensitivity_n(linear(WEIGHTS), says(WEIGHTS), np.ones((1, 8)), 0, n=n)


def test_the_same_seed_measures_the_same(rng):
    x = rng.random((2, 12, 12, 1))
    network = small_cnn()

    for measure in (infidelity, max_sensitivity, sensitivity_n):
        one, two, other = (measure(network, explain.saliency, x, seed=seed) for seed in (0, 0, 1))
        assert np.array_equal(one.values, two.values)
        assert not np.array_equal(one.values, other.values)
