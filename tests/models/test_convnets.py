"""The convolutional networks: their sizes, their names, and that they learn."""

from __future__ import annotations

import numpy as np
import pytest

import pellucid as pl
from pellucid.models import (
    RECIPES,
    SimpleCNN,
    deep_conv_net,
    lenet5,
    mnist_cnn,
    simple_conv_net,
    small_resnet,
)


def test_the_keras_tutorials_network_has_its_parameters_and_names():
    rows = {r.name: r for r in pl.summary(mnist_cnn()).rows}
    names = ["conv2d_1", "conv2d_2", "max_pooling2d_1", "dropout_1", "flatten_1", "dense_1", "dropout_2", "preds"]

    assert [n for n in rows if not n.endswith("relu")] == names
    assert [rows[n].parameters for n in ("conv2d_1", "conv2d_2", "dense_1", "preds")] == [320, 18_496, 1_179_776, 1290]
    assert pl.summary(mnist_cnn()).trainable == 1_199_882
    assert rows["max_pooling2d_1"].output_shape == (12, 12, 64)


@pytest.mark.parametrize(
    ("make", "parameters"),
    [(simple_conv_net, 433_890), (deep_conv_net, 123_552), (lenet5, 61_706), (small_resnet, 77_754)],
)
def test_the_others_have_the_parameters_of_their_sources(make, parameters):
    assert make().size == parameters


@pytest.mark.parametrize("name", RECIPES)
def test_every_recipe_takes_the_shape_and_the_classes_of_the_data(name, rng):
    x, t = rng.random((12, 28, 30, 3), np.float32), np.arange(12) % 4
    data = pl.Dataset(x, t)
    chosen = RECIPES[name]
    data = data.flattened() if chosen.flat else data
    model, history = chosen.train(data, data, iterations=1, batch_size=5)

    assert pl.predict(model, data.x).shape == (12, 4)
    assert len(history) == 1


def test_the_simple_cnns_weights_begin_within_one_over_the_root_of_the_fan_in():
    params = SimpleCNN(seed=3).network.params

    assert np.abs(params["convolution.W"]).max() <= 1 / 5
    assert np.abs(params["convolution.W"]).max() > 0.19
    assert np.abs(params["hidden.W"]).max() <= 1 / np.sqrt(1440)


@pytest.mark.parametrize("activation", ["tanh", "sigmoid", "relu"])
def test_feature_maps_are_what_the_layers_give(activation, rng):
    model, image = SimpleCNN(activation=activation), rng.random((28, 28, 1), np.float32)
    convolved, pooled = model.feature_maps(image)

    assert convolved.shape == (24, 24, 10)
    np.testing.assert_array_equal(pooled, convolved.reshape(12, 2, 12, 2, 10).max(axis=(1, 3)))
    w, b = model.network.params["convolution.W"], model.network.params["convolution.b"]
    one = (w[:, :, 0, 4] * image[3:8, 7:12, 0]).sum() + b[4]  # element by element, as a convolution is
    f = {"tanh": np.tanh, "sigmoid": pl.sigmoid, "relu": lambda z: max(z, 0)}[activation]
    assert convolved[3, 7, 4] == pytest.approx(float(f(one)), abs=1e-5)


def test_the_simple_cnn_learns_mnist():
    train, test = pl.mnist(flatten=False)
    model, _ = RECIPES["simple-cnn"].train(train[:6000], test)

    assert pl.evaluate(model, test).accuracy > 0.9


def test_an_unknown_activation_is_named():
    with pytest.raises(pl.errors.UnknownNameError, match="Did you mean 'sigmoid'"):
        SimpleCNN(activation="sigmoyd")
