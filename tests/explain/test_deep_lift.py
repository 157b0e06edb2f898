"""DeepLIFT: differences add up exactly, for every activation, pooling and branch."""

from __future__ import annotations

import numpy as np
import pytest

import pellucid as pl
from pellucid import explain
from pellucid.errors import ArgumentError
from pellucid.explain import Contrast


@pytest.mark.parametrize("baseline", ["black", "mean", "blurred", 0.7])
def test_the_differences_add_up_on_every_network(cnn, residual, graph, gap, x, baseline):
    for network in (cnn, residual, graph, gap):
        result = explain.deep_lift(network, x, baseline=baseline)

        np.testing.assert_allclose(result.proof.residual, 0, atol=1e-12)
        assert result.proof.holds.all()


@pytest.mark.parametrize(
    "layer", [pl.ELU(), pl.GELU(), pl.LeakyReLU(), pl.Sigmoid(), pl.Softplus(), pl.Tanh()], ids=repr
)
def test_every_activation_is_rescaled(layer, x):
    network = pl.Sequential(
        [pl.Conv2D(3, 3), layer, pl.MaxPool2D(3, 1), pl.Flatten(), pl.Affine(2)],
        input_shape=x.shape[1:],
        dtype=np.float64,
    )

    np.testing.assert_allclose(explain.deep_lift(network, x, 1, baseline=0.1).proof.residual, 0, atol=1e-10)


def test_the_papers_example_of_a_saturated_unit():
    # y = 1 − ReLU(1 − u − v) is flat at (1, 1); DeepLIFT from (0, 0) gives both inputs a half, the gradient gives 0.
    network = pl.Sequential(
        [pl.Affine.from_arrays([[-1.0], [-1.0]], [1.0]), pl.ReLU(), pl.Affine.from_arrays([[-1.0]], [1.0])],
        input_shape=2,
        dtype=np.float64,
    )

    assert explain.saliency(network, [[1.0, 1.0]], 1).values.tolist() == [[0, 0]]
    np.testing.assert_allclose(explain.deep_lift(network, [[1.0, 1.0]], 1).values, [[0.5, 0.5]])


def test_a_bias_free_relu_network_from_black_is_input_times_gradient(cnn_no_bias, x):
    np.testing.assert_allclose(
        explain.deep_lift(cnn_no_bias, x).values, explain.input_x_gradient(cnn_no_bias, x).values, atol=1e-12
    )


def test_a_contrast_is_the_difference(cnn, x):
    result = explain.deep_lift(cnn, x, Contrast(0, 1), baseline="mean")

    parts = [explain.deep_lift(cnn, x, c, baseline="mean").values for c in (0, 1)]
    np.testing.assert_allclose(result.values, parts[0] - parts[1], atol=1e-13)


def test_from_an_input_to_itself_there_is_nothing(cnn, x):
    assert not explain.deep_lift(cnn, x, baseline=x).values.any()


def test_what_is_not_covered_is_refused_by_name(x, cnn):
    network = pl.Sequential([pl.LayerNorm(), pl.Flatten(), pl.Affine(2)], input_shape=x.shape[1:])
    with pytest.raises(ArgumentError, match="the rescale rule does not cover the layer LayerNorm 'layernorm1'"):
        explain.deep_lift(network, x)
    with pytest.raises(ArgumentError, match="scalar must be"):
        explain.deep_lift(cnn, x, scalar="probability")
