from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose

from pellucid import plots
from pellucid.errors import ArgumentError, DataError, ShapeError
from pellucid.pictures.scale import Scale
from pellucid.pictures.weights import mosaic


def pictures(fig):
    return [axes for axes in fig.axes if axes.get_label() != "colour bar"]


def bars(fig):
    return [axes for axes in fig.axes if axes.get_label() == "colour bar"]


def drawn(axes):
    return np.ma.filled(axes.get_images()[0].get_array(), np.nan)


def heads(fig):
    return [text.get_text() for axes in fig.axes for text in axes.texts]


def test_each_map_is_a_picture_on_one_scale_with_one_bar(rng):
    maps = rng.random((6, 5, 11))

    fig = plots.feature_maps(maps, title="conv1", columns=4)

    assert len(pictures(fig)) == 11
    assert len(bars(fig)) == 1
    assert fig.get_suptitle() == "conv1"
    assert heads(fig) == [str(k) for k in range(11)]
    for k, axes in enumerate(pictures(fig)):
        assert_allclose(drawn(axes), maps[:, :, k])
        assert axes.get_images()[0].get_clim() == (0, maps.max())


def test_maps_with_negative_values_are_scaled_about_zero(rng):
    maps = rng.random((4, 4, 2)) - 0.7

    limits = {axes.get_images()[0].get_clim() for axes in pictures(plots.feature_maps(maps))}

    assert limits == {(-np.abs(maps).max(), np.abs(maps).max())}


def test_maps_of_zeros_can_be_drawn():
    assert pictures(plots.feature_maps(np.zeros((3, 3, 2))))[0].get_images()[0].get_clim() == (0, 1)


def test_left_out_maps_are_counted_in_the_title(rng):
    fig = plots.feature_maps(rng.random((3, 3, 12)), count=5)

    assert len(pictures(fig)) == 5
    assert fig.get_suptitle() == "5 of 12 feature maps"


def test_convolution_and_pooling_show_the_image_and_each_map_above_its_pooled_one(rng):
    image, convolved, pooled = rng.random((28, 28)), rng.random((24, 24, 10)), rng.random((12, 12, 10))

    fig = plots.convolution_and_pooling(image, convolved, pooled)
    first, *maps = pictures(fig)

    assert heads(fig) == ["image  28 × 28", "after convolution  24 × 24", "after pooling  12 × 12"]
    assert_allclose(drawn(first), image)
    for k in range(10):
        above, below = maps[k], maps[10 + k]
        assert_allclose(drawn(above), convolved[:, :, k])
        assert_allclose(drawn(below), pooled[:, :, k])
        assert above.get_position().x0 == below.get_position().x0
        assert above.get_position().y0 > below.get_position().y1
        assert above.get_images()[0].get_clim() == below.get_images()[0].get_clim()


def test_more_than_ten_maps_go_on_below(rng):
    fig = plots.convolution_and_pooling(rng.random((8, 8, 3)), rng.random((6, 6, 23)), rng.random((3, 3, 23)))

    assert len(pictures(fig)) == 1 + 2 * 23
    assert len({round(axes.get_position().y0, 6) for axes in pictures(fig)[1:]}) == 6


def test_kernels_of_one_channel_are_pictures_about_zero(rng):
    weights = rng.normal(size=(5, 3, 1, 7))

    fig = plots.filter_grid(weights)

    assert len(pictures(fig)) == 7
    assert_allclose(drawn(pictures(fig)[4]), weights[:, :, 0, 4])
    low, high = pictures(fig)[0].get_images()[0].get_clim()
    assert low == -high


def test_kernels_of_several_channels_are_mosaics():
    kernels = np.arange(1, 13, dtype=float).reshape(1, 3, 2, 2)  # one filter, three channels of 2 x 2

    nan = np.nan
    expected = [
        [1, 2, nan, 5, 6],
        [3, 4, nan, 7, 8],
        [nan, nan, nan, nan, nan],
        [9, 10, nan, nan, nan],
        [11, 12, nan, nan, nan],
    ]
    assert_allclose(mosaic(kernels)[0], expected)
    assert_allclose(drawn(pictures(plots.filter_grid(kernels.transpose(2, 3, 1, 0)))[0]), expected)


def test_dense_weights_are_drawn_as_what_each_unit_looks_for(rng):
    weights = rng.normal(size=(784, 30))

    fig = plots.filter_grid(weights, title="Hidden units")

    assert len(pictures(fig)) == 30
    assert_allclose(drawn(pictures(fig)[29]), weights[:, 29].reshape(28, 28))


def test_a_few_far_weights_do_not_turn_the_others_pale():
    values = np.ones(10000)
    assert Scale.of(values, signed=True, robust=True) == Scale(-1, 1, True, clipped=False)
    values[3] = -8

    assert Scale.of(values, robust=True) == Scale(-1, 1, True, clipped=True)
    assert Scale.of(values) == Scale(-8, 8, True, clipped=False)


@pytest.mark.parametrize(
    ("maps", "error", "message"),
    [
        (
            np.zeros((1, 4, 4, 2)),
            ShapeError,
            r"maps must have shape \(H, W, C\).*One image at a time: maps\[0\]",
        ),
        (np.zeros((4, 4)), ShapeError, r"Add the channel axis: maps\[..., None\]"),
        (np.zeros((4, 4, 0)), DataError, "maps must hold at least one element"),
        (np.full((2, 2, 2), np.inf), DataError, "maps holds 8 NaN or infinite values"),
    ],
)
def test_maps_that_cannot_be_drawn_are_refused(maps, error, message):
    with pytest.raises(error, match=message):
        plots.feature_maps(maps)


def test_columns_must_be_positive():
    with pytest.raises(ArgumentError, match="columns must be a whole number of at least 1"):
        plots.feature_maps(np.zeros((2, 2, 2)), columns=0)


def test_maps_before_and_after_pooling_must_be_as_many():
    with pytest.raises(ShapeError, match="convolved and pooled must hold as many maps each, got 4 and 3"):
        plots.convolution_and_pooling(np.zeros((8, 8)), np.zeros((6, 6, 4)), np.zeros((3, 3, 3)))


def test_a_batch_is_not_an_image():
    with pytest.raises(ShapeError, match=r"image must have shape \(H, W\) or \(H, W, C\), got \(1, 8, 8, 1\)"):
        plots.convolution_and_pooling(np.zeros((1, 8, 8, 1)), np.zeros((6, 6, 4)), np.zeros((3, 3, 4)))


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        (np.zeros((783, 4)), "flat weights must be square"),
        (np.zeros((3, 3, 4)), r"weights must have shape \(KH, KW, C, OC\) or \(D, K\), got \(3, 3, 4\)"),
    ],
)
def test_weights_that_are_no_filters_are_refused(weights, message):
    with pytest.raises(ShapeError, match=message):
        plots.filter_grid(weights)
