"""Predicting and measuring, in batches, so that memory stays bounded however large the data are."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from pellucid import checks
from pellucid.data.dataset import Dataset
from pellucid.errors import ArgumentError
from pellucid.layers import Container, Sequential, Softmax
from pellucid.losses import Loss, LossLike, MeanSquaredError, SoftmaxCrossEntropy, as_loss
from pellucid.typing import Array, ArrayLike, IntArray

EVALUATION_BATCH = 250


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


def network_of(model: Any) -> Container[Any]:
    """Return the network itself, from a network or from a model that holds one in `.network`.

    Examples
    --------
    >>> net = pl.TwoLayerNet(784, 50, 10)
    >>> pl.training.network_of(net) is net.network
    True
    """
    network = getattr(model, "network", model)
    if not isinstance(network, Container):
        raise ArgumentError(
            f"Expected a network such as Sequential, or a model that holds one, got {type(model).__name__}."
        )
    return network


def predict(model: Any, x: ArrayLike, *, batch_size: int = EVALUATION_BATCH) -> Array:
    """Return the network's outputs (N, K) for x (N, …), computed `batch_size` samples at a time.

    Examples
    --------
    >>> network = pl.Sequential([pl.Affine.from_arrays([[1.0, -1.0]])], input_shape=1)
    >>> pl.predict(network, [[2.0], [0.0]]).tolist()
    [[2.0, -2.0], [0.0, 0.0]]
    """
    x = np.asarray(x)
    outputs = list(_outputs(network_of(model), x, checks.size("predict", "batch_size", batch_size)))
    return np.concatenate(outputs)


def predict_proba(
    model: Any, x: ArrayLike, *, loss: LossLike | None = None, batch_size: int = EVALUATION_BATCH
) -> Array:
    """Return class probabilities (N, K): the outputs as the loss that the network was trained with takes them.

    Examples
    --------
    >>> network = pl.Sequential([pl.Affine.from_arrays([[0.0, float(np.log(3))]])], input_shape=1)
    >>> pl.predict_proba(network, [[1.0], [0.0]]).astype(float).round(4).tolist()
    [[0.25, 0.75], [0.5, 0.5]]
    """
    outputs = predict(model, x, batch_size=batch_size)
    if loss is None and _ends_in_softmax(network_of(model)):
        return outputs
    return choose_loss(network_of(model), loss).probabilities(outputs)


def predict_classes(model: Any, x: ArrayLike, *, batch_size: int = EVALUATION_BATCH) -> IntArray:
    """Return the class index with the largest output (N,), the first of equals.

    Examples
    --------
    >>> network = pl.Sequential([pl.Affine.from_arrays([[1.0, -1.0]])], input_shape=1)
    >>> pl.predict_classes(network, [[2.0], [-2.0]])
    array([0, 1])
    """
    classes: IntArray = np.argmax(predict(model, x, batch_size=batch_size), axis=1)
    return classes


def evaluate(
    model: Any, data: Dataset, *, loss: LossLike | None = None, batch_size: int = EVALUATION_BATCH
) -> Evaluation:
    """Return the mean loss and, where the data have classes, the accuracy over *all* samples of `data`.

    Examples
    --------
    >>> network = pl.Sequential([pl.Affine.from_arrays([[1.0, 0.0], [0.0, 1.0]])], input_shape=2)
    >>> x, t = np.array([[3.0, 1.0], [1.0, 3.0], [3.0, 1.0], [1.0, 3.0]]), [0, 1, 1, 1]
    >>> pl.evaluate(network, pl.Dataset(x, t)).accuracy
    0.75
    """
    network = network_of(model)
    criterion = choose_loss(network, loss, data)
    t = criterion.targets(data.t, len(data), _outputs_of(network))
    return evaluate_checked(network, data, t, criterion, batch_size)


def evaluate_checked(
    network: Container[Any], data: Dataset, t: Array, loss: Loss, batch_size: int = EVALUATION_BATCH
) -> Evaluation:
    """`evaluate` for targets that the loss has checked."""
    total, right, start = 0.0, 0, 0
    for y in _outputs(network, data.x, batch_size):
        rows = slice(start, start + len(y))
        total += loss.compute(y, t[rows])[0] * loss.divisor(t[rows])
        if data.classes:
            right += int((y.argmax(axis=1) == data.t[rows]).sum())
        start += len(y)
    return Evaluation(total / loss.divisor(t), right / len(data) if data.classes else None, len(data))


def choose_loss(network: Container[Any], loss: LossLike | None, data: Dataset | None = None) -> Loss:
    """Return the given loss, or the usual one: softmax with cross-entropy for classes, mean squared error for numbers.

    Raises
    ------
    ArgumentError
        If the network ends in Softmax and the loss would apply it again.

    Examples
    --------
    >>> network = pl.Sequential([pl.Affine(3)], input_shape=2)
    >>> pl.training.choose_loss(network, None, pl.Dataset(np.zeros((3, 2)), [0, 1, 2]))
    SoftmaxCrossEntropy(label_smoothing=0.0, class_weights=None)
    """
    if loss is not None:
        chosen = as_loss(loss)
    else:
        chosen = MeanSquaredError() if data is not None and not data.classes else SoftmaxCrossEntropy()
    if isinstance(chosen, SoftmaxCrossEntropy) and _ends_in_softmax(network):
        raise ArgumentError(
            "The network ends in Softmax, and the loss SoftmaxCrossEntropy applies it again. "
            "Take the last layer away: predict_proba gives the probabilities."
        )
    return chosen


def _ends_in_softmax(network: Container[Any]) -> bool:
    return isinstance(network, Sequential) and bool(network.layers) and isinstance(network.layers[-1], Softmax)


def _outputs(network: Container[Any], x: Array, batch_size: int) -> Iterator[Array]:
    """Yield the outputs batch by batch; one empty batch for empty data."""
    for start in range(0, max(len(x), 1), batch_size):
        yield network(x[start : start + batch_size])


def _outputs_of(network: Container[Any]) -> int:
    checks.expect_built(type(network).__name__, network.output_shape)
    assert network.output_shape is not None  # noqa: S101  # checked one line above
    return network.output_shape[-1]
