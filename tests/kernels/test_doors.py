"""The public doors: right numbers or an error of the package, whatever comes."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from pellucid import kernels
from pellucid.errors import ArgumentError, PellucidError, ShapeError
from pellucid.kernels import reference
from pellucid.kernels.dense.matmul import matmul
from pellucid.kernels.elementwise import plan as elementwise
from pellucid.kernels.elementwise.plan import DropoutKey

RNG = np.random.default_rng(0)
X = RNG.standard_normal((2, 9, 9, 16)).astype(np.float32)
W = RNG.standard_normal((3, 3, 16, 16)).astype(np.float32)
DY = RNG.standard_normal((2, 7, 7, 16)).astype(np.float32)
B = RNG.standard_normal(16).astype(np.float32)

CONVOLUTIONS: dict[str, Callable[..., Any]] = {
    "conv2d": lambda **how: kernels.conv2d(X, W, B, **how),
    "conv2d_relu_max_pool": lambda **how: kernels.conv2d_relu_max_pool(X, W, B, **how),
    "conv2d_backward": lambda **how: kernels.conv2d_backward(X, DY, W, **how),
    "conv2d_input_gradient": lambda **how: kernels.conv2d_input_gradient(DY, W, X.shape, **how),
    "conv2d_weight_gradient": lambda **how: kernels.conv2d_weight_gradient(X, DY, W.shape, **how),
    "conv_transpose2d": lambda **how: kernels.conv_transpose2d(DY, W, **how),
    "choose": lambda **how: kernels.choose(X.shape, W.shape, **how),
}
POOLS: dict[str, Callable[..., Any]] = {
    "max_pool2d": lambda size=(2, 2), **how: kernels.max_pool2d(X, size, **how),
    "average_pool2d": lambda size=(2, 2), **how: kernels.average_pool2d(X, size, **how),
    "max_pool2d_gradient": lambda size=(2, 2), **how: kernels.max_pool2d_gradient(
        DY, np.zeros(DY.shape, np.uint8), X.shape, size, **how
    ),
    "average_pool2d_gradient": lambda size=(2, 2), **how: kernels.average_pool2d_gradient(DY, X.shape, size, **how),
}
STRANGE_WINDOWS: list[dict[str, Any]] = [
    {"stride": (0, 1)},
    {"stride": (1, -1)},
    {"stride": (2**31, 1)},
    {"stride": (2**63, 1)},
    {"stride": (1.5, 1)},
    {"stride": 2},
    {"padding": ((-2, -2), (-2, -2))},
    {"padding": ((0, 0), (0, -1))},
    {"padding": ((2**63, 0), (0, 0))},
    {"padding": 1},
    {"padding": ((0, 0),)},
]


@pytest.mark.parametrize("how", STRANGE_WINDOWS, ids=str)
@pytest.mark.parametrize("name", [*CONVOLUTIONS, *POOLS])
def test_windows_that_are_none_are_refused(name: str, how: dict[str, Any]) -> None:
    with pytest.raises(PellucidError, match="conv|pool|choose"):
        {**CONVOLUTIONS, **POOLS}[name](**how)


@pytest.mark.parametrize(
    "how", [{"dilation": (-1, -1)}, {"dilation": (1, 0)}, {"groups": 0}, {"groups": -1}, {"groups": 3}]
)
@pytest.mark.parametrize("name", CONVOLUTIONS)
def test_dilation_and_groups_that_are_none_are_refused(name: str, how: dict[str, Any]) -> None:
    with pytest.raises(PellucidError, match="conv|pool|choose"):
        CONVOLUTIONS[name](**how)


@pytest.mark.parametrize("size", [(0, 1), (-1, 2), (2,), (2, 2, 2), (2**63, 1)])
@pytest.mark.parametrize("name", POOLS)
def test_pooling_sizes_that_are_none_are_refused(name: str, size: tuple[int, ...]) -> None:
    with pytest.raises(PellucidError, match="conv|pool|choose"):
        POOLS[name](size)


@pytest.mark.parametrize("shape", [(9, 9, 16), (1, 2, 9, 9, 16), (2, 9, 9, 15), (), (0,), (2, 9, 9, 0)])
def test_images_of_another_rank_or_channels_are_refused(shape: tuple[int, ...]) -> None:
    x = np.zeros(shape, np.float32)
    with pytest.raises(ShapeError):
        kernels.conv2d(x, W)
    with pytest.raises(ShapeError):
        kernels.conv2d_backward(x, DY, W)
    if len(shape) != 4:
        with pytest.raises(ShapeError):
            kernels.max_pool2d(x, (2, 2))
        with pytest.raises(ShapeError):
            kernels.average_pool2d(x, (2, 2))


@pytest.mark.parametrize("shape", [(3, 3, 16), (3, 3, 16, 16, 1), (0, 3, 16, 16), (3, 3, 0, 16), (9,)])
def test_kernels_of_another_rank_or_without_numbers_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(PellucidError):
        kernels.conv2d(X, np.zeros(shape, np.float32))
    with pytest.raises(PellucidError):
        kernels.conv2d_weight_gradient(X, DY, shape)


@pytest.mark.parametrize("shape", [(15,), (1,), (1, 16), (16, 1), (0,)])
def test_biases_that_would_spread_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(ShapeError):
        kernels.conv2d(X, W, np.zeros(shape, np.float32))
    with pytest.raises(ShapeError):
        kernels.conv_transpose2d(DY, W, np.zeros(shape, np.float32))


@pytest.mark.parametrize("dtype", [np.int64, np.uint8, bool, np.complex64, np.float16, object, "U3"])
def test_dtypes_that_are_no_floats_are_refused(dtype: Any) -> None:
    for call in (
        lambda: kernels.conv2d(X.astype(dtype), W),
        lambda: kernels.conv2d(X, W.astype(dtype)),
        lambda: kernels.conv2d(X, W, B.astype(dtype)),
        lambda: kernels.conv2d_backward(X, DY.astype(dtype), W),
        lambda: kernels.max_pool2d(X.astype(dtype), (2, 2)),
        lambda: kernels.average_pool2d(X.astype(dtype), (2, 2)),
    ):
        with pytest.raises(ArgumentError, match="float32 or float64"):
            call()


def views(a: np.ndarray) -> dict[str, np.ndarray]:
    """The same numbers in other arrays."""
    read_only = a.copy()
    read_only.flags.writeable = False
    apart = np.zeros((*a.shape[:-1], 2 * a.shape[-1]), a.dtype)[..., ::2]
    apart[...] = a
    at_odd_bytes = np.frombuffer(b"?" + a.tobytes(), np.uint8)[1:].view(a.dtype).reshape(a.shape)
    return {
        "read-only": read_only,
        "turned": np.asfortranarray(a),
        "apart": apart,
        "odd": at_odd_bytes,
        "backwards": a[..., ::-1].copy()[..., ::-1],
        "swapped": a.astype(a.dtype.newbyteorder()),
        "float64": a.astype(np.float64),
        "list": a.tolist(),
    }


@pytest.mark.parametrize("kind", views(B))
def test_arrays_of_any_making_give_the_numbers_of_plain_ones(kind: str) -> None:
    x, w, b, dy = (views(a)[kind] for a in (X, W, B, DY))
    y, (dx, dw, db) = kernels.conv2d(X, W, B), kernels.conv2d_backward(X, DY, W)

    np.testing.assert_allclose(kernels.conv2d(x, w, b), y, rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(kernels.conv2d(x, W, b), y, rtol=1e-4, atol=1e-4)
    for got, wanted in zip(kernels.conv2d_backward(x, dy, w), (dx, dw, db), strict=True):
        np.testing.assert_allclose(got, wanted, rtol=1e-4, atol=1e-3)
    pooled, switch = kernels.max_pool2d(X, (3, 3), stride=(1, 1))
    np.testing.assert_array_equal(kernels.max_pool2d(x, (3, 3), stride=(1, 1))[0], pooled)
    np.testing.assert_allclose(
        kernels.max_pool2d_gradient(dy, switch, X.shape, (3, 3), stride=(1, 1)),
        kernels.max_pool2d_gradient(DY, switch, X.shape, (3, 3), stride=(1, 1)),
        rtol=1e-5,
        atol=1e-5,
    )


def test_an_out_that_lies_on_what_is_read_gets_the_right_numbers() -> None:
    x, w = X.copy(), np.ascontiguousarray(W[1:2, 1:2])
    wanted = kernels.conv2d(x, w)
    assert np.array_equal(kernels.conv2d(x, w, out=x), wanted)
    dy = X.copy()
    wanted = kernels.conv2d_input_gradient(dy, w, dy.shape)
    assert np.array_equal(kernels.conv2d_input_gradient(dy, w, dy.shape, out=dy), wanted)
    a = RNG.standard_normal((40, 40)).astype(np.float32)
    wanted = matmul(a, a)
    assert np.array_equal(matmul(a, a, out=a), wanted)
    line = RNG.standard_normal(100_001).astype(np.float32)
    wanted = np.maximum(line[:-1], 0)
    assert np.array_equal(elementwise.relu(line[:-1], out=line[1:]), wanted)


@pytest.mark.parametrize("out", [np.zeros((2, 7, 7, 16), np.int32), np.zeros((2, 7, 7, 15), np.float32)])
def test_an_out_of_another_kind_is_refused(out: np.ndarray) -> None:
    with pytest.raises(ShapeError, match="out"):
        kernels.conv2d(X, W, out=out)


def test_outputs_that_no_memory_holds_are_refused() -> None:
    far = 2**31 - 1
    with pytest.raises(ShapeError, match="cannot be made"):
        kernels.conv2d(X, W, padding=((far, far), (far, far)))
    with pytest.raises(ShapeError, match="cannot be made"):
        kernels.max_pool2d(X, (1, 1), padding=((far, far), (far, far)))
    with pytest.raises(PellucidError):
        kernels.choose((1, 2**40, 2**40, 16), W.shape)
    with pytest.raises(PellucidError):
        kernels.conv2d_input_gradient(DY, W, (2, -9, 9, 16))
    with pytest.raises(PellucidError):
        kernels.conv_transpose2d(DY, W, padding=((20, 20), (0, 0)))


@pytest.mark.parametrize("output_padding", [(-1, 0), (5, 5), 1])
def test_output_padding_that_is_none_is_refused(output_padding: Any) -> None:
    with pytest.raises(PellucidError):
        kernels.conv_transpose2d(DY, W, output_padding=output_padding)


def test_what_is_not_wanted_of_no_outputs_is_none_too() -> None:
    empty = kernels.conv2d_backward(X[:0], DY[:0], W, want_dx=False)
    assert empty[0] is None
    assert np.array_equal(empty[1], np.zeros_like(W))
    assert kernels.conv2d_backward(X[:0], DY[:0], W, want_dw=False)[1:] == (None, None)


@pytest.mark.parametrize("place", [(0, 0, 0, 0), (1, 8, 8, 15), (1, 4, 4, 3)])
def test_nan_reaches_the_outputs_that_see_it_and_no_others_in_any_kernel(place: tuple[int, int, int, int]) -> None:
    x = X.copy()
    x[place] = np.nan
    for w, groups in ((W[:1, :1], 1), (np.ascontiguousarray(W[:, :, :1]), 16), (W[:, :2], 1)):
        assert np.array_equal(
            np.isnan(kernels.conv2d(x, w, groups=groups)), np.isnan(reference.conv2d(x, w, groups=groups))
        )


# Large strides, dilations and windows


@pytest.mark.parametrize("stride", [(256, 256), (10_000, 10_000), (1, 300), (2**31 - 1, 2)])
@pytest.mark.parametrize(
    ("x_shape", "w_shape", "groups"),
    [
        ((2, 9, 8, 3), (3, 3, 3, 20), 1),
        ((2, 9, 8, 24), (3, 3, 24, 20), 1),
        ((2, 9, 8, 24), (3, 3, 1, 24), 24),
        ((2, 9, 8, 24), (1, 1, 24, 24), 1),
        ((2, 9, 8, 4), (2, 3, 2, 6), 2),
    ],
)
def test_strides_beyond_the_image_are_right_and_cost_nothing(
    x_shape: tuple[int, ...], w_shape: tuple[int, ...], groups: int, stride: tuple[int, int]
) -> None:
    how: dict[str, Any] = {"stride": stride, "padding": ((1, 2), (3, 0)), "groups": groups}
    x, w = RNG.standard_normal(x_shape), RNG.standard_normal(w_shape)
    dy = RNG.standard_normal(reference.conv2d(x, w, **how).shape)
    wanted = (
        reference.conv2d_input_gradient(dy, w, x.shape, **how),
        reference.conv2d_weight_gradient(x, dy, w.shape, **how),
    )
    for dtype in (np.float32, np.float64):
        dx, dw, _ = kernels.conv2d_backward(x.astype(dtype), dy.astype(dtype), w.astype(dtype), **how)
        np.testing.assert_allclose(dx, wanted[0], rtol=1e-4, atol=1e-4)
        np.testing.assert_allclose(dw, wanted[1], rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("size", [1000, 10_000, 2**31 - 1])
def test_a_window_far_larger_than_the_image_pools_all_of_it(size: int, dtype: type) -> None:
    x = RNG.standard_normal((2, 5, 7, 3)).astype(dtype)
    padding = tuple(((size - pixels) // 2, size - pixels - (size - pixels) // 2) for pixels in (5, 7))
    y, switch = kernels.max_pool2d(x, (size, size), padding=padding)
    dy = np.ones_like(y)

    assert np.array_equal(y, x.max(axis=(1, 2), keepdims=True))
    assert np.array_equal(kernels.max_pool2d_gradient(dy, switch, x.shape, (size, size), padding=padding), x == y)
    np.testing.assert_allclose(
        kernels.average_pool2d(x, (size, size), padding=padding), x.mean((1, 2), keepdims=True), rtol=1e-4, atol=1e-5
    )
    np.testing.assert_allclose(
        kernels.average_pool2d_gradient(dy, x.shape, (size, size), padding=padding), 1 / 35, rtol=1e-5
    )


# Element by element, and the product


def test_elementwise_kernels_refuse_whole_numbers_and_probabilities_that_are_none() -> None:
    with pytest.raises(ArgumentError):
        elementwise.relu(np.arange(3))
    for p in (-0.1, 1.0, math.nan, 2):
        with pytest.raises(ArgumentError):
            elementwise.dropout(np.ones(3, np.float32), DropoutKey(1, 2), p)
    with pytest.raises(ArgumentError):
        elementwise.relu_gradient(np.ones(3, np.float32), np.ones(4, np.float32))


@pytest.mark.parametrize("shape", [(3,), (2, 2, 3), (0, 4)])
def test_products_refuse_what_is_no_matrix_that_fits(shape: tuple[int, ...]) -> None:
    with pytest.raises(ShapeError):
        matmul(np.ones(shape, np.float32), np.ones((3, 4), np.float32))
    with pytest.raises(ShapeError):
        matmul(np.ones((1, 3), np.float32), np.ones((3, 4), np.float32), out=np.ones(shape, np.float32))


def test_products_do_not_write_where_they_may_not() -> None:
    out = np.zeros((1, 1000), np.float32)
    out.flags.writeable = False
    with pytest.raises(ShapeError, match="read-only"):
        matmul(np.ones((1, 500), np.float32), np.ones((500, 1000), np.float32), out=out)
