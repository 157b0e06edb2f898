"""Borders and enlargement, by hand and against PyTorch; and dropout of channels."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from peers import assert_close, both_dtypes, built, normal, torch_pass
from pellucid.errors import ArgumentError, ShapeError, UnknownNameError
from pellucid.layers import SpatialDropout2D, Upsample2D, ZeroPad2D
from pellucid.typing import Array


def image(rows: list[list[float]]) -> Array:
    return np.array(rows, np.float32)[None, ..., None]


# A border


def test_zeros_surround_the_image_and_the_gradient_loses_its_border() -> None:
    layer = built(ZeroPad2D(((1, 0), (0, 2))), (1, 2, 1))
    y, cache = layer.forward(image([[5, 6]]))
    dx, _ = layer.backward(image([[1, 2, 3, 4], [5, 6, 7, 8]]), cache)

    np.testing.assert_array_equal(y[0, :, :, 0], [[0, 0, 0, 0], [5, 6, 0, 0]])
    np.testing.assert_array_equal(dx[0, :, :, 0], [[5, 6]])


def test_a_number_is_a_border_on_all_sides_and_a_pair_one_by_axis() -> None:
    assert ZeroPad2D(2).infer_shape((3, 4, 5)) == (7, 8, 5)
    assert ZeroPad2D((1, 0)).infer_shape((3, 4, 5)) == (5, 4, 5)
    assert ZeroPad2D(0).infer_shape((3, 4, 5)) == (3, 4, 5)


@pytest.mark.parametrize("padding", ["same", "valid", -1, (1, 2, 3)])
def test_a_border_is_a_number_of_pixels(padding: Any) -> None:
    with pytest.raises(ArgumentError, match="ZeroPad2D: padding must be"):
        ZeroPad2D(padding)


# Enlargement


def test_nearest_repeats_pixels_and_sums_their_gradients() -> None:
    layer = built(Upsample2D((2, 3)), (1, 2, 1))
    y, cache = layer.forward(image([[5, 6]]))
    dx, _ = layer.backward(image([[1, 2, 3, 4, 5, 6], [10, 20, 30, 40, 50, 60]]), cache)

    np.testing.assert_array_equal(y[0, :, :, 0], [[5, 5, 5, 6, 6, 6]] * 2)
    np.testing.assert_array_equal(dx[0, :, :, 0], [[66, 165]])


def test_bilinear_lies_between_the_pixels() -> None:
    layer = built(Upsample2D((1, 2), mode="bilinear"), (1, 3, 1))

    np.testing.assert_allclose(layer(image([[0, 4, 8]]))[0, :, :, 0], [[0, 1, 3, 5, 7, 8]])


@both_dtypes
@pytest.mark.parametrize("mode", ["nearest", "bilinear"])
@pytest.mark.parametrize("factor", [1, 2, (3, 2), (1, 5)])
@pytest.mark.parametrize("shape", [(2, 3, 4, 5), (1, 1, 6, 2), (3, 7, 1, 1)], ids=str)
def test_upsampling_is_that_of_pytorch(shape: Any, factor: Any, mode: str, dtype: Any) -> None:
    torch = pytest.importorskip("torch")
    layer = built(Upsample2D(factor, mode=mode), shape[1:], dtype)
    x = normal(shape, dtype)
    y, cache = layer.forward(x)
    dy = normal(y.shape, dtype, seed=2)

    expected, expected_dx, _ = torch_pass(
        lambda x: torch.nn.functional.interpolate(
            x,
            size=(shape[1] * layer.factor[0], shape[2] * layer.factor[1]),
            mode=mode,
            align_corners=None if mode == "nearest" else False,
        ),
        x,
        {},
        dy,
    )

    assert_close(y, expected)
    assert_close(layer.backward(dy, cache)[0], expected_dx)


def test_upsampling_options_are_checked() -> None:
    with pytest.raises(UnknownNameError, match="unknown mode 'bilineal'. Did you mean 'bilinear'"):
        Upsample2D(mode="bilineal")
    with pytest.raises(ArgumentError, match="factor must be a whole number of at least 1, got 0.5"):
        Upsample2D(0.5)  # type: ignore[arg-type]
    with pytest.raises(ShapeError, match="must be an image"):
        Upsample2D().infer_shape((4,))


# Channels that fall silent


def test_spatial_dropout_drops_whole_channels_and_scales_the_others() -> None:
    layer = built(SpatialDropout2D(0.25), (5, 4, 40))
    y, _ = layer.forward(np.ones((20, 5, 4, 40), np.float32), train=True, rng=np.random.default_rng(0))
    channels = y[:, 0, 0]

    np.testing.assert_array_equal(y, np.broadcast_to(channels[:, None, None], y.shape))
    assert set(np.unique(channels)) == {0, np.float32(1 / 0.75)}
    assert (channels == 0).mean() == pytest.approx(0.25, abs=0.05)
    assert not (channels == channels[0]).all()  # each sample draws for itself


def test_spatial_dropout_says_its_own_name() -> None:
    with pytest.raises(ArgumentError, match=r"SpatialDropout2D: drop_probability must lie in \[0, 1\), got 1"):
        SpatialDropout2D(1)
    with pytest.raises(ShapeError, match="SpatialDropout2D: an input sample must be an image"):
        SpatialDropout2D(0.5).infer_shape((10,))
