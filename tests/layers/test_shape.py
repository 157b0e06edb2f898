"""Flatten and Reshape: the same numbers in the same order."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pellucid.errors import ArgumentError, ShapeError
from pellucid.layers import Flatten, Reshape


def test_flatten_keeps_the_order_of_rows_columns_and_channels() -> None:
    x = np.arange(2 * 2 * 3 * 2).reshape(2, 2, 3, 2)
    y, cache = Flatten().forward(x)

    np.testing.assert_array_equal(y, [range(12), range(12, 24)])
    np.testing.assert_array_equal(Flatten().backward(y, cache)[0], x)


def test_flatten_of_an_empty_batch() -> None:
    assert Flatten()(np.zeros((0, 4, 3))).shape == (0, 12)


@pytest.mark.parametrize(
    ("shape", "sample", "expected"),
    [((2, 6), (12,), (2, 6)), ((-1, 3), (2, 6), (4, 3)), ((-1,), (2, 3), (6,)), (-1, (2, 3), (6,)), (6, (2, 3), (6,))],
)
def test_reshape_infers_what_is_left_open(shape: Any, sample: Any, expected: Any) -> None:
    layer = Reshape(shape)
    x = np.arange(2 * np.prod(sample)).reshape(2, *sample)
    y, cache = layer.forward(x)

    assert layer.infer_shape(sample) == expected
    np.testing.assert_array_equal(y, x.reshape(2, *expected))
    np.testing.assert_array_equal(layer.backward(y, cache)[0], x)


@given(st.lists(st.integers(1, 4), min_size=1, max_size=4), st.integers(1, 3))
def test_flatten_and_reshape_undo_each_other(shape: list[int], samples: int) -> None:
    x = np.arange(samples * np.prod(shape)).reshape(samples, *shape)

    np.testing.assert_array_equal(Reshape(tuple(shape))(Flatten()(x)), x)


@pytest.mark.parametrize("shape", [(5,), (-1, 5), (3, 3), (24,), (-1, 24)])
def test_sizes_that_do_not_fit_are_refused(shape: Any) -> None:
    with pytest.raises(ShapeError, match=r"Reshape: a sample \(3, 4\) has 12 numbers and does not fit shape"):
        Reshape(shape).infer_shape((3, 4))


@pytest.mark.parametrize(
    ("shape", "message"),
    [
        ((-1, -1), r"shape may hold -1 once, got \(-1, -1\)"),
        ((0, 3), "shape must be a whole number of at least 1, got 0"),
        ((2.0, 3), "shape must be a whole number of at least 1, got 2.0"),
        ((-2,), "shape must be a whole number of at least 1, got -2"),
        (None, "shape must be a whole number of at least 1, got None"),
    ],
)
def test_impossible_shapes_are_refused(shape: Any, message: str) -> None:
    with pytest.raises(ArgumentError, match=f"Reshape: {message}"):
        Reshape(shape)
