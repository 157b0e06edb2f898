"""Class activation maps: their identities where the head is linear, slow loops, and maps without evidence."""

from __future__ import annotations

import math

import numpy as np
import pytest

import pellucid as pl
from pellucid import explain
from pellucid.errors import ArgumentError, UnknownNameError
from pellucid.explain import Contrast, Unit
from pellucid.explain.resize import bilinear
from pellucid.explain.score_cam import unit_masks

CAMS = [explain.grad_cam, explain.grad_cam_plus_plus, explain.hires_cam, explain.layer_cam, explain.score_cam]


def activations(network, x, name):
    """A and dS/dA (class 1) by walking a tape by hand."""
    y, tape = network.forward(x)
    k = [layer.name for layer in network.layers].index(name)
    dy = np.zeros_like(y)
    dy[:, 1] = 1
    return tape[k].output, network.backward(dy, tape[k + 1 :], need_grads=False)[0]


def test_grad_cam_is_its_formula(cnn, x):
    A, g = activations(cnn, x, "relu2")
    expected = sum(g[..., k].mean((1, 2))[:, None, None] * A[..., k] for k in range(A.shape[3]))
    result = explain.grad_cam(cnn, x, 1)

    assert result.layer == "relu2"
    np.testing.assert_allclose(result.values[..., 0], np.maximum(expected, 0), atol=1e-14)
    np.testing.assert_allclose(explain.grad_cam(cnn, x, 1, relu=False).values[..., 0], expected, atol=1e-14)


def test_under_a_pooled_linear_head_z_times_grad_cam_is_cam(gap, x):
    cam = explain.cam(gap, x, 1)
    places = cam.values[0].size

    np.testing.assert_allclose(places * explain.grad_cam(gap, x, 1, relu=False).values, cam.values, atol=1e-13)
    np.testing.assert_allclose(cam.values.sum((1, 2, 3)) / places + gap.params["scores.b"][1], cam.scores, rtol=1e-13)
    assert cam.proof.holds.all()


def test_cam_of_a_contrast_is_the_difference_of_two(gap, x):
    result = explain.cam(gap, x, Contrast(2, 0))

    np.testing.assert_allclose(result.values, explain.cam(gap, x, 2).values - explain.cam(gap, x, 0).values, atol=1e-14)
    assert result.proof.holds.all()


def test_under_a_linear_head_hires_cam_adds_up_and_grad_cam_does_not(x):
    network = pl.Sequential(
        [pl.Conv2D(4, 3), pl.ReLU(name="relu"), pl.Flatten(), pl.Affine(3)], input_shape=x.shape[1:], dtype=np.float64
    )
    network.params["affine1.b"] = np.array([0.5, -1.0, 2.0])
    result = explain.hires_cam(network, x)

    np.testing.assert_allclose(
        result.values.sum((1, 2, 3)) + [[0.5, -1.0, 2.0][c] for c in result.target], result.scores
    )
    assert result.proof.holds.all()
    assert not np.allclose(explain.grad_cam(network, x, relu=False).values.sum((1, 2, 3)), result.values.sum((1, 2, 3)))


def test_hires_cam_promises_nothing_above_a_hidden_relu(cnn, x):
    assert explain.hires_cam(cnn, x).proof is None


def test_grad_cam_plus_plus_is_its_slow_triple_loop(cnn, x):
    A, g = activations(cnn, x, "relu2")
    expected = np.zeros(A.shape[:3])
    for n in range(len(A)):
        for k in range(A.shape[3]):
            total, w = sum(A[n, a, b, k] for a in range(A.shape[1]) for b in range(A.shape[2])), 0.0
            for i in range(A.shape[1]):
                for j in range(A.shape[2]):
                    slope = g[n, i, j, k]
                    below = 2 * slope**2 + total * slope**3
                    w += (slope**2 / below if below != 0 else 0.0) * max(slope, 0)
            expected[n] += w * A[n, :, :, k]

    np.testing.assert_allclose(
        explain.grad_cam_plus_plus(cnn, x, 1).values[..., 0], np.maximum(expected, 0), rtol=1e-10
    )


def test_grad_cam_plus_plus_under_a_pooled_head_ranks_places_as_its_weights_do(gap, x):
    gap.params["scores.W"][:, 1] = [0.0, 0.0, 0.8, 0.0]  # one positive weight: all maps have the shape of that channel
    plus, cam = explain.grad_cam_plus_plus(gap, x, 1).values, explain.cam(gap, x, 1).values

    np.testing.assert_allclose(plus / plus.max((1, 2, 3), keepdims=True), cam / cam.max((1, 2, 3), keepdims=True))


def test_layer_cam_is_its_formula(cnn, x):
    A, g = activations(cnn, x, "conv1")

    np.testing.assert_allclose(
        explain.layer_cam(cnn, x, 1, layer="conv1").values[..., 0], np.maximum((np.maximum(g, 0) * A).sum(3), 0)
    )


def test_score_cam_is_its_slow_loop(cnn, x):
    A, _ = activations(cnn, x, "relu2")
    result = explain.score_cam(cnn, x, 1, batch_size=2)
    for n in range(len(x)):
        s = []
        for k in range(A.shape[3]):
            mask = bilinear(A[n : n + 1, :, :, k], *x.shape[1:3])[0]
            mask = (mask - mask.min()) / (mask.max() - mask.min()) if mask.max() > mask.min() else 0 * mask
            s.append(cnn(x[n : n + 1] * mask[None, :, :, None])[0, 1] - cnn(0 * x[:1])[0, 1])
        w = np.exp(s) / np.exp(s).sum()
        np.testing.assert_allclose(result.extras["weights"][n], w)
        np.testing.assert_allclose(result.values[n, ..., 0], np.maximum(A[n] @ w, 0))
    np.testing.assert_allclose(result.extras["weights"].sum(1), 1)


def test_score_cam_weights_ignore_the_baseline_and_flat_maps_mask_everything(cnn, x):
    one, other = (explain.score_cam(cnn, x, 1, baseline=b).values for b in ("black", 1.0))

    np.testing.assert_allclose(one, other)
    assert not unit_masks(np.full((3, 4, 2), 7.0), 6, 8).any()


def test_score_cam_takes_one_pass_for_each_batch_of_maps(cnn, x, monkeypatch):
    calls = []
    whole = pl.Sequential.__call__
    monkeypatch.setattr(pl.Sequential, "__call__", lambda self, y: calls.append(len(y)) or whole(self, y))
    explain.score_cam(cnn, x[:1], 1, batch_size=2)

    assert calls.count(2) == math.floor(5 / 2)
    assert len(calls) == 3 + math.ceil(5 / 2)  # the layer's maps, the scores, the baseline; 5 maps, two at a time


def test_guided_grad_cam_multiplies_guided_backpropagation_by_the_enlarged_map(cnn, x):
    where, what = explain.grad_cam(cnn, x, 1), explain.saliency(cnn, x, 1, rule="guided")

    expected = what.values * bilinear(where.values, *x.shape[1:3])
    np.testing.assert_allclose(explain.guided_grad_cam(cnn, x, 1).values, expected, atol=1e-15)


@pytest.mark.parametrize("method", CAMS)
def test_any_layer_that_gives_images_is_accepted_and_maps_lie_on_its_grid(cnn, residual, graph, x, method):
    for network, names in (
        (cnn, ["conv1", "relu1", "conv2", "relu2", "pool"]),
        (residual, ["relu1", "block", "block.branch.relu1", "relu2"]),
        (graph, ["conv1", "sum", "both"]),
    ):
        for name in names:
            result = method(network, x, 1, layer=name)
            assert result.values.shape[0] == len(x)
            assert result.values.shape[3] == 1
            assert result.layer == name
            assert result.upsampled().shape == x.shape[:3]


def test_gradients_inside_blocks_and_graphs_are_those_of_central_differences(residual, graph, x):
    for network, name in ((residual, "block.branch.conv2d1"), (residual, "block"), (graph, "relu1"), (graph, "sum")):
        from pellucid.explain.activations import look
        from pellucid.explain.target import Question

        seen = look(Question("test", network, x, 1), name)
        direct = explain.saliency(network, x, Unit(name, (2, 3, 1)))
        np.testing.assert_allclose(direct.scores, seen.A[:, 2, 3, 1])
        assert seen.gradient.shape == seen.A.shape
    seen = look(Question("test", residual, x, 1), "block")  # above it: ReLU, mean over 48 places, dense
    np.testing.assert_allclose(seen.gradient, (seen.A > 0) * residual.params["scores.W"][:, 1] / 48)


def test_the_layer_is_the_last_before_pooling_and_is_named(cnn, residual, graph, gap, x):
    layers = [explain.grad_cam(network, x).layer for network in (cnn, residual, graph, gap)]

    assert layers == ["relu2", "relu2", "both", "relu1"]


def test_scaling_the_scores_scales_the_map(cnn, x):
    one = explain.grad_cam(cnn, x, 1).values
    cnn.params["scores.W"] *= 3
    cnn.params["scores.b"] *= 3

    np.testing.assert_allclose(explain.grad_cam(cnn, x, 1).values, 3 * one)


def test_a_map_without_evidence_is_zero_and_says_so(gap, x):
    gap.params["scores.W"][:, 1] = -1.0
    for method in (explain.grad_cam, explain.grad_cam_plus_plus, explain.layer_cam):
        result = method(gap, x, 1)

        assert not result.values.any()
        assert result.no_positive_evidence.all()
        assert "no positive evidence" in result.caption(0)


def test_dead_layers_give_zeros_and_no_nan(cnn, x):
    cnn.params["conv2.W"][...] = 0
    cnn.params["conv2.b"][...] = -1
    for method in CAMS:
        assert not method(cnn, x, 1).values.any()


def test_what_cannot_be_looked_at_is_refused_by_name(cnn, x):
    with pytest.raises(
        ArgumentError, match="layer 'dense' gives .7,. for a sample, which is no image.*such as 'relu2'"
    ):
        explain.grad_cam(cnn, x, layer="dense")
    with pytest.raises(UnknownNameError, match="Did you mean 'relu2'"):
        explain.grad_cam(cnn, x, layer="relu22")
    with pytest.raises(ArgumentError, match="must end in GlobalAveragePool2D and Affine"):
        explain.cam(cnn, x)
    with pytest.raises(ArgumentError, match="say which layer to look at"):
        explain.grad_cam(cnn, x, Unit("dense", 1))
    flat = pl.Sequential([pl.Affine(2)], input_shape=3)
    with pytest.raises(ArgumentError, match=r"no layer of Sequential gives an image \(H, W, C\)"):
        explain.grad_cam(flat, np.zeros((1, 3)))


def test_bilinear_keeps_centres_constants_and_slopes():
    ramp = np.arange(4.0)[None, :, None] * np.ones((1, 1, 2))

    np.testing.assert_allclose(bilinear(ramp, 8, 2)[0, :, 0], [0, 0.25, 0.75, 1.25, 1.75, 2.25, 2.75, 3])
    np.testing.assert_allclose(bilinear(np.full((1, 3, 5), 2.5), 7, 9), 2.5)
    np.testing.assert_allclose(bilinear(np.ones((1, 1, 1)), 4, 3), 1)
