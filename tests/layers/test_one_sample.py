"""A single sample goes through programs of several layers; what comes out is what the layers give."""

from __future__ import annotations

import copy

import numpy as np
import pytest

import pellucid as pl
from pellucid.kernels import jit
from pellucid.kernels.single import plan as single
from pellucid.layers.base import Parameters
from pellucid.layers.one_sample import OneSample, taken_together
from pellucid.typing import Array, Shape

needs_numba = pytest.mark.skipif(not jit.available(), reason="needs Numba")


def one_by_one(network: pl.Sequential, x: Array) -> Array:
    for layer in network.layers:
        x = layer(x)
    return x


def cnn(**how: object) -> pl.Sequential:
    """Everything that programs know, and something in the middle that it does not."""
    layers = [
        pl.Conv2D(8, 5, padding="same"), pl.ReLU(), pl.Conv2D(16, 3, stride=2), pl.BatchNorm(),
        pl.Conv2D(32, 3, padding=1, bias=False), pl.ReLU(), pl.MaxPool2D(2), pl.SpatialDropout2D(0.2),
        pl.Conv2D(32, 3, padding=1), pl.Flatten(), pl.Affine(50), pl.Dropout(0.5), pl.ReLU(), pl.Affine(10, bias=False),
        pl.Softmax(),
    ]  # fmt: skip
    return pl.Sequential(layers, input_shape=(28, 28, 3), **how)


@pytest.fixture
def x() -> Array:
    return np.random.default_rng(0).random((1, 28, 28, 3), np.float32)


@needs_numba
def test_neighbours_that_programs_know_go_together() -> None:
    network = cnn()
    names = [
        [layer.name for layer in part.layers] if isinstance(part, OneSample) else part.name
        for part in taken_together(network.fused().layers, (28, 28, 3))
    ]

    assert names == [
        ["conv2d1", "conv2d2"],
        "batchnorm1",
        ["conv2d3", "spatialdropout2d1", "conv2d4", "flatten1", "affine1", "dropout1", "relu3", "affine2"],
        "softmax1",
    ]


@needs_numba
def test_what_is_too_small_to_pay_stays_apart() -> None:
    network = pl.TwoLayerNet(784, 50, 10).network
    assert not any(isinstance(part, OneSample) for part in taken_together(network.fused().layers, (784,)))


def test_one_sample_gets_what_its_layers_give(x: Array) -> None:
    network = cnn()
    assert np.allclose(network(x), one_by_one(network, x), rtol=1e-4, atol=1e-6)
    assert np.allclose(network(x), network(np.repeat(x, 3, axis=0))[1:2], rtol=1e-4, atol=1e-6)


def test_float64_goes_layer_by_layer(x: Array) -> None:
    network = cnn(dtype=np.float64)
    y = network(x.astype(np.float64))
    assert y.dtype == np.float64
    assert np.array_equal(y, one_by_one(network, x.astype(np.float64)))


def test_parameters_of_another_kind_go_layer_by_layer(x: Array) -> None:
    network = cnn()
    before = network(x)
    affine = network.layer("affine1")
    affine.params = Parameters({k: p.astype(np.float64) for k, p in affine.params.items()})
    assert np.allclose(network(x), before)
    affine.params = Parameters(W=np.ones((3, 50), np.float32), b=np.ones(50, np.float32))
    with pytest.raises(pl.errors.ShapeError, match="Affine 'affine1': its arrays must have the shapes"):
        network(x)


@needs_numba
def test_weights_in_any_order_of_memory(x: Array) -> None:
    network = cnn()
    before = network(x)
    for layer in network.layers:
        if "W" in layer.params:
            layer.params = Parameters({k: np.asfortranarray(p) for k, p in layer.params.items()})
    assert np.array_equal(network(x), before)
    assert np.array_equal(network(np.repeat(x, 2, axis=3)[..., ::2]), before)


def test_a_copy_has_weights_of_its_own(x: Array) -> None:
    network = cnn()
    before = network(x)
    twin = copy.deepcopy(network)
    assert np.array_equal(twin(x), before)
    for array in twin.params.values():
        array *= 2

    assert not np.allclose(twin(x), before)
    assert np.array_equal(network(x), before)


@needs_numba
def test_nothing_of_the_caller_is_written(x: Array) -> None:
    network = cnn()
    for array in (x, *network.params.values()):
        array.flags.writeable = False
    y = network(x)
    kept = y.copy()
    network(x * 2)

    assert np.array_equal(y, kept)  # nor what was given before


def test_without_numba_layers_run_one_by_one(x: Array, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jit, "available", lambda: False)
    network = cnn()
    assert single.worthwhile([single.Product(1000, 1000), single.Product(1000, 10)]) is False
    assert np.array_equal(network(x), one_by_one(network, x))


@needs_numba
def test_parameters_of_another_byte_order_go_layer_by_layer(x: Array) -> None:
    network = cnn()
    wanted = one_by_one(network, x)
    for layer in network.layers:
        layer.params = Parameters({k: p.astype(">f4") for k, p in layer.params.items()})
    assert np.allclose(network(x), wanted, rtol=1e-4, atol=1e-6)


class _Doubled(pl.Layer):
    """Gives every sample twice."""

    def infer_shape(self, input_shape: Shape) -> Shape:
        return input_shape

    def forward(self, x: Array, *, train: bool = False, rng: object = None) -> tuple[Array, None]:
        return np.repeat(x, 2, axis=0), None

    def backward(self, dy: Array, cache: None, **needs: bool) -> tuple[Array, dict[str, Array]]:
        return dy[::2] + dy[1::2], {}


@needs_numba
def test_what_is_no_longer_one_sample_goes_layer_by_layer(x: Array) -> None:
    layers = [_Doubled(), pl.Conv2D(16, 3), pl.ReLU(), pl.Flatten(), pl.Affine(10)]
    network = pl.Sequential(layers, input_shape=(28, 28, 3))
    assert network(x).shape == (2, 10)
