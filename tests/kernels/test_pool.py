"""Pooling equals the reference, compiled and in NumPy, ties and padding included."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings

from kernels.shapes import poolings
from pellucid import kernels
from pellucid.kernels import reference


def check(case: Any, dtype: type) -> None:
    shape, size, stride, padding = case
    rng = np.random.default_rng(0)
    how = {"stride": stride, "padding": padding}
    x = rng.integers(-2, 3, shape).astype(dtype)  # few values: many ties
    y, switch = kernels.max_pool2d(x, size, **how)
    wanted, wanted_switch = reference.max_pool2d(x, size, **how)
    assert y.dtype == dtype
    assert np.array_equal(y, wanted)
    assert np.array_equal(switch, wanted_switch)
    dy = rng.standard_normal(y.shape).astype(dtype)
    dx = kernels.max_pool2d_gradient(dy, switch, x.shape, size, **how)
    assert np.allclose(dx, reference.max_pool2d_gradient(dy, wanted_switch, x.shape, size, **how), atol=1e-5)
    for count in (False, True):
        how["count_padding"] = count
        assert np.allclose(kernels.average_pool2d(x, size, **how), reference.average_pool2d(x, size, **how), atol=1e-5)
        dx = kernels.average_pool2d_gradient(dy, x.shape, size, **how)
        assert dx.dtype == dtype
        assert np.allclose(dx, reference.average_pool2d_gradient(dy, x.shape, size, **how), atol=1e-5)


@settings(max_examples=40, deadline=None)
@given(poolings())
def test_float32_pooling_equals_the_reference(case: Any) -> None:
    check(case, np.float32)


@settings(max_examples=20, deadline=None)
@given(poolings())
def test_float64_pooling_equals_the_reference(case: Any) -> None:
    check(case, np.float64)


@pytest.mark.usefixtures("without_numba")
def test_pooling_without_numba_equals_the_reference() -> None:
    check(((2, 7, 8, 5), (3, 2), (2, 1), ((1, 1), (0, 1))), np.float32)


def test_nan_wins_so_that_it_is_seen() -> None:
    x = np.zeros((1, 2, 2, 1), np.float32)
    x[0, 0, 1, 0] = np.nan

    assert np.isnan(kernels.max_pool2d(x, (2, 2))[0]).all()


def test_large_windows_have_wider_switches() -> None:
    x = np.arange(20 * 20, dtype=np.float32).reshape(1, 20, 20, 1)
    y, switch = kernels.max_pool2d(x, (20, 20))

    assert (y.item(), switch.item()) == (399, 399)
    assert kernels.max_pool2d_gradient(y, switch, x.shape, (20, 20))[0, 19, 19, 0] == 399


def test_gradients_of_another_shape_are_refused() -> None:
    y, switch = kernels.max_pool2d(np.ones((2, 8, 8, 3), np.float32), (2, 2))
    for shape in ((2, 10, 8, 3), (3, 8, 8, 3), (2, 8, 8, 4)):
        with pytest.raises(ValueError, match="shape"):
            kernels.max_pool2d_gradient(y, switch, shape, (2, 2))
        with pytest.raises(ValueError, match="shape"):
            kernels.average_pool2d_gradient(y, shape, (2, 2))
    with pytest.raises(ValueError, match="shape"):
        kernels.max_pool2d_gradient(y, switch[:1], (2, 8, 8, 3), (2, 2))
