from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose

import pellucid as pl
from pellucid.errors import ShapeError
from pellucid.explain.evaluate import pointing_game, relevance_mass
from pellucid.explain.evaluate.ground_truth import dilated

X = np.zeros((3, 2, 3, 1), np.float32)
MAPS = np.array([[[1, -4, 1], [2, 0, 0]], [[0, 0, 0], [0, 0, 0]], [[2, 2, 0], [0, 0, 0]]], float)
MASKS = np.array([[[0, 1, 0], [1, 0, 0]], [[1, 1, 1], [1, 1, 1]], [[1, 0, 0], [0, 0, 1]]], bool)


@pytest.fixture
def network():
    return pl.Sequential([pl.Flatten(), pl.Affine(2)], input_shape=(2, 3, 1))


def method(network, x, target):
    return MAPS


def test_relevance_mass_is_the_share_of_sizes_in_the_mask_and_0_for_an_empty_map(network):
    found = relevance_mass(network, method, X, MASKS)

    assert_allclose(found.values, [6 / 8, 0, 0.5])
    assert_allclose(found.controls["area"], [2 / 6, 1, 2 / 6])


def test_the_pointing_game_by_hand(network):
    found = pointing_game(network, method, X, MASKS)

    # The largest size is the −4, which lies in the mask; nothing is pointed at; one of two equal peaks lies in it.
    assert_allclose(found.values, [1, 0, 0.5])


def test_a_mask_can_be_widened_and_shared(network):
    corner = np.zeros((2, 3), bool)
    corner[0, 0] = True

    assert dilated(corner[None], 1)[0].tolist() == [[True, True, False], [True, True, False]]
    assert_allclose(relevance_mass(network, method, X, corner, dilation=1).values, [7 / 8, 0, 1])


def test_masks_of_another_shape_or_kind_are_refused(network):
    with pytest.raises(ShapeError, match=r"masks must be booleans of shape \(3, 2, 3\)"):
        relevance_mass(network, method, X, MASKS.astype(int))
    with pytest.raises(ShapeError, match=r"booleans of shape \(3, 2, 3\), got bool of shape \(2, 2, 3\)"):
        pointing_game(network, method, X, MASKS[:2])
