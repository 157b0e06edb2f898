from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest
from numpy.testing import assert_allclose

import pellucid as pl
from explain_evaluation.toys import all_needed, constant, linear, says, small_cnn
from pellucid import explain
from pellucid.explain.evaluate import deletion, edge_detector, edges, insertion
from pellucid.explain.evaluate.curves import area
from pellucid.explain.evaluate.ranks import descending

WEIGHTS = np.array([0.3, -1.2, 2.0, 0.7, -0.1, 1.1, 0.5])


def area_of(measure, order, network, x):
    """The area when places are taken in this order."""
    values = np.empty(len(order))
    values[list(order)] = -np.arange(len(order))
    return measure(network, says(values), x, 1, scalar="logit", baseline="black").values[0]


@pytest.mark.parametrize(("measure", "best"), [(deletion, min), (insertion, max)])
def test_for_an_additive_network_the_best_of_all_orders_is_that_of_the_contributions(measure, best):
    x = np.array([[1.0, 0.5, 0.8, 2.0, 1.0, 0.3, 1.5]])
    network = linear(WEIGHTS)
    # All 5,040 orders by the sums themselves: the area is the trapezoid of what is left.
    contributions = (WEIGHTS * x)[0]
    orders = np.array(list(permutations(range(7))))
    taken = np.concatenate([np.zeros((len(orders), 1)), contributions[orders].cumsum(axis=1)], axis=1)
    left = contributions.sum() - taken if measure is deletion else taken
    areas = area(np.linspace(0, 1, 8), left)

    by_contribution = area_of(measure, np.argsort(-contributions), network, x)

    assert by_contribution == pytest.approx(best(areas), abs=1e-12)
    for i in (0, 1234, 5039):
        assert area_of(measure, orders[i], network, x) == pytest.approx(areas[i], abs=1e-12)


def test_random_lies_between_the_best_order_and_the_reverse():
    x = np.ones((1, 7))
    network = linear(WEIGHTS)

    best = deletion(network, says(WEIGHTS), x, 1, scalar="logit")
    worst = deletion(network, says(-WEIGHTS), x, 1, scalar="logit")

    assert best.values[0] < best.controls["random"][0] < worst.values[0]


@pytest.mark.parametrize("measure", [deletion, insertion])
@pytest.mark.parametrize(("score", "expected"), [(800.0, 1.0), (-800.0, 0.0)])
def test_a_network_that_always_or_never_sees_the_class_has_area_1_or_0(measure, score, expected):
    found = measure(constant(score, 7), says(np.arange(7.0)), np.ones((2, 7)), 0, baseline="black")

    assert_allclose(found.values, expected, atol=1e-12)
    assert_allclose(found.controls["random"], expected, atol=1e-12)


def test_where_every_input_is_needed_only_the_last_step_counts():
    x = np.ones((1, 10))

    removed = deletion(all_needed(10), says(np.arange(10.0)), x, 0)
    given = insertion(all_needed(10), says(np.arange(10.0)), x, 0, baseline="black")

    assert_allclose(removed.curves["method"], [[1] + [0] * 10], atol=1e-12)
    assert_allclose(removed.values, 0.5 / 10)  # half a step, by the trapezoid
    assert_allclose(given.values, 0.5 / 10)


def test_areas_of_probabilities_lie_between_0_and_1_with_both_controls(rng):
    x = rng.random((5, 12, 12, 1))

    for measure in (deletion, insertion):
        found = measure(small_cnn(), explain.saliency, x)

        assert found.controls.keys() == {"random", "edges"}
        for values in (found.values, *found.controls.values()):
            assert (values >= 0).all()
            assert (values <= 1).all()
        assert found.curves["method"].shape == (5, 29)
        assert "random" in str(found)
        assert "edges" in str(found)


def test_a_batch_is_measured_as_one_by_one(rng):
    x = rng.random((4, 12, 12, 1)).astype(np.float32)
    network = small_cnn()

    together = deletion(network, explain.saliency, x)

    for i in range(4):
        alone = deletion(network, explain.saliency, x[i : i + 1])
        assert_allclose(together.values[i], alone.values[0], rtol=1e-5)
        for name in ("random", "edges"):
            assert_allclose(together.controls[name][i], alone.controls[name][0], rtol=1e-5)


def test_equal_values_come_in_one_shuffled_order_for_every_seed():
    flat = np.zeros((2, 50))

    order = descending(flat, seed=1)

    assert np.array_equal(order, descending(flat, seed=1))
    assert np.array_equal(order[0], order[1])
    assert not np.array_equal(order[0], np.arange(50))
    assert not np.array_equal(order, descending(flat, seed=2))
    assert descending(np.array([[1.0, 3.0, 2.0]])).tolist() == [[1, 2, 0]]


def test_a_mask_is_shared_by_the_channels():
    x = np.ones((1, 2, 2, 3), np.float32)
    network = pl.Sequential([pl.Flatten(), pl.Affine(2)], input_shape=(2, 2, 3))
    values = np.array([[4.0, 3.0], [2.0, 1.0]])
    weights = np.zeros((12, 2))
    weights[:, 0] = 1
    network.params["affine1.W"] = weights

    found = deletion(network, lambda network, x, target: values[None], x, scalar="logit")

    assert_allclose(found.curves["method"], [[12, 9, 6, 3, 0]])


def test_the_edges_of_a_step_are_those_of_sobel():
    image = np.zeros((1, 5, 6, 1))
    image[:, :, 3:] = 1

    found = edges(image)

    assert_allclose(found[0], np.tile([0, 0, 4, 4, 0, 0], (5, 1)))
    assert_allclose(edges(image.transpose(0, 2, 1, 3))[0], found[0].T)
    assert_allclose(edge_detector(None, image), found)
