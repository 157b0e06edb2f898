"""Relevance: conservation with its ledger, slow oracles of every rule, and what is not covered."""

from __future__ import annotations

import numpy as np
import pytest

import pellucid as pl
from pellucid import explain
from pellucid.errors import ArgumentError, UnknownNameError
from pellucid.explain import AlphaBeta, Bounded, Contrast, Epsilon, Gamma
from pellucid.explain.machinery.fold import fold_batch_norm

RULES = ["0", "epsilon", "gamma", "z+", "alpha-beta", "composite", Epsilon(0.25), Gamma(2.0), AlphaBeta(3, 2)]


@pytest.mark.parametrize("rule", RULES, ids=str)
def test_relevance_and_losses_sum_to_the_score(cnn, residual, graph, x, rule):
    for network in (cnn, residual, graph):
        result = explain.lrp(network, x, rule=rule)
        lost = sum(result.proof.ledger.values())
        by_layer = sum(value for key, value in result.extras.items() if key.startswith("lost in"))

        np.testing.assert_allclose(result.values.sum((1, 2, 3)) + lost, result.scores, atol=1e-9)
        np.testing.assert_allclose(by_layer, lost, atol=1e-9)
        assert result.proof.holds.all()


def test_without_biases_lrp_0_is_input_times_gradient_and_loses_nothing(cnn_no_bias, x):
    result = explain.lrp(cnn_no_bias, x, rule="0")

    np.testing.assert_allclose(result.values, explain.input_x_gradient(cnn_no_bias, x).values, atol=1e-10)
    np.testing.assert_allclose(result.values.sum((1, 2, 3)), result.scores, rtol=1e-10)


def test_with_biases_the_ledger_holds_what_is_missing(cnn, x):
    result = explain.lrp(cnn, x, rule="0")

    assert (np.abs(result.values.sum((1, 2, 3)) - result.scores) > 1e-3).all()
    np.testing.assert_allclose(result.proof.ledger["bias"], result.scores - result.values.sum((1, 2, 3)), atol=1e-10)


def test_a_large_epsilon_absorbs_as_documented(cnn_no_bias, x):
    small, large = (explain.lrp(cnn_no_bias, x, 0, rule=Epsilon(e)) for e in (1e-9, 10.0))

    np.testing.assert_allclose(small.proof.ledger["stabiliser"], 0, atol=1e-6)
    assert (np.abs(large.values.sum((1, 2, 3))) < 0.2 * np.abs(large.scores)).all()
    np.testing.assert_allclose(large.values.sum((1, 2, 3)) + large.proof.ledger["stabiliser"], large.scores)


def test_z_plus_keeps_relevance_positive(cnn, x):
    cnn.params["scores.b"][...] = 10.0  # so that the score to share is positive
    result = explain.lrp(cnn, x, rule="z+")

    assert (result.values >= 0).all()
    np.testing.assert_allclose(result.values.sum((1, 2, 3)) + result.proof.ledger["dead"], result.scores)


def slow(W, b, x, R, rule):
    """R_j of one dense layer, product by product."""
    out = np.zeros_like(x)
    for n in range(len(x)):
        for k in range(W.shape[1]):
            z = [x[n, j] * W[j, k] for j in range(len(W))]
            if isinstance(rule, Epsilon):
                total = sum(z) + b[k]
                shares = [v / (total + (rule.epsilon if total >= 0 else -rule.epsilon)) for v in z]
            elif isinstance(rule, Gamma):
                z = [x[n, j] * (W[j, k] + rule.gamma * max(W[j, k], 0)) for j in range(len(W))]
                shares = [v / (sum(z) + b[k] + rule.gamma * max(b[k], 0)) for v in z]
            elif isinstance(rule, AlphaBeta):
                up, down = sum(v for v in z if v > 0), sum(v for v in z if v < 0)
                shares = [rule.alpha * (v / up if v > 0 else 0) - rule.beta * (v / down if v < 0 else 0) for v in z]
            else:
                z = [v - (rule.low if W[j, k] > 0 else rule.high) * W[j, k] for j, v in enumerate(z)]
                shares = [v / sum(z) for v in z]
            for j in range(len(W)):
                out[n, j] += shares[j] * R[n, k]
    return out


@pytest.mark.parametrize(
    "rule", [Epsilon(0.0), Epsilon(0.3), Gamma(0.5), AlphaBeta(1, 0), AlphaBeta(2, 1), Bounded(-4, 5)], ids=repr
)
def test_every_rule_is_its_slow_oracle(rng, rule):
    W, b = rng.standard_normal((6, 4)), rng.standard_normal(4)
    x, R = rng.standard_normal((3, 6)), rng.standard_normal((3, 4))
    losses = rule.share(pl.Affine.from_arrays(W, b), x, R)

    np.testing.assert_allclose(losses[0], slow(W, b, x, R, rule), rtol=1e-9)
    np.testing.assert_allclose(losses[0].sum(1) + sum(losses[1].values()), R.sum(1), atol=1e-9)


@pytest.mark.parametrize("rule", [Epsilon(0.3), Gamma(0.5), AlphaBeta(2, 1), Bounded(-4, 5)], ids=repr)
def test_a_convolution_shares_as_the_dense_layer_of_the_same_sums(rng, rule):
    conv = pl.Conv2D(3, 2, name="c")
    network = pl.Sequential([conv], input_shape=(3, 2, 2), dtype=np.float64)
    conv.params["b"] = rng.standard_normal(3)
    zero = network(np.zeros((1, 3, 2, 2))).ravel()
    W = np.array([network(unit.reshape(1, 3, 2, 2)).ravel() - zero for unit in np.eye(12)])
    x, R = rng.standard_normal((2, 3, 2, 2)), rng.standard_normal((2, 2, 1, 3))

    shared, _ = rule.share(conv, x, R)
    np.testing.assert_allclose(shared.reshape(2, 12), slow(W, zero, x.reshape(2, 12), R.reshape(2, 6), rule), rtol=1e-8)


def test_z_b_is_exact_on_a_linear_layer(linear, x):
    linear.params["scores.b"][...] = 0
    low, high = x.min(), x.max()
    result = explain.lrp(linear, x, 0, rule=Bounded(low, high))

    np.testing.assert_allclose(result.values.sum((1, 2, 3)), result.scores)
    W = linear.params["scores.W"][:, 0].reshape(x.shape[1:])
    z = x * W - low * np.maximum(W, 0) - high * np.minimum(W, 0)
    np.testing.assert_allclose(
        result.values, z / z.sum((1, 2, 3), keepdims=True) * result.scores[:, None, None, None], rtol=1e-10
    )


def test_a_contrast_hands_down_the_difference(cnn, x):
    result = explain.lrp(cnn, x, Contrast(0, 2), rule="0")

    expected = explain.lrp(cnn, x, 0, rule="0").values - explain.lrp(cnn, x, 2, rule="0").values
    np.testing.assert_allclose(result.values, expected, atol=1e-10)


def test_rules_can_be_given_layer_by_layer(cnn, x):
    mixed = explain.lrp(cnn, x, rule={"conv1": "z+", "dense": Epsilon(0.1)})
    same = explain.lrp(cnn, x, rule={"conv1": "epsilon", "dense": "epsilon"})

    assert mixed.proof.holds.all()
    np.testing.assert_array_equal(same.values, explain.lrp(cnn, x).values)
    assert not np.allclose(mixed.values, same.values)
    with pytest.raises(UnknownNameError, match="unknown layer with weights 'conv3'"):
        explain.lrp(cnn, x, rule={"conv3": "z+"})


def test_first_rules_the_first_weighted_layer_alone(cnn, x):
    first = explain.lrp(cnn, x, first=Bounded(-5, 5))

    np.testing.assert_array_equal(first.values, explain.lrp(cnn, x, rule={"conv1": Bounded(-5, 5)}).values)


def test_batch_normalisation_is_folded_and_the_function_stays(residual, x):
    folded = fold_batch_norm(residual)

    np.testing.assert_allclose(folded(x), residual(x), atol=1e-13)
    assert not any(isinstance(layer, pl.BatchNorm) for layer in folded.walk())
    assert sum(isinstance(layer, pl.BatchNorm) for layer in residual.walk()) == 2


def test_what_is_not_covered_is_refused_by_name(cnn, x):
    tanh = pl.Sequential([pl.Flatten(), pl.Tanh(), pl.Affine(2)], input_shape=x.shape[1:])
    with pytest.raises(ArgumentError, match="relevance propagation does not cover the activation Tanh 'tanh1'"):
        explain.lrp(tanh, x)
    norm = pl.Sequential([pl.BatchNorm(), pl.Flatten(), pl.Affine(2)], input_shape=x.shape[1:])
    with pytest.raises(ArgumentError, match="BatchNorm 'batchnorm1' cannot be folded"):
        explain.lrp(norm, x)
    with pytest.raises(UnknownNameError, match="unknown rule 'epsilom'. Did you mean 'epsilon'"):
        explain.lrp(cnn, x, rule="epsilom")
    with pytest.raises(ArgumentError, match="scalar must be 'logit'"):
        explain.lrp(cnn, x, scalar="probability")
    with pytest.raises(ArgumentError, match="alpha − beta must be 1"):
        AlphaBeta(2, 2)
