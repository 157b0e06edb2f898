"""Integrated gradients: the axioms, and a completeness error within the tolerance."""

from __future__ import annotations

import numpy as np
import pytest

import pellucid as pl
from pellucid import explain
from pellucid.errors import ArgumentError, ShapeError, UnknownNameError
from pellucid.explain import Function


def identity(size):
    return pl.Sequential([pl.Affine.from_arrays(np.eye(size))], input_shape=size, dtype=np.float64)


@pytest.mark.parametrize("baseline", ["black", "grey", "white", "mean", "blurred", 0.3, ["black", "white"]])
def test_completeness_is_within_the_tolerance_for_every_baseline(cnn, x, baseline):
    result = explain.integrated_gradients(cnn, x, baseline=baseline, tolerance=0.01)

    assert result.proof.holds.all()
    np.testing.assert_allclose(result.values.sum((1, 2, 3)), result.proof.total)
    assert (np.abs(result.proof.residual) <= 0.011 * np.abs(result.proof.promised) + 1e-3).all()


def test_the_promise_is_the_difference_of_the_scores(cnn, x):
    result = explain.integrated_gradients(cnn, x, 1, baseline="mean")
    below = np.broadcast_to(x.mean((1, 2), keepdims=True), x.shape)

    np.testing.assert_allclose(result.proof.promised, cnn(x)[:, 1] - cnn(below)[:, 1])


def test_a_linear_model_is_exact_in_one_step(linear, x):
    result = explain.integrated_gradients(linear, x, 0, steps=1, baseline=0.5)

    np.testing.assert_allclose(result.values, (x - 0.5) * linear.params["scores.W"][:, 0].reshape(x.shape[1:]))


def test_a_bias_free_relu_network_is_exact_at_any_step_by_the_midpoint_rule(cnn_no_bias, x):
    for steps in (1, 3, 10):
        result = explain.integrated_gradients(cnn_no_bias, x, steps=steps, tolerance=None)

        np.testing.assert_allclose(result.proof.residual, 0, atol=1e-12)


def test_a_separable_function_has_its_hand_numbers():
    # f(u, v, w) = 5u + v² + sin w from 0: the parts are 5u, v² and sin w.
    f = Function(
        lambda y: (
            5 * y[:, 0] + y[:, 1] ** 2 + np.sin(y[:, 2]),
            np.stack([5 + 0 * y[:, 0], 2 * y[:, 1], np.cos(y[:, 2])], 1),
        )
    )
    x = np.array([[1.0, 2.0, 0.5], [-1.0, 0.3, 2.0]])
    result = explain.integrated_gradients(identity(3), x, f, steps=256)

    np.testing.assert_allclose(result.values, np.stack([5 * x[:, 0], x[:, 1] ** 2, np.sin(x[:, 2])], 1), atol=1e-5)


def test_a_quadratic_function_is_exact_in_one_step():
    # Its gradient is linear along the way, so the value at the middle is the mean: u² + uv from (a, b).
    f = Function(lambda y: (y[:, 0] ** 2 + y[:, 0] * y[:, 1], np.stack([2 * y[:, 0] + y[:, 1], y[:, 0]], 1)))
    result = explain.integrated_gradients(identity(2), [[3.0, 2.0]], f, baseline=1.0, steps=1, tolerance=None)

    np.testing.assert_allclose(result.values, [[2 * (2 * 2 + 1.5), 1 * 2]])
    np.testing.assert_allclose(result.proof.residual, 0, atol=1e-14)


def test_an_input_that_the_function_does_not_depend_on_gets_nothing(cnn, x):
    cnn.params["conv1.W"][:, :, 1] = 0  # the second channel is not looked at

    values = explain.integrated_gradients(cnn, x, baseline=0.3).values
    assert not values[..., 1].any()
    assert values[..., 0].any()


def test_it_is_the_slow_loop_over_the_middles_of_its_steps(cnn, x):
    n, start = 5, 0.2
    gradients = [explain.saliency(cnn, start + (k + 0.5) / n * (x - start), 1).values for k in range(n)]

    result = explain.integrated_gradients(cnn, x, 1, baseline=start, steps=n, tolerance=None)
    np.testing.assert_allclose(result.values, (x - start) * np.mean(gradients, axis=0), atol=1e-13)


def test_the_gradients_of_each_sample_are_taken_in_batches(cnn, x, monkeypatch):
    rows = []
    whole = pl.Sequential.backward

    def counted(self, dy, *arguments, **options):
        rows.append(len(dy))
        return whole(self, dy, *arguments, **options)

    monkeypatch.setattr(pl.Sequential, "backward", counted)
    explain.integrated_gradients(cnn, x[:2], 1, steps=300, tolerance=None)

    assert rows == [256, 44, 256, 44]  # two passes back for each sample, whatever the steps up to 512


def test_where_input_and_baseline_agree_nothing_is_attributed(cnn, x):
    mixed = np.zeros_like(x)
    mixed[:, :5] = x[:, :5]

    assert not explain.integrated_gradients(cnn, x, baseline=x).values.any()
    assert not explain.integrated_gradients(cnn, mixed).values[:, 5:].any()


def test_it_is_linear_in_the_function(cnn, x):
    options = {"steps": 20, "tolerance": None}
    parts = [explain.integrated_gradients(cnn, x, c, **options).values for c in (0, 1)]
    both = Function(lambda y: (2 * y[:, 0] + y[:, 1], np.tile([2.0, 1.0, 0.0], (len(y), 1))))

    np.testing.assert_allclose(explain.integrated_gradients(cnn, x, both, **options).values, 2 * parts[0] + parts[1])


def test_two_networks_of_one_function_get_one_answer(cnn, x):
    split = pl.copy_network(cnn)
    wide = pl.Sequential(
        [*split.layers[:7], pl.Affine(14, name="dense"), pl.ReLU(name="relu3"), pl.Affine(3, name="scores")],
        input_shape=x.shape[1:],
        dtype=np.float64,
    )
    for key, value in cnn.params.items():  # every hidden neuron twice, each with half the weight above
        double = {"dense.W": (1, 2), "dense.b": (2,), "scores.W": (2, 1)}.get(key, (1,) * value.ndim)
        wide.params[key] = np.tile(value, double) * (0.5 if key == "scores.W" else 1)

    np.testing.assert_allclose(wide(x), cnn(x))
    np.testing.assert_allclose(
        explain.integrated_gradients(wide, x).values, explain.integrated_gradients(cnn, x).values, atol=1e-13
    )


def test_symmetric_inputs_get_equal_shares():
    network = pl.Sequential(
        [
            pl.Affine.from_arrays([[1.0, -2.0], [1.0, -2.0]], [-0.5, 1.0]),
            pl.ReLU(),
            pl.Affine.from_arrays([[1.0], [3.0]]),
        ],
        input_shape=2,
        dtype=np.float64,
    )
    values = explain.integrated_gradients(network, [[0.7, 0.7]], 0).values

    assert values[0, 0] == pytest.approx(values[0, 1])


def test_steps_double_only_where_they_must(cnn, x):
    strict = explain.integrated_gradients(cnn, x, steps=4, tolerance=1e-3)
    loose = explain.integrated_gradients(cnn, x, steps=4, tolerance=10.0)

    assert (loose.extras["steps"] == 4).all()
    assert (strict.extras["steps"] > 4).any()
    assert set(strict.extras["steps"]) <= {4 * 2**k for k in range(9)}


def test_a_tolerance_out_of_reach_is_reported_as_failed(cnn, x):
    result = explain.integrated_gradients(cnn, x, steps=2, max_steps=2, tolerance=1e-9)

    assert not result.proof.holds.all()
    assert "FAILS" in result.proof.line(int(np.argmin(result.proof.holds)))


def test_several_baselines_are_averaged(cnn, x):
    one, two = (explain.integrated_gradients(cnn, x, baseline=b, steps=8, tolerance=None) for b in ("black", 1.0))
    both = explain.integrated_gradients(cnn, x, baseline=["black", 1.0], steps=8, tolerance=None)

    np.testing.assert_allclose(both.values, (one.values + two.values) / 2)
    assert both.baseline == "black, 1"


def test_baselines_that_do_not_fit_are_refused(cnn, x):
    with pytest.raises(UnknownNameError, match="unknown baseline 'dark'"):
        explain.integrated_gradients(cnn, x, baseline="dark")
    with pytest.raises(ShapeError, match=r"baseline must be a number or have shape \(10, 8, 2\), got \(8, 10, 2\)"):
        explain.integrated_gradients(cnn, x, baseline=np.zeros((8, 10, 2)))
    with pytest.raises(ArgumentError, match="at least one baseline"):
        explain.integrated_gradients(cnn, x, baseline=[])
    with pytest.raises(ShapeError, match="needs images"):
        explain.integrated_gradients(identity(3), np.zeros((1, 3)), 0, baseline="blurred")
