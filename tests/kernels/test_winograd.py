"""Winograd's convolution: right at every size of image and number of channels, and near float64 at any magnitude."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings

from kernels.shapes import Conv, winograd_convolutions
from pellucid.kernels import Window, im2col, winograd

pytestmark = pytest.mark.usefixtures("needs_numba")


def relative_errors(case: Conv, scale: float, seed: int = 0) -> list[float]:
    """Errors of y, dx and dw against float64, in proportion to the largest value."""
    x, w, b, dy = (a.astype(np.float32) for a in case.arrays(seed=seed))
    x, dy = x * np.float32(scale), dy * np.float32(scale)
    window = Window((3, 3), (1, 1), case.padding)
    y = winograd.forward(x, w, b, window)
    dx, dw, db = winograd.backward(x, dy, w, window)
    x, w, b, dy = (a.astype(np.float64) for a in (x, w, b, dy))
    wanted = (
        im2col.conv2d(x, w, b, window, 1),
        im2col.conv2d_input_gradient(dy, w, x.shape, window, 1),
        im2col.conv2d_weight_gradient(x, dy, w.shape, window, 1),
    )
    assert np.allclose(db, dy.sum(axis=(0, 1, 2)), rtol=1e-4, atol=1e-4 * scale)
    return [float(np.abs(g - t).max() / np.abs(t).max()) for g, t in zip((y, dx, dw), wanted, strict=True)]


@settings(max_examples=60, deadline=None)
@given(winograd_convolutions())
def test_winograd_is_near_float64(case: Conv) -> None:
    assert max(relative_errors(case, 1.0)) < 1e-4


@pytest.mark.parametrize("scale", [1e-4, 1.0, 1e4])
def test_errors_stay_small_at_any_magnitude(scale: float) -> None:
    case = Conv((4, 16, 16, 128), (3, 3, 128, 64), (1, 1), ((1, 1), (1, 1)), (1, 1), 1)

    assert max(relative_errors(case, scale)) < 1e-4


def test_errors_stay_small_far_from_zero() -> None:
    """Pixels near 1e4 that differ little: sums of large numbers that nearly cancel in the transforms."""
    rng = np.random.default_rng(0)
    x = (1e4 + rng.standard_normal((2, 18, 18, 32))).astype(np.float32)
    w = rng.standard_normal((3, 3, 32, 32)).astype(np.float32)
    y = winograd.forward(x, w, None, Window((3, 3)))
    wanted = im2col.conv2d(x.astype(float), w.astype(float), None, Window((3, 3)), 1)

    assert np.abs(y - wanted).max() / np.abs(wanted).max() < 1e-4


def test_transforms_of_the_kernel_and_back_are_transposes() -> None:
    """⟨G w Gᵀ, m⟩ = ⟨w, Gᵀ m G⟩: the weight gradient uses the transpose of the forward transform."""
    rng = np.random.default_rng(0)
    w, m = rng.standard_normal((3, 3)), rng.standard_normal((6, 6))

    assert np.sum((winograd.G @ w @ winograd.G.T) * m) == pytest.approx(np.sum(w * (winograd.G.T @ m @ winograd.G)))
    assert np.allclose(winograd.GG @ w.ravel(), (winograd.G @ w @ winograd.G.T).ravel(), atol=1e-6)


def test_a_narrow_image_with_many_channels_reads_only_zeros_at_the_start_of_a_sum() -> None:
    case = Conv((2, 3, 3, 2), (3, 3, 2, 96), (1, 1), ((0, 0), (0, 0)), (1, 1), 1)

    for seed in range(5):
        assert max(relative_errors(case, 1.0, seed)) < 1e-4
