"""The fast convolutions equal the reference, on shapes that Hypothesis makes up, and PyTorch where it is installed."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings

from kernels.shapes import LARGE, SHAPES, Conv, convolutions
from pellucid import kernels
from pellucid.kernels import conv, reference
from pellucid.kernels.crew import tasks
from pellucid.kernels.direct import plan as direct

QUICK = settings(max_examples=40, deadline=None)


def assert_near(got: np.ndarray, wanted: np.ndarray, tolerance: float) -> None:
    """Near in proportion to the largest value."""
    assert got.shape == wanted.shape
    scale = max(1.0, float(np.abs(wanted).max(initial=0)))
    assert np.abs(got - wanted).max(initial=0) <= tolerance * scale


def check_against_reference(case: Conv, dtype: type, tolerance: float) -> None:
    x, w, b, dy = case.arrays()
    wanted = (
        reference.conv2d(x, w, b, **case.how),
        reference.conv2d_input_gradient(dy, w, x.shape, **case.how),
        reference.conv2d_weight_gradient(x, dy, w.shape, **case.how),
        dy.sum(axis=(0, 1, 2)),
    )
    x, w, b, dy = (a.astype(dtype) for a in (x, w, b, dy))
    got = kernels.conv2d(x, w, b, **case.how), *kernels.conv2d_backward(x, dy, w, **case.how)
    for one, other in zip(got, wanted, strict=True):
        assert one.dtype == dtype
        assert_near(one, other, tolerance)
    assert_near(kernels.conv2d_input_gradient(dy, w, x.shape, **case.how), wanted[1], tolerance)
    assert_near(kernels.conv2d_weight_gradient(x, dy, w.shape, **case.how), wanted[2], tolerance)


@QUICK
@given(convolutions())
def test_float32_convolutions_equal_the_reference(case: Conv) -> None:
    check_against_reference(case, np.float32, 2e-5)


@QUICK
@given(convolutions())
def test_float64_convolutions_equal_the_reference(case: Conv) -> None:
    check_against_reference(case, np.float64, 1e-10)


# Padding and dilation that reach far beyond the image.
WIDE = [
    Conv((2, 5, 6, 3), (3, 3, 3, 4), (1, 1), ((40, 40), (40, 40)), (40, 40), 1),
    Conv((2, 5, 6, 4), (3, 2, 2, 6), (2, 3), ((190, 7), (9, 60)), (190, 4), 2),
    Conv((3, 4, 4, 6), (5, 3, 1, 6), (7, 1), ((50, 50), (20, 30)), (20, 10), 6),
    Conv((1, 2, 2, 1), (2, 2, 1, 2), (50, 50), ((50, 50), (50, 50)), (1, 1), 1),
    Conv((2, 3, 3, 2), (2, 2, 2, 3), (5, 1), ((60, 0), (60, 0)), (61, 61), 1),
]


@pytest.mark.parametrize("case", WIDE, ids=str)
@pytest.mark.parametrize(("dtype", "tolerance"), [(np.float32, 2e-5), (np.float64, 1e-10)])
def test_padding_far_beyond_the_image_equals_the_reference(case: Conv, dtype: type, tolerance: float) -> None:
    assert kernels.choose(case.x_shape, case.w_shape, **case.how, dtype=dtype).kernel == "taps"
    check_against_reference(case, dtype, tolerance)


def test_a_border_of_zeros_larger_than_memory_is_not_built() -> None:
    x, w = np.ones((1, 28, 28, 1), np.float32), np.ones((3, 3, 1, 1), np.float32)
    far = 10**6
    y = kernels.conv2d(x, w, padding=((far, far), (far, far)), dilation=(far, far))
    assert np.array_equal(y, x)  # only the tap in the middle sees the image


@pytest.mark.usefixtures("without_numba")
def test_convolutions_without_numba_equal_the_reference() -> None:
    for case in (
        Conv((3, 9, 8, 4), (3, 3, 4, 5), (1, 1), ((1, 1), (1, 1)), (1, 1), 1),
        Conv((2, 9, 8, 6), (3, 2, 2, 9), (2, 1), ((0, 1), (1, 0)), (1, 2), 3),
        Conv((2, 9, 8, 6), (3, 3, 1, 6), (1, 1), ((1, 1), (1, 1)), (1, 1), 6),
    ):
        check_against_reference(case, np.float32, 2e-5)


@pytest.mark.parametrize("case", SHAPES, ids=str)
@pytest.mark.parametrize(("dtype", "tolerance"), [(np.float32, 2e-5), (np.float64, 1e-10)])
def test_each_kind_of_convolution_equals_the_reference(case: Conv, dtype: type, tolerance: float) -> None:
    check_against_reference(case, dtype, tolerance)


@pytest.mark.usefixtures("needs_numba")
def test_every_kernel_of_the_list_has_a_shape() -> None:
    chosen = {kernels.choose(case.x_shape, case.w_shape, **case.how).kernel for case in SHAPES + WIDE}
    missing = {kernel.NAME for kernel in conv.KERNELS} - chosen - {"im2col"}  # which serves float64, and without Numba
    assert not missing, f"add a line to SHAPES of tests/kernels/shapes.py for {missing}"


@pytest.mark.usefixtures("needs_numba")
@pytest.mark.parametrize("case", LARGE, ids=str)
def test_convolutions_in_several_pieces_equal_the_general_path(case: Conv, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whose float64 sums have no pieces; float32's must all be added up."""
    pieces: list[int] = []
    run = tasks.Task.run
    monkeypatch.setattr(tasks.Task, "run", lambda task: (pieces.append(task.told[-1][0].pieces), run(task)))
    x, w, b, dy = case.arrays()
    wanted = kernels.conv2d(x, w, b, **case.how), *kernels.conv2d_backward(x, dy, w, **case.how)
    assert not pieces
    x, w, b, dy = (a.astype(np.float32) for a in (x, w, b, dy))
    got = kernels.conv2d(x, w, b, **case.how), *kernels.conv2d_backward(x, dy, w, **case.how)

    for one, other in zip(got, wanted, strict=True):
        assert_near(one, other, 3e-5)
    assert all(count > 1 for count in pieces), pieces


@pytest.mark.parametrize("case", SHAPES, ids=str)
def test_convolutions_equal_pytorch(case: Conv) -> None:
    torch = pytest.importorskip("torch")
    x, w, b, dy = case.arrays(np.float32)
    tx = torch.from_numpy(x).permute(0, 3, 1, 2).requires_grad_()
    tw, tb = torch.from_numpy(w).permute(3, 2, 0, 1).requires_grad_(), torch.from_numpy(b).requires_grad_()
    padding = [case.padding[0][0], case.padding[1][0]]
    ty = torch.nn.functional.conv2d(tx, tw, tb, list(case.stride), padding, list(case.dilation), case.groups)
    ty.backward(torch.from_numpy(dy).permute(0, 3, 1, 2))
    dx, dw, db = kernels.conv2d_backward(x, dy, w, **case.how)

    assert_near(kernels.conv2d(x, w, b, **case.how), ty.detach().numpy().transpose(0, 2, 3, 1), 1e-5)
    assert_near(dx, tx.grad.numpy().transpose(0, 2, 3, 1), 1e-5)
    assert_near(dw, tw.grad.numpy().transpose(2, 3, 1, 0), 1e-5)
    assert_near(db, tb.grad.numpy(), 1e-5)


def test_transposed_convolution_equals_the_reference() -> None:
    rng = np.random.default_rng(0)
    x, w = rng.standard_normal((2, 5, 4, 6)), rng.standard_normal((3, 3, 4, 6))
    how = {"stride": (2, 2), "padding": ((1, 1), (0, 1)), "output_padding": (1, 0)}

    assert_near(
        kernels.conv_transpose2d(x, w, np.ones(4), **how),
        reference.conv_transpose2d(x, w, np.ones(4), **how),
        1e-12,
    )


@pytest.mark.parametrize("case", SHAPES, ids=str)
def test_relu_in_the_same_pass_equals_relu_afterwards(case: Conv) -> None:
    x, w, b, dy = case.arrays(np.float32)
    y = kernels.conv2d(x, w, b, relu=True, **case.how)
    plain = kernels.conv2d_backward(x, np.where(y > 0, dy, 0).astype(np.float32), w, **case.how)

    assert np.array_equal(y, np.maximum(kernels.conv2d(x, w, b, **case.how), 0))
    for one, other in zip(kernels.conv2d_backward(x, dy, w, y=y, **case.how), plain, strict=True):
        assert_near(one, other, 1e-6)


@pytest.mark.parametrize("case", SHAPES, ids=str)
def test_relu_and_pooling_in_the_same_pass_equal_the_three_in_turn(case: Conv) -> None:
    x, w, b, _ = case.arrays(np.float32)
    full = kernels.conv2d(x, w, b, relu=True, **case.how)
    wanted, wanted_switch = kernels.max_pool2d(full, (2, 2))
    y, switch = kernels.conv2d_relu_max_pool(x, w, b, **case.how)
    dy = np.random.default_rng(1).standard_normal(y.shape).astype(np.float32)
    d_full = kernels.max_pool2d_gradient(np.where(y > 0, dy, 0).astype(np.float32), wanted_switch, full.shape, (2, 2))

    assert np.array_equal(y, wanted)
    assert np.array_equal(switch, np.where(wanted > 0, wanted_switch, 4))
    wanted_gradients = kernels.conv2d_backward(x, d_full, w, **case.how)
    for one, other in zip(kernels.conv2d_backward(x, dy, w, switch=switch, **case.how), wanted_gradients, strict=True):
        assert_near(one, other, 1e-6)


@pytest.mark.parametrize("case", SHAPES[:7], ids=str)
def test_out_receives_the_result(case: Conv) -> None:
    x, w, b, dy = case.arrays(np.float32)
    y, dx = np.full_like(dy, np.nan), np.full_like(x, np.nan)

    assert kernels.conv2d(x, w, b, out=y, **case.how) is y
    assert kernels.conv2d_input_gradient(dy, w, x.shape, out=dx, **case.how) is dx
    assert np.array_equal(y, kernels.conv2d(x, w, b, **case.how))
    assert np.isfinite(dx).all()


def test_arguments_are_not_changed_and_may_be_read_only_or_strided() -> None:
    x, w, b, dy = SHAPES[2].arrays(np.float32)
    turned = x.transpose(0, 2, 1, 3)
    wanted = kernels.conv2d(np.ascontiguousarray(turned), w, b, **SHAPES[2].how)
    copies = [a.copy() for a in (x, w, b, dy)]
    for a in (x, w, b, dy):
        a.flags.writeable = False
    kernels.conv2d_backward(x, dy, w, **SHAPES[2].how)

    assert np.array_equal(kernels.conv2d(turned, w, b, **SHAPES[2].how), wanted)
    assert all(np.array_equal(a, c) for a, c in zip((x, w, b, dy), copies, strict=True))


def test_what_is_not_wanted_is_none() -> None:
    x, w, _, dy = SHAPES[2].arrays(np.float32)

    assert kernels.conv2d_backward(x, dy, w, want_dx=False, **SHAPES[2].how)[0] is None
    assert kernels.conv2d_backward(x, dy, w, want_dw=False, **SHAPES[2].how)[1:] == (None, None)


def test_an_empty_batch_gives_empty_results_and_zero_gradients() -> None:
    x, w = np.zeros((0, 8, 8, 32), np.float32), np.ones((3, 3, 32, 16), np.float32)
    y = kernels.conv2d(x, w)
    dx, dw, db = kernels.conv2d_backward(x, y, w)

    assert y.shape == (0, 6, 6, 16)
    assert (dx.shape, dw.shape, db.shape) == (x.shape, w.shape, (16,))
    assert not dw.any()


@pytest.mark.usefixtures("needs_numba")
def test_nan_is_seen_through_relu() -> None:
    for case in SHAPES:
        x, w, b, _ = case.arrays(np.float32)
        x[0, 4, 4] = np.nan
        assert np.isnan(kernels.conv2d(x, w, b, relu=True, **case.how)).any()


@pytest.mark.usefixtures("needs_numba")
def test_choose_names_kernel_reason_and_cost() -> None:
    choice = kernels.choose((128, 26, 26, 32), (3, 3, 32, 64))

    assert choice.kernel == "winograd"
    assert choice.flops == 2 * 128 * 24 * 24 * 64 * 9 * 32
    assert kernels.choose((1, 8, 8, 3), (3, 3, 3, 8)).kernel == "direct"
    assert kernels.choose((1, 8, 8, 32), (3, 3, 1, 32), groups=32).kernel == "depthwise"
    assert kernels.choose((1, 8, 8, 3), (3, 3, 3, 8), dtype=np.float64).kernel == "im2col"


@pytest.mark.usefixtures("needs_numba")
def test_one_image_is_cut_into_parts_with_the_same_result() -> None:
    x, w, b, dy = Conv((1, 40, 40, 32), (5, 5, 32, 40), (1, 1), ((2, 2), (2, 2)), (1, 1), 1).arrays(np.float32)
    window = kernels.Window((5, 5), (1, 1), ((2, 2), (2, 2)))

    y = direct.forward(x, w, b, window, 1)
    assert_near(y, kernels.conv2d(x.astype(float), w.astype(float), b.astype(float), padding=window.padding), 1e-5)


def test_an_out_that_cannot_be_filled_is_refused() -> None:
    x, w = np.ones((2, 8, 8, 16), np.float32), np.ones((3, 3, 16, 16), np.float32)

    for out in (
        np.empty((2, 6, 6, 15), np.float32),
        np.empty((16, 6, 6, 2), np.float32).T,
        np.empty((4, 6, 6, 16))[::2],
    ):
        with pytest.raises(ValueError, match="out must be"):
            kernels.conv2d(x, w, out=out)


def test_outputs_and_switches_in_another_order_or_dtype_give_the_same_gradients() -> None:
    rng = np.random.default_rng(0)
    x, w = (
        rng.standard_normal((2, 10, 10, 16)).astype(np.float32),
        rng.standard_normal((3, 3, 16, 16)).astype(np.float32),
    )
    y = kernels.conv2d(x, w, relu=True)
    pooled, switch = kernels.conv2d_relu_max_pool(x, w)
    dy = rng.standard_normal(y.shape).astype(np.float32)

    for usual, other in (
        ({"y": y}, {"y": np.asfortranarray(y, np.float64)}),
        ({"switch": switch}, {"switch": switch.astype(int)}),
    ):
        above = dy if "y" in usual else dy[:, :4, :4]
        expected = kernels.conv2d_backward(x, above, w, **usual)
        found = kernels.conv2d_backward(x, above, w, **other)
        assert all(np.array_equal(one, two) for one, two in zip(expected, found, strict=True))


def test_no_outputs_give_no_gradient_also_in_an_array_that_held_something() -> None:
    w, out = np.ones((3, 3, 2, 4), np.float32), np.full((1, 2, 2, 2), np.nan, np.float32)

    assert kernels.conv2d_input_gradient(np.empty((1, 0, 0, 4), np.float32), w, out.shape, out=out) is out
    assert np.all(out == 0)


@pytest.mark.parametrize("channels", [1, 32], ids=["direct", "winograd"])
def test_arrays_that_do_not_belong_together_are_refused(channels: int) -> None:
    x, w, dy = (np.ones(s, np.float32) for s in ((2, 12, 12, channels), (3, 3, channels, 32), (2, 10, 10, 32)))
    other_w = np.ones((3, 3, channels + 1, 32), np.float32)
    with pytest.raises(ValueError, match="do not fit"):
        kernels.conv2d(x, w, np.ones(1, np.float32))
    with pytest.raises(ValueError, match="do not fit"):
        kernels.conv2d(x, other_w)
    with pytest.raises(ValueError, match="do not fit"):
        kernels.conv2d_relu_max_pool(x, w, np.ones(33, np.float32))
    with pytest.raises(ValueError, match="do not fit"):
        kernels.conv2d_backward(x, dy, other_w)
    for wrong in (dy[:1], dy[:, :9], dy[..., :31]):
        with pytest.raises(ValueError, match="dy must have"):
            kernels.conv2d_backward(x, wrong, w)
        with pytest.raises(ValueError, match="dy must have"):
            kernels.conv2d_input_gradient(wrong, w, x.shape)
        with pytest.raises(ValueError, match="y must have"):
            kernels.conv2d_backward(x, dy, w, y=wrong)
    with pytest.raises(ValueError, match="switch must have"):
        kernels.conv2d_backward(x, dy[:, :5, :5], w, switch=np.zeros((2, 4, 5, 32), np.uint8))
