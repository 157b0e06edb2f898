from __future__ import annotations

import numpy as np
import pytest

import pellucid as pl
from pellucid.explain.machinery.activations import look
from pellucid.explain.target import Question

HEADS = {
    "windows that overlap": [pl.MaxPool2D(3, stride=1), pl.SpatialDropout2D(0.2), pl.Flatten(), pl.Dropout(0.2)],
    "padding": [pl.MaxPool2D(2, padding="same"), pl.Flatten()],
    "two poolings": [pl.MaxPool2D(2), pl.MaxPool2D(2), pl.Flatten()],
    "mean": [pl.GlobalAveragePool2D()],
    "maximum": [pl.GlobalMaxPool2D()],
}


@pytest.mark.parametrize("head", HEADS.values(), ids=HEADS)
def test_the_sum_over_places_is_that_of_the_whole_gradient(head, x):
    head = [type(layer)(**layer.config()) for layer in head]
    network = pl.Sequential(
        [pl.Conv2D(4, 3, name="conv"), *head, pl.Affine(5), pl.ReLU(), pl.Affine(3)],
        input_shape=x.shape[1:],
        dtype=np.float64,
    )
    question = Question("test", network, x)
    short, whole = look(question, "conv", total=True).gradient, look(question, "conv").gradient

    assert short.shape == (4, 1, 1, 4)
    np.testing.assert_allclose(short[:, 0, 0], whole.sum(axis=(1, 2)), atol=1e-12)


@pytest.mark.parametrize("between", [pl.ReLU(), pl.AveragePool2D(2, padding="same"), pl.Conv2D(2, 1)], ids=repr)
def test_what_does_not_keep_sums_takes_the_long_way(between, x):
    between = type(between)(**between.config())
    network = pl.Sequential(
        [pl.Conv2D(4, 3, name="conv"), between, pl.Flatten(), pl.Affine(3)], input_shape=x.shape[1:], dtype=np.float64
    )

    assert look(Question("test", network, x), "conv", total=True).gradient.shape == (4, 8, 6, 4)
