"""A sample has the same outputs and explanations, to the last bit, alone and in any batch, on any number of threads."""

from __future__ import annotations

import numpy as np
import pytest

import pellucid as pl
from cases import CASES
from methods import METHODS
from pellucid import explain
from pellucid.layers import Container
from pellucid.models.recipes import RECIPES


@pytest.fixture
def threads():
    before = pl.get_num_threads()
    yield
    pl.set_num_threads(before)


SOME = [slice(0, 1), slice(4, 5), slice(3, 5), slice(2, 9), slice(0, 13)]


def network_of(case):
    layer = case.build()
    if isinstance(layer, Container):
        return pl.layers.copy_network(layer, np.float32)
    return pl.Sequential([layer], input_shape=case.shape, dtype=np.float32, seed=1)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_every_layer_gives_a_sample_its_own_bits(case):
    network, rng = network_of(case), np.random.default_rng(0)
    x = rng.standard_normal((40, *case.shape)).astype(np.float32)
    y, tape = network.forward(x)
    dy = rng.standard_normal(y.shape).astype(np.float32)
    dx, _ = network.backward(dy, tape, need_grads=False)
    for some in SOME:
        part, tape = network.forward(x[some])
        assert np.array_equal(part, y[some])
        assert np.array_equal(network.backward(dy[some], tape, need_grads=False)[0], dx[some])


@pytest.mark.usefixtures("threads")
@pytest.mark.parametrize("name", RECIPES)
def test_predictions_of_every_recipe_are_the_same_in_every_batch(name):
    model = RECIPES[name].for_mnist(seed=0)
    network = getattr(model, "network", model)
    x = np.random.default_rng(0).random((1000, *network.input_shape), np.float32)
    y = network(x)
    for threads in (1, 2, 3):
        pl.set_num_threads(threads)
        for batch in (1, 7, 513, 1000):
            assert np.array_equal(network(x[:batch]), y[:batch]), (threads, batch)
        assert np.array_equal(pl.predict(network, x, batch_size=7), y)


@pytest.fixture(scope="module")
def cnn():
    layers = [pl.Conv2D(16, 3), pl.ReLU(), pl.Conv2D(16, 3, padding="same"), pl.ReLU(), pl.MaxPool2D(2), pl.Flatten()]
    return pl.Sequential([*layers, pl.Affine(40), pl.ReLU(), pl.Affine(4)], input_shape=(12, 12, 1), seed=3)


@pytest.fixture(scope="module")
def averaging():
    layers = [pl.Conv2D(16, 3), pl.ReLU(), pl.GlobalAveragePool2D(), pl.Affine(4)]
    return pl.Sequential(layers, input_shape=(12, 12, 1), seed=3)


@pytest.mark.parametrize("name", METHODS)
def test_explanations_are_the_same_in_every_batch(name, cnn, averaging):
    network, method = averaging if name == "cam" else cnn, METHODS[name]
    x = np.random.default_rng(1).random((13, 12, 12, 1), np.float32)
    whole = method(network, x, 1)
    for some in SOME:
        part = method(network, x[some], 1)
        assert np.array_equal(part.values, whole.values[some])
        assert np.array_equal(part.scores, whole.scores[some])


def test_the_class_that_is_explained_is_the_same_in_every_batch(cnn):
    x = np.random.default_rng(1).random((13, 12, 12, 1), np.float32)
    whole = explain.saliency(cnn, x)
    assert np.array_equal(explain.saliency(cnn, x[4:5]).values, whole.values[4:5])


@pytest.mark.usefixtures("threads")
def test_an_imported_network_is_the_same_in_every_batch(tmp_path):
    pytest.importorskip("onnx")
    branch = [pl.Conv2D(16, 3, padding="same"), pl.BatchNorm(), pl.ReLU(), pl.Conv2D(16, 1)]
    layers = [pl.Conv2D(16, 3, stride=2), pl.Residual(branch), pl.ReLU(), pl.MaxPool2D(2), pl.Flatten(), pl.Affine(5)]
    made = pl.Sequential(layers, input_shape=(16, 14, 3), seed=2)
    pl.save_onnx(made, tmp_path / "made.onnx", layout="channels-first")
    network = pl.load_onnx(tmp_path / "made.onnx")
    x = np.random.default_rng(1).random((1000, 3, 16, 14), np.float32)
    y, few = network(x), x[:13]
    asked = (explain.saliency, explain.integrated_gradients, explain.grad_cam, explain.occlusion)
    maps = [method(network, few, 1).values for method in asked]
    for threads in (1, 2, 3):
        pl.set_num_threads(threads)
        for batch in (1, 7, 1000):
            assert np.array_equal(network(x[:batch]), y[:batch]), (threads, batch)
        for method, whole in zip(asked, maps, strict=True):
            assert np.array_equal(method(network, few[4:5], 1).values, whole[4:5]), (method.__name__, threads)
