"""Measuring counts every sample once, in bounded memory."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest

import pellucid as pl
from pellucid.errors import ArgumentError, DataError, ShapeError


def identity(k: int = 3) -> pl.Sequential:
    """A network whose scores are its inputs."""
    network = pl.Sequential([pl.Affine(k, bias=False)], input_shape=k)
    network.params["affine1.W"] = np.eye(k)
    return network


def test_the_last_partial_batch_counts():
    t = np.arange(150) % 3
    data = pl.Dataset(np.eye(3)[t], t)

    assert pl.evaluate(identity(), data, batch_size=100).accuracy == 1.0
    assert pl.evaluate(identity(), data[:50], batch_size=100).accuracy == 1.0


def test_accuracy_and_loss_by_hand():
    data = pl.Dataset([[0.0, np.log(3.0)], [np.log(3.0), 0.0]], [1, 1])
    measured = pl.evaluate(identity(2), data, batch_size=1)

    assert measured.accuracy == 0.5
    assert measured.loss == pytest.approx(-(np.log(0.75) + np.log(0.25)) / 2, rel=1e-6)
    assert str(measured) == "accuracy 0.5000  loss 0.8370  (2 samples)"


def test_predictions_do_not_depend_on_the_batch_size(rng):
    x = rng.random((23, 3))

    np.testing.assert_array_equal(pl.predict(identity(), x, batch_size=5), pl.predict(identity(), x))
    np.testing.assert_allclose(pl.predict_proba(identity(), x).sum(axis=1), 1, rtol=1e-6)
    np.testing.assert_array_equal(pl.predict_classes(identity(), x), x.argmax(axis=1))


def test_no_samples_give_no_predictions():
    assert pl.predict(identity(), np.zeros((0, 3))).shape == (0, 3)


def test_probabilities_are_those_of_the_loss():
    assert pl.predict_proba(identity(), np.zeros((1, 3)), loss="SigmoidCrossEntropy").tolist() == [[0.5] * 3]
    assert pl.predict_proba(identity(), np.full((1, 3), 0.25), loss="CrossEntropy").tolist() == [[0.25] * 3]
    with pytest.raises(ArgumentError, match=r"outputs that Quadratic trains are no probabilities. predict_classes"):
        pl.predict_proba(identity(), np.full((1, 3), 0.25), loss="Quadratic")


def test_memory_stays_bounded():
    network = pl.Sequential([pl.Affine(2000), pl.ReLU(), pl.Affine(2)], input_shape=2)
    x = np.zeros((50_000, 2), np.float32)
    pl.predict(network, x[:2000])  # whatever loads at first use
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]  # not 0 where another test is being traced already
    tracemalloc.reset_peak()
    pl.predict(network, x)
    peak = tracemalloc.get_traced_memory()[1] - before
    tracemalloc.stop()

    assert peak < 40e6  # all at once, the hidden layer alone would take 400 MB


def test_an_unbuilt_network_says_what_to_do():
    with pytest.raises(pl.errors.StateError, match=r"not built yet.*input_shape"):
        pl.predict(pl.Sequential([pl.Affine(2)]), np.zeros((1, 2)))


def test_the_outputs_of_a_softmax_layer_are_the_probabilities(rng):
    network, x = pl.Sequential([pl.Affine(3), pl.Softmax()], input_shape=3), rng.random((4, 3))

    np.testing.assert_array_equal(pl.predict_proba(network, x), pl.predict(network, x))


@pytest.mark.parametrize("loss", ["SumOfSquares", pl.SoftmaxCrossEntropy(class_weights=[1, 2, 5])])
def test_the_loss_does_not_depend_on_the_batch_size(loss, rng):
    data = pl.Dataset(rng.random((23, 3)), rng.integers(0, 3, 23))

    assert pl.evaluate(identity(), data, loss=loss, batch_size=5).loss == pytest.approx(
        pl.evaluate(identity(), data, loss=loss).loss, rel=1e-6
    )


def test_one_sample_alone_is_told_its_remedy():
    network = pl.Sequential([pl.Affine(3)], input_shape=784)
    for function in (pl.predict, pl.predict_classes, pl.predict_proba):
        with pytest.raises(
            ShapeError, match=r"got \(784,\)\. A batch axis comes first; for one sample write x\[None\]"
        ):
            function(network, np.zeros(784))


def test_samples_that_are_no_numbers_are_named():
    x = np.zeros((5, 3))
    x[3, 1] = np.nan
    for function in (pl.predict, pl.predict_classes, pl.predict_proba):
        with pytest.raises(DataError, match=r"x holds 1 NaN or infinite values, the first at index \(3, 1\)"):
            function(identity(), x)
        with pytest.raises(DataError, match="x must hold numbers"):
            function(identity(), [["a", "b", "c"]])


@pytest.mark.parametrize("size", [0, -1, 2.0, True])
def test_every_batch_size_is_checked(size):
    for function in (pl.predict, pl.predict_classes, pl.predict_proba):
        with pytest.raises(ArgumentError, match=f"{function.__name__}: batch_size must be a whole number"):
            function(identity(), np.eye(3), batch_size=size)
    with pytest.raises(ArgumentError, match="evaluate: batch_size"):
        pl.evaluate(identity(), (np.eye(3), range(3)), batch_size=size)


def test_a_pair_is_measured_as_a_data_set():
    x = np.eye(3)
    assert pl.evaluate(identity(), (x, [0, 1, 1])) == pl.evaluate(identity(), pl.Dataset(x, [0, 1, 1]))


def test_a_sparse_matrix_is_told_its_remedy():
    sparse = pytest.importorskip("scipy.sparse").csr_matrix(np.eye(3))
    with pytest.raises(DataError, match=r"predict: x must be an array.*Make it dense: x\.toarray\(\)"):
        pl.predict(identity(), sparse)
    with pytest.raises(DataError, match=r"Dataset: x must be an array.*x\.toarray\(\)"):
        pl.fit(identity(), (sparse, [0, 1, 2]))


def test_the_loss_is_that_of_the_training():
    network, data = identity(), pl.Dataset(np.eye(3), [0, 1, 2])
    pl.fit(network, data, loss="Quadratic", progress=False)

    assert pl.evaluate(network, data) == pl.evaluate(network, data, loss="Quadratic")
