"""Which number is explained: classes, contrasts, units, filters, functions; and never after a softmax in silence."""

from __future__ import annotations

import numpy as np
import pytest

import pellucid as pl
from pellucid import explain
from pellucid.errors import ArgumentError, LabelError, ShapeError, StateError, UnknownNameError
from pellucid.explain import Contrast, Filter, Function, Unit


def numerical(network, x, score, h=1e-6):
    """Central differences of score(network(x)) (N,) by every entry of x."""
    dx = np.empty_like(x)
    for index in np.ndindex(x.shape[1:]):
        up, down = x.copy(), x.copy()
        up[:, *index] += h
        down[:, *index] -= h
        dx[:, *index] = (score(network(up)) - score(network(down))) / (2 * h)
    return dx


def log_softmax(y):
    return y - y.max(1, keepdims=True) - np.log(np.exp(y - y.max(1, keepdims=True)).sum(1, keepdims=True))


SCORES = {
    "logit": lambda y: y[:, 1],
    "probability": lambda y: pl.softmax(y)[:, 1],
    "log-probability": lambda y: log_softmax(y)[:, 1],
    "margin": lambda y: y[:, 1] - y[:, [0, 2]].max(1),
    "centred": lambda y: y[:, 1] - y[:, [0, 2]].mean(1),
}


@pytest.mark.parametrize("scalar", SCORES)
def test_every_scalar_agrees_with_central_differences(cnn, x, scalar):
    result = explain.saliency(cnn, x, 1, scalar=scalar)

    assert np.abs(result.values - numerical(cnn, x, SCORES[scalar])).max() < 1e-7
    np.testing.assert_allclose(result.scores, SCORES[scalar](cnn(x)))
    assert result.scalar == f"{scalar} of class 1"


def test_probability_gradients_sum_to_zero_over_the_classes(cnn, x):
    total = sum(explain.saliency(cnn, x, c, scalar="probability").values for c in range(3))

    assert np.abs(total).max() < 1e-15


@pytest.mark.parametrize("scalar", ["probability", "log-probability", "margin", "centred"])
def test_a_function_added_to_all_scores_changes_only_the_logit(cnn, x, scalar):
    other = pl.copy_network(cnn)
    other.params["scores.W"] += np.linspace(-1, 1, 7)[:, None]

    np.testing.assert_allclose(
        explain.saliency(other, x, 2, scalar=scalar).values,
        explain.saliency(cnn, x, 2, scalar=scalar).values,
        atol=1e-14,
    )
    assert not np.allclose(explain.saliency(other, x, 2).values, explain.saliency(cnn, x, 2).values)


@pytest.mark.parametrize("last", [(pl.Softmax(),), (pl.Softmax(), pl.Flatten()), (pl.Sigmoid(),)])
def test_a_softmax_or_sigmoid_at_the_end_is_taken_off_and_said(make_chain, x, last):
    result = explain.saliency(make_chain(last=last), x, 1)

    assert np.array_equal(explain.saliency(make_chain(), x, 1).values, result.values)
    assert result.settings["before"] == type(last[0]).__name__


def test_a_saturated_softmax_does_not_silence_the_logit(make_chain, x):
    network = make_chain(last=(pl.Softmax(),))
    network.params["scores.W"] *= 1000

    predicted = network(x).argmax(1)
    assert np.abs(explain.saliency(network, x, predicted, scalar="probability").values).max() < 1e-6
    assert np.abs(explain.saliency(network, x, predicted).values).max() > 1


def test_probabilities_after_a_softmax_layer_are_that_layers(make_chain, x):
    network = make_chain(last=(pl.Softmax(),))

    np.testing.assert_allclose(explain.saliency(network, x, 0, scalar="probability").scores, network(x)[:, 0])


def test_probabilities_after_a_sigmoid_layer_are_that_layers(make_chain, x):
    network = make_chain(last=(pl.Sigmoid(),))
    for scalar, score in (("probability", lambda y: y[:, 0]), ("log-probability", lambda y: np.log(y[:, 0]))):
        result = explain.saliency(network, x, 0, scalar=scalar)

        np.testing.assert_allclose(result.scores, score(network(x)))
        assert np.abs(result.values - numerical(network, x, score)).max() < 1e-7


def test_a_softmax_that_ends_a_graph_or_a_nested_chain_is_taken_off(x):
    dense = pl.Sequential([pl.Affine(3, name="a"), pl.Softmax()])
    nested = pl.Sequential([pl.Flatten(), dense], input_shape=x.shape[1:], dtype=np.float64)
    nodes = {"f": (pl.Flatten(), "input"), "a": (pl.Affine(3), "f"), "p": (pl.Softmax(), "a")}
    as_graph = pl.Graph(nodes, input_shape=x.shape[1:], dtype=np.float64)
    for network, W in ((nested, "sequential1.a.W"), (as_graph, "a.W")):
        values = explain.saliency(network, x, 1).values

        np.testing.assert_allclose(values[0].ravel(), network.params[W][:, 1])


def test_predicted_is_the_class_of_the_highest_score(cnn, x):
    result = explain.saliency(cnn, x)

    assert np.array_equal(cnn(x).argmax(1), result.target)
    assert np.array_equal(explain.saliency(cnn, x, cnn(x).argmax(1)).values, result.values)


def test_a_contrast_is_the_difference_of_two_explanations(cnn, x):
    result = explain.saliency(cnn, x, Contrast(1, [0, 2, 0, 2]))

    expected = explain.saliency(cnn, x, 1).values - explain.saliency(cnn, x, [0, 2, 0, 2]).values
    np.testing.assert_allclose(result.values, expected, atol=1e-14)
    assert result.scalars[:2] == ("logit 1 − logit 0", "logit 1 − logit 2")


def test_a_unit_and_a_filter_are_outputs_of_their_layer(cnn, x):
    unit = explain.saliency(cnn, x, Unit("conv2", (3, 2, 4)))
    filter_ = explain.saliency(cnn, x, Filter("relu2", 1))

    def scored(k, score):
        def through(images):
            y = images
            for layer in cnn.layers[:k]:
                y = layer(y)
            return score(y)

        return through

    assert np.abs(unit.values - numerical(scored(3, lambda y: y[:, 3, 2, 4]), x, lambda y: y)).max() < 1e-7
    assert np.abs(filter_.values - numerical(scored(4, lambda y: y[..., 1].mean((1, 2))), x, lambda y: y)).max() < 1e-7
    assert unit.scalar == "unit 3, 2, 4 of layer 'conv2'"
    assert unit.target.tolist() == [-1] * 4


def test_units_inside_blocks_and_graphs_are_found_by_path(residual, graph, x):
    inner = explain.saliency(residual, x, Unit("block.branch.conv2d1", (1, 1, 0)))
    node = explain.saliency(graph, x, Filter("sum", 2))

    first = residual.layers[3].branch.layers[0]

    def through(images):
        return first(residual.layers[2](residual.layers[1](residual.layers[0](images))))[:, 1, 1, 0]

    assert np.abs(inner.values - numerical(through, x, lambda y: y)).max() < 1e-7
    conv1, relu1, conv2 = (graph.node(name).operation for name in ("conv1", "relu1", "conv2"))

    def summed(images):
        a = relu1(conv1(images))
        return (a + conv2(a))[..., 2].mean((1, 2))

    np.testing.assert_allclose(node.scores, summed(x))
    assert np.abs(node.values - numerical(summed, x, lambda y: y)).max() < 1e-7


def test_any_function_of_the_scores_may_be_given_with_its_gradient(cnn, x):
    square = Function(lambda y: ((y**2).sum(1), 2 * y), "sum of squares")
    result = explain.saliency(cnn, x, square)

    assert np.abs(result.values - numerical(cnn, x, lambda y: (y**2).sum(1))).max() < 1e-6
    assert result.scalar == "sum of squares"


@pytest.mark.parametrize(
    ("target", "error", "message"),
    [
        (3, LabelError, r"class labels must lie in 0\.\.2, got 3"),
        ([0, 1], LabelError, "4 samples came with 2 labels"),
        ("best", UnknownNameError, "unknown target 'best'"),
        (1.5, LabelError, "must be integers"),
        (Unit("dens", 0), UnknownNameError, "Did you mean 'dense'"),
        (Unit("dense", 9), ArgumentError, r"has an index in \(7,\), got 9"),
        (Filter("relu1", 4), ArgumentError, r"has channels 0\.\.3, got 4"),
        (Function(lambda y: (y, y)), ShapeError, r"must return values \(4,\)"),
    ],
)
def test_targets_that_do_not_fit_are_refused_by_name(cnn, x, target, error, message):
    with pytest.raises(error, match=message):
        explain.saliency(cnn, x, target)


def test_arguments_that_do_not_fit_are_refused_by_name(cnn, x):
    with pytest.raises(UnknownNameError, match="unknown scalar 'logits'. Did you mean 'logit'"):
        explain.saliency(cnn, x, scalar="logits")
    with pytest.raises(ArgumentError, match="compares one class with the others"):
        explain.saliency(cnn, x, Contrast(0, 1), scalar="margin")
    with pytest.raises(ArgumentError, match="Leave it out here"):
        explain.saliency(cnn, x, Unit("dense", 0), scalar="probability")
    with pytest.raises(ArgumentError, match="saliency: network must be a container such as Sequential"):
        explain.saliency("cnn", x)
    with pytest.raises(StateError, match="not built yet"):
        explain.saliency(pl.Sequential([pl.Affine(2)]), x)
    with pytest.raises(ShapeError, match="for one sample write x"):
        explain.saliency(cnn, x[0])
    with pytest.raises(ShapeError, match="at least one sample"):
        explain.saliency(cnn, x[:0])
    with pytest.raises(ShapeError, match="no scores of classes"):
        explain.saliency(pl.Sequential([pl.Conv2D(2, 3)], input_shape=x.shape[1:]), x)


def test_an_object_that_holds_a_network_is_explained_by_it(cnn, x):
    class Model:
        network = cnn

    assert np.array_equal(explain.saliency(cnn, x).values, explain.saliency(Model(), x).values)
