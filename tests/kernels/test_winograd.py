"""Winograd's convolutions: right at every size of image and number of channels, and near float64 at any magnitude."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings

from kernels.processes import python
from kernels.shapes import Conv, winograd_convolutions
from pellucid import kernels
from pellucid.kernels import Window, im2col, set_num_threads
from pellucid.kernels.problem import Fused
from pellucid.kernels.winograd import plan as winograd

pytestmark = pytest.mark.usefixtures("needs_numba")

FORMS = pytest.mark.parametrize("r", [3, 5], ids=["3x3", "5x5"])


def with_5x5_kernel(case: Conv) -> Conv:
    """The same convolution with a 5x5 kernel, the image made as large as that needs at least."""
    n, h, w, c = case.x_shape
    h, w = (max(pixels, 5 - sum(padding)) for pixels, padding in zip((h, w), case.padding, strict=True))
    return case._replace(x_shape=(n, h, w, c), w_shape=(5, 5, *case.w_shape[2:]))


def square(r: int, x_shape: tuple[int, int, int, int], oc: int, pad: int = 0) -> Conv:
    """An RxR kernel with the same padding on all sides."""
    return Conv(x_shape, (r, r, x_shape[3], oc), (1, 1), ((pad, pad), (pad, pad)), (1, 1), 1)


def window_of(case: Conv) -> Window:
    return Window(case.w_shape[:2], (1, 1), case.padding)


def same(one: np.ndarray | None, other: np.ndarray | None) -> bool:
    """Whether both are there and have the same numbers."""
    return one is not None and other is not None and np.array_equal(one, other)


def relative(got: np.ndarray, wanted: np.ndarray) -> float:
    """The largest error in proportion to the largest value."""
    assert got.shape == wanted.shape
    return float(np.abs(got - wanted).max() / np.abs(wanted).max())


def relative_errors(case: Conv, scale: float, seed: int = 0) -> list[float]:
    """Errors of y, dx and dw against float64, in proportion to the largest value."""
    x, w, b, dy = (a.astype(np.float32) for a in case.arrays(seed=seed))
    x, dy = x * np.float32(scale), dy * np.float32(scale)
    window = window_of(case)
    y = winograd.forward(x, w, b, window)
    dx, dw, db = winograd.backward(x, dy, w, window)
    assert dx is not None
    x, w, b, dy = (a.astype(np.float64) for a in (x, w, b, dy))
    wanted = (
        im2col.conv2d(x, w, b, window, 1),
        im2col.conv2d_input_gradient(dy, w, x.shape, window, 1),
        im2col.conv2d_weight_gradient(x, dy, w.shape, window, 1),
    )
    assert np.allclose(db, dy.sum(axis=(0, 1, 2)), rtol=1e-4, atol=1e-4 * scale)
    return [relative(g, t) for g, t in zip((y, dx, dw), wanted, strict=True)]


@settings(max_examples=60, deadline=None)
@given(winograd_convolutions())
def test_winograd_is_near_float64(case: Conv) -> None:
    assert max(relative_errors(case, 1.0)) < 1e-4


@settings(max_examples=60, deadline=None)
@given(winograd_convolutions().map(with_5x5_kernel))
def test_winograd_with_5x5_kernels_is_near_float64(case: Conv) -> None:
    assert max(relative_errors(case, 1.0)) < 1e-4


@FORMS
@pytest.mark.parametrize("scale", [1e-4, 1.0, 1e4])
def test_errors_stay_small_at_any_magnitude(r: int, scale: float) -> None:
    assert max(relative_errors(square(r, (4, 16, 16, 128), 64, pad=r // 2), scale)) < 1e-4


@FORMS
def test_errors_stay_small_far_from_zero(r: int) -> None:
    """Pixels near 1e4 that differ little: sums of large numbers that nearly cancel in the transforms."""
    rng = np.random.default_rng(0)
    x = (1e4 + rng.standard_normal((2, 18, 18, 32))).astype(np.float32)
    w = rng.standard_normal((r, r, 32, 32)).astype(np.float32)
    y = winograd.forward(x, w, None, Window((r, r)))
    wanted = im2col.conv2d(x.astype(float), w.astype(float), None, Window((r, r)), 1)

    assert relative(y, wanted) < 1e-4


@FORMS
def test_an_image_of_many_tiles_is_cut_into_strips(r: int) -> None:
    """More tiles than the cache holds; with a 5x5 kernel more than are summed at a time in the weight gradient."""
    case = square(r, (2, 69, 75, 5), 18, pad=2)
    p = winograd.plan(case.x_shape, 18, window_of(case))

    assert p.cut.group == 1
    assert p.cut.strip < p.sizes[-2]
    assert max(relative_errors(case, 1.0)) < 1e-4


@FORMS
def test_relu_in_the_same_pass_equals_relu_afterwards(r: int) -> None:
    case = square(r, (3, 13, 10, 20), 33, pad=1)
    x, w, b, dy = case.arrays(np.float32)
    window = window_of(case)
    y = winograd.forward(x, w, b, window, relu=True)
    gated = np.where(y > 0, dy, 0).astype(np.float32)

    assert same(y, np.maximum(winograd.forward(x, w, b, window), 0))
    for one, other in zip(
        winograd.backward(x, dy, w, window, Fused(y)), winograd.backward(x, gated, w, window), strict=True
    ):
        assert same(one, other)


@FORMS
@pytest.mark.parametrize("pixels", [(12, 12), (13, 11), (7, 14)], ids=str)
def test_pooling_in_the_same_pass_equals_pooling_afterwards(r: int, pixels: tuple[int, int]) -> None:
    case = square(r, (3, *pixels, 20), 33, pad=1)
    x, w, b, dy = case.arrays(np.float32)
    window = window_of(case)
    full = winograd.forward(x, w, b, window, relu=True)
    wanted, wanted_switch = kernels.max_pool2d(full, (2, 2))
    y, switch = winograd.forward_pooled(x, w, b, window)
    pooled_dy = np.ascontiguousarray(dy[:, : y.shape[1], : y.shape[2]])
    gated = np.where(y > 0, pooled_dy, 0).astype(np.float32)
    full_dy = kernels.max_pool2d_gradient(gated, wanted_switch, full.shape, (2, 2))

    assert same(y, wanted)
    assert same(switch, np.where(wanted > 0, wanted_switch, 4))
    dx, dw, db = winograd.backward(x, pooled_dy, w, window, Fused(switch=switch))
    full_dx, full_dw, full_db = winograd.backward(x, full_dy, w, window)
    assert same(dx, full_dx)
    assert same(dw, full_dw)
    assert np.allclose(db, full_db, rtol=1e-5, atol=1e-5)  # four pixels that share a window are added up first


@FORMS
@pytest.mark.usefixtures("threads")
def test_the_number_of_threads_does_not_change_the_bits(r: int) -> None:
    case = square(r, (37, 12, 9, 20), 40, pad=1)
    x, w, b, dy = case.arrays(np.float32)
    window = window_of(case)
    results = []
    for threads in (1, 2, 5):
        set_num_threads(threads)
        results.append((winograd.forward(x, w, b, window), *winograd.backward(x, dy, w, window)))

    for other in results[1:]:
        assert all(same(a, b) for a, b in zip(results[0], other, strict=True))


@FORMS
def test_the_input_gradient_alone_has_the_bits_of_both_together(r: int) -> None:
    x, w, _, dy = square(r, (5, 9, 12, 17), 20, pad=2).arrays(np.float32)
    window = Window((r, r), (1, 1), ((2, 2), (2, 2)))
    out = np.full_like(x, np.nan)

    assert winograd.input_gradient(dy, w, x.shape, window, out) is out
    assert same(out, winograd.backward(x, dy, w, window)[0])


@FORMS
def test_transforms_of_the_kernel_and_back_are_transposes(r: int) -> None:
    """⟨G w Gᵀ, m⟩ = ⟨w, Gᵀ m G⟩: the weight gradient uses the transpose of the forward transform."""
    rng = np.random.default_rng(0)
    g, gg = winograd.kernel_transform(r), winograd.FORMS[r, r].gg
    w, m = rng.standard_normal((r, r)), rng.standard_normal((6, 6))

    assert np.sum((g @ w @ g.T) * m) == pytest.approx(np.sum(w * (g.T @ m @ g)))
    assert np.allclose(gg @ w.ravel(), (g @ w @ g.T).ravel(), atol=1e-6)


@FORMS
def test_a_narrow_image_with_many_channels_reads_only_zeros_at_the_start_of_a_sum(r: int) -> None:
    for seed in range(5):
        assert max(relative_errors(square(r, (2, r, r, 2), 96), 1.0, seed)) < 1e-4


def test_the_chooser_takes_5x5_kernels_with_stride_1_and_enough_channels() -> None:
    choice = kernels.choose((16, 14, 14, 32), (5, 5, 32, 64), padding=((2, 2), (2, 2)))

    assert choice.kernel == "winograd"
    assert choice.reason.startswith("5x5 with stride 1")
    assert kernels.choose((16, 12, 12, 20), (5, 5, 20, 50)).kernel == "winograd"
    assert kernels.choose((16, 12, 12, 8), (5, 5, 8, 50)).kernel == "direct"
    assert kernels.choose((16, 12, 12, 20), (5, 5, 20, 50), stride=(2, 2)).kernel == "direct"
    assert kernels.choose((16, 12, 12, 20), (3, 5, 20, 50)).kernel == "direct"
    assert kernels.choose((16, 5, 5, 20), (5, 5, 20, 50)).kernel == "direct"  # one output of a tile's four


def test_the_chosen_kernel_computes_convolution_and_pooling_of_5x5_kernels() -> None:
    case = square(5, (3, 12, 11, 20), 24, pad=1)
    x, w, b, _ = case.arrays(np.float32)
    full = kernels.conv2d(x.astype(float), w.astype(float), b.astype(float), padding=case.padding, relu=True)
    y, switch = kernels.conv2d_relu_max_pool(x, w, b, padding=case.padding)

    assert same(y, winograd.forward_pooled(x, w, b, window_of(case))[0])
    assert relative(y, kernels.max_pool2d(full, (2, 2))[0]) < 1e-4
    assert set(np.unique(switch)) <= {0, 1, 2, 3, 4}


def test_kernels_that_two_processes_compiled_serve_a_third_with_the_same_bits(tmp_path: object) -> None:
    code = """
import numpy as np
from pellucid import kernels
for k in {sizes}:
    rng = np.random.default_rng(k)
    how = {{"padding": ((k // 2, k // 2), (k // 2, k // 2))}}
    x, w = rng.standard_normal((2, 9, 9, 20), np.float32), rng.standard_normal((k, k, 20, 20), np.float32)
    y = kernels.conv2d(x, w, **how)
    print(k, [float(np.abs(a).astype(np.float64).sum()) for a in (y, *kernels.conv2d_backward(x, y, w, **how))])
"""
    three, five, both = (python(code.format(sizes=s), NUMBA_CACHE_DIR=str(tmp_path)) for s in ([3], [5], [3, 5]))
    assert both == three + five
