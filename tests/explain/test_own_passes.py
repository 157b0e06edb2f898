"""A subclass with a forward or backward of its own is explained by what it computes, not by its base class."""

from __future__ import annotations

import numpy as np
import pytest

import pellucid as pl
from pellucid import explain
from pellucid.errors import ArgumentError
from pellucid.explain.machinery.cone import Cone
from pellucid.explain.machinery.fold import fold_batch_norm
from pellucid.explain.parts import before_softmax
from pellucid.explain.target import Reading
from pellucid.layers import LAYERS
from pellucid.layers.activation import Activation
from pellucid.layers.merge import MERGES
from pellucid.layers.plain import is_plain
from pellucid.outputs import ending

A = pl.Affine
K = pl.Conv2D


@pytest.fixture(autouse=True)
def only_the_packages_layers():
    """What a test registers is gone after it."""
    held = [(kinds, dict(kinds)) for kinds in (LAYERS, MERGES)]
    yield
    for kinds, before in held:
        kinds.clear()
        kinds.update(before)


def times(kind, factor):
    """A subclass whose passes give `factor` times what its kind's give."""

    class Times(kind):
        def forward(self, x, *, train=False, rng=None):
            y, cache = super().forward(x, train=train, rng=rng)
            return y * factor, cache

        def backward(self, dy, cache, *rules, **needs):
            return super().backward(dy * factor, cache, *rules, **needs)

    return Times


def optional(kind):
    """A subclass that adds configuration alone."""

    class Optional(kind):
        def __init__(self, *args, note="", **options):
            super().__init__(*args, **options)
            self.note = note

        def config(self):
            return {**super().config(), "note": self.note}

    return Optional


def built(*layers, shape=(6, 6, 2)):
    return pl.Sequential(list(layers), input_shape=shape, dtype=np.float64, seed=3)


@pytest.fixture
def images(rng):
    return rng.random((2, 6, 6, 2))


def numerical(network, x, c, h=1e-6):
    dx = np.empty_like(x)
    for index in np.ndindex(x.shape[1:]):
        up, down = x.copy(), x.copy()
        up[:, *index] += h
        down[:, *index] -= h
        dx[:, *index] = (network(up)[:, c] - network(down)[:, c]) / (2 * h)
    return dx


def test_every_kind_is_plain_and_no_subclass_with_a_pass_of_its_own_is():
    for kind in (*LAYERS.values(), *MERGES.values()):
        if kind.__module__.startswith("pellucid.") and not getattr(kind, "__abstractmethods__", None):
            blank = kind.__new__(kind)
            assert is_plain(blank, kind), kind
            other = times(kind, 2)
            assert not is_plain(other.__new__(other), kind)
            assert is_plain(optional(kind).__new__(optional(kind)), kind)
            if issubclass(kind, Activation):
                assert is_plain(blank, Activation)


@pytest.mark.parametrize("method", ["function", "slope", "__call__", "as_batch"])
def test_whatever_a_kind_computes_by_makes_a_subclass_another_layer(method):
    other = type("Other", (pl.ReLU,), {method: lambda self, *args: args[0]})
    assert not is_plain(other(), pl.ReLU)
    assert is_plain(other(), pl.layers.Affine, Activation) == (method in ("function", "slope"))


def test_a_pass_that_comes_from_a_mixin_or_stands_on_the_object_counts():
    class Doubling:
        def forward(self, x, *, train=False, rng=None):
            return super().forward(2 * x, train=train, rng=rng)

    class Mixed(Doubling, pl.Flatten):
        pass

    assert not is_plain(Mixed(), pl.Flatten)


CONES = {
    "convolution": lambda: [times(K, 2)(3, 3), pl.ReLU(), pl.Flatten(), A(3)],
    "depthwise": lambda: [times(pl.DepthwiseConv2D, 2)(1, 3), pl.Flatten(), A(3)],
    "pooling": lambda: [K(3, 3), times(pl.MaxPool2D, 3)(2), pl.Flatten(), A(3)],
    "average": lambda: [K(3, 3), times(pl.AveragePool2D, 3)(2), pl.Flatten(), A(3)],
    "activation": lambda: [K(3, 3), times(pl.Tanh, 3)(), pl.Flatten(), A(3)],
    "dropout": lambda: [K(3, 3), times(pl.Dropout, 3)(0.5), pl.Flatten(), A(3)],
    "flatten": lambda: [K(3, 3), times(pl.Flatten, 3)(), A(3)],
    "dense": lambda: [K(3, 3), pl.Flatten(), times(A, 3)(3)],
    "norm": lambda: [K(3, 3), times(pl.BatchNorm, 3)(), pl.Flatten(), A(3)],
    "chain": lambda: [times(pl.Sequential, 3)([K(3, 3), pl.ReLU()]), pl.Flatten(), A(3)],
}


@pytest.mark.parametrize("name", CONES)
def test_a_patch_that_changes_nothing_changes_no_score(name, images):
    network = built(*CONES[name]())
    same = explain.occlusion(network, images, 1, patch=3, value=images)
    assert np.abs(same.extras["drop"]).max() < 1e-12
    grey = explain.occlusion(network, images, 1, patch=3, stride=3, value=0.5)
    covered = images.copy()
    covered[:, 3:, :3] = 0.5
    np.testing.assert_allclose(grey.extras["drop"][:, 1, 0], (network(images) - network(covered))[:, 1], atol=1e-12)


@pytest.mark.parametrize("name", CONES)
def test_gradients_are_those_of_the_passes_it_has(name, images):
    network = built(*CONES[name]())
    found = explain.saliency(network, images, 1).values
    np.testing.assert_allclose(found, numerical(network, images, 1), atol=1e-7)


@pytest.mark.parametrize("kind", [pl.MaxPool2D, pl.Dropout, pl.Flatten])
def test_grad_cam_below_a_layer_with_passes_of_its_own_is_grad_cam(kind, images):
    arguments = {pl.MaxPool2D: [2], pl.Dropout: [0.5]}.get(kind, [])
    behind = [times(kind, 3)(*arguments), *([] if kind is pl.Flatten else [pl.Flatten()])]
    network = built(K(3, 3), pl.ReLU(name="relu1"), *behind, A(3))
    found = explain.grad_cam(network, images, 1, layer="relu1", relu=False)
    hires = explain.hires_cam(network, images, 1, layer="relu1", relu=False)

    plain = built(
        K(3, 3), pl.ReLU(name="relu1"), *([] if kind is pl.Flatten else [kind(*arguments)]), pl.Flatten(), A(3)
    )
    plain.params.update(network.params)
    expected = explain.grad_cam(plain, images, 1, layer="relu1", relu=False)
    np.testing.assert_allclose(found.values, 3 * expected.values, atol=1e-12)
    np.testing.assert_allclose(
        hires.values, 3 * explain.hires_cam(plain, images, 1, layer="relu1", relu=False).values, atol=1e-12
    )
    assert hires.proof is None  # nothing is known about a sum through it


REFUSED = {
    "norm": [K(3, 3), times(pl.BatchNorm, 3)(), pl.Flatten(), A(3)],
    "convolution": [times(K, 2)(3, 3), pl.Flatten(), A(3)],
    "activation": [K(3, 3), times(pl.ReLU, 2)(), pl.Flatten(), A(3)],
    "chain": [times(pl.Sequential, 2)([K(3, 3)]), pl.Flatten(), A(3)],
}


@pytest.mark.parametrize("method", [explain.lrp, explain.deep_lift], ids=lambda f: f.__name__)
@pytest.mark.parametrize("name", REFUSED)
def test_where_no_rule_is_known_it_is_refused_by_name(name, method, images):
    network = built(*map(pl.layers.base.copy.deepcopy, REFUSED[name]))
    with pytest.raises(ArgumentError, match="does not cover the (layer|activation) Times"):
        method(network, images)
    with pytest.raises(ArgumentError, match="Times"):
        explain.saliency(network, images, rule="guided")


def test_a_norm_with_passes_of_its_own_is_not_folded(images):
    network = built(K(3, 3), times(pl.BatchNorm, 3)(), pl.Flatten(), A(3))
    np.testing.assert_allclose(fold_batch_norm(network)(images), network(images))


def test_a_softmax_with_a_temperature_gives_its_own_probabilities(rng):
    class Warm(pl.Softmax):
        def forward(self, x, *, train=False, rng=None):
            return super().forward(x / 5, train=train, rng=rng)

        def backward(self, dy, cache, **needs):
            dx, grads = super().backward(dy, cache, **needs)
            return dx / 5, grads

    network = built(A(3), Warm(), shape=(4,))
    x = rng.standard_normal((5, 4))
    found = explain.saliency(network, x, 1, scalar="probability")
    np.testing.assert_array_equal(found.scores, network(x)[:, 1])
    np.testing.assert_array_equal(found.scores, pl.predict_proba(network, x)[:, 1])
    np.testing.assert_allclose(found.values, numerical(network, x, 1), atol=1e-8)
    assert before_softmax(network) == (network, "")


@pytest.mark.parametrize("behind", [pl.MaxPool2D, pl.ReLU, pl.Flatten])
def test_behind_a_layer_with_passes_of_its_own_there_are_no_probabilities_known(behind):
    made = times(behind, 3)(*([1] if behind is pl.MaxPool2D else []))
    network = built(K(3, 6), pl.Softmax(), made, *([] if behind is pl.Flatten else [pl.Flatten()]))
    assert ending(network) == ""
    assert Reading.of(network).network is network


def test_a_container_with_passes_of_its_own_is_not_taken_apart(images):
    network = times(pl.Sequential, 2)([K(3, 3), pl.ReLU(), pl.Flatten(), A(3)], input_shape=(6, 6, 2), dtype=np.float64)
    np.testing.assert_allclose(explain.saliency(network, images, 1).values, numerical(network, images, 1), atol=1e-7)
    for ask in (
        lambda: explain.grad_cam(network, images),
        lambda: explain.saliency(network, images, explain.Unit("relu1", (0, 0, 0))),
        lambda: explain.cam(network, images),
    ):
        with pytest.raises(ArgumentError, match="forward or backward of its own|must end in"):
            ask()


def test_a_subclass_with_options_alone_keeps_the_short_ways(images):
    layers = [
        optional(K)(3, 3),
        optional(pl.BatchNorm)(),
        optional(pl.ReLU)(name="relu1"),
        optional(pl.MaxPool2D)(2),
        optional(pl.Flatten)(),
        optional(A)(3),
        optional(pl.Softmax)(),
    ]
    plain = [K(3, 3), pl.BatchNorm(), pl.ReLU(name="relu1"), pl.MaxPool2D(2), pl.Flatten(), A(3), pl.Softmax()]
    one, two = built(*layers), built(*plain)
    assert len(Cone(before_softmax(one)[0], images).local) == 3  # the norm is folded
    for method in (
        explain.lrp,
        explain.deep_lift,
        explain.grad_cam,
        explain.occlusion,
        lambda *a: explain.saliency(*a, rule="guided"),
        lambda *a: explain.grad_cam(*a, layer="relu1", rule="guided"),
    ):
        np.testing.assert_array_equal(method(one, images, 1).values, method(two, images, 1).values)


def test_a_receptive_field_through_passes_of_ones_own_is_everything_that_comes_in():
    network = built(K(3, 3), times(pl.MaxPool2D, 2)(2), K(2, 1, name="top"))
    assert pl.views.receptive_field(network, "top", (0, 0)) == (0, 0, 6, 6)
    assert pl.summary(network).rows[1].multiply_adds is None
