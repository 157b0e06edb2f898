"""Efficient model randomisation: how much more complex a map is when the network has learnt nothing."""

from __future__ import annotations

import numpy as np
import pytest

from explain_evaluation.toys import small_cnn
from pellucid import explain
from pellucid.explain.evaluate import complexity_rise, edge_detector, trust_card
from pellucid.explain.evaluate.complexity import entropy


def test_the_entropy_is_that_of_the_histogram():
    values = np.array([[0.0, 0.0, 1.0, 1.0], [0.0, 1.0, 2.0, 3.0], [0.0, 0.0, 0.0, 9.0]])
    expected = [np.log(2), np.log(4), -(0.75 * np.log(0.75) + 0.25 * np.log(0.25))]
    np.testing.assert_allclose(entropy(values, 4), expected)


def test_the_rise_is_by_hand_that_of_maps_that_know_the_network():
    """A spot where the network is the trained one, all places alike where it is another."""
    network, x = small_cnn(), np.random.default_rng(0).random((2, 12, 12, 1))

    def method(asked, images, target):
        flat = np.arange(144.0) if asked is not network else np.arange(144) // 72
        return np.broadcast_to(flat.reshape(12, 12), (len(images), 12, 12))

    found = complexity_rise(network, method, x, bins=144, seeds=2)
    np.testing.assert_allclose(found.values, (np.log(144) - np.log(2)) / np.log(2))
    assert found.verdict() == "passes"
    assert found.settings == {"bins": 144, "seeds": 2, "seed": 0}


def test_what_never_looks_at_the_network_does_not_rise_and_fails():
    found = complexity_rise(small_cnn(), edge_detector, np.random.default_rng(0).random((3, 12, 12, 1)), seeds=1)
    assert found.values.tolist() == [0, 0, 0]
    assert found.verdict() == "fails"


@pytest.fixture(scope="module")
def card():
    return trust_card(small_cnn(), explain.saliency, np.random.default_rng(0).random((4, 12, 12, 1)), images=3)


@pytest.mark.parametrize("check", ["deletion", "later layers", "complexity", "infidelity", "stability"])
def test_every_check_says_its_settings_on_the_card(card, check):
    line = next(line for line in str(card).splitlines()[::-1] if line.split("  ")[2:3] == [check])
    assert line.endswith(card.row(check).settings)
    assert "seed" in line
    drawn = " ".join(text.get_text() for text in card.plot().texts)
    assert f"{check}: {card.row(check).settings}" in drawn
