"""Pooling: ties, overlaps, padding, by hand and against PyTorch and ONNX."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from peers import assert_close, both_dtypes, built, first, last, normal, onnx_run, torch_pass
from pellucid import kernels
from pellucid.errors import ArgumentError, ShapeError
from pellucid.kernels import reference
from pellucid.layers import (
    AveragePool2D,
    Conv2D,
    GlobalAveragePool2D,
    GlobalMaxPool2D,
    Layer,
    MaxPool2D,
    ReLU,
    Sequential,
)
from pellucid.typing import Array, Shape


def image(rows: list[list[float]]) -> Array:
    return np.array(rows, np.float32)[None, ..., None]


def pooled(layer: Layer[Any], x: Array, dy: Array | None = None) -> tuple[Array, Array]:
    """Values and input gradient, of one channel."""
    built(layer, x.shape[1:], x.dtype)
    y, cache = layer.forward(x)
    dx, grads = layer.backward(np.ones_like(y) if dy is None else dy, cache)

    assert dx is not None
    assert grads == {}
    return y[0, :, :, 0], dx[0, :, :, 0]


# Maxima


def test_the_largest_pixel_of_each_window_is_taken_and_gets_the_gradient() -> None:
    x = image([[1, 2, 5, 3], [4, 0, 1, 1], [0, 0, 9, 8], [0, 7, 7, 6]])
    y, dx = pooled(MaxPool2D(), x, image([[10, 20], [30, 40]]))

    np.testing.assert_array_equal(y, [[4, 5], [7, 9]])
    np.testing.assert_array_equal(dx, [[0, 0, 20, 0], [10, 0, 0, 0], [0, 0, 40, 0], [0, 30, 0, 0]])


def test_of_equal_pixels_the_first_takes_all_of_the_gradient() -> None:
    y, dx = pooled(MaxPool2D(), image([[0, 0, 3, 5], [0, 0, 5, 5]]))

    np.testing.assert_array_equal(y, [[0, 5]])
    np.testing.assert_array_equal(dx, [[1, 0, 0, 1], [0, 0, 0, 0]])


def test_a_pixel_that_wins_several_windows_gets_the_sum_of_their_gradients() -> None:
    x = image([[1, 2, 3], [4, 9, 5], [6, 7, 8]])
    y, dx = pooled(MaxPool2D(2, 1), x, image([[1, 10], [100, 1000]]))

    np.testing.assert_array_equal(y, [[9, 9], [9, 9]])
    np.testing.assert_array_equal(dx, [[0, 0, 0], [0, 1111, 0], [0, 0, 0]])


def test_padding_never_wins_though_all_pixels_are_negative() -> None:
    y, dx = pooled(MaxPool2D(2, 2, 1), image([[-5, -6], [-7, -8]]))

    np.testing.assert_array_equal(y, [[-5, -6], [-7, -8]])
    np.testing.assert_array_equal(dx, [[1, 1], [1, 1]])


def test_padding_makes_the_output_larger() -> None:
    assert MaxPool2D(3, 2, 1).infer_shape((7, 8, 3)) == (4, 4, 3)
    assert MaxPool2D(2, 2, 1).infer_shape((28, 28, 3)) == (15, 15, 3)


def test_rows_that_fill_no_window_are_left_out_and_get_no_gradient() -> None:
    y, dx = pooled(MaxPool2D(), image([[1, 2, 9], [3, 4, 9], [9, 9, 9]]))

    np.testing.assert_array_equal(y, [[4]])
    np.testing.assert_array_equal(dx, [[0, 0, 0], [0, 1, 0], [0, 0, 0]])


def test_a_nan_is_passed_on_and_not_hidden() -> None:
    y, _ = pooled(MaxPool2D(), image([[1, np.nan], [3, 4]]))

    assert np.isnan(y).all()


def test_switches_are_small_integers() -> None:
    layer = built(MaxPool2D(3, 2), (9, 9, 4))
    _, cache = layer.forward(normal((2, 9, 9, 4)))

    assert cache.switch.dtype.kind == "u"
    assert cache.switch.itemsize == 1
    assert cache.switch.max() <= 8


# Means


def test_the_mean_of_each_window() -> None:
    y, dx = pooled(AveragePool2D(), image([[1, 2, 5, 3], [4, 1, 0, 0]]), image([[4, 8]]))

    np.testing.assert_array_equal(y, [[2, 2]])
    np.testing.assert_array_equal(dx, [[1, 1, 2, 2], [1, 1, 2, 2]])


def test_padding_is_counted_only_where_that_is_asked_for() -> None:
    x = image([[4, 8], [12, 16]])
    without, dx_without = pooled(AveragePool2D(2, 2, 1), x)
    counted, dx_counted = pooled(AveragePool2D(2, 2, 1, count_padding=True), x)

    np.testing.assert_array_equal(without, [[4, 8], [12, 16]])
    np.testing.assert_array_equal(counted, [[1, 2], [3, 4]])
    np.testing.assert_array_equal(dx_without, np.ones((2, 2)))
    np.testing.assert_array_equal(dx_counted, np.full((2, 2), 0.25))


def test_overlapping_means_add_their_gradients() -> None:
    _, dx = pooled(AveragePool2D(2, 1), image([[1, 2, 3], [4, 5, 6], [7, 8, 9]]))

    np.testing.assert_array_equal(dx, [[0.25, 0.5, 0.25], [0.5, 1, 0.5], [0.25, 0.5, 0.25]])


# The whole image


def test_global_pools_give_one_number_for_each_channel() -> None:
    x = np.array([[[[1, 8], [2, 7]], [[3, 6], [6, 8]]]], np.float32)  # (1, 2, 2, 2)
    dy = np.array([[4, 8]], np.float32)
    mean, largest = built(GlobalAveragePool2D(), (2, 2, 2)), built(GlobalMaxPool2D(), (2, 2, 2))
    y_mean, cache_mean = mean.forward(x)
    y_max, cache_max = largest.forward(x)

    np.testing.assert_array_equal(y_mean, [[3, 7.25]])
    np.testing.assert_array_equal(y_max, [[6, 8]])
    np.testing.assert_array_equal(mean.backward(dy, cache_mean)[0], np.broadcast_to([1, 2], (1, 2, 2, 2)))
    np.testing.assert_array_equal(largest.backward(dy, cache_max)[0], [[[[0, 8], [0, 0]], [[0, 0], [4, 0]]]])


def test_global_means_of_large_images_are_exact() -> None:
    x = (1000 + normal((2, 256, 256, 3))).astype(np.float32)

    got = built(GlobalAveragePool2D(), (256, 256, 3))(x)

    np.testing.assert_allclose(got, x.mean(axis=(1, 2), dtype=np.float64), rtol=1e-6)


# A grid, against the others

GRID: list[tuple[Shape, Any, Any, Any]] = [
    ((2, 6, 6, 3), 2, None, 0),
    ((2, 7, 5, 3), 2, None, 0),
    ((2, 7, 8, 2), 3, 2, 1),
    ((2, 7, 8, 2), 3, 1, 1),
    ((1, 9, 8, 17), (3, 2), (2, 3), (1, 1)),
    ((3, 5, 5, 4), (2, 3), 1, (1, 0)),
    ((2, 10, 10, 1), 4, 3, 2),
    ((2, 8, 8, 5), 2, 3, 0),
    ((2, 12, 12, 64), 2, 2, 0),
    ((1, 3, 3, 2), 3, 2, 1),
]
grid = pytest.mark.parametrize(("shape", "size", "stride", "padding"), GRID, ids=map(str, GRID))


def compare_with_torch(layer: Layer[Any], shape: Shape, dtype: Any, f: Any) -> None:
    built(layer, shape[1:], dtype)
    # Distinct values: with ties any of the winners would do.
    x = np.random.default_rng(0).permutation(np.prod(shape)).reshape(shape).astype(dtype) / dtype(100)
    y, cache = layer.forward(x, train=True)
    dy = normal(y.shape, dtype, seed=2)
    expected, expected_dx, _ = torch_pass(f, x, {}, dy)

    assert_close(y, expected)
    assert_close(layer(x), expected)
    assert_close(layer.backward(dy, cache)[0], expected_dx)


@both_dtypes
@grid
def test_max_pooling_is_that_of_pytorch(shape: Shape, size: Any, stride: Any, padding: Any, dtype: Any) -> None:
    torch = pytest.importorskip("torch")
    compare_with_torch(
        MaxPool2D(size, stride, padding),
        shape,
        dtype,
        lambda x: torch.nn.functional.max_pool2d(x, size, stride, padding),
    )


@both_dtypes
@pytest.mark.parametrize("count", [False, True])
@grid
def test_average_pooling_is_that_of_pytorch(
    shape: Shape, size: Any, stride: Any, padding: Any, count: bool, dtype: Any
) -> None:
    torch = pytest.importorskip("torch")
    compare_with_torch(
        AveragePool2D(size, stride, padding, count_padding=count),
        shape,
        dtype,
        lambda x: torch.nn.functional.avg_pool2d(x, size, stride, padding, count_include_pad=count),
    )


@both_dtypes
def test_global_pooling_is_that_of_pytorch(dtype: Any) -> None:
    pytest.importorskip("torch")
    compare_with_torch(GlobalAveragePool2D(), (3, 5, 4, 6), dtype, lambda x: x.mean(dim=(2, 3)))
    compare_with_torch(GlobalMaxPool2D(), (3, 5, 4, 6), dtype, lambda x: x.amax(dim=(2, 3)))


# With stride 1 onnx's evaluator mixes up the padding of rows and columns; PyTorch judges that case.
@pytest.mark.parametrize(("shape", "size", "stride", "padding"), [g for g in GRID if g[2:] != (1, (1, 0))], ids=str)
def test_pooling_is_that_of_onnx(shape: Shape, size: Any, stride: Any, padding: Any) -> None:
    x = normal(shape, np.float64)
    layer = built(MaxPool2D(size, stride, padding), shape[1:], np.float64)
    (top, bottom), (left, right) = layer.window(shape[1:]).padding
    attributes = {"kernel_shape": layer.pool_size, "strides": layer.stride, "pads": [top, left, bottom, right]}

    assert_close(layer(x), last(onnx_run("MaxPool", [first(x)], **attributes)[0]))
    for count in (False, True):
        mean = built(AveragePool2D(size, stride, padding, count_padding=count), shape[1:], np.float64)
        [expected] = onnx_run("AveragePool", [first(x)], **attributes, count_include_pad=int(count))

        assert_close(mean(x), last(expected))


def test_same_padding_is_onnx_same_upper() -> None:
    x = normal((2, 7, 6, 3), np.float64)
    attributes = {"kernel_shape": [2, 3], "strides": [2, 2], "auto_pad": "SAME_UPPER"}
    layer = built(MaxPool2D((2, 3), 2, "same"), (7, 6, 3), np.float64)

    assert_close(layer(x), last(onnx_run("MaxPool", [first(x)], **attributes)[0]))


def test_global_pooling_is_that_of_onnx() -> None:
    x = normal((2, 5, 4, 3), np.float64)

    for layer, name in ((GlobalAveragePool2D(), "GlobalAveragePool"), (GlobalMaxPool2D(), "GlobalMaxPool")):
        assert_close(built(layer, (5, 4, 3), np.float64)(x), onnx_run(name, [first(x)])[0][:, :, 0, 0])


# What it says


@pytest.mark.parametrize("kind", [MaxPool2D, AveragePool2D])
@pytest.mark.parametrize("padding", [2, (0, 2), ((0, 0), (3, 0))])
def test_padding_as_large_as_the_window_is_refused(kind: Any, padding: Any) -> None:
    with pytest.raises(ArgumentError, match=r"padding must be smaller than the window \(2, 2\)"):
        kind(2, 2, padding)


def test_a_window_larger_than_the_image_is_refused() -> None:
    with pytest.raises(ShapeError, match="MaxPool2D: a window of 3 x 3 pixels does not fit into an image of 2 x 5"):
        MaxPool2D(3).infer_shape((2, 5, 1))


@pytest.mark.parametrize("layer", [MaxPool2D(), AveragePool2D(), GlobalAveragePool2D(), GlobalMaxPool2D()])
def test_vectors_are_refused(layer: Layer[Any]) -> None:
    with pytest.raises(ShapeError, match=r"must be an image \(H, W, C\), got \(784,\)"):
        layer.infer_shape((784,))


def test_whole_numbers_are_pooled_as_floats() -> None:
    layer = built(MaxPool2D(), (2, 2, 1))

    assert layer(np.array([[[[1], [2]], [[3], [4]]]])).item() == 4


ROUNDED = [
    {"size": size, "stride": stride, "padding": padding, "dilation": dilation, "shape": shape}
    for size, stride, padding, dilation, shape in [
        (3, 2, 0, 1, (6, 7)),
        (2, 3, 0, 1, (4, 5)),  # a window that would begin beyond the image does not count
        (3, 2, 1, 1, (6, 8)),  # nor one that would begin in the padding behind it
        (3, 2, 1, 2, (8, 7)),
        (2, 2, 0, 3, (7, 8)),
        (3, 3, 0, 1, (2, 2)),
    ]
]


KINDS = [(kind, how) for how in ROUNDED for kind in ("max", "average", "counting")]


@pytest.mark.parametrize(("kind", "options"), [k for k in KINDS if k[0] == "max" or k[1]["dilation"] == 1], ids=str)
def test_dilation_and_rounding_up_agree_with_pytorch(kind: str, options: dict[str, Any], rng: Any) -> None:
    torch = pytest.importorskip("torch")
    size, stride, padding, dilation, shape = options.values()
    x = rng.standard_normal((2, *shape, 3))
    how = {"stride": stride, "padding": padding, "ceil": True}
    if kind == "max":
        layer: Any = MaxPool2D(size, dilation=dilation, **how)
    else:
        layer = AveragePool2D(size, count_padding=kind == "counting", **how)
    layer.build(x.shape[1:], rng, np.float64)
    y, cache = layer.forward(x)
    tensor = torch.tensor(x.transpose(0, 3, 1, 2), requires_grad=True)
    theirs = {"stride": stride, "padding": padding, "ceil_mode": True}
    if kind == "max":
        other = torch.nn.functional.max_pool2d(tensor, size, dilation=dilation, **theirs)
    else:
        other = torch.nn.functional.avg_pool2d(tensor, size, count_include_pad=kind == "counting", **theirs)
    dy = rng.standard_normal(y.shape)
    other.backward(torch.tensor(dy.transpose(0, 3, 1, 2)))
    np.testing.assert_allclose(y.transpose(0, 3, 1, 2), other.detach().numpy(), rtol=1e-12)
    dx, _ = layer.backward(dy, cache)
    np.testing.assert_allclose(dx.transpose(0, 3, 1, 2), tensor.grad.numpy(), rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("dilation", [(1, 2), (3, 1)])
def test_windows_with_holes_agree_with_the_loops(dilation: Any, rng: Any) -> None:
    x = rng.standard_normal((2, 7, 6, 3)).astype(np.float32)
    how = {"stride": (2, 1), "padding": ((1, 0), (1, 1)), "dilation": dilation}
    y, switch = kernels.max_pool2d(x, (2, 3), **how)
    right, winners = reference.max_pool2d(x, (2, 3), **how)
    assert np.array_equal(y, right)
    assert np.array_equal(switch, winners)
    dy = rng.standard_normal(y.shape).astype(np.float32)
    for count in (False, True):
        counted = {**how, "count_padding": count}
        mean = kernels.average_pool2d(x, (2, 3), **counted)
        np.testing.assert_allclose(mean, reference.average_pool2d(x, (2, 3), **counted), rtol=1e-5, atol=1e-6)
        dx = kernels.average_pool2d_gradient(dy, x.shape, (2, 3), **counted)
        right = reference.average_pool2d_gradient(dy, x.shape, (2, 3), **counted)
        np.testing.assert_allclose(dx, right, rtol=1e-5, atol=1e-6)
    dx = kernels.max_pool2d_gradient(dy, switch, x.shape, (2, 3), **how)
    np.testing.assert_allclose(dx, reference.max_pool2d_gradient(dy, winners, x.shape, (2, 3), **how), rtol=1e-6)


def test_a_pooling_that_rounds_up_is_not_fused_away(rng: Any) -> None:
    network = Sequential([Conv2D(4, 3), ReLU(), MaxPool2D(2, ceil=True)], input_shape=(9, 9, 1))
    x = rng.standard_normal((3, 9, 9, 1)).astype(np.float32)
    assert network.output_shape == (4, 4, 4)
    network = Sequential([Conv2D(4, 2), ReLU(), MaxPool2D(2, 2, ceil=True)], input_shape=(8, 8, 1))
    assert network(np.ones((1, 8, 8, 1), np.float32)).shape == (1, 4, 4, 4)
    np.testing.assert_allclose(network.fused()(x[:, :8, :8]), network.forward(x[:, :8, :8])[0], rtol=1e-5, atol=1e-6)
