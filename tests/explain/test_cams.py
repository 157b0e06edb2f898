"""Class activation maps: their identities where the head is linear, slow loops, and maps without evidence."""

from __future__ import annotations

import math

import numpy as np
import pytest

import pellucid as pl
from pellucid import explain
from pellucid.errors import ArgumentError, UnknownNameError
from pellucid.explain import Contrast, Unit
from pellucid.explain.machinery.rules import guided, rectified
from pellucid.explain.methods.score_cam import unit_masks
from pellucid.explain.resize import bilinear

CAMS = [method.call for name, method in explain.METHODS.items() if method.takes_layer and name != "guided-grad-cam"]


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


def test_grad_cam_has_the_literal_values_of_captums_example():
    # captum's own test of LayerGradCam: sums of 3x3 windows over 0..15, shifted by −50 and −75, then weights of ±1.
    network = pl.Sequential(
        [pl.Conv2D(2, 3, name="conv1"), pl.ReLU(name="relu1"), pl.Flatten(), pl.Affine(1, bias=False, name="fc1")],
        input_shape=(4, 4, 1),
        dtype=np.float64,
    )
    network.params["conv1.W"], network.params["conv1.b"] = np.ones((3, 3, 1, 2)), np.array([-50.0, -75.0])
    by_channel = np.array([1.0, 1, 1, 1, 1, -1, -1, -1]).reshape(2, 2, 2)
    network.params["fc1.W"] = by_channel.transpose(1, 2, 0).reshape(8, 1)
    x = np.arange(16.0).reshape(1, 4, 4, 1)

    for layer, expected in (("conv1", [[11.25, 13.5], [20.25, 22.5]]), ("relu1", [[0.0, 4.0], [28.0, 32.5]])):
        assert explain.grad_cam(network, x, 1, layer=layer, relu=False).values[0, ..., 0].tolist() == expected


def test_grad_cam_is_never_below_zero(cnn, residual, graph, gap, x):
    for network in (cnn, residual, graph, gap):
        for rule in (None, "guided", "rectified"):
            assert explain.grad_cam(network, x, rule=rule).values.min() >= 0


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


def test_a_denominator_of_grad_cam_plus_plus_that_is_zero_gives_zero_and_no_nan():
    # A = (−1, −3) and g = ½ at both places: 2 g² + ΣA · g³ = ½ − ½ = 0.
    network = pl.Sequential(
        [pl.Conv2D(1, 1, bias=False, name="conv"), pl.Flatten(), pl.Affine.from_arrays([[0.5], [0.5]])],
        input_shape=(1, 2, 1),
        dtype=np.float64,
    )
    network.params["conv.W"] = np.full((1, 1, 1, 1), -1.0)
    result = explain.grad_cam_plus_plus(network, [[[[1.0], [3.0]]]], 0, layer="conv", relu=False)

    assert result.values.ravel().tolist() == [0, 0]


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


# Three hidden units over A = (1, −1, 2, −2), two channels at two places: the first passes every rule (h = 3, g = 2),
# the second is held back where g must be positive (h = 3, g = −1), the third where h must be (h = −3, g = 4).
HIDDEN = np.array([[1.0, 0, 0], [0, -1, 1], [1, 0, 0], [0, -1, 1]])
BY_HAND = {None: [1.0, 2.0], "guided": [2.0, 4.0], "rectified": [-2.0, -4.0]}


@pytest.mark.parametrize(("rule", "expected"), BY_HAND.items())
def test_grad_cam_by_each_rule_by_hand(rule, expected):
    # ∂S/∂A is (2, 1) at both places; guided (2, 0); rectified (2, 4): the map is Σ α_k A^k with A^0 = (1, 2) = −A^1.
    network = pl.Sequential(
        [
            pl.Conv2D(2, 1, bias=False, name="conv"),
            pl.Flatten(),
            pl.Affine.from_arrays(HIDDEN),
            pl.ReLU(),
            pl.Affine.from_arrays([[2.0], [-1.0], [4.0]]),
        ],
        input_shape=(1, 2, 1),
        dtype=np.float64,
    )
    network.params["conv.W"] = np.array([1.0, -1.0]).reshape(1, 1, 1, 2)
    x = np.array([1.0, 2.0]).reshape(1, 1, 2, 1)

    signed = explain.grad_cam(network, x, 1, layer="conv", relu=False, rule=rule)
    result = explain.grad_cam(network, x, 1, layer="conv", rule=rule)

    assert signed.values.ravel().tolist() == expected
    assert result.values.ravel().tolist() == [max(v, 0.0) for v in expected]
    assert result.scores.tolist() == [3.0]
    assert result.settings["rule"] == rule
    assert bool(result.no_positive_evidence[0]) == (rule == "rectified")


@pytest.mark.parametrize(("rule", "function"), [("guided", guided), ("rectified", rectified)])
@pytest.mark.parametrize("layer", ["conv1", "relu1", "relu2", "pool"])
def test_under_a_rule_grad_cam_is_the_mean_of_what_the_rule_lets_through(cnn, x, rule, function, layer):
    y, tape = cnn.forward(x)
    k = [a.name for a in cnn.layers].index(layer)
    dy = np.zeros_like(y)
    dy[:, 1] = 1
    through, _ = cnn.backward(dy, tape[k + 1 :], {pl.ReLU: function}, need_grads=False)
    expected = np.einsum("nhwk,nk->nhw", tape[k].output, through.mean(axis=(1, 2)))

    result = explain.grad_cam(cnn, x, 1, layer=layer, relu=False, rule=rule)
    np.testing.assert_allclose(result.values[..., 0], expected, atol=1e-13)
    assert not np.allclose(expected, explain.grad_cam(cnn, x, 1, layer=layer, relu=False).values[..., 0])


@pytest.mark.parametrize("rule", [None, "guided", "rectified"])
def test_a_rule_reaches_into_blocks_and_graphs(make_chain, cnn, x, rule):
    block = pl.Sequential(make_chain().layers[:4], name="block")
    nested = pl.Sequential([block, *make_chain().layers[4:]], input_shape=x.shape[1:], dtype=np.float64)
    before, nodes = "input", {}
    for layer in make_chain().layers:
        nodes[layer.name], before = (layer, before), layer.name
    as_graph = pl.Graph(nodes, input_shape=x.shape[1:], dtype=np.float64)
    for network, prefix in ((nested, "block."), (as_graph, "")):
        for name in ("conv1", "relu1"):
            found = explain.grad_cam(network, x, 1, layer=prefix + name, relu=False, rule=rule)

            expected = explain.grad_cam(cnn, x, 1, layer=name, relu=False, rule=rule)
            np.testing.assert_allclose(found.values, expected.values, atol=1e-13)


def test_where_no_relu_lies_above_the_layer_the_three_forms_are_one(gap, x):
    plain, *others = (explain.grad_cam(gap, x, 1, rule=rule).values for rule in (None, "guided", "rectified"))

    assert all(np.array_equal(plain, other) for other in others)


def test_a_rule_asks_only_the_layers_above_for_what_it_covers(x):
    layers = [
        pl.Conv2D(3, 3),
        pl.Tanh(name="tanh1"),
        pl.Conv2D(3, 3),
        pl.Tanh(name="tanh2"),
        pl.Flatten(),
        pl.Affine(2),
    ]
    network = pl.Sequential(layers, input_shape=x.shape[1:], dtype=np.float64)

    assert explain.grad_cam(network, x, layer="tanh2", rule="guided").values.any()
    with pytest.raises(ArgumentError, match="grad_cam: rule 'guided' does not cover the activation Tanh 'tanh2'"):
        explain.grad_cam(network, x, layer="tanh1", rule="guided")
    with pytest.raises(UnknownNameError, match="Did you mean 'guided'"):
        explain.grad_cam(network, x, rule="guide")


def test_guided_grad_cam_is_another_thing_than_grad_cam_by_the_guided_rule(cnn, x):
    product, by_rule = explain.guided_grad_cam(cnn, x, 1), explain.grad_cam(cnn, x, 1, rule="guided")

    assert product.values.shape == x.shape
    assert by_rule.values.shape == (4, 8, 6, 1)
    assert {product.method, by_rule.method} == {"guided Grad-CAM", "Grad-CAM by guided gradients"}


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
        from pellucid.explain.machinery.activations import look
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


def test_scaling_the_scores_scales_the_map_and_not_the_map_divided_by_its_largest_value(cnn, x):
    one = explain.grad_cam(cnn, x, 1).values
    cnn.params["scores.W"] *= 3
    cnn.params["scores.b"] *= 3
    scaled = explain.grad_cam(cnn, x, 1).values

    np.testing.assert_allclose(scaled, 3 * one)
    largest = (1, 2, 3)
    np.testing.assert_allclose(
        scaled / scaled.max(largest, keepdims=True), one / one.max(largest, keepdims=True), atol=1e-14
    )


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
