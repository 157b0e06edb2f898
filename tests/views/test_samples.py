from __future__ import annotations

import numpy as np
import pytest

import pellucid as pl
from pellucid import views
from pellucid.models import small_resnet
from pellucid.views.top import top_of_units


@pytest.fixture
def network():
    return pl.Sequential(
        [pl.Conv2D(3, 3), pl.ReLU(), pl.MaxPool2D(2), pl.Flatten(), pl.Affine(4)], input_shape=(8, 8, 1)
    )


def test_feature_maps_are_what_every_layer_gives(network, rng):
    image = rng.random((8, 8, 1)).astype(np.float32)

    maps = views.feature_maps(network, image)
    _, tape = network.forward(image[None])

    assert list(maps) == [layer.name for layer in network.layers]
    assert all(np.array_equal(maps[step.layer.name], step.output[0]) for step in tape)
    assert all(np.array_equal(maps[k], v) for k, v in views.feature_maps(network, image[None]).items())


def test_feature_maps_reach_into_branches(rng):
    maps = views.feature_maps(small_resnet(), rng.random((28, 28, 1)))

    block = maps["residual1.branch.batchnorm2"] + maps["relu1"]
    np.testing.assert_allclose(maps["residual1.add"], block, atol=1e-6)
    assert np.array_equal(maps["residual1.add"], maps["residual1"])


def test_one_image_at_a_time(network):
    with pytest.raises(pl.errors.ShapeError, match=r"takes one image, got 2"):
        views.feature_maps(network, np.zeros((2, 8, 8, 1)))
    with pytest.raises(pl.errors.ShapeError, match=r"feature_maps: image must have shape"):
        views.feature_maps(network, np.zeros((8, 8)))


@pytest.mark.parametrize("by", ["max", "mean"])
def test_top_samples_are_those_of_a_full_sort(network, rng, by):
    x = rng.random((500, 8, 8, 1)).astype(np.float32)
    maps = network.layer("relu1")(network.layer("conv2d1")(x))[..., 1].reshape(500, -1)
    values = getattr(maps, by)(axis=1)
    order = np.argsort(-values, kind="stable")[:7]

    top = views.top_samples(network, "relu1", 1, pl.Dataset(x, np.zeros(500, int)), 7, by=by, batch_size=64)

    assert top.indices.tolist() == order.tolist()
    np.testing.assert_allclose(top.values, values[order], rtol=1e-5)
    assert np.array_equal(top.samples, x[order])
    assert top.places.tolist() == [list(divmod(maps[i].argmax(), 6)) for i in order]


def test_the_box_holds_what_the_unit_saw(network, rng):
    """Outside the box nothing matters to the unit at the place."""
    x = rng.random((40, 8, 8, 1)).astype(np.float32)

    top = views.top_samples(network, "maxpool2d1", 2, x, 3)
    for i in range(3):
        box, (row, column) = top.boxes[i], top.places[i]
        blank = np.zeros_like(x[:1])
        window = slice(box.top, box.bottom), slice(box.left, box.right)
        blank[0][window] = top.samples[i][window]
        value = views.feature_maps(network, blank)["maxpool2d1"][row, column, 2]
        np.testing.assert_allclose(value, top.values[i], rtol=1e-5)


def test_a_vectors_unit_has_no_place(network, rng):
    x = rng.random((30, 8, 8, 1)).astype(np.float32)

    top = views.top_samples(network, "affine1", 3, x, 50, batch_size=7)

    assert top.places is None
    assert len(top.indices) == 30
    assert top.indices.tolist() == np.argsort(-network(x)[:, 3], kind="stable").tolist()
    assert top.boxes[0] == (0, 0, 8, 8)


def test_of_equals_the_first_come_first(network):
    top = views.top_samples(network, "relu1", 0, np.ones((20, 8, 8, 1)), 4, batch_size=3)

    assert top.indices.tolist() == [0, 1, 2, 3]


def test_layers_inside_branches_are_found(rng):
    x = rng.random((6, 28, 28, 1))

    top = views.top_samples(small_resnet(), "residual2.shortcut.conv2d1", 5, x, 2)

    assert top.places.shape == (2, 2)


def test_what_is_not_there_is_named(network):
    x = np.ones((2, 8, 8, 1))
    with pytest.raises(pl.errors.UnknownNameError, match="relu1"):
        views.top_samples(network, "relu", 0, x)
    with pytest.raises(pl.errors.ArgumentError, match=r"unit must lie in 0..2 of relu1"):
        views.top_samples(network, "relu1", 3, x)
    with pytest.raises(pl.errors.UnknownNameError, match="by"):
        views.top_samples(network, "relu1", 0, x, by="median")


@pytest.mark.parametrize("layer", ["conv2d1", "affine1"])
@pytest.mark.parametrize("by", ["max", "mean"])
def test_many_units_searched_at_once_are_those_searched_alone(network, rng, layer, by):
    x = rng.random((70, 8, 8, 1)).astype(np.float32)
    together = top_of_units("test", network, layer, [2, 0, 1], x, 5, by=by, batch_size=32)

    for unit, found in zip([2, 0, 1], together, strict=True):
        for one, other in zip(found, views.top_samples(network, layer, unit, x, 5, by=by, batch_size=32), strict=True):
            assert np.array_equal(one, other)
