"""Small networks in float64: images that are not square, with and without biases, chains and branches."""

from __future__ import annotations

import numpy as np
import pytest

import pellucid as pl

SHAPE = (10, 8, 2)


def chain(*, bias: bool = True, seed: int = 0, dtype=np.float64, last=()) -> pl.Sequential:
    network = pl.Sequential(
        [
            pl.Conv2D(4, 3, bias=bias, name="conv1"),
            pl.ReLU(name="relu1"),
            pl.Conv2D(5, 3, padding="same", bias=bias, name="conv2"),
            pl.ReLU(name="relu2"),
            pl.MaxPool2D(2, name="pool"),
            pl.Dropout(0.3, name="drop"),
            pl.Flatten(name="flat"),
            pl.Affine(7, bias=bias, name="dense"),
            pl.ReLU(name="relu3"),
            pl.Affine(3, bias=bias, name="scores"),
            *last,
        ],
        input_shape=SHAPE,
        seed=seed,
        dtype=dtype,
    )
    return shaken(network, seed)


def shaken(network, seed: int = 0):
    """Biases, shifts and running statistics that are not what a new network has."""
    draw = np.random.default_rng(seed + 1)
    for arrays in (network.params, network.buffers):
        for key, array in arrays.items():
            if not key.endswith("W"):
                array[...] = 0.2 * draw.standard_normal(array.shape) + (1 if key.endswith(("gamma", "variance")) else 0)
    return network


@pytest.fixture
def cnn() -> pl.Sequential:
    return chain()


@pytest.fixture
def cnn_no_bias() -> pl.Sequential:
    return chain(bias=False)


@pytest.fixture
def make_chain():
    return chain


@pytest.fixture
def gap() -> pl.Sequential:
    """A network that ends in global average pooling and one dense layer."""
    return shaken(
        pl.Sequential(
            [
                pl.Conv2D(4, 3, name="conv1"),
                pl.ReLU(name="relu1"),
                pl.GlobalAveragePool2D(name="gap"),
                pl.Affine(3, name="scores"),
            ],
            input_shape=SHAPE,
            dtype=np.float64,
        )
    )


@pytest.fixture
def residual() -> pl.Sequential:
    block = [pl.Conv2D(4, 3, padding="same", bias=False), pl.BatchNorm(), pl.ReLU(), pl.Conv2D(4, 3, padding="same")]
    return shaken(
        pl.Sequential(
            [
                pl.Conv2D(4, 3, name="conv1"),
                pl.BatchNorm(name="norm1"),
                pl.ReLU(name="relu1"),
                pl.Residual(block, name="block"),
                pl.ReLU(name="relu2"),
                pl.GlobalAveragePool2D(name="gap"),
                pl.Affine(3, name="scores"),
            ],
            input_shape=SHAPE,
            dtype=np.float64,
        )
    )


@pytest.fixture
def graph() -> pl.Graph:
    return shaken(
        pl.Graph(
            {
                "conv1": (pl.Conv2D(4, 3, padding="same"), "input"),
                "relu1": (pl.ReLU(), "conv1"),
                "conv2": (pl.Conv2D(4, 3, padding="same"), "relu1"),
                "sum": (pl.Add(), ["relu1", "conv2"]),
                "relu2": (pl.ReLU(), "sum"),
                "both": (pl.Concat(), ["relu2", "relu1"]),
                "flat": (pl.Flatten(), "both"),
                "scores": (pl.Affine(3), "flat"),
            },
            input_shape=SHAPE,
            dtype=np.float64,
        )
    )


@pytest.fixture
def linear() -> pl.Sequential:
    return shaken(pl.Sequential([pl.Flatten(), pl.Affine(3, name="scores")], input_shape=SHAPE, dtype=np.float64))


@pytest.fixture
def x(rng) -> np.ndarray:
    return rng.standard_normal((4, *SHAPE))
