"""RISE and Shapley values: unbiased on linear models, exact where they promise it, with honest standard errors."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest

import pellucid as pl
from pellucid import explain
from pellucid.errors import ArgumentError, ShapeError
from pellucid.explain import Function
from pellucid.explain.methods.rise import random_masks


def test_rise_is_the_mean_score_of_its_masks(cnn, x):
    masks = random_masks(40, 3, 0.6, (10, 8), 7)
    result = explain.rise(cnn, x, 1, masks=40, grid=3, keep=0.6, seed=7, scalar="logit", baseline=0.5)

    for i in range(len(x)):
        m = masks[..., None]
        parts = cnn(x[i] * m + (1 - m) * 0.5)[:, 1, None, None] * masks / 0.6
        np.testing.assert_allclose(result.values[i, ..., 0], parts.mean(0), atol=1e-13)
        np.testing.assert_allclose(
            result.extras["standard_error"][i, ..., 0], parts.std(0, ddof=1) / 40**0.5, atol=1e-13
        )


def test_rise_masks_show_the_share_that_they_should():
    masks = random_masks(4000, 4, 0.3, (9, 7), 0)

    assert masks.shape == (4000, 9, 7)
    assert masks.min() >= 0
    assert masks.max() <= 1
    np.testing.assert_allclose(masks.mean(0), 0.3, atol=0.03)


def test_rise_finds_a_planted_pixel_of_an_image_that_is_not_square(x):
    W = np.zeros((*x.shape[1:], 1))
    W[8, 1] = 1.0
    network = pl.Sequential(
        [pl.Flatten(), pl.Affine.from_arrays(W.reshape(-1, 1))], input_shape=x.shape[1:], dtype=np.float64
    )
    result = explain.rise(network, np.ones_like(x[:1]), 1, masks=600, grid=5, scalar="logit")

    row, column = np.unravel_index(result.values[0, ..., 0].argmax(), (10, 8))
    assert abs(row - 8) + abs(column - 1) <= 1


def test_rise_takes_the_probability_as_its_paper_does(cnn, x):
    assert explain.rise(cnn, x, 0, masks=4).scalar == "probability of class 0"


def test_rise_and_shapley_refuse_what_they_cannot_use(cnn, x):
    with pytest.raises(ArgumentError, match="keep must lie in"):
        explain.rise(cnn, x, keep=1.0)
    with pytest.raises(ShapeError, match="rise: x must be images"):
        explain.rise(pl.Sequential([pl.Affine(2)], input_shape=4), np.zeros((1, 4)))
    with pytest.raises(ShapeError, match="region must be a number of pixels, or whole numbers"):
        explain.shapley(cnn, x, region=np.ones((10, 8), int))


def test_shapley_of_a_linear_model_is_weight_times_difference(linear, x):
    result = explain.shapley(linear, x, 1, region=1, permutations=2, baseline=0.2)

    W = linear.params["scores.W"][:, 1].reshape(x.shape[1:])
    expected = ((x - 0.2) * W).sum(3, keepdims=True) / 2  # both channels of a pixel are one region, shared evenly
    np.testing.assert_allclose(result.values, np.broadcast_to(expected, x.shape), atol=1e-12)
    np.testing.assert_allclose(result.extras["standard_error"], 0, atol=1e-12)


def product():
    """u·v + w on three inputs, as scores that a function of the target makes."""
    network = pl.Sequential([pl.Affine.from_arrays(np.eye(3))], input_shape=3, dtype=np.float64)
    f = Function(lambda y: (y[:, 0] * y[:, 1] + y[:, 2], np.stack([y[:, 1], y[:, 0], np.ones(len(y))], 1)))
    return network, f


def test_shapley_has_its_hand_numbers_and_symmetry():
    # u·v at (2, 3) is shared 3 and 3, whatever the order of the pair; w keeps its 5; pairs of orders are exact here.
    network, f = product()
    result = explain.shapley(network, [[2.0, 3.0, 5.0]], f, permutations=2)

    np.testing.assert_allclose(result.values, [[3.0, 3.0, 5.0]])
    assert result.proof.holds.all()


def test_shapley_tends_to_the_mean_over_all_orders(cnn, x):
    regions = np.arange(10)[:, None] // 5 * 2 + np.arange(8) // 4  # four quarters: 24 orders
    exact = np.zeros(4)
    for order in permutations(range(4)):
        known = np.zeros((10, 8, 1), bool)
        for r in order:
            before = cnn((x[0] * known)[None])[0, 1]
            known = known | (regions == r)[..., None]
            exact[r] += (cnn((x[0] * known)[None])[0, 1] - before) / 24
    result = explain.shapley(cnn, x[:1], 1, region=regions, permutations=400)
    sums = np.array([result.values[0][regions == r].sum() for r in range(4)])
    error = np.array([result.extras["standard_error"][0][regions == r].sum() for r in range(4)])

    np.testing.assert_array_less(np.abs(sums - exact), 4 * error + 1e-12)
    np.testing.assert_allclose(sums.sum(), result.proof.promised[0])


def test_shapley_adds_up_for_any_number_of_orders(cnn, residual, graph, x):
    for network in (cnn, residual, graph):
        result = explain.shapley(network, x, baseline="mean", permutations=2)

        np.testing.assert_allclose(result.proof.residual, 0, atol=1e-12)
        assert result.proof.holds.all()


@pytest.mark.parametrize("number", [2, 2_000_000_000, 2**63 - 1, -1])
def test_region_numbers_that_are_left_out_are_refused_however_large(linear, x, number):
    region = np.zeros(x.shape[1:3], np.int64)
    region[2:] = number
    with pytest.raises(ShapeError, match=r"whole numbers 0\.\.R − 1.*Every number must occur"):
        explain.shapley(linear, x, region=region)


def test_regions_are_counted_in_whatever_integers_they_come(linear, x):
    region = np.zeros(x.shape[1:3], np.int64)
    region[2:] = 1
    expected = explain.shapley(linear, x, region=region, permutations=2).values
    for dtype in (np.uint8, np.uint64, np.int8):
        np.testing.assert_array_equal(
            explain.shapley(linear, x, region=region.astype(dtype), permutations=2).values, expected
        )
