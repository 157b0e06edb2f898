"""Convolution: numbers worked out by hand, PyTorch and ONNX on a grid, and what it says about bad arguments."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from peers import assert_close, both_dtypes, built, first, kernel_first, kernel_last, last, normal, onnx_run, torch_pass
from pellucid.errors import ArgumentError, ShapeError, StateError
from pellucid.layers import Conv2D, DepthwiseConv2D, Sequential
from pellucid.typing import Array, Shape

NINE = np.arange(1.0, 10, dtype=np.float32).reshape(1, 3, 3, 1)
"""1 2 3 / 4 5 6 / 7 8 9."""


def conv(kernel: list[list[float]], x: Array, bias: float = 0, **options: Any) -> Array:
    """One channel in, one out, with the given kernel."""
    k = np.array(kernel, np.float32)
    layer = Conv2D(1, k.shape, **options)
    layer.build(x.shape[1:], np.random.default_rng(0))
    layer.params["W"] = k[..., None, None]
    layer.params["b"] = np.array([bias])
    return layer(x)[0, :, :, 0]


# By hand


def test_each_output_is_the_weighted_sum_of_its_window() -> None:
    y = conv([[1, 10], [100, 1000]], NINE, bias=0.5)

    np.testing.assert_array_equal(y, [[5421.5, 6532.5], [8754.5, 9865.5]])


def test_padding_counts_as_zero() -> None:
    y = conv([[1, 1, 1], [1, 1, 1], [1, 1, 1]], NINE, padding=1)

    np.testing.assert_array_equal(y, [[12, 21, 16], [27, 45, 33], [24, 39, 28]])


def test_stride_takes_every_second_window() -> None:
    np.testing.assert_array_equal(conv([[1]], NINE, stride=2), [[1, 3], [7, 9]])


def test_dilation_spreads_the_taps() -> None:
    np.testing.assert_array_equal(conv([[1, 10], [100, 1000]], NINE, dilation=2), [[9731]])


def test_the_odd_pixel_of_same_padding_lies_at_the_bottom_and_the_right() -> None:
    y = conv([[1, 10], [100, 1000]], NINE, padding="same")

    np.testing.assert_array_equal(y, [[5421, 6532, 603], [8754, 9865, 906], [87, 98, 9]])


def test_two_channels_are_summed_and_two_filters_kept_apart() -> None:
    layer = built(Conv2D(2, 1), (1, 1, 2))
    layer.params["W"] = np.array([[1, 10], [2, 20]])[None, None]
    layer.params["b"] = np.array([0, 5])

    np.testing.assert_array_equal(layer(np.array([[[[3, 4]]]], np.float32)), [[[[11, 115]]]])


def test_groups_see_only_their_own_channels() -> None:
    layer = built(Conv2D(4, 1, groups=2, bias=False), (1, 1, 4))
    layer.params["W"] = np.array([[1, 2, 3, 4], [10, 20, 30, 40]])[None, None]

    y = layer(np.array([[[[1, 2, 3, 4]]]], np.float32))

    np.testing.assert_array_equal(y, [[[[21, 42, 129, 172]]]])


def test_depthwise_output_channels_stand_channel_by_channel() -> None:
    layer = built(DepthwiseConv2D(1, 2, bias=False), (1, 1, 2))
    layer.params["W"] = np.array([[[[1, 10, 100, 1000]]]])

    np.testing.assert_array_equal(layer(np.array([[[[2, 3]]]], np.float32)), [[[[2, 20, 300, 3000]]]])


def test_gradients_by_hand() -> None:
    layer = Conv2D(1, 2)
    layer.build((3, 3, 1), np.random.default_rng(0))
    layer.params["W"] = np.array([[1, 10], [100, 1000]])[..., None, None]
    _, cache = layer.forward(NINE)
    dx, grads = layer.backward(np.array([[1, 0], [0, 2]], np.float32)[None, ..., None], cache)

    assert dx is not None
    np.testing.assert_array_equal(dx[0, :, :, 0], [[1, 10, 0], [100, 1002, 20], [0, 200, 2000]])
    np.testing.assert_array_equal(grads["W"][..., 0, 0], [[11, 14], [20, 23]])
    np.testing.assert_array_equal(grads["b"], [3])


# Shapes


@pytest.mark.parametrize("size", [5, 6, 7, 8])
@pytest.mark.parametrize("stride", [1, 2, 3])
@pytest.mark.parametrize("kernel", [1, 2, 3, 5])
@pytest.mark.parametrize("dilation", [1, 2])
def test_same_padding_gives_the_ceiling_of_size_over_stride(size: int, stride: int, kernel: int, dilation: int) -> None:
    layer = Conv2D(4, kernel, stride=stride, padding="same", dilation=dilation)

    assert layer.infer_shape((size, 9, 2)) == (-(-size // stride), -(-9 // stride), 4)


def test_the_parameters_of_the_tutorial_network_are_counted_right() -> None:
    network = Sequential([Conv2D(32, 3), Conv2D(64, 3)], input_shape=(28, 28, 1))

    assert [layer.size for layer in network.layers] == [320, 18_496]
    assert network.output_shape == (24, 24, 64)


def test_weights_begin_with_the_variance_that_their_fan_in_asks_for() -> None:
    layer = built(Conv2D(64, 5, weight="he"), (9, 9, 16))
    grouped = built(Conv2D(64, 5, groups=4, weight="he"), (9, 9, 16))

    assert np.std(layer.params["W"]) == pytest.approx((2 / (5 * 5 * 16)) ** 0.5, rel=0.02)
    assert np.std(grouped.params["W"]) == pytest.approx((2 / (5 * 5 * 4)) ** 0.5, rel=0.02)


def test_geometry_speaks_to_the_kernels() -> None:
    layer = Conv2D(4, 3, stride=2, padding="same", groups=2)

    assert layer.geometry((6, 5, 2)) == {"stride": (2, 2), "padding": ((0, 1), (1, 1)), "dilation": (1, 1), "groups": 2}


# A grid, against the others

GRID: list[tuple[Shape, dict[str, Any]]] = [
    ((2, 6, 7, 3), {"filters": 4, "kernel_size": 3}),
    ((2, 5, 5, 2), {"filters": 3, "kernel_size": (2, 3), "padding": 1}),
    ((3, 8, 6, 1), {"filters": 8, "kernel_size": 5, "padding": (2, 1)}),
    ((1, 7, 7, 4), {"filters": 4, "kernel_size": 1}),
    ((2, 9, 8, 3), {"filters": 5, "kernel_size": 3, "stride": 2}),
    ((2, 9, 8, 3), {"filters": 5, "kernel_size": (3, 1), "stride": (3, 2), "padding": (1, 0)}),
    ((2, 9, 9, 2), {"filters": 3, "kernel_size": 3, "dilation": 2}),
    ((1, 9, 9, 2), {"filters": 3, "kernel_size": 2, "dilation": (3, 2), "stride": 2, "padding": 2}),
    ((2, 6, 6, 4), {"filters": 6, "kernel_size": 3, "groups": 2, "padding": 1}),
    ((2, 6, 6, 6), {"filters": 6, "kernel_size": 3, "groups": 6, "stride": 2}),
    ((2, 6, 6, 3), {"filters": 9, "kernel_size": 3, "groups": 3, "dilation": 2, "padding": 2}),
    ((2, 12, 12, 16), {"filters": 32, "kernel_size": 3, "padding": 1}),
    ((3, 11, 10, 32), {"filters": 16, "kernel_size": 3}),
    ((2, 28, 28, 1), {"filters": 10, "kernel_size": 5}),
    ((2, 7, 9, 20), {"filters": 17, "kernel_size": 3, "padding": ((0, 2), (1, 0))}),
    ((1, 3, 3, 2), {"filters": 2, "kernel_size": 3, "padding": ((2, 0), (0, 1)), "stride": 2}),
    ((2, 7, 6, 3), {"filters": 2, "kernel_size": 4, "stride": 3, "padding": "same"}),
    ((2, 6, 6, 3), {"filters": 2, "kernel_size": 2, "padding": "same", "bias": False}),
]
grid = pytest.mark.parametrize(("shape", "options"), GRID, ids=[f"{s} {o}" for s, o in GRID])


def torch_conv(layer: Conv2D | DepthwiseConv2D, input_shape: Shape) -> Any:
    """The same convolution as a function of PyTorch; padding by hand, as its own is even on both sides."""
    torch = pytest.importorskip("torch")
    geometry = layer.geometry(input_shape)
    (top, bottom), (left, right) = geometry["padding"]

    def f(x: Any, W: Any, b: Any = None) -> Any:
        padded = torch.nn.functional.pad(x, (left, right, top, bottom))
        return torch.nn.functional.conv2d(padded, W, b, geometry["stride"], 0, geometry["dilation"], geometry["groups"])

    return f


def torch_params(layer: Any) -> dict[str, Array]:
    return {key: kernel_first(p) if key == "W" else p for key, p in layer.params.items()}


@both_dtypes
@grid
def test_values_and_gradients_are_those_of_pytorch(shape: Shape, options: dict[str, Any], dtype: Any) -> None:
    layer = built(Conv2D(**options), shape[1:], dtype)
    x = normal(shape, dtype)
    y, cache = layer.forward(x, train=True)
    dy = normal(y.shape, dtype, seed=2)
    dx, grads = layer.backward(dy, cache)

    expected, expected_dx, expected_grads = torch_pass(torch_conv(layer, shape[1:]), x, torch_params(layer), dy)

    assert_close(y, expected)
    assert_close(layer(x), expected)
    assert_close(dx, expected_dx)
    assert_close(grads["W"], kernel_last(expected_grads["W"]))
    if layer.bias:
        assert_close(grads["b"], expected_grads["b"])


@both_dtypes
@pytest.mark.parametrize("multiplier", [1, 2, 3])
@pytest.mark.parametrize("padding", ["same", "valid", 1])
def test_depthwise_is_that_of_pytorch(multiplier: int, padding: Any, dtype: Any) -> None:
    layer = built(DepthwiseConv2D(3, multiplier, stride=2, padding=padding), (7, 8, 5), dtype)
    x = normal((2, 7, 8, 5), dtype)
    y, cache = layer.forward(x)
    dy = normal(y.shape, dtype, seed=2)
    dx, grads = layer.backward(dy, cache)

    expected, expected_dx, expected_grads = torch_pass(torch_conv(layer, (7, 8, 5)), x, torch_params(layer), dy)

    assert_close(y, expected)
    assert_close(dx, expected_dx)
    assert_close(grads["W"], kernel_last(expected_grads["W"]))
    assert_close(grads["b"], expected_grads["b"])


@grid
def test_values_are_those_of_onnx(shape: Shape, options: dict[str, Any]) -> None:
    layer = built(Conv2D(**options), shape[1:], np.float64)
    x = normal(shape, np.float64)
    geometry = layer.geometry(shape[1:])
    (top, bottom), (left, right) = geometry["padding"]
    inputs = [first(x), kernel_first(layer.params["W"]), layer.params.get("b", np.zeros(layer.filters))]
    [expected] = onnx_run(
        "Conv",
        inputs,
        strides=geometry["stride"],
        dilations=geometry["dilation"],
        group=geometry["groups"],
        pads=[top, left, bottom, right],
    )

    assert_close(layer(x), last(expected))


def test_same_padding_is_onnx_same_upper() -> None:
    layer = built(Conv2D(2, 4, stride=3, padding="same"), (7, 6, 3), np.float64)
    x = normal((2, 7, 6, 3), np.float64)
    inputs = [first(x), kernel_first(layer.params["W"]), layer.params["b"]]
    [expected] = onnx_run("Conv", inputs, strides=[3, 3], auto_pad="SAME_UPPER")

    assert_close(layer(x), last(expected))


# What it says


def test_x_with_channels_first_is_refused_with_the_remedy() -> None:
    layer = built(Conv2D(4, 3), (28, 28, 3))

    with pytest.raises(ShapeError, match=r"x must have shape \(N, 28, 28, 3\), got \(2, 3, 28, 28\). The channel axis"):
        layer(np.zeros((2, 3, 28, 28), np.float32))


def test_samples_that_are_no_images_are_refused() -> None:
    with pytest.raises(ShapeError, match=r"must be an image \(H, W, C\), got \(28, 28\). Add the channel axis"):
        Conv2D(4, 3).infer_shape((28, 28))
    with pytest.raises(ShapeError, match=r"must be an image \(H, W, C\), got \(784,\). Put Reshape"):
        Conv2D(4, 3, name="first").infer_shape((784,))


def test_a_kernel_larger_than_the_image_is_refused() -> None:
    with pytest.raises(ShapeError, match=r"window of 9 x 5 pixels does not fit into an image of 8 x 8"):
        Conv2D(4, (5, 3), dilation=2).infer_shape((8, 8, 1))


def test_groups_must_divide_channels_and_filters() -> None:
    with pytest.raises(ArgumentError, match="filters must be a multiple of groups=2, got 3"):
        Conv2D(3, 3, groups=2)
    with pytest.raises(ShapeError, match="input's channels must be a multiple of groups=2, got 3"):
        Conv2D(4, 3, groups=2).infer_shape((8, 8, 3))


@pytest.mark.parametrize("padding", ["sam", -1, 1.5, (1, 2, 3), ((1, 2), 3, 4), None, True, ((1, -1), (0, 0)), "12"])
def test_padding_that_is_none_is_refused(padding: Any) -> None:
    with pytest.raises(ArgumentError, match="Conv2D: padding must be"):
        Conv2D(4, 3, padding=padding)


@pytest.mark.parametrize("option", ["filters", "kernel_size", "stride", "dilation", "groups"])
@pytest.mark.parametrize("value", [0, -1, 2.5, "3"])
def test_sizes_below_one_are_refused(option: str, value: Any) -> None:
    with pytest.raises(ArgumentError, match=f"Conv2D: {option} must be"):
        Conv2D(**{"filters": 4, "kernel_size": 3, option: value})


def test_a_layer_that_is_not_built_says_so() -> None:
    with pytest.raises(StateError, match="Conv2D: not built yet"):
        Conv2D(4, 3)(np.zeros((1, 8, 8, 1), np.float32))


def test_whole_numbers_are_taken_as_floats() -> None:
    assert conv([[1, 1], [1, 1]], NINE.astype(np.uint8)).dtype == np.float32
