"""Occlusion: against brute force, on linear models, on planted pixels; and the receptive cone against everything."""

from __future__ import annotations

import numpy as np
import pytest

import pellucid as pl
from pellucid import explain
from pellucid.errors import ArgumentError, ShapeError
from pellucid.explain.machinery.cone import Cone
from pellucid.models import mnist_cnn


def brute_force(network, x, c, patch, stride, value):
    """Mean drop over covering patches, pixel by pixel, one image and one patch at a time."""
    n, h, w, _ = x.shape
    tops = [*range(0, h - patch[0], stride[0]), h - patch[0]]
    lefts = [*range(0, w - patch[1], stride[1]), w - patch[1]]
    total, count = np.zeros((n, h, w)), np.zeros((h, w))
    for top in tops:
        for left in lefts:
            for i in range(n):
                covered = x[i : i + 1].copy()
                covered[:, top : top + patch[0], left : left + patch[1]] = value
                drop = network(x[i : i + 1])[0, c] - network(covered)[0, c]
                total[i, top : top + patch[0], left : left + patch[1]] += drop
            count[top : top + patch[0], left : left + patch[1]] += 1
    return total / count


@pytest.mark.parametrize(("patch", "stride"), [((3, 3), (1, 1)), ((4, 2), (3, 2)), ((1, 5), (1, 4)), ((10, 8), (1, 1))])
def test_it_is_brute_force_on_every_network(cnn, residual, graph, gap, x, patch, stride):
    for network in (cnn, residual, graph, gap):
        result = explain.occlusion(network, x[:2], 1, patch=patch, stride=stride, value=0.4)

        np.testing.assert_allclose(
            result.values[..., 0], brute_force(network, x[:2], 1, patch, stride, 0.4), atol=1e-12
        )


def test_single_pixels_of_a_linear_model_give_weight_times_input(linear, x):
    result = explain.occlusion(linear, x, 0, patch=1, value="black")

    W = linear.params["scores.W"][:, 0].reshape(x.shape[1:])
    np.testing.assert_allclose(result.values[..., 0], (W * x).sum(3), atol=1e-13)


def test_on_two_by_two_pixels_the_patches_cover_what_they_should():
    # S = 1·a + 10·b + 100·c + 1000·d of the image [[a, b], [c, d]] = [[1, 2], [3, 4]]: without a row it falls by 21 or
    # 4300, without a column by 301 or 4020, without a pixel by that pixel's term.
    network = pl.Sequential(
        [pl.Flatten(), pl.Affine.from_arrays([[1.0], [10.0], [100.0], [1000.0]])],
        input_shape=(2, 2, 1),
        dtype=np.float64,
    )
    image = np.array([[1.0, 2.0], [3.0, 4.0]]).reshape(1, 2, 2, 1)

    def drops(patch):
        return explain.occlusion(network, image, 1, patch=patch, value=0.0).extras["drop"][0].tolist()

    assert drops((1, 2)) == [[21], [4300]]
    assert drops((2, 1)) == [[301, 4020]]
    assert drops(1) == [[1, 20], [300, 4000]]
    assert drops(2) == [[4321]]


def test_a_patch_over_the_whole_image_gives_the_difference_of_scores_everywhere(cnn, x):
    result = explain.occlusion(cnn, x, 2, patch=(10, 8), value=0.2)

    expected = cnn(x)[:, 2] - cnn(np.full_like(x, 0.2))[:, 2]
    np.testing.assert_allclose(result.values, np.broadcast_to(expected[:, None, None, None], result.values.shape))


def test_covering_an_image_with_itself_changes_nothing(cnn, x):
    assert not explain.occlusion(cnn, np.full_like(x, 0.7), value=0.7).values.any()
    np.testing.assert_allclose(explain.occlusion(cnn, x, value=x).values, 0, atol=1e-14)


def test_one_informative_pixel_of_an_image_that_is_not_square_is_found(x):
    W = np.zeros((*x.shape[1:], 2))
    W[6, 4, 0, 1] = 1.0  # row 6, column 4
    network = pl.Sequential(
        [pl.Flatten(), pl.Affine.from_arrays(W.reshape(-1, 2))], input_shape=x.shape[1:], dtype=np.float64
    )
    result = explain.occlusion(network, np.ones_like(x), 1, patch=3, value="black")

    assert np.unravel_index(result.values[0, ..., 0].argmax(), (10, 8)) == (6, 4)
    assert set(zip(*np.nonzero(result.values[0, ..., 0]), strict=True)) == {
        (r, c) for r in range(4, 9) for c in range(2, 7)
    }


def test_the_maps_speak_of_the_true_class_and_count_the_predicted_ones(cnn, x):
    result = explain.occlusion(cnn, x, [0, 1, 2, 0], patch=4, stride=2, value=0.0)
    covered = x.copy()
    covered[:, 2:6, 4:8] = 0

    p = pl.softmax(cnn(covered))
    assert result.settings["rows"] == [0, 2, 4, 6]
    assert result.settings["columns"] == [0, 2, 4]
    np.testing.assert_allclose(result.extras["probability"][:, 1, 2], p[np.arange(4), [0, 1, 2, 0]])
    assert np.array_equal(p.argmax(1), result.extras["predicted"][:, 1, 2])
    assert np.array_equal(np.full(4, 12), result.extras["counts"].sum(1))
    for i in range(4):
        assert np.array_equal(
            np.bincount(result.extras["predicted"][i].ravel(), minlength=3), result.extras["counts"][i]
        )


def test_the_last_patch_ends_at_the_border_so_that_every_pixel_is_covered(cnn, x):
    result = explain.occlusion(cnn, x, patch=4, stride=3)

    assert result.settings["rows"] == [0, 3, 6]
    assert result.settings["columns"] == [0, 3, 4]


def test_grey_is_the_middle_of_each_images_own_range(linear, x):
    lifted = 100 + 20 * x
    own = (lifted.max((1, 2, 3)) + lifted.min((1, 2, 3))) / 2
    result = explain.occlusion(linear, lifted, 0, patch=1)

    W = linear.params["scores.W"][:, 0].reshape(x.shape[1:])
    np.testing.assert_allclose(result.values[..., 0], (W * (lifted - own[:, None, None, None])).sum(3), atol=1e-10)
    assert result.baseline == "grey"


CHAINS = {
    "strided": [pl.Conv2D(4, 5, stride=2, padding="same"), pl.Tanh(), pl.MaxPool2D(3, 2, padding=1)],
    "dilated": [pl.Conv2D(4, 3, dilation=2, padding=2), pl.BatchNorm(), pl.ReLU(), pl.AveragePool2D(2)],
    "depthwise": [pl.Conv2D(4, (3, 1), padding="same"), pl.DepthwiseConv2D(3, 2), pl.ReLU(), pl.GlobalMaxPool2D()],
    "grouped": [pl.Conv2D(4, 3, groups=2), pl.MaxPool2D(2), pl.Conv2D(6, 2), pl.ReLU(), pl.Dropout(0.2)],
    "overlapping": [pl.MaxPool2D(3, 1, padding="same"), pl.Conv2D(3, 3, stride=(3, 2)), pl.Flatten(), pl.ReLU()],
}


@pytest.mark.parametrize("layers", CHAINS.values(), ids=CHAINS)
def test_the_cone_gives_what_the_whole_network_gives(layers, rng):
    layers = [*layers, pl.Flatten(), pl.Affine(3)]
    network = pl.Sequential(layers, input_shape=(13, 11, 2), seed=3, dtype=np.float64)
    x = rng.standard_normal((2, 13, 11, 2))
    for patch, stride in (((1, 1), 1), ((4, 3), 2), ((9, 10), 1)):
        result = explain.occlusion(network, x, 1, patch=patch, stride=(min(stride, patch[0]), stride), value=-1.5)

        np.testing.assert_allclose(
            result.values[..., 0],
            brute_force(network, x, 1, patch, (min(stride, patch[0]), stride), -1.5),
            atol=1e-12,
        )


def test_in_float32_the_cone_differs_from_everything_by_rounding_alone(make_chain, x):
    network, images = make_chain(dtype=np.float32), x.astype(np.float32)
    result = explain.occlusion(network, images, 1, patch=3, value=0.5)

    np.testing.assert_allclose(result.values[..., 0], brute_force(network, images, 1, (3, 3), (1, 1), 0.5), atol=1e-5)


def test_on_the_mnist_network_every_place_gives_what_the_whole_network_gives(rng):
    network = mnist_cnn()
    image = rng.random((1, 28, 28, 1), dtype=np.float32)
    result = explain.occlusion(network, image, 3, patch=4, value=0.5)
    covered = np.repeat(image, 625, axis=0).reshape(25, 25, 28, 28, 1)
    for i, j in np.ndindex(25, 25):
        covered[i, j, i : i + 4, j : j + 4] = 0.5

    whole = network(covered.reshape(-1, 28, 28, 1))[:, 3].reshape(25, 25)
    np.testing.assert_allclose(result.scores[0] - result.extras["drop"][0], whole, atol=1e-5)


def test_the_cone_computes_no_more_than_the_patch_can_reach(cnn, x):
    cone = Cone(cnn, x)

    assert [type(a).__name__ for a in cone.local] == ["Conv2D", "ReLU", "Conv2D", "ReLU", "MaxPool2D", "Dropout"]
    assert cone.dense is cnn.layer("dense")


def test_patches_that_leave_holes_or_do_not_fit_are_refused(cnn, linear, x):
    with pytest.raises(ArgumentError, match="height must be at least the stride 4, or pixels stay uncovered, got 3"):
        explain.occlusion(cnn, x, patch=3, stride=4)
    with pytest.raises(ArgumentError, match="width must be at most the image's width 8, got 9"):
        explain.occlusion(cnn, x, patch=9)
    flat = pl.Sequential([pl.Affine(2)], input_shape=4)
    with pytest.raises(ShapeError, match="x must be images"):
        explain.occlusion(flat, np.zeros((1, 4)))
