"""What is explained: one number for each sample, made from the scores of a network, and its gradient.

The scores are what the network gives *before* a softmax (or sigmoid) at its end, which is taken off: a saturated
softmax has no gradient. `scalar` makes one number of the scores S of a class c:

    logit            S_c
    probability      p_c = softmax(S)_c           ∂p_c/∂S = p_c (1_c − p)
    log-probability  ln p_c                       ∂ln p_c/∂S = 1_c − p
    margin           S_c − max_{k≠c} S_k
    centred          S_c − mean_{k≠c} S_k

A logit is defined up to a function added to all classes, the other four are not (Srinivas & Fleuret 2020,
arXiv:2006.09128); where classes are compared, `Contrast(a, b)` explains S_a − S_b.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeAlias

import numpy as np

from pellucid import checks, outputs
from pellucid.arrays import as_array, numbers
from pellucid.checked import checked_late
from pellucid.errors import ArgumentError, ShapeError
from pellucid.explain.parts import before_softmax
from pellucid.functions import sigmoid, softmax
from pellucid.layers.container import network_of
from pellucid.layers.door import behind_door, has_door, inward, outward, with_flat_scores
from pellucid.layers.parts import AnyContainer, layer_shape, upto
from pellucid.losses import Loss, SoftmaxCrossEntropy
from pellucid.shown import came
from pellucid.typing import Array, ArrayLike, IntArray

SCALARS = ("logit", "probability", "log-probability", "margin", "centred")
"""What can be made of a class's score."""


@checked_late
@dataclass(frozen=True)
class Contrast:
    """Why class `a` and not class `b`: the difference of their scores. Each is an index or one index per sample.

    Examples
    --------
    >>> W, b = [[2.0, 0.0], [-1.0, 0.0]], [0.5, 0.0]
    >>> network = pl.Sequential([pl.Affine.from_arrays(W, b)], input_shape=2)
    >>> x = [[3.0, 4.0]]  # S_0 = 2 · 3 − 4 + ½ = 2.5
    >>> pl.explain.saliency(network, x, pl.explain.Contrast(1, 0)).values.tolist()
    [[-2.0, 1.0]]
    """

    a: Any
    b: Any


def _expect_layer(who: str, name: Any) -> None:
    if not isinstance(name, str):
        raise ArgumentError(f"{who}: layer must be a layer's name such as 'conv2d1', got {came(name)}.")


def _expect_whole(who: str, name: str, value: Any, given: Any) -> None:
    if not isinstance(value, (int, np.integer)) or isinstance(value, bool):
        several = " or a tuple of them" if name == "index" else ""
        raise ArgumentError(f"{who}: {name} must be a whole number{several}, got {came(given)}.")


@checked_late
@dataclass(frozen=True)
class Unit:
    """One number of a layer's output: `Unit("dense_1", 5)`, `Unit("conv2d_2", (3, 4, 17))`.

    Examples
    --------
    >>> layers = [pl.Conv2D(4, 3), pl.ReLU(), pl.Flatten(), pl.Affine(3)]
    >>> network = pl.Sequential(layers, input_shape=(8, 8, 1))
    >>> x = np.random.default_rng(0).random((2, 8, 8, 1), np.float32)
    >>> pl.explain.saliency(network, x, pl.explain.Unit("relu1", (2, 2, 0))).scalar
    "unit 2, 2, 0 of layer 'relu1'"
    """

    layer: str
    index: int | tuple[int, ...]

    def __post_init__(self) -> None:
        _expect_layer("Unit", self.layer)
        for i in self.index if isinstance(self.index, tuple) else (self.index,):
            _expect_whole("Unit", "index", i, self.index)


@checked_late
@dataclass(frozen=True)
class Filter:
    """The mean over all places of one channel of a layer's output.

    Examples
    --------
    >>> layers = [pl.Conv2D(4, 3), pl.ReLU(), pl.Flatten(), pl.Affine(3)]
    >>> network = pl.Sequential(layers, input_shape=(8, 8, 1))
    >>> x = np.random.default_rng(0).random((2, 8, 8, 1), np.float32)
    >>> pl.explain.saliency(network, x, pl.explain.Filter("conv2d1", 3)).scalar
    "mean of channel 3 of layer 'conv2d1'"
    """

    layer: str
    channel: int

    def __post_init__(self) -> None:
        _expect_layer("Filter", self.layer)
        _expect_whole("Filter", "channel", self.channel, self.channel)


@checked_late
@dataclass(frozen=True)
class Function:
    """Any function of the scores y (N, K), row by row, given with its gradient: y → (values (N,), dy (N, K)).

    Examples
    --------
    >>> W, b = [[2.0, 0.0], [-1.0, 0.0]], [0.5, 0.0]
    >>> network = pl.Sequential([pl.Affine.from_arrays(W, b)], input_shape=2)
    >>> x = [[3.0, 4.0]]  # S_0 = 2 · 3 − 4 + ½ = 2.5
    >>> square = pl.explain.Function(lambda y: (y[:, 0] ** 2, 2 * y * [1, 0]), "the squared score")
    >>> pl.explain.saliency(network, x, square).values.tolist()  # 2 · 2.5 · (2, −1)
    [[10.0, -5.0]]
    """

    compute: Callable[[Array], tuple[Array, Array]]
    name: str = "a function of the scores"

    def __post_init__(self) -> None:
        if not callable(self.compute) or not isinstance(self.name, str):
            raise ArgumentError(
                f"Function: takes a function y → (values, dy) and a name, got {came(self.compute)}, {came(self.name)}."
            )


Target: TypeAlias = "str | int | ArrayLike | Contrast | Unit | Filter | Function"

CHANCES = ("probability", "log-probability")
"""Scalars that a network without probabilities does not have."""


class Scalar:
    """The number explained, with its classes settled: value and gradient for rows of scores.

    `rows[i]` says which sample the i-th row of `y` belongs to: one sample may be asked about many times.
    """

    def __init__(self, texts: Sequence[str], classes: IntArray | None = None) -> None:
        self.texts = tuple(texts)
        self.classes: IntArray = np.full(len(texts), -1) if classes is None else classes

    def compute(self, y: Array, rows: IntArray) -> tuple[Array, Array]:
        """Return values (N,) and their gradient, of the shape of y."""
        raise NotImplementedError

    def values(self, y: Array, rows: IntArray | None = None) -> Array:
        """Return the number for each row of y."""
        return self.compute(y, np.arange(len(y)) if rows is None else rows)[0]

    def gradient(self, y: Array, rows: IntArray | None = None) -> Array:
        """Return its gradient with respect to each row of y."""
        return self.compute(y, np.arange(len(y)) if rows is None else rows)[1]


class _OfClass(Scalar):
    def __init__(self, kind: str, classes: IntArray, reading: Reading) -> None:
        super().__init__([f"{kind} of class {c}" for c in classes], classes)
        self.kind, self.reading = kind, reading

    def compute(self, y: Array, rows: IntArray) -> tuple[Array, Array]:
        return class_scalar(self.kind, y, self.classes[rows], self.reading)


class _Difference(Scalar):
    def __init__(self, kind: str, a: IntArray, b: IntArray, reading: Reading) -> None:
        super().__init__([f"{kind} {i} − {kind} {j}" for i, j in zip(a, b, strict=True)], a)
        self.kind, self.b, self.reading = kind, b, reading

    def compute(self, y: Array, rows: IntArray) -> tuple[Array, Array]:
        value, dy = class_scalar(self.kind, y, self.classes[rows], self.reading)
        other, other_dy = class_scalar(self.kind, y, self.b[rows], self.reading)
        if self.reading.log_odds and self.kind == "logit":  # each is ln p_a/p_b already
            return (value - other) / 2, (dy - other_dy) / 2
        return value - other, dy - other_dy


class _Weighted(Scalar):
    """Σ weights · y, the same weights for every sample: a unit, or the mean of a filter."""

    def __init__(self, text: str, samples: int, weights: Array) -> None:
        super().__init__([text] * samples)
        self.weights = weights

    def compute(self, y: Array, rows: IntArray) -> tuple[Array, Array]:
        value = (y * self.weights).reshape(len(y), -1).sum(axis=1)
        return value, np.broadcast_to(self.weights.astype(y.dtype), y.shape).copy()


class _Given(Scalar):
    def __init__(self, function: Function, samples: int) -> None:
        super().__init__([function.name] * samples)
        self.function = function

    def compute(self, y: Array, rows: IntArray) -> tuple[Array, Array]:
        found = self.function.compute(y)
        if not isinstance(found, tuple) or len(found) != 2:
            raise ArgumentError(f"Function: compute(y) must return two arrays (values, dy), got {came(found)}.")
        value, dy = (
            numbers("Function", name, part, y.dtype) for name, part in zip(("values", "dy"), found, strict=True)
        )
        if value.shape != (len(y),) or dy.shape != y.shape:
            raise ShapeError(
                f"Function: compute(y) must return values ({len(y)},) and dy {y.shape}, got {value.shape} "
                f"and {dy.shape}."
            )
        return value, dy


def class_scalar(kind: str, y: Array, c: IntArray, reading: Reading) -> tuple[Array, Array]:
    """Return one of `SCALARS` for class c of each row of y (N, K), and its gradient."""
    if reading.log_odds:
        return _log_odds(kind, y, c)
    if reading.yes_no:  # as its twin of two outputs 1 − y and y
        value, dy = class_scalar(kind, outputs.both(y), c, reading._replace(yes_no=False))
        return value, dy[:, 1:] - dy[:, :1]
    n = np.arange(len(y))
    one = np.zeros_like(y)
    one[n, c] = 1
    if kind == "logit":
        return y[n, c], one
    if kind == "margin":
        rival = np.where(one > 0, -np.inf, y).argmax(axis=1)
        one[n, rival] -= 1
        return y[n, c] - y[n, rival], one
    if kind == "centred":
        others = y.shape[1] - 1
        return y[n, c] - (y.sum(axis=1) - y[n, c]) / others, one - (1 - one) / others
    if reading.makes == outputs.GIVEN:
        value = y[n, c]
        return (value, one) if kind == "probability" else (np.log(value), one / value[:, None])
    if reading.makes == "Sigmoid":
        p = sigmoid(y)
        if kind == "probability":
            return p[n, c], one * p * (1 - p)
        return -np.logaddexp(0, -y[n, c]), one * (1 - p)
    p = softmax(y)
    if kind == "probability":
        return p[n, c], p[n, c][:, None] * (one - p)
    shifted = y - y.max(axis=1, keepdims=True)
    return shifted[n, c] - np.log(np.exp(shifted).sum(axis=1)), one - p


def _log_odds(kind: str, y: Array, c: IntArray) -> tuple[Array, Array]:
    """The same for one output s (N, 1), the log-odds of class 1: those of class 0 are −s."""
    sign = np.where(c == 1, 1, -1).astype(y.dtype)[:, None]
    s = sign * y
    p = sigmoid(s)
    if kind == "probability":
        return p[:, 0], sign * p * (1 - p)
    if kind == "log-probability":
        return -np.logaddexp(0, -s[:, 0]), sign * (1 - p)
    return s[:, 0], sign


class Reading(NamedTuple):
    """How the outputs of a network read as classes: as `predict_proba` and `predict_classes` read them.

    Attributes
    ----------
    network : the part of it that ends in the scores; it shares every array
    before : "Softmax" or "Sigmoid", which was taken off; else ""
    makes : what makes probabilities of the scores, as `outputs.makes` says; "" where nothing does
    yes_no : whether one output tells class 1 from class 0
    loss : that says what the scores mean
    """

    network: AnyContainer
    before: str = ""
    makes: str = ""
    yes_no: bool = False
    loss: Loss = SoftmaxCrossEntropy()

    @classmethod
    def of(cls, network: AnyContainer) -> Reading:
        """Return how the outputs of the whole network read."""
        part, kind = before_softmax(network)
        part = with_flat_scores(part)
        shape = part.output_shape or ()
        if len(shape) != 1:
            return cls(part, kind)
        made = outputs.makes(network, shape[0])
        return cls(
            part, kind, kind or made, outputs.says_yes_or_no(network, shape[0]), outputs.usual(network, shape[0])
        )

    @property
    def log_odds(self) -> bool:
        """Whether one output is ln p/(1 − p)."""
        return self.yes_no and self.makes == "Sigmoid"

    def classes(self, scores: int) -> int:
        """Return how many classes so many scores tell apart."""
        return 2 if self.yes_no else scores

    def predicted(self, y: Array) -> IntArray:
        """Return the class of each row of scores y (N, K): that of the largest output, the first of equals."""
        if self.yes_no:
            return np.asarray(outputs.turned(y, self.makes, self.loss)[:, 0] > 0.5, np.int64)
        return np.asarray(outputs.turned(y, self.before, self.loss).argmax(axis=1))

    def probabilities(self, y: Array) -> Array | None:
        """Return the probabilities of the classes; None where the network has none."""
        if not self.makes:
            return None
        p = outputs.turned(y, self.makes, self.loss)
        return outputs.both(p) if self.yes_no else p


def expect_chances(who: str, scalar: str, reading: Reading) -> None:
    """Raise ArgumentError where a probability is asked of a network that has none, or none with a known gradient."""
    if scalar not in CHANCES or reading.makes not in ("", outputs.OWN):
        return
    lack = "knows no probabilities" if not reading.makes else "makes probabilities in a way of its own"
    raise ArgumentError(
        f"{who}: scalar={scalar!r} is not for this network, whose loss {type(reading.loss).__name__} {lack}. "
        "Take scalar='logit'."
    )


class Question:
    """A network, a batch of inputs and a target, checked: what every method starts from.

    Whatever order the caller's network takes its pictures in, here their channels come last: what is behind a door is
    asked, and `answer` hands the values back in the order of the input.

    Attributes
    ----------
    body : the caller's network behind its door; it shares every array
    model : what other methods are asked about, with `x`: the caller's, or the body where there is a door
    network : the part of it that ends in what is explained
    x : inputs (N, …) in the network's dtype, pictures as (N, H, W, C)
    reading : how its outputs read as classes
    given : the inputs in the order in which they came
    turned : whether that is (N, C, H, W)
    spec : how the inputs were prepared, as they came
    """

    def __init__(self, who: str, model: Any, x: ArrayLike, target: Target = "predicted", scalar: str = "logit") -> None:
        whole = network_of(model, who, built=True)
        checks.expect_known(who, "scalar", scalar, SCALARS)
        self.who, self.kind = who, scalar
        self.target: Any = target
        self.turned, self.spec = has_door(whole), whole.inputs
        self.body = behind_door(whole)
        self.model = self.body if self.turned else model
        if isinstance(target, (Unit, Filter)):
            if scalar != "logit":
                raise ArgumentError(f"{who}: scalar={scalar!r} is made from the scores of classes. Leave it out here.")
            self.reading = Reading(upto(self.body, target.layer))
            self._weights = _weights(who, self.body, target)
        else:
            self.reading = Reading.of(self.body)
            if not isinstance(target, Function) and self.reading.network.output_shape is not None:
                expect_chances(who, scalar, self.reading)
        self.network = self.reading.network
        self.given: Array = np.array(whole.accept(x))  # a copy: the caller may go on writing to x
        if len(self.given) == 0:
            raise ShapeError(f"{who}: x must hold at least one sample, got shape {self.given.shape}.")
        checks.expect_finite(who, self.given)
        self.x: Array = inward(self.given) if self.turned else self.given

    def inward(self, values: Array) -> Array:
        """Return an array that a caller gave in the order of the input, with its channels last."""
        return inward(values) if self.turned and values.ndim > 2 else values

    def outward(self, values: Array) -> Array:
        """Return values (N, H, W, C), as they are here, in the order of the input."""
        return outward(values) if self.turned and values.ndim == 4 else values

    def scalar(self, y: Array) -> Scalar:
        """Return the number to explain, given the scores of the inputs."""
        target = self.target
        if isinstance(target, (Unit, Filter)):
            return _Weighted(self._weights[0], len(y), self._weights[1])
        if isinstance(target, Function):
            return _Given(target, len(y))
        if y.ndim != 2:
            raise ShapeError(
                f"{self.who}: the network gives {y.shape[1:]} for a sample, which are no scores of classes. "
                "Explain one number of it: target=Unit(layer, index), Filter(layer, channel) or Function(...)."
            )
        if self.kind in ("margin", "centred") and (
            isinstance(target, Contrast) or self.reading.classes(y.shape[1]) < 2
        ):
            raise ArgumentError(f"{self.who}: scalar={self.kind!r} compares one class with the others. Use 'logit'.")
        if isinstance(target, Contrast):
            a, b = (self._classes(side, y) for side in (target.a, target.b))
            return _Difference(self.kind, a, b, self.reading)
        return _OfClass(self.kind, self._classes(target, y), self.reading)

    def _classes(self, target: Any, y: Array) -> IntArray:
        if isinstance(target, str):
            if target != "predicted":
                checks.unknown_name(self.who, "target", target, ["predicted"])
            return self.reading.predicted(y)
        given = as_array(self.who, "target", target)
        if given.ndim == 0:
            given = np.full(len(y), given)
        count = self.reading.classes(y.shape[1])
        return checks.class_indices(f"{self.who} (target)", given, count, len(y)).astype(np.int64)


def _weights(who: str, network: AnyContainer, target: Unit | Filter) -> tuple[str, Array]:
    """Return the text of a unit or filter, and the weights of the sum over the layer's output that it is."""
    shape = layer_shape(who, network, target.layer)
    weights = np.zeros(shape)
    if isinstance(target, Filter):
        if not 0 <= target.channel < shape[-1]:
            raise ArgumentError(f"{who}: layer {target.layer!r} has channels 0..{shape[-1] - 1}, got {target.channel}.")
        weights[..., target.channel] = shape[-1] / weights.size
        return f"mean of channel {target.channel} of layer {target.layer!r}", weights
    index = target.index if isinstance(target.index, tuple) else (target.index,)
    if len(index) != len(shape) or not all(0 <= i < n for i, n in zip(index, shape, strict=True)):
        raise ArgumentError(
            f"{who}: a unit of layer {target.layer!r} has an index in {shape}, got {came(target.index)}."
        )
    weights[index] = 1
    return f"unit {', '.join(map(str, index))} of layer {target.layer!r}", weights
