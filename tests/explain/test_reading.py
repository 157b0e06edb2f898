"""Explanations read outputs as `predict_proba` and `predict_classes` do, whatever the loss of the training."""

from __future__ import annotations

import numpy as np
import pytest

import pellucid as pl
from pellucid import explain
from pellucid.errors import ArgumentError, ShapeError
from pellucid.explain import Contrast
from pellucid.explain.evaluate import deletion, insertion, trust_card
from pellucid.specs import OutputSpec

A = pl.Affine
DISTANCES = ["MeanSquaredError", "Quadratic", "SumOfSquares", "Huber"]


def data(outputs, n=60):
    x = np.random.default_rng(0).standard_normal((n, 5))
    return x, (x[:, 0] > 0).astype(int) if outputs == 1 else np.digitize(x[:, 0], [-0.5, 0.5])


def trained(loss, outputs, *last, t=None):
    x, classes = data(outputs)
    network = pl.Sequential([A(outputs), *last], dtype=np.float64)
    pl.fit(network, (x, classes if t is None else t), epochs=3, loss=loss, batch_size=10, progress=False)
    return network, x[:12]


def numerical(score, x, h=1e-6):
    dx = np.empty_like(x)
    for i in range(x.shape[1]):
        step = h * np.eye(x.shape[1])[i]
        dx[:, i] = (score(x + step) - score(x - step)) / (2 * h)
    return dx


ONE = {
    **{loss: (loss, []) for loss in (*DISTANCES, "SigmoidCrossEntropy")},
    "tanh": ("MeanSquaredError", [pl.Tanh()]),
    "sigmoid": (None, [pl.Sigmoid()]),
    "sigmoid, quadratic": ("Quadratic", [pl.Sigmoid()]),
    "pooled": ("CrossEntropy", [pl.Sigmoid(), pl.ReLU()]),
}
SEVERAL = {
    **{loss: (loss, []) for loss in (*DISTANCES, "Hinge", "SoftmaxCrossEntropy", "SigmoidCrossEntropy")},
    "softmax": ("MeanSquaredError", [pl.Softmax()]),
    "sigmoid": ("Quadratic", [pl.Sigmoid()]),
    "kept": ("CrossEntropy", [pl.Softmax(), pl.ReLU()]),
}
CASES = [(1, *case) for case in ONE.values()] + [(3, *case) for case in SEVERAL.values()]


@pytest.mark.parametrize(("outputs", "loss", "last"), CASES, ids=str)
def test_the_class_explained_is_the_class_predicted(outputs, loss, last):
    network, x = trained(loss, outputs, *last)
    classes = pl.predict_classes(network, x)

    assert len(set(classes.tolist())) > 1
    np.testing.assert_array_equal(explain.saliency(network, x).target, classes)
    count = len(explain.all_classes(network, x[0], rules=[None]).forms["plain"].values)
    assert count == max(outputs, 2)
    for scalar in ("logit", "margin", "centred"):  # the class predicted has the largest score
        of_each = [explain.saliency(network, x, k, scalar=scalar) for k in range(count)]
        np.testing.assert_array_equal(np.argmax([said.scores for said in of_each], axis=0), classes)


@pytest.mark.parametrize(("outputs", "loss", "last"), CASES, ids=str)
def test_a_probability_is_that_of_predict_proba_or_refused(outputs, loss, last):
    network, x = trained(loss, outputs, *last)
    if loss in (*DISTANCES, "Hinge") and not any(isinstance(a, (pl.Sigmoid, pl.Softmax)) for a in last):
        with pytest.raises(ArgumentError, match=f"predict_proba: outputs that {loss} trains are no probabilities"):
            pl.predict_proba(network, x)
        for scalar in ("probability", "log-probability"):
            with pytest.raises(ArgumentError, match=rf"saliency: scalar='{scalar}'.*{loss}.*scalar='logit'"):
                explain.saliency(network, x, scalar=scalar)
        with pytest.raises(ArgumentError, match=r"deletion: scalar='probability'.*Take scalar='logit'"):
            deletion(network, lambda n, x, t: x, x)
        with pytest.raises(ArgumentError, match=r"insertion: scalar='probability'.*Take scalar='logit'"):
            insertion(network, lambda n, x, t: x, x)
        return
    p = pl.predict_proba(network, x)
    assert p.min() >= 0
    assert p.max() <= 1
    for k in range(p.shape[1]):
        found = explain.saliency(network, x, k, scalar="probability")
        np.testing.assert_allclose(found.scores, p[:, k], rtol=1e-12)
        differences = numerical(lambda x, k=k: pl.predict_proba(network, x)[:, k], x)
        np.testing.assert_allclose(found.values, differences, atol=1e-8)
        logs = explain.saliency(network, x, k, scalar="log-probability")
        np.testing.assert_allclose(logs.scores, np.log(p[:, k]), rtol=1e-8)
        np.testing.assert_allclose(logs.values, differences / p[:, k : k + 1], atol=1e-6)


def test_several_answers_have_the_probabilities_of_a_sigmoid_each():
    x, _ = data(3)
    network, x = trained("SigmoidCrossEntropy", 3, t=np.stack([x[:, 0] > 0, x[:, 1] > 0, x[:, 2] > 1], axis=1))
    p = pl.predict_proba(network, x)
    for k in range(3):
        found = explain.saliency(network, x, k, scalar="probability")
        np.testing.assert_allclose(found.scores, p[:, k])
        np.testing.assert_allclose(
            found.values, numerical(lambda x, k=k: pl.predict_proba(network, x)[:, k], x), atol=1e-8
        )


def test_a_share_is_the_probability_of_yes():
    x, t = data(1)
    network, x = trained("SigmoidCrossEntropy", 1, t=np.where(t, 0.9, 0.2))
    np.testing.assert_allclose(
        explain.saliency(network, x, 0, scalar="probability").scores, pl.predict_proba(network, x)[:, 0]
    )


def test_the_scores_of_an_output_that_learnt_0_and_1_are_1_less_y_and_y_by_hand():
    # y = 2 x₀ − x₁ + ¼: ¾ at (½, ½) and ¼ at (0, 0).
    network = pl.Sequential([A.from_arrays([[2.0], [-1.0]], [0.25])], input_shape=2, dtype=np.float64)
    network.outputs = OutputSpec(pl.MeanSquaredError(), 2)
    x = np.array([[0.5, 0.5], [0.0, 0.0]])
    for target, scalar, scores, values in (
        (1, "logit", [0.75, 0.25], [2, -1]),
        (0, "logit", [0.25, 0.75], [-2, 1]),
        (1, "margin", [0.5, -0.5], [4, -2]),
        (0, "centred", [-0.5, 0.5], [-4, 2]),
        (Contrast(1, 0), "logit", [0.5, -0.5], [4, -2]),
    ):
        found = explain.saliency(network, x, target, scalar=scalar)
        np.testing.assert_allclose(found.scores, scores)
        np.testing.assert_allclose(found.values, [values] * 2)
    assert explain.saliency(network, x).target.tolist() == [1, 0] == pl.predict_classes(network, x).tolist()


def test_a_probability_that_one_output_is_has_its_margin_by_hand():
    # p = σ(0) = ½ + ReLU keeps it in place: margin 2p − 1, and its slope 2 · ¼ · w.
    network = pl.Sequential(
        [A.from_arrays([[2.0], [-1.0]], [0.0]), pl.Sigmoid(), pl.ReLU()], input_shape=2, dtype=np.float64
    )
    for target, sign in ((1, 1), (Contrast(1, 0), 1), (0, -1), (Contrast(0, 1), -1)):
        found = explain.saliency(network, [[0.0, 0.0]], target, scalar="margin" if target in (0, 1) else "logit")
        np.testing.assert_allclose(found.values, [[sign * 1.0, sign * -0.5]])


@pytest.mark.parametrize("ending", [[], [pl.Sigmoid()]])
def test_a_network_never_fitted_is_read_alike(ending):
    x, _ = data(1)
    network = pl.Sequential([A(1), *ending], input_shape=5, dtype=np.float64)
    p = pl.predict_proba(network, x)
    np.testing.assert_array_equal(explain.saliency(network, x).target, pl.predict_classes(network, x))
    for k in (0, 1):
        np.testing.assert_allclose(explain.saliency(network, x, k, scalar="probability").scores, p[:, k])


def test_saturated_outputs_are_told_apart_as_predictions_are():
    network = pl.Sequential([A.from_arrays([[20.0, 30.0]]), pl.Sigmoid()], input_shape=1)
    x = np.ones((1, 1), np.float32)
    assert explain.saliency(network, x).target.tolist() == pl.predict_classes(network, x).tolist()


def test_a_loss_of_ones_own_makes_its_own_probabilities():
    class Probit(pl.SoftmaxCrossEntropy):
        def probabilities(self, y):
            return pl.softmax(y / 2)

    network, x = trained(Probit(), 3)
    np.testing.assert_allclose(pl.predict_proba(network, x), pl.softmax(network(x) / 2))
    with pytest.raises(ArgumentError, match="Probit makes probabilities in a way of its own"):
        explain.saliency(network, x, scalar="probability")


def images(loss):
    x = np.random.default_rng(0).random((30, 6, 6, 1), np.float32)
    network = pl.Sequential([pl.Conv2D(2, 3), pl.ReLU(), pl.Flatten(), A(3)])
    pl.fit(network, (x, np.arange(30) % 3), loss=loss, epochs=1, progress=False)
    return network, x[:3]


def test_occlusion_and_maximize_leave_out_a_probability_that_there_is_not():
    network, x = images("Hinge")
    found = explain.occlusion(network, x, patch=3, stride=3)
    assert "probability" not in found.extras
    assert len(pl.plots.occlusion_maps(found).axes) > 4
    np.testing.assert_array_equal(found.extras["counts"].sum(axis=1), 4)
    assert explain.maximize(network, 0, steps=2).probabilities is None
    with pytest.raises(ArgumentError, match="rise: scalar='probability'"):
        explain.rise(network, x, masks=4)


def test_a_card_of_trust_is_made_without_probabilities():
    network, x = images("Hinge")
    card = trust_card(network, explain.saliency, x, images=2)
    assert card.deletion.settings["scalar"] == "logit"


@pytest.mark.parametrize("last", [[pl.Softmax()], [pl.Softmax(), pl.Flatten()], [pl.Sequential([pl.Softmax()])]])
def test_a_softmax_over_one_output_is_refused(last):
    x, t = data(1)
    network = pl.Sequential([A(1), *last])
    for loss in (None, "CrossEntropy", "MeanSquaredError"):
        with pytest.raises(
            ShapeError, match=r"Softmax over one output, which is 1 whatever comes in. Take Affine\(2\)"
        ):
            pl.fit(network, (x, t), loss=loss, progress=False)
    assert network.input_shape is None  # before anything is done
    network.build((5,), np.random.default_rng(0))
    for ask in (explain.saliency, pl.predict_proba, pl.predict_classes):
        with pytest.raises(ShapeError, match="Softmax over one output"):
            ask(network, x)
