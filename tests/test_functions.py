"""The textbook's functions: values worked out by hand, and the slips that tutorials make."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from pellucid.errors import ArgumentError, LabelError, ShapeError
from pellucid.functions import (
    as_float,
    cross_entropy_error,
    mean_squared_error,
    one_hot,
    sigmoid,
    softmax,
    softplus,
)

floats = [np.float16, np.float32, np.float64]
scores = arrays(np.float64, (3, 4), elements=st.floats(-50, 50))


# sigmoid


def test_sigmoid_of_known_values() -> None:
    # σ(0) = 1/2, σ(ln 3) = 3/4, σ(−ln 3) = 1/4; written 1 / 1 + e⁻ˣ it would give 2 at 0.
    np.testing.assert_allclose(sigmoid([0.0, math.log(3), -math.log(3)]), [0.5, 0.75, 0.25], rtol=1e-15)


@pytest.mark.parametrize("dtype", floats)
def test_sigmoid_far_out_neither_overflows_nor_warns(dtype: Any) -> None:
    far = np.array([-1e4, -1000, 1000, 1e4], dtype)
    y = sigmoid(far)

    assert y.dtype == dtype
    np.testing.assert_allclose(y, [0, 0, 1, 1], atol=1e-4)
    assert (y[:2] > 0).all()


def test_sigmoid_keeps_its_precision_in_the_tail() -> None:
    np.testing.assert_allclose(sigmoid(-700.0), math.exp(-700), rtol=1e-13)


def test_sigmoid_of_integers_and_of_a_number() -> None:
    assert sigmoid(0) == 0.5
    assert sigmoid(np.array([0, 0])).dtype == np.float64


def test_sigmoid_leaves_its_argument_alone() -> None:
    x = np.array([1.0, -2.0])
    sigmoid(x)

    np.testing.assert_array_equal([1.0, -2.0], x)


@given(scores)
def test_sigmoid_of_minus_x_is_the_rest(x: np.ndarray) -> None:
    np.testing.assert_allclose(sigmoid(-x) + sigmoid(x), 1, rtol=1e-14)


# softplus


def test_softplus_of_known_values() -> None:
    np.testing.assert_allclose(softplus([0.0, 1e4, -1e4]), [math.log(2), 1e4, 0], rtol=1e-15)
    np.testing.assert_allclose(softplus(-40.0), math.exp(-40), rtol=1e-14)


# softmax


def test_softmax_of_one_vector() -> None:
    # e⁰ : e^{ln 2} : e^{ln 5} = 1 : 2 : 5
    np.testing.assert_allclose(softmax([0.0, math.log(2), math.log(5)]), [1 / 8, 2 / 8, 5 / 8], rtol=1e-15)


def test_softmax_of_a_batch_is_that_of_each_row() -> None:
    x = np.array([[0.0, math.log(3)], [math.log(4), 0.0]])

    np.testing.assert_allclose(softmax(x), [[1 / 4, 3 / 4], [4 / 5, 1 / 5]], rtol=1e-15)


def test_softmax_takes_the_maximum_of_each_row_not_of_all() -> None:
    # With one maximum for the whole array the first row would be 0/0.
    np.testing.assert_array_equal(softmax([[0.0, 0.0], [1e4, 0.0]]), [[0.5, 0.5], [1.0, 0.0]])


@given(scores, st.floats(-100, 100))
def test_softmax_does_not_see_a_shift(x: np.ndarray, shift: float) -> None:
    np.testing.assert_allclose(softmax(x + shift), softmax(x), rtol=1e-11, atol=1e-300)


@given(scores)
def test_softmax_rows_are_probabilities_in_the_order_of_the_scores(x: np.ndarray) -> None:
    p = softmax(x)

    np.testing.assert_allclose(p.sum(axis=1), 1, rtol=1e-14)
    assert (p > 0).all()
    assert (np.take_along_axis(p, x.argmax(axis=1)[:, None], 1)[:, 0] == p.max(axis=1)).all()


@pytest.mark.parametrize("dtype", floats)
def test_functions_keep_the_dtype(dtype: Any) -> None:
    x = np.ones((2, 3), dtype)

    assert {sigmoid(x).dtype, softmax(x).dtype, softplus(x).dtype, as_float("f", "x", x).dtype} == {np.dtype(dtype)}


# one-hot


def test_one_hot_rows() -> None:
    np.testing.assert_array_equal(one_hot([2, 0], 3), [[0, 0, 1], [1, 0, 0]])
    assert one_hot([1], 2).dtype == np.float32
    assert one_hot([1], 2, np.float64).dtype == np.float64


@pytest.mark.parametrize(
    ("t", "classes", "error", "message"),
    [
        ([0, 3], 3, LabelError, r"one_hot: class labels must lie in 0\.\.2, got 3"),
        ([-1, 0], 3, LabelError, r"must lie in 0\.\.2, got -1"),
        ([0.0, 2.0], 3, LabelError, "must be integers, got float64.*astype"),
        ([[1, 1, 0]], 3, LabelError, "a one-hot row holds a single 1.*row 0"),
        ([0], 0, ArgumentError, "classes must be a whole number of at least 1, got 0"),
        ([0], 2.5, ArgumentError, "classes must be a whole number, got 2.5"),
    ],
)
def test_one_hot_refuses(t: Any, classes: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        one_hot(t, classes)


# cross-entropy


def test_cross_entropy_of_one_sample() -> None:
    y = [0.1, 0.6, 0.3]

    assert cross_entropy_error(y, 1) == pytest.approx(-math.log(0.6), rel=1e-15)
    assert cross_entropy_error(y, [0, 1, 0]) == pytest.approx(-math.log(0.6), rel=1e-15)


def test_cross_entropy_of_a_batch_is_the_mean_over_its_samples() -> None:
    y = [[0.5, 0.5], [0.25, 0.75]]
    expected = -(math.log(0.5) + math.log(0.75)) / 2

    assert cross_entropy_error(y, [0, 1]) == pytest.approx(expected, rel=1e-15)
    assert cross_entropy_error(y, [[1, 0], [0, 1]]) == pytest.approx(expected, rel=1e-15)


def test_cross_entropy_of_probability_zero_is_large_and_finite() -> None:
    value = cross_entropy_error([1.0, 0.0], 1)

    assert value == pytest.approx(-math.log(np.finfo(np.float64).tiny))


@given(scores, st.lists(st.integers(0, 3), min_size=3, max_size=3))
def test_cross_entropy_does_not_mind_the_form_of_the_labels(x: np.ndarray, t: list[int]) -> None:
    y = softmax(x)

    assert cross_entropy_error(y, t) == pytest.approx(cross_entropy_error(y, one_hot(t, 4)), rel=1e-12)


@pytest.mark.parametrize("error_of", [cross_entropy_error, mean_squared_error])
@pytest.mark.parametrize(
    ("y", "t", "error", "message"),
    [
        (np.ones((3, 4)), [[0], [1], [2]], ShapeError, r"got \(3, 1\)\. Class indices are t\.ravel\(\)"),
        (np.ones((3, 4)), [0, 1], ShapeError, r"t must have shape \(3, 4\) or \(3,\), got \(2,\)"),
        (np.ones((3, 4)), [0], ShapeError, r"got \(1,\)"),
        (np.ones((3, 4)), 1, ShapeError, r"got \(\)"),
        (np.ones((3, 4)), np.ones((1, 3, 4)), ShapeError, r"got \(1, 3, 4\)"),
        (np.ones((3, 4)), [0, 1, 4], LabelError, r"must lie in 0\.\.3, got 4"),
        (np.ones((3, 4)), [0.0, 1.0, 2.0], LabelError, "must be integers, got float64"),
        (np.ones((2, 3, 4)), [0, 1], ShapeError, r"y must have shape \(K,\) or \(N, K\).*got \(2, 3, 4\)"),
        (np.ones((0, 4)), [], ShapeError, r"y must have shape .*got \(0, 4\)"),
    ],
)
def test_wrong_labels_are_refused(error_of: Any, y: np.ndarray, t: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        error_of(y, t)


# mean squared error


def test_mean_squared_error_is_half_the_sum_of_squares() -> None:
    # ½ (0.1² + 0.4² + 0.3²) = 0.13
    assert mean_squared_error([0.1, 0.6, 0.3], [0, 1, 0]) == pytest.approx(0.13, rel=1e-14)
    assert mean_squared_error([0.1, 0.6, 0.3], 1) == pytest.approx(0.13, rel=1e-14)


def test_mean_squared_error_of_a_batch_is_the_mean_over_its_samples() -> None:
    y = [[1.0, 2.0], [3.0, 5.0]]

    assert mean_squared_error(y, [[1.0, 0.0], [0.0, 1.0]]) == pytest.approx((2 + 12.5) / 2)
    assert mean_squared_error(y, [0, 1]) == pytest.approx((2 + 12.5) / 2)
