"""Networks whose branches are multiplied and divided: what each method makes of it, and what it refuses."""

from __future__ import annotations

import numpy as np
import pytest

import pellucid as pl
from pellucid import explain
from pellucid.errors import ArgumentError


@pytest.fixture
def x(rng):
    return rng.random((3, 6, 6, 2))


def gated(gate=pl.Sigmoid):
    """A network with a squeeze-and-excitation block: channels are weighed by what the whole image says."""
    gates = [pl.GlobalAveragePool2D(), pl.Affine(4), gate(), pl.Reshape((1, 1, 4))]
    nodes = {
        "door": (pl.Transpose((1, 0, 2)), "input"),
        "conv": (pl.Conv2D(4, 3), "door"),
        "relu": (pl.ReLU(), "conv"),
        "gate": (pl.Sequential(gates), "relu"),
        "gated": (pl.Multiply(), ["relu", "gate"]),
        "shift": (pl.Shift(), "gated"),
        "flat": (pl.Flatten(), "shift"),
        "scores": (pl.Affine(3), "flat"),
    }
    return pl.Graph(nodes, input_shape=(6, 6, 2), dtype=np.float64, seed=2)


def divided():
    nodes = {
        "a": (pl.Conv2D(4, 3), "input"),
        "b": (pl.Sequential([pl.Conv2D(4, 3), pl.Swish(), pl.Shift.from_arrays([2.0])]), "input"),
        "less": (pl.Subtract(), ["a", "b"]),
        "share": (pl.Divide(), ["less", "b"]),
        "prelu": (pl.PReLU(), "share"),
        "square": (pl.Multiply(), ["prelu", "prelu"]),
        "flat": (pl.Flatten(), "square"),
        "scores": (pl.Affine(3), "flat"),
    }
    return pl.Graph(nodes, input_shape=(6, 6, 2), dtype=np.float64, seed=2)


@pytest.mark.parametrize("make", [gated, divided])
@pytest.mark.parametrize("baseline", ["black", "mean"])
def test_deep_lift_shares_the_whole_change(make, baseline, x):
    said = explain.deep_lift(make(), x, 1, baseline=baseline if baseline == "black" else 0.5)
    assert said.proof.holds.all()
    assert np.abs(said.proof.promised).min() > 1e-4


@pytest.mark.parametrize("gate", [pl.Sigmoid, pl.HardSigmoid, pl.Softmax])
def test_lrp_gives_the_signal_all_and_its_gate_nothing(gate, x):
    network = gated(gate)
    said = explain.lrp(network, x, 1, rule="0")
    assert said.proof.holds.all()
    # The gates as they are for x are constants: the same network with them as fixed scales has the same relevance.
    for k in range(len(x)):
        scale = pl.Scale.from_arrays(gates_of(network, x[k : k + 1]))
        fixed = pl.Graph(
            [(n, scale, "relu") if n == "gated" else (n, o, i) for n, o, i in network.nodes if n != "gate"],
            input_shape=(6, 6, 2),
            dtype=np.float64,
        )
        np.testing.assert_allclose(explain.lrp(fixed, x[k : k + 1], 1, rule="0").values[0], said.values[k], atol=1e-9)


def gates_of(network, x):
    _, tape = network.forward(x)
    return next(step.output for step in tape if step.name == "gate")[0]


def test_lrp_refuses_a_product_of_two_signals_and_a_quotient(x):
    nodes = {"share": (pl.Divide(), ["input", "input"]), "flat": (pl.Flatten(), "share")}
    with pytest.raises(ArgumentError, match="does not cover the merge Divide 'share'"):
        explain.lrp(pl.Graph(nodes, input_shape=(6, 6, 2), dtype=np.float64), x, 1)
    nodes = {"square": (pl.Multiply(), ["input", "input"]), "flat": (pl.Flatten(), "square")}
    square = pl.Graph(nodes, input_shape=(6, 6, 2), dtype=np.float64)
    with pytest.raises(ArgumentError, match="does not cover the merge Multiply 'square'"):
        explain.lrp(square, x, 1)


@pytest.mark.parametrize("rule", ["epsilon", "gamma", "z+", "alpha-beta", "composite"])
def test_every_rule_goes_through_scales_and_shifts(rule, x):
    layers = [pl.Scale(), pl.Conv2D(4, 3), pl.Shift(), pl.ReLU(), pl.Scale((1,)), pl.Flatten(), pl.Affine(3)]
    network = pl.Sequential(layers, input_shape=(6, 6, 2), dtype=np.float64)
    for p in network.params.values():
        p += 0.3
    assert explain.lrp(network, x, 1, rule=rule).proof.holds.all()


@pytest.mark.parametrize("make", [gated, divided])
def test_saliency_is_the_slope(make, x, rng):
    network, d = make(), rng.standard_normal((3, 6, 6, 2))
    found = (explain.saliency(network, x, 1).values * d).sum(axis=(1, 2, 3))
    slope = (network(x + 1e-6 * d) - network(x - 1e-6 * d))[:, 1] / 2e-6
    np.testing.assert_allclose(found, slope, rtol=1e-6, atol=1e-8)


def test_a_transpose_behind_the_convolutions_is_no_layer_to_look_at(x):
    layers = [pl.Conv2D(4, 3), pl.ReLU(), pl.Transpose((2, 0, 1)), pl.Flatten(), pl.Affine(3)]
    network = pl.Sequential(layers, input_shape=(6, 6, 2), dtype=np.float64)
    assert explain.grad_cam(network, x, 1).layer == "relu1"
