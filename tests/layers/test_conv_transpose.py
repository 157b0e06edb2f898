"""Transposed convolution: by hand, as the adjoint of a convolution, and against PyTorch and ONNX."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from peers import assert_close, both_dtypes, built, first, kernel_first, kernel_last, last, normal, onnx_run, torch_pass
from pellucid.errors import ArgumentError, ShapeError
from pellucid.layers import Conv2D, ConvTranspose2D
from pellucid.typing import Array, Shape


def stamp(kernel: list[list[float]], x: list[list[float]], **options: Any) -> Array:
    """One channel in, one out, with the given kernel and no bias."""
    k, image = np.array(kernel), np.array(x)
    layer = ConvTranspose2D(1, k.shape, bias=False, **options)
    layer.build((*image.shape, 1), np.random.default_rng(0), np.float64)
    layer.params["W"] = k[..., None, None]
    return layer(image[None, ..., None])[0, :, :, 0]


# By hand


def test_each_pixel_stamps_the_kernel() -> None:
    np.testing.assert_array_equal(stamp([[1, 2], [3, 4]], [[10]]), [[10, 20], [30, 40]])


def test_stamps_that_overlap_add_up() -> None:
    y = stamp([[1, 2], [3, 4]], [[1, 10]])

    np.testing.assert_array_equal(y, [[1, 12, 20], [3, 34, 40]])


def test_stride_sets_the_stamps_apart() -> None:
    y = stamp([[1, 2], [3, 4]], [[1, 10]], stride=2)

    np.testing.assert_array_equal(y, [[1, 2, 10, 20], [3, 4, 30, 40]])


def test_padding_cuts_the_border_off() -> None:
    y = stamp([[1, 2], [3, 4]], [[1, 10]], stride=2, padding=((1, 0), (0, 1)))

    np.testing.assert_array_equal(y, [[3, 4, 30]])


def test_output_padding_adds_rows_and_columns() -> None:
    y = stamp([[1]], [[1, 10]], stride=(2, 3), output_padding=(1, 2))

    np.testing.assert_array_equal(y, [[1, 0, 0, 10, 0, 0], [0, 0, 0, 0, 0, 0]])


@pytest.mark.parametrize("kernel", [1, 2, 3, 4, 5])
@pytest.mark.parametrize("stride", [1, 2, 3])
def test_same_padding_multiplies_the_size_by_the_stride(kernel: int, stride: int) -> None:
    layer = built(ConvTranspose2D(2, kernel, stride=stride, padding="same"), (4, 5, 3))

    assert layer.output_shape == (4 * stride, 5 * stride, 2)
    assert layer(normal((1, 4, 5, 3))).shape == (1, 4 * stride, 5 * stride, 2)


# The other way of a convolution


@pytest.mark.parametrize("groups", [1, 2])
@pytest.mark.parametrize(("stride", "padding", "dilation"), [(1, 0, 1), (2, 1, 1), (1, 2, 2), (2, "same", 1)])
def test_it_is_the_input_gradient_of_the_convolution_with_its_kernel(
    groups: int, stride: int, padding: Any, dilation: int
) -> None:
    options: dict[str, Any] = {"stride": stride, "padding": padding, "dilation": dilation, "groups": groups}
    up = built(ConvTranspose2D(4, 3, bias=False, **options), (5, 4, 2), np.float64)
    assert up.output_shape is not None
    down = built(Conv2D(2, 3, bias=False, **options), up.output_shape, np.float64)
    down.params["W"] = up.params["W"]
    x = normal((3, 5, 4, 2), np.float64)

    y, cache = down.forward(np.zeros((3, *up.output_shape)))
    expected, _ = down.backward(x, cache)

    assert y.shape == x.shape
    assert_close(up(x), expected)


@pytest.mark.parametrize("groups", [1, 2])
def test_weights_are_drawn_as_those_of_the_convolution_between_the_same_channels(groups: int) -> None:
    drawn = built(Conv2D(6, 3, groups=groups), (5, 5, 4)).params["W"]  # (3, 3, C/G, F)
    W = built(ConvTranspose2D(6, 3, groups=groups), (5, 5, 4)).params["W"]  # (3, 3, F/G, C)
    c, f = 4 // groups, 6 // groups

    for g in range(groups):
        expected = drawn[..., g * f : (g + 1) * f].swapaxes(2, 3)
        np.testing.assert_array_equal(W[..., g * c : (g + 1) * c], expected)


def test_the_fans_count_the_channels_that_come_in() -> None:
    layer = built(ConvTranspose2D(4, 5, weight="he"), (3, 3, 200))

    assert np.std(layer.params["W"]) == pytest.approx((2 / (5 * 5 * 200)) ** 0.5, rel=0.02)


# A grid, against the others

GRID: list[tuple[Shape, dict[str, Any]]] = [
    ((2, 4, 5, 3), {"filters": 4, "kernel_size": 3}),
    ((2, 4, 5, 3), {"filters": 2, "kernel_size": (3, 2), "stride": 2}),
    ((2, 4, 4, 2), {"filters": 3, "kernel_size": 3, "stride": 2, "padding": 1, "output_padding": 1}),
    ((1, 3, 3, 2), {"filters": 3, "kernel_size": 4, "stride": (3, 2), "padding": (1, 2), "output_padding": (2, 0)}),
    ((2, 4, 4, 2), {"filters": 3, "kernel_size": 3, "dilation": 2, "padding": 1}),
    ((2, 4, 4, 4), {"filters": 6, "kernel_size": 3, "groups": 2, "stride": 2}),
    ((2, 4, 4, 3), {"filters": 3, "kernel_size": 2, "groups": 3, "dilation": (1, 2)}),
    ((2, 6, 6, 16), {"filters": 24, "kernel_size": 3, "padding": 1}),
    ((1, 3, 4, 2), {"filters": 2, "kernel_size": 1, "stride": 3, "output_padding": 2}),
    ((2, 3, 3, 2), {"filters": 2, "kernel_size": 3, "bias": False}),
]
grid = pytest.mark.parametrize(("shape", "options"), GRID, ids=[f"{s} {o}" for s, o in GRID])


def torch_params(layer: Any) -> dict[str, Array]:
    return {key: kernel_first(p) if key == "W" else p for key, p in layer.params.items()}


@both_dtypes
@grid
def test_values_and_gradients_are_those_of_pytorch(shape: Shape, options: dict[str, Any], dtype: Any) -> None:
    torch = pytest.importorskip("torch")
    layer = built(ConvTranspose2D(**options), shape[1:], dtype)
    x = normal(shape, dtype)
    y, cache = layer.forward(x, train=True)
    dy = normal(y.shape, dtype, seed=2)
    dx, grads = layer.backward(dy, cache)

    def f(x: Any, W: Any, b: Any = None) -> Any:
        padding = [edges[0] for edges in layer.cut()[0]]
        more = layer.output_padding, layer.groups, layer.dilation
        return torch.nn.functional.conv_transpose2d(x, W, b, layer.stride, padding, *more)

    expected, expected_dx, expected_grads = torch_pass(f, x, torch_params(layer), dy)

    assert_close(y, expected)
    assert_close(dx, expected_dx)
    assert_close(grads["W"], kernel_last(expected_grads["W"]))
    if layer.bias:
        assert_close(grads["b"], expected_grads["b"])


# onnx's evaluator mixes up the groups of a transposed convolution; PyTorch judges those.
@pytest.mark.parametrize(
    ("shape", "options"), [(s, o) for s, o in GRID if "groups" not in o], ids=lambda value: str(value)
)
def test_values_are_those_of_onnx(shape: Shape, options: dict[str, Any]) -> None:
    layer = built(ConvTranspose2D(**options), shape[1:], np.float64)
    x = normal(shape, np.float64)
    ((top, bottom), (left, right)), extra = layer.cut()
    [expected] = onnx_run(
        "ConvTranspose",
        [first(x), kernel_first(layer.params["W"]), layer.params.get("b", np.zeros(layer.filters))],
        kernel_shape=layer.kernel_size,
        strides=layer.stride,
        dilations=layer.dilation,
        pads=[top, left, bottom, right],
        output_padding=extra,
    )

    assert_close(layer(x), last(expected))


# What it says


def test_output_padding_must_be_smaller_than_the_stride() -> None:
    with pytest.raises(ArgumentError, match=r"output_padding must be smaller than stride=\(2, 2\), got 2"):
        ConvTranspose2D(4, 3, stride=2, output_padding=2)
    with pytest.raises(ArgumentError, match="output_padding must be a whole number of at least 0, got -1"):
        ConvTranspose2D(4, 3, stride=2, output_padding=-1)
    with pytest.raises(ArgumentError, match="padding='same' chooses output_padding itself"):
        ConvTranspose2D(4, 3, stride=2, padding="same", output_padding=1)


def test_padding_that_leaves_nothing_is_refused() -> None:
    with pytest.raises(ShapeError, match=r"cuts away all of the output for an image of 1 x 1"):
        ConvTranspose2D(4, 3, padding=2).infer_shape((1, 1, 3))


def test_groups_must_divide_channels_and_filters() -> None:
    with pytest.raises(ArgumentError, match="filters must be a multiple of groups=2, got 3"):
        ConvTranspose2D(3, 3, groups=2)
    with pytest.raises(ShapeError, match="input's channels must be a multiple of groups=2, got 3"):
        ConvTranspose2D(4, 3, groups=2).infer_shape((8, 8, 3))
