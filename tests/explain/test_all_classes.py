"""Every class of one input, in three forms."""

from __future__ import annotations

import numpy as np
import pytest

import pellucid as pl
from pellucid import explain
from pellucid.errors import ArgumentError, ShapeError, UnknownNameError


@pytest.mark.parametrize("method", [explain.saliency, explain.grad_cam])
def test_each_form_holds_the_explanation_of_every_class(cnn, x, method):
    found = explain.all_classes(cnn, x[0], method)

    assert list(found) == ["plain", "guided", "rectified"]
    assert found.refused == {}
    for form, rule in (("plain", None), ("guided", "guided"), ("rectified", "rectified")):
        assert found[form].target.tolist() == [0, 1, 2]
        for k in range(3):
            alone = method(cnn, x[:1], k, rule=rule)
            np.testing.assert_allclose(found[form].values[k], alone.values[0], atol=1e-13)
            assert found[form].scores[k] == pytest.approx(alone.scores[0])
    assert np.array_equal(found.image, x[0])


def test_options_go_to_the_method_and_any_method_has_a_plain_form(cnn, x):
    at = explain.all_classes(cnn, x[:1], explain.grad_cam, layer="conv1", scalar="probability")
    lrp = explain.all_classes(cnn, x[0], explain.lrp, rules=[None])

    assert at["guided"].layer == "conv1"
    assert at["guided"].scalars[2] == "probability of class 2"
    assert np.array_equal(lrp["plain"].values[1], explain.lrp(cnn, np.repeat(x[:1], 3, 0), [0, 1, 2]).values[1])


def test_forms_that_the_network_does_not_allow_are_left_out_with_the_reason(x):
    layers = [pl.Conv2D(3, 3), pl.Flatten(), pl.Affine(4), pl.Tanh(), pl.Affine(2)]
    found = explain.all_classes(pl.Sequential(layers, input_shape=x.shape[1:], dtype=np.float64), x[0])

    assert list(found) == ["plain"]
    assert list(found.refused) == ["guided", "rectified"]
    assert "does not cover the activation Tanh 'tanh1'" in found.refused["guided"]


def test_vectors_and_models_that_hold_a_network_are_taken(rng):
    model = pl.TwoLayerNet(9, 4, 3)

    assert explain.all_classes(model, rng.random(9))["guided"].values.shape == (3, 9)


def test_what_cannot_be_asked_is_named(cnn, x):
    with pytest.raises(ShapeError, match=r"x must be one input \(10, 8, 2\), got \(4, 10, 8, 2\). Take x\[0\]"):
        explain.all_classes(cnn, x)
    with pytest.raises(UnknownNameError, match="Did you mean 'relu2'"):
        explain.all_classes(cnn, x[0], explain.grad_cam, layer="relu22")
    with pytest.raises(ArgumentError, match="no layer of Sequential gives an image"):
        explain.all_classes(pl.TwoLayerNet(9, 4, 3), np.zeros(9), explain.grad_cam)
    with pytest.raises(ShapeError, match="no scores of classes"):
        explain.all_classes(pl.Sequential([pl.Conv2D(2, 3)], input_shape=(5, 5, 1)), np.zeros((5, 5, 1)))
