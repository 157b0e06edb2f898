"""Predicting and measuring, in batches, so that memory stays bounded however large the data are."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from pellucid import checks
from pellucid.arrays import as_array
from pellucid.checked import checked, checked_late
from pellucid.data.dataset import Dataset
from pellucid.errors import DataError, ShapeError
from pellucid.layers import Container
from pellucid.layers.container import network_of
from pellucid.losses import (
    CrossEntropy,
    Loss,
    LossLike,
    MeanSquaredError,
    SigmoidCrossEntropy,
    SoftmaxCrossEntropy,
    as_loss,
)
from pellucid.outputs import answers, ending, expect_classes, expect_scores, predicted, probabilities
from pellucid.training.given import checked_targets, dataset, expect_alike
from pellucid.typing import Array, ArrayLike, IntArray, Shape

EVALUATION_BATCH = 250


@checked_late
@dataclass(frozen=True)
class Evaluation:
    """How well a network does on a data set; `accuracy` is None where nothing is classified.

    Examples
    --------
    >>> network = pl.Sequential([pl.Affine.from_arrays([[0.0, 0.0]])], input_shape=1)
    >>> found = pl.evaluate(network, pl.Dataset(np.ones((4, 1)), [0, 0, 0, 1]))
    >>> found.samples, found.accuracy, round(found.loss, 4)  # ln 2
    (4, 0.75, 0.6931)
    """

    loss: float
    accuracy: float | None
    samples: int

    def __str__(self) -> str:
        accuracy = "" if self.accuracy is None else f"accuracy {self.accuracy:.4f}  "
        return f"{accuracy}loss {self.loss:.4f}  ({self.samples:,} samples)"


@checked_late
def predict(model: Any, x: ArrayLike, *, batch_size: int = EVALUATION_BATCH) -> Array:
    """Return the network's outputs (N, K) for x (N, …), computed `batch_size` samples at a time.

    Examples
    --------
    >>> network = pl.Sequential([pl.Affine.from_arrays([[1.0, -1.0]])], input_shape=1)
    >>> pl.predict(network, [[2.0], [0.0]]).tolist()
    [[2.0, -2.0], [0.0, 0.0]]
    """
    return _predict("predict", model, x, batch_size)


@checked_late
def predict_proba(
    model: Any, x: ArrayLike, *, loss: LossLike | None = None, batch_size: int = EVALUATION_BATCH
) -> Array:
    """Return class probabilities (N, K): the outputs as the loss that the network was trained with takes them.

    Of a network with one output, which says yes or no, they are (N, 2): of class 0 and of class 1, as scikit-learn
    gives them. One that ends in Softmax or Sigmoid gives its outputs as they are. `loss` says what scores mean where
    `fit` did not.

    Raises
    ------
    ArgumentError
        If the network was trained to hit numbers, or for classes with a loss that knows no probabilities: a squared
        distance, Huber, Hinge.

    Examples
    --------
    >>> network = pl.Sequential([pl.Affine.from_arrays([[0.0, float(np.log(3))]])], input_shape=1)
    >>> pl.predict_proba(network, [[1.0], [0.0]]).astype(float).round(4).tolist()
    [[0.25, 0.75], [0.5, 0.5]]
    """
    network = network_of(model)
    if loss is None and not answers(network):
        expect_classes("predict_proba", network, "They are no probabilities: predict gives them.")
    y = _rows("predict_proba", _predict("predict_proba", model, x, batch_size))
    return probabilities("predict_proba", network, y, None if loss is None else as_loss(loss))


@checked_late
def predict_classes(
    model: Any, x: ArrayLike, *, loss: LossLike | None = None, batch_size: int = EVALUATION_BATCH
) -> IntArray:
    """Return class indices (N,): of the largest output, the first of equals; of one output, 1 where p > ½.

    Raises
    ------
    ArgumentError
        If the network was trained to hit numbers, or to answer several questions at once.

    Examples
    --------
    >>> network = pl.Sequential([pl.Affine.from_arrays([[1.0, -1.0]])], input_shape=1)
    >>> pl.predict_classes(network, [[2.0], [-2.0]])
    array([0, 1])
    """
    network = network_of(model)
    if loss is None:
        remedy = "predict_proba(network, x) > 0.5 answers each." if answers(network) else "predict gives them."
        expect_classes("predict_classes", network, remedy)
    y = _rows("predict_classes", _predict("predict_classes", model, x, batch_size))
    return predicted(network, y, None if loss is None else as_loss(loss))


@checked
def evaluate(
    model: Any, data: Dataset | tuple[Any, Any], *, loss: LossLike | None = None, batch_size: int = EVALUATION_BATCH
) -> Evaluation:
    """Return the mean loss and, where the data have classes, the accuracy over *all* samples of `data`.

    `data` is a Dataset or a pair (x, t); where it has weights, the means are weighted. Left out, `loss` is the one that
    the network was trained with.

    Examples
    --------
    >>> network = pl.Sequential([pl.Affine.from_arrays([[1.0, 0.0], [0.0, 1.0]])], input_shape=2)
    >>> x, t = np.array([[3.0, 1.0], [1.0, 3.0], [3.0, 1.0], [1.0, 3.0]]), [0, 1, 1, 1]
    >>> pl.evaluate(network, pl.Dataset(x, t)).accuracy
    0.75
    """
    network = network_of(model)
    checks.expect_built(network.label, network.output_shape)
    data = dataset("evaluate", data, network, loss)
    network.accept(data.x[:1])
    expect_alike("evaluate", "the data", data, network.inputs)
    criterion = choose_loss(network, loss, data)
    t, criterion = checked_targets("evaluate", data, criterion, network.output_shape or ())
    return evaluate_checked(network, data, t, criterion, checks.size("evaluate", "batch_size", batch_size))


def evaluate_checked(
    network: Container[Any], data: Dataset, t: Array, loss: Loss, batch_size: int = EVALUATION_BATCH
) -> Evaluation:
    """`evaluate` for targets that the loss has checked."""
    total, right, start, weights = 0.0, 0.0, 0, data.weights
    for y in _outputs(network, data.x, batch_size):
        rows = slice(start, start + len(y))
        total += loss.total(y, t[rows]) if weights is None else float(loss.each(y, t[rows]) @ weights[rows])
        if data.classes:
            known = ~np.isnan(y).any(axis=tuple(range(1, y.ndim)))  # NaN is no answer
            hit = known & (predicted(network, y, loss) == data.t[rows])
            right += float(hit.sum() if weights is None else hit @ weights[rows])
        start += len(y)
    divisor = loss.divisor(t) if weights is None else loss.divisor(t, weights)
    count = len(data) if weights is None else float(weights.sum())
    return Evaluation(total / divisor if divisor else 0.0, right / count if data.classes else None, len(data))


@checked
def choose_loss(network: Container[Any], loss: LossLike | None, data: Dataset | None = None) -> Loss:
    """Return the given loss, that of the training, or the usual one.

    The usual one is mean squared error for numbers; for classes softmax with cross-entropy, sigmoid with cross-entropy
    where there is one output, and cross-entropy where the network ends in Sigmoid.

    Raises
    ------
    ArgumentError
        If the network's outputs are probabilities and the loss takes scores.

    Examples
    --------
    >>> network = pl.Sequential([pl.Affine(3)], input_shape=2)
    >>> pl.training.choose_loss(network, None, pl.Dataset(np.zeros((3, 2)), [0, 1, 2]))
    SoftmaxCrossEntropy(label_smoothing=0.0, class_weights=None)
    """
    known = network.outputs
    if loss is not None:
        chosen = as_loss(loss)
    elif known is not None and (known.classes is None) == (data is not None and not data.classes):
        chosen = known.loss
    else:
        chosen = usual_loss(network, data)
    expect_scores(network, chosen)
    return chosen


def usual_loss(network: Container[Any], data: Dataset | None, output_shape: Shape | None = None) -> Loss:
    """Return the loss that such outputs and targets usually have, whatever the network was trained with before."""
    if data is not None and not data.classes:
        return MeanSquaredError()
    if ending(network) == "Sigmoid":
        return CrossEntropy()
    one = (output_shape or network.output_shape) == (1,)
    return SigmoidCrossEntropy() if one else SoftmaxCrossEntropy()


def _predict(who: str, model: Any, x: ArrayLike, batch_size: int) -> Array:
    network, size = network_of(model), checks.size(who, "batch_size", batch_size)
    samples = as_array(who, "x", x)
    checks.expect_built(network.label, network.input_shape)
    checks.expect_batch(network.label, samples, network.input_shape or ())
    if samples.dtype.kind not in "biuf":
        raise DataError(f"{who}: x must hold numbers, got {samples.dtype}.")
    checks.expect_finite(who, samples)
    return np.concatenate(list(_outputs(network, samples, size)))


def _rows(who: str, y: Array) -> Array:
    if np.isnan(y).any():
        raise DataError(
            f"{who}: the network gives NaN, which is no answer. Its parameters hold NaN or are too large: train it "
            "again with a lower learning rate, or load what was saved before."
        )
    if y.ndim != 2:
        raise ShapeError(f"{who}: the network gives {y.shape[1:]} for a sample, not a row (K,). End it in Flatten().")
    return y


def _outputs(network: Container[Any], x: Array, batch_size: int) -> Iterator[Array]:
    """Yield the outputs batch by batch; one empty batch for empty data."""
    for start in range(0, max(len(x), 1), batch_size):
        yield network(x[start : start + batch_size])
