"""A network that takes its pictures channels-first is explained as its body is; maps come back in that order."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest

import pellucid as pl
from doors import first, with_door
from methods import METHODS
from pellucid import explain
from pellucid.data import InputSpec
from pellucid.explain import evaluate
from pellucid.layers.door import behind_door, has_door

every = pytest.mark.parametrize("method", METHODS.values(), ids=METHODS)


def refused_alike(method, network, x, body, y):
    """Return both explanations; none where the body refuses, as then the whole must, too."""
    try:
        expected = method(body, y)
    except pl.errors.ArgumentError:
        with pytest.raises(pl.errors.ArgumentError):
            method(network, x)
        return None
    return method(network, x), expected


@every
@pytest.mark.parametrize("body", ["cnn", "gap", "residual", "graph"])
def test_every_method_says_of_the_whole_what_it_says_of_the_body(request, body, x, method):
    body = request.getfixturevalue(body)
    network = with_door(body)
    found = refused_alike(method, network, first(x), body, x)
    if found is None:
        return
    said, expected = found

    np.testing.assert_array_equal(said.values, first(expected.values))
    np.testing.assert_array_equal(said.inputs, first(x))
    np.testing.assert_array_equal(said.maps(), expected.maps())
    np.testing.assert_array_equal(said.maps("max-abs"), expected.maps("max-abs"))
    np.testing.assert_array_equal(said.upsampled(), expected.upsampled())
    np.testing.assert_array_equal(said.pictures(), expected.pictures())
    assert (said.layout, said.layer, said.scalars) == ("channels-first", expected.layer, expected.scalars)
    for key, extra in expected.extras.items():
        np.testing.assert_array_equal(said.extras[key], first(extra) if extra.ndim == 4 else extra, err_msg=key)
    if expected.proof is not None:
        np.testing.assert_array_equal(said.proof.total, expected.proof.total)


def test_grey_pictures_and_targets_within_are_explained_the_same_way():
    layers = [pl.Conv2D(4, 3, name="conv"), pl.ReLU(), pl.Flatten(), pl.Affine(3)]
    body = pl.Sequential(layers, input_shape=(9, 7, 1), dtype=np.float64)
    network, x = with_door(body), np.random.default_rng(0).random((2, 9, 7, 1))
    for target in (explain.Unit("conv", (2, 3, 1)), explain.Filter("conv", 2), explain.Contrast(0, 1), 1, [0, 2]):
        said, expected = (explain.saliency(n, i, target) for n, i in ((network, first(x)), (body, x)))
        np.testing.assert_array_equal(said.values, first(expected.values))
        assert said.scalars == expected.scalars


def test_baselines_and_regions_are_given_in_the_order_of_the_input(cnn, x):
    network = with_door(cnn)
    start = np.random.default_rng(5).random(x.shape[1:])
    regions = (np.arange(x[0].size).reshape(x.shape[1:]) // 5).astype(int)
    for method, option, value in [
        (partial(explain.integrated_gradients, steps=4), "baseline", start),
        (explain.deep_lift, "baseline", start),
        (partial(explain.occlusion, patch=4, stride=4), "value", start),
        (partial(explain.shapley, permutations=2), "region", regions),
    ]:
        said = method(network, first(x[:1]), **{option: value.transpose(2, 0, 1)})
        expected = method(cnn, x[:1], **{option: value})
        np.testing.assert_array_equal(said.values, first(expected.values))
        with pytest.raises(pl.errors.ShapeError, match=r"\(2, 10, 8\)"):
            method(network, first(x[:1]), **{option: value})


def test_a_door_within_a_nested_network_is_found_and_other_changes_of_axes_are_none(cnn, x):
    nested = pl.Sequential([with_door(cnn), pl.Softmax()], input_shape=(2, 10, 8), dtype=np.float64)
    said = explain.grad_cam(nested, first(x), 1)
    assert said.settings["before"] == "Softmax"
    np.testing.assert_allclose(said.maps(), explain.grad_cam(cnn, x, 1).maps(), atol=1e-14)
    turned = pl.Sequential([pl.Transpose((2, 1, 0)), pl.Flatten(), pl.Affine(2)], input_shape=(3, 4, 5))
    assert has_door(nested)
    assert not has_door(cnn)
    assert not has_door(turned)
    assert behind_door(cnn) is cnn


def test_a_door_for_each_branch_is_one_door(x):
    nodes = {
        "left": (pl.Transpose((1, 2, 0)), "input"),
        "right": (pl.Transpose((1, 2, 0)), "input"),
        "conv": (pl.Conv2D(2, 3, padding="same"), "left"),
        "sum": (pl.Add(), ["conv", "right"]),
        "flat": (pl.Flatten(), "sum"),
        "scores": (pl.Affine(3), "flat"),
    }
    network = pl.Graph(nodes, input_shape=(2, 10, 8), dtype=np.float64)
    body = behind_door(network)
    assert (body.input_shape, [node.name for node in body.nodes]) == ((10, 8, 2), ["conv", "sum", "flat", "scores"])
    np.testing.assert_array_equal(body(x), network(first(x)))


def test_a_change_of_axes_further_within_is_no_door(x):
    """As of a vector that is made an image of channels first, and put right."""
    layers = [pl.Transpose((1, 2, 0)), pl.Flatten(), pl.Reshape((2, 8, 10)), pl.Transpose((1, 2, 0)), pl.Conv2D(2, 3)]
    network = pl.Sequential(layers, input_shape=(2, 10, 8), dtype=np.float64)
    assert [type(a).__name__ for a in behind_door(network).layers] == ["Flatten", "Reshape", "Transpose", "Conv2D"]


@pytest.mark.parametrize("softmax", [False, True])
def test_scores_with_axes_of_one_and_no_dense_layer_are_scores(x, softmax):
    """As SqueezeNet's: a convolution of a filter for each class, averaged, and perhaps a softmax of (K, 1, 1)."""
    layers = [pl.Conv2D(4, 3), pl.ReLU(), pl.Conv2D(3, 1, name="classes"), pl.ReLU(name="last")]
    ending = [pl.GlobalAveragePool2D(), pl.Reshape((1, 1, 3)), *([pl.Softmax()] if softmax else [])]
    whole = pl.Sequential([*layers, *ending, pl.Transpose((2, 0, 1))], input_shape=(10, 8, 2), dtype=np.float64, seed=1)
    flat = pl.Sequential([*layers, pl.GlobalAveragePool2D()], input_shape=(10, 8, 2), dtype=np.float64)
    assert whole.output_shape == (3, 1, 1)
    for network, images in ((whole, x), (with_door(whole), first(x))):
        cam = explain.grad_cam(network, images)
        assert cam.layer == "last"
        assert cam.outputs.shape == (len(x), 3)
        np.testing.assert_allclose(cam.maps(), explain.grad_cam(flat, x).maps(), atol=1e-12)
        occluded = explain.occlusion(network, images, patch=4, stride=4)
        np.testing.assert_allclose(occluded.maps(), explain.occlusion(flat, x, patch=4, stride=4).maps(), atol=1e-12)


def test_the_last_image_is_found_before_the_axes_are_changed_for_the_dense_layer(x):
    """As VGG's: pool, put the channels first again, flatten."""
    layers = {
        "conv": (pl.Conv2D(8, 3), "input"),
        "relu": (pl.ReLU(), "conv"),
        "pool": (pl.MaxPool2D(2), "relu"),
        "first": (pl.Transpose((2, 0, 1)), "pool"),
        "twice": (pl.ReLU(), "first"),
        "flat": (pl.Flatten(), "twice"),
        "scores": (pl.Affine(3), "flat"),
    }
    network = with_door(pl.Graph(layers, input_shape=(10, 8, 2), dtype=np.float64))
    assert explain.grad_cam(network, first(x)).layer == "relu"
    wrapped = pl.Sequential([network], names=["whole"], input_shape=(2, 10, 8), dtype=np.float64)
    assert explain.grad_cam(wrapped, first(x)).layer == "whole.relu"


def test_a_map_of_the_trunk_stops_at_its_layer(residual, x, monkeypatch):
    """Grad-CAM goes forward once, and back from the scores to the layer, not to the input."""
    passes = []
    for name in ("__call__", "forward", "backward"):
        usual = getattr(pl.Conv2D, name)
        monkeypatch.setattr(
            pl.Conv2D,
            name,
            lambda self, *a, _usual=usual, _name=name, **o: passes.append(_name) or _usual(self, *a, **o),
        )
    explain.grad_cam(residual, x)
    assert passes.count("__call__") == 3
    assert "backward" not in passes


def test_classes_and_maximised_inputs_and_samples_keep_the_order_of_the_input(cnn, x):
    network = with_door(cnn)
    every_class, expected = explain.all_classes(network, first(x)[0]), explain.all_classes(cnn, x[0])
    np.testing.assert_array_equal(every_class["guided"].values, first(expected["guided"].values))
    np.testing.assert_array_equal(every_class.image, first(x)[0])
    best, usual = (explain.maximize(n, [0, 2], steps=3, data=d) for n, d in ((network, first(x)), (cnn, x)))
    np.testing.assert_array_equal(best.best, first(usual.best))
    np.testing.assert_array_equal(best.nearest.samples, first(usual.nearest.samples))
    np.testing.assert_array_equal(best.pictures(best.best), usual.best)
    found, like = (pl.views.top_samples(n, "relu2", 3, d, count=2) for n, d in ((network, first(x)), (cnn, x)))
    np.testing.assert_array_equal(found.samples, first(like.samples))
    assert found.boxes == like.boxes
    assert pl.views.receptive_field(network, "conv2", (1, 2)) == pl.views.receptive_field(cnn, "conv2", (1, 2))
    assert pl.views.feature_maps(network, first(x)[0])["relu2"].shape == (8, 6, 5)


def test_a_card_of_the_whole_is_that_of_the_body(cnn, x):
    masks = np.zeros((len(x), 10, 8), bool)
    masks[:, 2:5, 2:5] = True
    cards = [
        evaluate.trust_card(network, explain.METHODS["saliency"], images, masks=masks, images=4)
        for network, images in ((with_door(cnn), first(x)), (cnn, x))
    ]
    assert str(cards[0]) == str(cards[1])
    np.testing.assert_array_equal(cards[0].map, cards[1].map)


SPEC = InputSpec(
    "images", (2, 10, 8), layout="channels-first", scale=1.0, mean=(0.4, 0.5), deviation=(0.2, 0.3), class_names=("a",)
)


def test_pictures_are_shown_as_they_were_before_they_were_prepared(cnn, tmp_path):
    network = with_door(cnn)
    network.inputs = SPEC
    pictures = np.random.default_rng(2).random((2, 10, 8, 2))
    said = explain.saliency(network, SPEC.prepared(pictures))
    np.testing.assert_allclose(said.pictures(), pictures)
    said.save(tmp_path / "said.npz")
    again = explain.Explanation.load(tmp_path / "said.npz")
    assert (again.layout, again.spec) == (said.layout, SPEC)
    np.testing.assert_allclose(again[1].pictures(), pictures[1:])
    assert behind_door(network).inputs == SPEC.replace(shape=(10, 8, 2), layout="channels-last")


def test_black_grey_and_white_are_colours_where_a_mean_was_subtracted(cnn):
    network = with_door(cnn)
    network.inputs = SPEC
    x = SPEC.prepared(np.random.default_rng(2).random((1, 10, 8, 2)))
    for name, shade in (("black", 0.0), ("grey", 0.5), ("white", 1.0)):
        named = explain.deep_lift(network, x, baseline=name)
        given = explain.deep_lift(network, x, baseline=SPEC.prepared(np.full((1, 10, 8, 2), shade))[0])
        np.testing.assert_allclose(named.values, given.values)
    best = explain.maximize(network, 0, steps=8)
    shown = best.pictures(best.best)
    assert shown.shape == (1, 10, 8, 2)
    assert shown.min() >= 0
    assert shown.max() <= 1
    assert best.image.min() < -1  # 0 as the network sees it


def test_a_flattened_input_is_shown_in_the_shape_that_the_network_says():
    network = pl.Sequential([pl.Affine(3)], input_shape=2 * 3 * 5, dtype=np.float64)
    network.inputs = InputSpec("images", (2, 3, 5), layout="channels-first", scale=1.0)
    x = np.random.default_rng(0).random((2, 30))
    said = explain.saliency(network, x)
    assert said.values.shape == (2, 30)
    np.testing.assert_array_equal(said.maps(), said.values.reshape(2, 2, 3, 5).sum(axis=1))
    assert said.pictures().shape == (2, 3, 5, 2)
