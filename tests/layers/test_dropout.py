"""Dropout: inverted, only in training, and the same for the same generator."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pellucid.errors import ArgumentError
from pellucid.layers import Dropout


def test_evaluation_passes_everything_through_unscaled() -> None:
    x = np.array([[1.0, 2.0, 3.0]])
    y, cache = Dropout(0.9).forward(x)

    np.testing.assert_array_equal(x, y)
    np.testing.assert_array_equal(x, Dropout(0.9).backward(x, cache)[0])


@given(st.floats(0.05, 0.9), st.integers(0, 1000))
def test_what_is_kept_is_scaled_so_that_the_mean_stays(p: float, seed: int) -> None:
    y, _ = Dropout(p).forward(np.ones((100, 200)), train=True, rng=np.random.default_rng(seed))

    # 20,000 draws: five standard errors of their mean
    assert y.mean() == pytest.approx(1, abs=5 * np.sqrt(p / (1 - p) / 20_000))
    np.testing.assert_allclose(np.unique(y), [0, 1 / (1 - p)])


def test_the_probability_is_that_of_being_dropped(rng: np.random.Generator) -> None:
    y, _ = Dropout(0.25).forward(np.ones((100, 100)), train=True, rng=rng)

    assert (y == 0).mean() == pytest.approx(0.25, abs=0.02)


def test_the_gradient_takes_the_same_way_as_the_signal(rng: np.random.Generator) -> None:
    layer, x = Dropout(0.5), np.ones((20, 30))
    y, cache = layer.forward(x, train=True, rng=rng)
    dx, grads = layer.backward(np.full_like(x, 3.0), cache)

    np.testing.assert_array_equal(3 * y, dx)
    assert grads == {}


def test_the_mask_is_the_same_in_either_precision() -> None:
    masks = [
        Dropout(0.5).forward(np.ones((9, 9), d), train=True, rng=np.random.default_rng(3))[0] > 0
        for d in (np.float32, np.float64)
    ]

    np.testing.assert_array_equal(*masks)


def test_each_call_draws_anew(rng: np.random.Generator) -> None:
    layer, x = Dropout(0.5), np.ones((10, 10))

    one, other = (layer.forward(x, train=True, rng=rng)[0] for _ in range(2))

    assert (one != other).any()


def test_nothing_is_drawn_where_nothing_is_dropped() -> None:
    y, _ = Dropout(0).forward(np.ones((2, 2)), train=True)

    np.testing.assert_array_equal(np.ones((2, 2)), y)


def test_training_needs_a_generator() -> None:
    with pytest.raises(ArgumentError, match=r"Dropout 'drop': needs rng when train=True\. Call forward"):
        Dropout(0.5, name="drop").forward(np.ones((1, 2)), train=True)


@pytest.mark.parametrize("p", [1.0, 1.5, -0.1, float("nan"), "half"])
def test_impossible_probabilities_are_refused(p: Any) -> None:
    with pytest.raises(ArgumentError, match=r"Dropout: drop_probability must lie in \[0, 1\), got"):
        Dropout(p)
