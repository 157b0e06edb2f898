"""A network of one output says yes or no: explained as its twin of two outputs is, whose scores are −s/2 and s/2."""

from __future__ import annotations

import numpy as np
import pytest

import pellucid as pl
from pellucid.errors import LabelError
from pellucid.explain import Contrast
from pellucid.explain.target import SCALARS

METHODS = {
    "saliency": pl.explain.saliency,
    "input_x_gradient": pl.explain.input_x_gradient,
    "integrated_gradients": pl.explain.integrated_gradients,
    "deep_lift": pl.explain.deep_lift,
    "occlusion": lambda n, x, t, **o: pl.explain.occlusion(n, x, t, patch=3, stride=3, **o),
    "grad_cam": lambda n, x, t, **o: pl.explain.hires_cam(n, x, t, **o),
}


@pytest.fixture(scope="module")
def pair():
    """The network, trained on labels 0 and 1, its twin, and inputs of both classes."""
    rng = np.random.default_rng(0)
    x = rng.random((40, 6, 6, 1), np.float32)
    t = (x[:, :3].mean(axis=(1, 2, 3)) > x[:, 3:].mean(axis=(1, 2, 3))).astype(int)
    layers = [pl.Conv2D(3, 3), pl.ReLU(), pl.Flatten(), pl.Affine(1)]
    one = pl.Sequential(layers, input_shape=(6, 6, 1))
    pl.fit(one, (x, t), epochs=40, batch_size=10, optimizer=pl.Adam(0.01), progress=False)
    half = pl.Affine.from_arrays(np.array([[-0.5, 0.5]], np.float32))
    return one, pl.Sequential([*pl.layers.copy_network(one).layers, half], input_shape=(6, 6, 1)), x[:6]


@pytest.mark.parametrize("target", [0, 1, [0, 1, 1, 0, 1, 0], "predicted"], ids=str)
@pytest.mark.parametrize(
    ("method", "scalar"),
    [(m, s) for m in METHODS for s in SCALARS if s != "logit" and not (m == "deep_lift" and "probability" in s)],
)
def test_every_class_has_its_evidence(pair, method, scalar, target):
    one, two, x = pair
    a, b = (METHODS[method](network, x, target, scalar=scalar) for network in (one, two))

    assert np.allclose(a.values, b.values, atol=1e-5)
    assert np.allclose(a.scores, b.scores, atol=1e-5)
    assert np.array_equal(a.target, b.target)


def test_the_logit_is_the_log_odds(pair):
    one, _, x = pair
    s = one(x)[:, 0]
    yes, no = (pl.explain.input_x_gradient(one, x, target) for target in (1, 0))
    assert np.allclose(yes.scores, s)
    assert np.array_equal(yes.values, -no.values)
    assert np.allclose(yes.scores, np.log(pl.predict_proba(one, x)[:, 1] / pl.predict_proba(one, x)[:, 0]), atol=1e-5)
    why = pl.explain.input_x_gradient(one, x, Contrast(1, 0))
    assert np.allclose(why.values, yes.values)


def test_what_is_explained_is_what_was_predicted(pair):
    one, _, x = pair
    assert set(pl.predict_classes(one, x)) == {0, 1}
    found = pl.explain.saliency(one, x)
    assert np.array_equal(found.target, pl.predict_classes(one, x))
    with pytest.raises(LabelError, match=r"must lie in 0\.\.1, got 2"):
        pl.explain.saliency(one, x, 2)


def test_occlusion_counts_both_classes(pair):
    one, two, x = pair
    a, b = (pl.explain.occlusion(network, x, patch=3, stride=1) for network in (one, two))
    assert np.array_equal(a.extras["counts"], b.extras["counts"])
    assert np.allclose(a.extras["probability"], b.extras["probability"], atol=1e-6)


def test_both_classes_are_maximised_and_drawn(pair):
    one, _, x = pair
    found = pl.explain.maximize(one, [0, 1], steps=20)
    assert found.scores[0].mean() > 0
    assert found.scores[1].mean() > 0
    assert (found.probabilities > 0.5).all()
    assert pl.explain.all_classes(one, x[0]).forms["plain"].values.shape == (2, 6, 6, 1)


def test_a_number_that_was_learnt_is_explained_as_it_is():
    x = np.random.default_rng(0).random((30, 4), np.float32)
    network = pl.Sequential([pl.Affine(1)])
    pl.fit(network, (x, x[:, :1] * 2 - 3), loss="MeanSquaredError", epochs=3, progress=False)
    found = pl.explain.saliency(network, x[:2])
    assert np.allclose(found.values, network.params["affine1.W"][:, 0])
    assert np.allclose(found.scores, network(x[:2])[:, 0])


@pytest.mark.parametrize("behind", [[], [pl.GlobalAveragePool2D()]])
def test_a_sigmoid_at_the_end_says_yes_or_no(behind):
    head = [pl.Conv2D(1, 3, name="c"), pl.Sigmoid(), *behind] if behind else [pl.Flatten(), pl.Affine(1), pl.Sigmoid()]
    network = pl.Sequential(head, input_shape=(5, 5, 2))
    x = np.random.default_rng(0).standard_normal((4, 5, 5, 2)).astype(np.float32)
    yes, no = (pl.explain.saliency(network, x, target, scalar="probability") for target in (1, 0))
    assert np.allclose(yes.scores, network(x)[:, 0], atol=1e-6)
    assert np.allclose(no.scores, 1 - network(x)[:, 0], atol=1e-6)
    assert np.allclose(yes.values, -no.values, atol=1e-6)
    assert np.array_equal(pl.explain.saliency(network, x).target, pl.predict_classes(network, x))
