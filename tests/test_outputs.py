"""What outputs mean: found wherever they come out, and the same for every part of the package."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import pytest

import pellucid as pl
from pellucid.errors import ArgumentError, LabelError, ShapeError
from pellucid.explain.parts import before_softmax
from pellucid.outputs import ending

A = pl.Affine


def graph_of(*operations: Any) -> pl.Graph:
    names = ["input", *(f"n{i}" for i in range(len(operations)))]
    return pl.Graph({names[i + 1]: (operation, names[i]) for i, operation in enumerate(operations)})


ENDINGS = {
    "last": lambda end: pl.Sequential([A(3), end]),
    "nested": lambda end: pl.Sequential([A(5), pl.Sequential([A(3), pl.Sequential([end])])]),
    "graph": lambda end: graph_of(A(3), end),
    "graph in a chain": lambda end: pl.Sequential([pl.ReLU(), graph_of(A(3), end)]),
    "chain in a graph": lambda end: graph_of(A(4), pl.Sequential([A(3), end])),
    "behind dropout": lambda end: pl.Sequential([A(3), end, pl.Dropout(0.1), pl.Reshape((3,)), pl.Flatten()]),
    "behind dropout in a graph": lambda end: graph_of(A(3), end, pl.Dropout(0.1)),
    "behind a chain that passes on": lambda end: pl.Sequential([A(3), end, pl.Sequential([pl.Dropout(0.1)])]),
}


@pytest.mark.parametrize("kind", [pl.Softmax, pl.Sigmoid])
@pytest.mark.parametrize("where", ENDINGS)
def test_probabilities_are_found_wherever_they_come_out(where: str, kind: Any, rng: np.random.Generator) -> None:
    network = ENDINGS[where](kind())
    data = pl.Dataset(rng.random((12, 3)), np.arange(12) % 3)

    assert ending(network) == kind.__name__
    for loss in ("SoftmaxCrossEntropy", "SigmoidCrossEntropy"):
        with pytest.raises(ArgumentError, match=f"The network ends in {kind.__name__}, and the loss {loss}"):
            pl.fit(network, data, loss=loss, progress=False)
    assert network.input_shape is None  # refused before anything is done
    network.build((3,), np.random.default_rng(0))
    outputs = pl.predict(network, data.x)
    np.testing.assert_array_equal(pl.predict_proba(network, data.x), outputs)
    scores, taken = before_softmax(network)
    if taken:
        activate = pl.softmax if kind is pl.Softmax else pl.sigmoid
        np.testing.assert_allclose(activate(scores(data.x)), outputs, rtol=1e-5)
    else:
        assert where == "behind a chain that passes on"


@pytest.mark.parametrize(
    "network",
    [
        pl.Sequential([A(3), pl.Sigmoid(), A(3)]),
        pl.Sequential([pl.Softmax(), pl.Residual([A(3), pl.Softmax()])]),
        pl.Graph({"s": (pl.Softmax(), "input"), "y": (pl.Add(), ["s", "input"])}),
        pl.Sequential([pl.Dropout(0.1)]),
    ],
    ids=["sigmoid within", "a sum of a residual", "a sum of a graph", "nothing"],
)
def test_only_the_real_output_counts(network: Any) -> None:
    assert ending(network) == ""


def test_parts_side_by_side_count_where_they_end_alike() -> None:
    def heads(second: Any) -> pl.Graph:
        first, other = pl.Sequential([A(1), pl.Sigmoid()]), pl.Sequential([A(1), second])
        return pl.Graph({"a": (first, "input"), "b": (other, "input"), "y": (pl.Concat(), ["a", "b"])})

    assert ending(heads(pl.Sigmoid())) == "Sigmoid"
    assert ending(heads(pl.ReLU())) == ""


# One output, yes or no


def yes_or_no(n: int = 200) -> tuple[np.ndarray, np.ndarray]:
    x = np.random.default_rng(0).standard_normal((n, 2)).astype(np.float32)
    return x, (x[:, 0] + x[:, 1] > 0).astype(int)


FORMS = {
    "(N,)": lambda t: t,
    "(N, 1)": lambda t: t[:, None],
    "bool": lambda t: t.astype(bool),
    "float": lambda t: t * 1.0,
    "float (N, 1)": lambda t: t[:, None] * 1.0,
    "uint8": lambda t: t.astype(np.uint8),
    "list": lambda t: t.tolist(),
}


@pytest.mark.parametrize("loss", [None, "SigmoidCrossEntropy"])
@pytest.mark.parametrize("form", FORMS)
def test_one_output_says_yes_or_no(form: str, loss: str | None) -> None:
    x, t = yes_or_no()
    network = pl.Sequential([A(1)])
    history = pl.fit(network, (x, FORMS[form](t)), loss=loss, epochs=40, progress=False, batch_size=20, validation=0.2)
    chances = pl.predict_proba(network, x)
    p = pl.sigmoid(pl.predict(network, x))

    assert history.last("validation_accuracy") > 0.9
    np.testing.assert_array_equal(chances, np.hstack([1 - p, p]))
    np.testing.assert_array_equal(pl.predict_classes(network, x), (p[:, 0] > 0.5).astype(int))
    accuracy = pl.evaluate(network, (x, FORMS[form](t))).accuracy
    assert accuracy == np.mean(pl.predict_classes(network, x) == t) > 0.95
    np.testing.assert_array_equal(chances.argmax(axis=1), pl.predict_classes(network, x))


@pytest.mark.parametrize("loss", ["CrossEntropy", "Quadratic", None])
def test_one_output_behind_a_sigmoid_is_a_probability(loss: str | None) -> None:
    x, t = yes_or_no()
    network = pl.Sequential([A(1), pl.Sigmoid()])
    pl.fit(network, (x, t), loss=loss, epochs=40, progress=False)

    np.testing.assert_array_equal(pl.predict_proba(network, x)[:, 1:], pl.predict(network, x))
    assert pl.evaluate(network, (x, t)).accuracy == np.mean(pl.predict_classes(network, x) == t) > 0.9


def test_one_output_is_refused_more_than_two_classes_and_a_softmax() -> None:
    x, t = yes_or_no()
    three = pl.Dataset(x, np.arange(200) % 3)
    for loss in (None, "SigmoidCrossEntropy", "MeanSquaredError"):
        with pytest.raises(LabelError, match="one output tells two classes apart, the data have 3"):
            pl.fit(pl.Sequential([A(1)]), three, loss=loss, progress=False)
    with pytest.raises(ShapeError, match=r"an output for each class, got one.*SigmoidCrossEntropy"):
        pl.fit(pl.Sequential([A(1)]), (x, t), loss="SoftmaxCrossEntropy", progress=False)


# Numbers, and several answers at once


@pytest.mark.parametrize("outputs", [1, 3])
@pytest.mark.parametrize("loss", ["MeanSquaredError", "Huber", "Quadratic"])
def test_a_network_that_hits_numbers_has_no_classes(outputs: int, loss: str) -> None:
    x, _ = yes_or_no(60)
    t = np.tile(x @ [1.0, 2.0], (outputs, 1)).T
    network = pl.Sequential([A(outputs)])
    pair = (x, t[:, 0] if outputs == 1 else t)
    history = pl.fit(network, pair, loss=loss, validation=pair, progress=False)

    assert history.last("train_accuracy") is history.last("validation_accuracy") is None
    assert pl.evaluate(network, pair).accuracy is None
    assert pl.evaluate(network, pair).loss == pl.evaluate(network, pl.Dataset(x, t, task="regression"), loss=loss).loss
    for function in (pl.predict_classes, pl.predict_proba):
        with pytest.raises(ArgumentError, match=f"{function.__name__}: the network was trained to hit numbers"):
            function(network, x)


def test_several_answers_at_once_have_probabilities_and_no_single_class() -> None:
    x, t = yes_or_no()
    both = np.stack([t, x[:, 0] > 0, np.ones(200)], axis=1)
    network = pl.Sequential([A(3)])
    pl.fit(network, (x, both), loss="SigmoidCrossEntropy", epochs=30, progress=False)

    np.testing.assert_array_equal(pl.predict_proba(network, x), pl.sigmoid(pl.predict(network, x)))
    with pytest.raises(ArgumentError, match=r"predict_proba\(network, x\) > 0\.5 answers each"):
        pl.predict_classes(network, x)


def test_ages_are_numbers_for_one_output() -> None:
    x, _ = yes_or_no(50)
    network = pl.Sequential([A(1)])
    pl.fit(network, (x, np.arange(50)), loss="MeanSquaredError", optimizer=pl.SGD(1e-4), progress=False)

    assert network.outputs is not None
    assert network.outputs.classes is None


def test_a_network_whose_output_is_no_row_is_refused() -> None:
    images = (np.random.default_rng(0).random((4, 6, 6, 1)), [0, 1, 2, 0])
    network = pl.Sequential([pl.Conv2D(3, 6)])
    with pytest.raises(ShapeError, match=r"fit: the network gives \(1, 1, 3\) for a sample.*End it in Flatten\(\)"):
        pl.fit(network, images, progress=False)
    network.build((6, 6, 1), np.random.default_rng(0))
    for function in (pl.predict_classes, pl.predict_proba):
        with pytest.raises(ShapeError, match=r"gives \(1, 1, 3\) for a sample"):
            function(network, images[0])


POOLED = {
    "pooled": [pl.Conv2D(3, 1), "end", pl.GlobalAveragePool2D()],
    "largest": [pl.Conv2D(3, 1), "end", pl.GlobalMaxPool2D()],
    "averaged": [pl.Conv2D(3, 1), "end", pl.AveragePool2D(8), pl.Flatten()],
    "enlarged": [pl.Conv2D(3, 1), "end", pl.Upsample2D(2), pl.MaxPool2D(2), pl.GlobalAveragePool2D()],
    "rectified": [pl.Flatten(), pl.Affine(3), "end", pl.ReLU()],
    "leaky": [pl.Flatten(), pl.Affine(3), "end", pl.LeakyReLU(0.1), pl.ELU(), pl.Dropout(0.5)],
}


@pytest.mark.parametrize("kind", [pl.Softmax, pl.Sigmoid])
@pytest.mark.parametrize("name", POOLED)
def test_probabilities_are_found_behind_layers_that_keep_them(name, kind):
    network = pl.Sequential([kind() if a == "end" else copy.deepcopy(a) for a in POOLED[name]], input_shape=(8, 8, 2))
    x = np.random.default_rng(0).standard_normal((4, 8, 8, 2)).astype(np.float32)
    y = network(x)

    assert np.array_equal(pl.predict_proba(network, x), y)
    with pytest.raises(ArgumentError, match=f"ends in {kind.__name__}.*Take the {kind.__name__} away"):
        pl.fit(network, (x, [0, 1, 2, 0]), loss="SoftmaxCrossEntropy", progress=False)
    found = pl.explain.saliency(network, x, 1, scalar="probability")
    dx, _ = network.backward(np.eye(3, dtype=np.float32)[[1] * 4], network.forward(x)[1])
    if name not in ("rectified", "leaky"):  # there the layer is taken off, and its own slope applied
        assert np.array_equal(found.values, dx)
    assert np.allclose(found.values, dx, atol=1e-6)


def test_heads_of_both_kinds_side_by_side_give_probabilities():
    def head(kind):
        return pl.Sequential([pl.Affine(2), kind()])

    network = pl.Graph(
        {"a": (head(pl.Softmax), "input"), "b": (head(pl.Sigmoid), "input"), "c": (pl.Concat(), ["a", "b"])},
        input_shape=3,
    )
    x = np.random.default_rng(0).random((5, 3), np.float32)
    assert np.array_equal(pl.predict_proba(network, x), network(x))
    with pytest.raises(ArgumentError, match="ends in Sigmoid"):
        pl.fit(network, (x, [0, 1, 2, 3, 0]), loss="SoftmaxCrossEntropy", progress=False)


def test_what_outputs_mean_is_kept_by_copies_and_files(tmp_path: Any) -> None:
    x, t = yes_or_no()
    network = pl.Sequential([A(1)])
    pl.fit(network, (x, t), progress=False)
    pl.save(network, tmp_path / "yes.safetensors")
    numbers = pl.Sequential([A(1)])
    pl.fit(numbers, (x, t * 0.5), loss=pl.losses.Huber(2.0), progress=False)
    pl.save(numbers, tmp_path / "numbers.safetensors")

    assert repr(pl.load(tmp_path / "yes.safetensors").outputs) == repr(network.outputs)
    loaded = pl.load(tmp_path / "numbers.safetensors")
    assert repr(loaded.outputs) == "OutputSpec(loss=Huber(delta=2.0), classes=None)"
    with pytest.raises(ArgumentError, match="trained to hit numbers"):
        pl.predict_classes(loaded, x)
    assert pl.layers.copy_network(network).outputs is network.outputs


# Layers that draw at random behind the probabilities


class Noise(pl.layers.Layer):
    """A tenth more or less in training."""

    stochastic = True

    def infer_shape(self, input_shape):
        return input_shape

    def forward(self, x, *, train=False, rng=None):
        factor = rng.uniform(0.9, 1.1, x.shape).astype(x.dtype) if train else np.ones_like(x)
        return x * factor, factor

    def backward(self, dy, cache, *, need_dx=True, need_grads=True):
        return dy * cache, {}


pl.layers.LAYERS.pop("Noise")

BEHIND = {
    "dropout": lambda end, noise: [A(1), end, noise],
    "with another behind": lambda end, noise: [A(1), end, noise, pl.ReLU(), pl.Flatten()],
    "nested": lambda end, noise: [pl.Sequential([A(1), pl.Sequential([end])]), pl.Sequential([pl.Sequential([noise])])],
    "graph": lambda end, noise: [graph_of(A(1), end, noise)],
    "graph behind": lambda end, noise: [A(1), end, graph_of(noise)],
}


@pytest.mark.parametrize("loss", [None, "CrossEntropy"])
@pytest.mark.parametrize("noise", [pl.Dropout, pl.SpatialDropout2D, Noise], ids=lambda kind: kind.__name__)
@pytest.mark.parametrize("where", BEHIND)
def test_what_draws_at_random_behind_a_sigmoid_is_refused_before_the_first_step(where, noise, loss):
    x, t = yes_or_no()
    end = [pl.Sigmoid(), *([pl.Reshape((1, 1, 1))] if noise is pl.SpatialDropout2D else [])]
    layer = noise() if noise is Noise else noise(0.2)
    parts = BEHIND[where](pl.Sequential(end), layer)
    network = pl.Sequential([*parts, pl.Flatten()])
    with pytest.raises(ArgumentError, match=f"{noise.__name__}.* stands behind the Sigmoid.*Put it before the Sigmoid"):
        pl.fit(network, (x, t), loss=loss, progress=False)
    assert network.input_shape is None


@pytest.mark.parametrize(
    ("layers", "loss"),
    [
        ([A(1), pl.Dropout(0.2), pl.Sigmoid()], None),
        ([A(1), pl.Sigmoid(), pl.Dropout(0.0)], None),
        ([A(1), pl.Sigmoid(), pl.Dropout(0.2)], "MeanSquaredError"),
        ([A(4), pl.Sigmoid(), pl.Dropout(0.2), A(1)], None),
        ([A(4), pl.Sigmoid(), pl.Residual([A(4), pl.Dropout(0.2)])], "SoftmaxCrossEntropy"),
    ],
)
def test_dropout_elsewhere_and_without_an_effect_trains(layers, loss):
    x, t = yes_or_no()
    pl.fit(pl.Sequential(layers), (x, t), loss=loss, progress=False)
