"""BatchNorm inside graphs: folded where it alone takes a weighted sum, and refused with a reason where not."""

from __future__ import annotations

import numpy as np
import pytest

import pellucid as pl
from explain.conftest import SHAPE, shaken
from pellucid import explain
from pellucid.errors import ArgumentError
from pellucid.explain.machinery.fold import fold_batch_norm


def woven():
    block = [pl.Conv2D(4, 3, padding="same", bias=False), pl.BatchNorm(), pl.ReLU()]
    return shaken(
        pl.Graph(
            {
                "conv1": (pl.Conv2D(4, 3, padding="same"), "input"),
                "norm1": (pl.BatchNorm(), "conv1"),
                "relu1": (pl.ReLU(), "norm1"),
                "block": (pl.Residual(block), "relu1"),
                "conv2": (pl.Conv2D(4, 1), "relu1"),
                "norm2": (pl.BatchNorm(), "conv2"),
                "again": (pl.BatchNorm(), "norm2"),
                "sum": (pl.Add(), ["again", "block", "relu1"]),
                "flat": (pl.Flatten(), "sum"),
                "dense": (pl.Affine(3), "flat"),
                "scores": (pl.BatchNorm(), "dense"),
            },
            input_shape=SHAPE,
            dtype=np.float64,
        )
    )


def test_a_graph_without_its_batch_normalisation_is_the_same_function(x):
    graph = woven()
    before = {key: a.copy() for key, a in graph.params.items()}
    folded = fold_batch_norm(graph)

    np.testing.assert_allclose(folded(x), graph(x), atol=1e-12)
    np.testing.assert_allclose(folded.forward(x)[0], graph(x), atol=1e-12)
    assert not any(isinstance(layer, pl.BatchNorm) for layer in folded.walk())
    assert sum(isinstance(layer, pl.BatchNorm) for layer in graph.walk()) == 5
    assert all(np.array_equal(graph.params[key], a) for key, a in before.items())


def test_relevance_is_conserved_through_a_graph_with_batch_normalisation(x):
    result = explain.lrp(woven(), x)

    assert result.proof.holds.all()
    np.testing.assert_allclose(result.scores, woven()(x).max(axis=1))


def test_what_others_take_too_is_not_folded(x):
    graph = pl.Graph(
        {
            "conv": (pl.Conv2D(4, 3), "input"),
            "norm": (pl.BatchNorm(), "conv"),
            "both": (pl.Concat(), ["norm", "conv"]),
            "flat": (pl.Flatten(), "both"),
            "scores": (pl.Affine(3), "flat"),
        },
        input_shape=SHAPE,
        dtype=np.float64,
    )
    shaken(graph)

    np.testing.assert_allclose(fold_batch_norm(graph)(x), graph(x), atol=1e-12)
    with pytest.raises(ArgumentError, match=r"lrp: BatchNorm 'norm' cannot be folded.* use integrated_gradients"):
        explain.lrp(graph, x)
