"""Saliency in its three forms, input × gradient, and the noisy gradients."""

from __future__ import annotations

import numpy as np
import pytest

import pellucid as pl
from pellucid import explain
from pellucid.errors import ArgumentError, UnknownNameError
from pellucid.explain.machinery.rules import guided, rectified
from pellucid.layers.activation import ActivationCache


def test_saliency_of_a_linear_model_is_its_weights(linear, x):
    result = explain.saliency(linear, x, 2)

    np.testing.assert_array_equal(
        result.values, np.broadcast_to(linear.params["scores.W"][:, 2].reshape(x.shape[1:]), x.shape)
    )
    np.testing.assert_array_equal(result.maps("max-abs"), np.abs(result.values).max(3))


# The truth table of the three rules: incoming signal g, input a, and what passes.
TABLE = [
    (1, 1, 1, 1, 1),
    (1, -1, 0, 0, 1),
    (-1, 1, -1, 0, 0),
    (-1, -1, 0, 0, 0),
    (2, 0, 0, 0, 2),
    (0, 1, 0, 0, 0),
    (-2, 0, 0, 0, 0),
]


@pytest.mark.parametrize(("g", "a", "plain", "by_guided", "by_rectified"), TABLE)
def test_the_three_rules_at_a_relu(g, a, plain, by_guided, by_rectified):
    layer, signal, inputs = pl.ReLU(), np.array([[float(g)]]), np.array([[float(a)]])
    cache = ActivationCache(inputs, np.maximum(inputs, 0))

    assert (layer.backward(signal, cache)[0], guided(layer, signal, cache)[0], rectified(layer, signal, cache)[0]) == (
        plain,
        by_guided,
        by_rectified,
    )


@pytest.mark.parametrize("rule", ["guided", "rectified"])
def test_without_relu_or_with_weights_above_zero_a_rule_changes_nothing(linear, make_chain, x, rule):
    above = make_chain()
    for name in ("conv2.W", "dense.W", "scores.W"):
        np.abs(above.params[name], out=above.params[name])

    assert np.array_equal(explain.saliency(linear, x).values, explain.saliency(linear, x, rule=rule).values)
    plain, ruled = explain.saliency(above, x, 1).values, explain.saliency(above, x, 1, rule="guided").values
    np.testing.assert_allclose(ruled, plain, atol=1e-14)


def test_guided_signals_are_never_negative_at_a_relu_but_the_map_may_be(cnn, x):
    lowest = []

    def watched(layer, dy, cache):
        dx, grads = guided(layer, dy, cache)
        lowest.append(dx.min())
        return dx, grads

    y, tape = cnn.forward(x)
    dx, _ = cnn.backward(np.eye(3)[y.argmax(1)], tape, {pl.ReLU: watched}, need_grads=False)

    assert len(lowest) == 3
    assert min(lowest) == 0
    assert np.array_equal(dx, explain.saliency(cnn, x, rule="guided").values)
    assert dx.min() < 0


def test_a_rule_leaves_the_network_giving_plain_gradients(cnn, x):
    plain, guided_ = explain.saliency(cnn, x).values, explain.saliency(cnn, x, rule="guided").values

    assert np.array_equal(explain.saliency(cnn, x, rule="guided").values, guided_)
    assert np.array_equal(explain.saliency(cnn, x).values, plain)
    assert not np.allclose(plain, guided_)


@pytest.mark.parametrize("layer", [pl.LeakyReLU(), pl.ELU(), pl.Tanh(), pl.Softmax()])
def test_a_rule_refuses_activations_that_it_does_not_cover(layer, x):
    network = pl.Sequential([pl.Flatten(), layer, pl.Affine(3)], input_shape=x.shape[1:], dtype=np.float64)
    with pytest.raises(
        ArgumentError, match=f"rule 'guided' does not cover the .* {type(layer).__name__} '{layer.name}'"
    ):
        explain.saliency(network, x, rule="guided")


def test_rules_reach_into_blocks_and_graphs(residual, graph, x):
    for network in (residual, graph):
        assert not np.allclose(explain.saliency(network, x).values, explain.saliency(network, x, rule="guided").values)
    inside = pl.Sequential(
        [pl.Residual([pl.Flatten(), pl.Tanh()], [pl.Flatten()]), pl.Affine(2)], input_shape=(2, 2, 1)
    )
    with pytest.raises(ArgumentError, match=r"activation Tanh 'residual1\.branch\.tanh1'"):
        explain.saliency(inside, np.zeros((1, 2, 2, 1)), rule="guided")


def test_an_unknown_rule_offers_the_nearest(cnn, x):
    with pytest.raises(UnknownNameError, match="Did you mean 'guided'"):
        explain.saliency(cnn, x, rule="guide")


def test_without_biases_input_x_gradient_sums_to_the_score(cnn_no_bias, cnn, x):
    result = explain.input_x_gradient(cnn_no_bias, x)

    np.testing.assert_allclose(result.values.sum((1, 2, 3)), result.scores, rtol=1e-13)
    assert result.proof.holds.all()
    biased = explain.input_x_gradient(cnn, x)
    assert biased.proof is None  # it does not hold there, and nothing is promised
    assert (np.abs(biased.values.sum((1, 2, 3)) - biased.scores) > 1e-3).all()


def test_smoothgrad_without_noise_is_the_gradient(cnn, x):
    result = explain.smoothgrad(cnn, x[:1], noise=0)

    assert np.array_equal(explain.saliency(cnn, x[:1]).values, result.values)
    assert not result.extras["standard_error"].any()


def test_noise_changes_nothing_for_a_linear_model(linear, x):
    W = np.broadcast_to(linear.params["scores.W"][:, 0].reshape(x.shape[1:]), x.shape)

    np.testing.assert_allclose(explain.smoothgrad(linear, x, 0, noise=3.0, samples=9).values, W, rtol=1e-12)
    np.testing.assert_allclose(explain.squaregrad(linear, x, 0, noise=3.0, samples=9).values, W**2, rtol=1e-12)
    assert not explain.vargrad(linear, x, 0, noise=3.0, samples=9).values.any()


def test_the_noisy_gradients_are_those_of_a_slow_loop(cnn, x):
    n, noise = 7, 0.3
    draws = np.random.default_rng(5).standard_normal((n, *x.shape[1:]))
    target = cnn(x).argmax(1)
    g = np.array(
        [
            [explain.saliency(cnn, (one + noise * np.ptp(one) * d)[None], int(c)).values[0] for d in draws]
            for one, c in zip(x, target, strict=True)
        ]
    )
    options = {"samples": n, "noise": noise, "seed": 5}

    smooth = explain.smoothgrad(cnn, x, **options)
    np.testing.assert_allclose(smooth.values, g.mean(1), atol=1e-13)
    np.testing.assert_allclose(smooth.extras["standard_error"], g.std(1, ddof=1) / np.sqrt(n), atol=1e-13)
    np.testing.assert_allclose(explain.squaregrad(cnn, x, **options).values, (g**2).mean(1), atol=1e-13)
    np.testing.assert_allclose(explain.vargrad(cnn, x, **options).values, g.var(1, ddof=1), atol=1e-13)


def test_the_same_seed_gives_the_same_bits(cnn, x):
    assert np.array_equal(explain.smoothgrad(cnn, x, samples=5).values, explain.smoothgrad(cnn, x, samples=5).values)
    assert not np.array_equal(
        explain.smoothgrad(cnn, x, samples=5).values, explain.smoothgrad(cnn, x, samples=5, seed=1).values
    )


def test_the_spread_over_seeds_falls_as_the_root_of_the_samples(cnn, x):
    def spread(n):
        return np.std([explain.smoothgrad(cnn, x[:1], 0, samples=n, seed=s).values for s in range(30)], axis=0).mean()

    assert 1.7 < spread(8) / spread(32) < 2.35


def test_an_unknown_statistic_is_refused(cnn, x):
    with pytest.raises(UnknownNameError, match="unknown statistic 'median'"):
        explain.smoothgrad(cnn, x, statistic="median")
