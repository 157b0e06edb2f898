"""Losses: how wrong the output of a network is, as one number, and the gradient of that number.

    value, cache = loss.forward(y, t)
    dy           = loss.backward(cache)          # ∂value/∂y; `dvalue` scales it

A loss takes the output y (N, K) of a network and targets t: class indices (N,) or one-hot rows (N, K) where it
classifies, any rows (N, K) where it measures a distance. Unless it says otherwise it is the mean over the N samples.
`probabilities` turns outputs into what the loss takes them to mean.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, NamedTuple, TypeAlias

import numpy as np

from pellucid import checks
from pellucid.errors import ArgumentError, LabelError, ShapeError
from pellucid.functions import as_float, one_hot, sigmoid, softmax
from pellucid.typing import Array, ArrayLike, Config, IntArray


class LossCache(NamedTuple):
    """The gradient for dvalue = 1, or what it is cheaply made from.

    Examples
    --------
    >>> _, cache = pl.MeanSquaredError().forward(np.array([[3.0]]), [[1.0]])
    >>> cache
    LossCache(dy=array([[4.]]))
    """

    dy: Array


class Loss(ABC):
    """A differentiable measure of error.

    Examples
    --------
    >>> loss = pl.MeanSquaredError()
    >>> value, cache = loss.forward(np.array([[3.0]]), [[1.0]])
    >>> value, loss.backward(cache), loss.backward(cache, dvalue=0.5)
    (4.0, array([[4.]]), array([[2.]]))
    """

    def forward(self, y: Array, t: ArrayLike) -> tuple[float, LossCache]:
        """Return the loss and its cache; raise ShapeError or LabelError where y and t do not fit."""
        y = as_float(y)
        if y.ndim != 2 or y.size == 0:
            raise ShapeError(f"{type(self).__name__}: y must have shape (N, K) with N, K ≥ 1, got {y.shape}.")
        return self.compute(y, self.targets(t, len(y), y.shape[1]))

    def backward(self, cache: LossCache, dvalue: float = 1.0) -> Array:
        """Return dvalue · ∂value/∂y."""
        return cache.dy if dvalue == 1.0 else cache.dy * cache.dy.dtype.type(dvalue)

    @abstractmethod
    def compute(self, y: Array, t: Array) -> tuple[float, LossCache]:
        """Return loss and cache for targets that `targets` has checked (the training loop checks them once)."""

    @abstractmethod
    def targets(self, t: ArrayLike, samples: int, outputs: int) -> Array:
        """Return `t` in the form that `compute` takes; raise LabelError where it does not fit (N, K) outputs."""

    def divisor(self, t: Array) -> float:
        """Return what the sum over the samples of checked targets is divided by, so that batches add up."""
        return float(len(t))

    def probabilities(self, y: Array) -> Array:
        """Return what the outputs mean as probabilities; distances take them as they are."""
        return y

    def config(self) -> Config:
        """Return the options, fit for JSON."""
        return {}

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(f'{k}={v!r}' for k, v in self.config().items())})"


class SoftmaxCrossEntropy(Loss):
    """Softmax and cross-entropy in one, on scores (logits), which is exact where the softmax saturates.

    Forward     value = Σ_n w_n · (−Σ_k q_nk ln p_nk) / Σ_n w_n,   p = softmax(y),
                q = (1 − ε) one-hot(t) + ε / K,   w_n = class_weights[t_n] or 1
    Backward    dy_n = w_n (p_n − q_n) / Σ w

    Parameters
    ----------
    label_smoothing : float, default=0
        ε, the share of the target spread over all classes. Szegedy et al. (2016), arXiv:1512.00567, §7.
    class_weights : sequence of K floats, optional
        For classes that are rare, or whose errors cost more.

    Examples
    --------
    >>> loss = pl.SoftmaxCrossEntropy()
    >>> value, cache = loss.forward(np.array([[2.0, 2.0]]), [0])
    >>> f"{value:.4f}", loss.backward(cache)  # ln 2;  (½, ½) − (1, 0)
    ('0.6931', array([[-0.5,  0.5]]))
    """

    def __init__(self, *, label_smoothing: float = 0.0, class_weights: ArrayLike | None = None) -> None:
        checks.expect_range("SoftmaxCrossEntropy", "label_smoothing", label_smoothing, 0, 1, open_high=True)
        self.label_smoothing = float(label_smoothing)
        self.class_weights = None if class_weights is None else np.asarray(class_weights, np.float64)
        if self.class_weights is not None and not (
            np.isfinite(self.class_weights).all() and (self.class_weights > 0).all()
        ):
            raise ArgumentError("SoftmaxCrossEntropy: class_weights must be finite and above 0.")

    def targets(self, t: ArrayLike, samples: int, outputs: int) -> IntArray:
        if self.class_weights is not None and self.class_weights.shape != (outputs,):
            raise ShapeError(
                f"SoftmaxCrossEntropy: class_weights must hold {outputs} numbers, got shape {self.class_weights.shape}."
            )
        return checks.class_indices("SoftmaxCrossEntropy", t, outputs, samples)

    def compute(self, y: Array, t: IntArray) -> tuple[float, LossCache]:
        n, k = y.shape
        shifted = y - y.max(axis=1, keepdims=True)
        p = np.exp(shifted)
        total = p.sum(axis=1, keepdims=True)
        rows = np.arange(n)
        losses = np.log(total[:, 0])
        eps = self.label_smoothing
        losses -= shifted[rows, t] if eps == 0 else (1 - eps) * shifted[rows, t] + eps * shifted.mean(axis=1)
        p /= total
        if eps:
            p -= eps / k
        p[rows, t] -= 1 - eps
        if self.class_weights is None:
            p *= 1 / n
            return float(losses.sum()) / n, LossCache(p)
        w = self.class_weights[t].astype(y.dtype)
        p *= (w / w.sum())[:, None]
        return float((w * losses).sum() / w.sum()), LossCache(p)

    def divisor(self, t: IntArray) -> float:
        return float(len(t)) if self.class_weights is None else float(self.class_weights[t].sum())

    def probabilities(self, y: Array) -> Array:
        return softmax(y)

    def config(self) -> Config:
        weights = None if self.class_weights is None else self.class_weights.tolist()
        return {"label_smoothing": self.label_smoothing, "class_weights": weights}


class _RowLoss(Loss):
    """Compares each output with a number of the same place: t is (N, K), or class indices made one-hot."""

    def targets(self, t: ArrayLike, samples: int, outputs: int) -> Array:
        who = type(self).__name__
        t = np.asarray(t)
        if t.ndim == 1 and t.dtype.kind in "iu" and outputs > 1:
            return one_hot(checks.class_indices(who, t, outputs, samples), outputs, np.float64)
        if t.shape != (samples, outputs):
            remedy = " Write t[:, None]." if t.shape == (samples,) else ""
            raise LabelError(f"{who}: t must have shape ({samples}, {outputs}), got {t.shape}.{remedy}")
        if t.dtype.kind not in "fiub":
            raise LabelError(f"{who}: t must hold numbers, got {t.dtype}.")
        checks.expect_finite(who, t, "t")
        return t


class _ShareLoss(_RowLoss):
    """Compares probabilities, so that t lies in [0, 1]."""

    def targets(self, t: ArrayLike, samples: int, outputs: int) -> Array:
        t = super().targets(t, samples, outputs)
        if len(t) and (t.min() < 0 or t.max() > 1):
            raise LabelError(f"{type(self).__name__}: t must lie in [0, 1], got {t.min()} to {t.max()}.")
        return t


class SigmoidCrossEntropy(_ShareLoss):
    """Sigmoid and cross-entropy in one, for K independent yes-or-no answers; the mean over samples, summed over K.

    Forward     value = 1/N Σ (softplus(y) − t y) = 1/N Σ −t ln σ(y) − (1 − t) ln(1 − σ(y))
    Backward    dy = (σ(y) − t) / N

    Examples
    --------
    >>> loss = pl.SigmoidCrossEntropy()
    >>> value, cache = loss.forward(np.array([[0.0, 0.0]]), [[1, 0]])
    >>> f"{value:.4f}", loss.backward(cache)  # 2 ln 2;  ½ − 1 and ½ − 0
    ('1.3863', array([[-0.5,  0.5]]))
    """

    def compute(self, y: Array, t: Array) -> tuple[float, LossCache]:
        t = t.astype(y.dtype, copy=False)
        losses = np.maximum(y, 0) - y * t + np.log1p(np.exp(-np.abs(y)))
        return float(losses.sum()) / len(y), LossCache((sigmoid(y) - t) / len(y))

    def probabilities(self, y: Array) -> Array:
        return sigmoid(y)


class CrossEntropy(_ShareLoss):
    """Cross-entropy of outputs that already are probabilities in (0, 1), such as those of a sigmoid layer.

    Forward     value = 1/N Σ −t ln y − (1 − t) ln(1 − y)
    Backward    dy = (y − t) / (y (1 − y)) / N

    Nielsen (2015), chapter 3, equation 63. Behind a sigmoid the two y(1 − y) cancel; `SigmoidCrossEntropy` does that
    exactly and is the better choice where the network may end in scores.

    Examples
    --------
    >>> loss = pl.CrossEntropy()
    >>> value, cache = loss.forward(np.array([[0.5]]), [[1.0]])
    >>> f"{value:.4f}", loss.backward(cache)  # ln 2;  −1/y
    ('0.6931', array([[-2.]]))
    """

    def compute(self, y: Array, t: Array) -> tuple[float, LossCache]:
        t = t.astype(y.dtype, copy=False)
        eps = np.finfo(y.dtype).eps
        p = np.clip(y, eps, 1 - eps)
        value = -(t * np.log(p) + (1 - t) * np.log1p(-p)).sum()
        return float(value) / len(y), LossCache((p - t) / (p * (1 - p)) / len(y))


class Quadratic(_RowLoss):
    """Half the squared distance, averaged over samples: value = 1/2N Σ (y − t)², dy = (y − t) / N.

    Nielsen (2015), chapter 1, equation 6; for a batch of one also the book's sum of squares.

    Examples
    --------
    >>> loss = pl.Quadratic()
    >>> value, cache = loss.forward(np.array([[3.0], [1.0]]), [[1.0], [1.0]])
    >>> value, loss.backward(cache).tolist()
    (1.0, [[1.0], [0.0]])
    """

    def compute(self, y: Array, t: Array) -> tuple[float, LossCache]:
        difference = y - t.astype(y.dtype, copy=False)
        return 0.5 * float(np.vdot(difference, difference)) / len(y), LossCache(difference * (1 / len(y)))


class SumOfSquares(_RowLoss):
    """The book's ½ Σ (y − t)², summed over everything: dy = y − t.

    Examples
    --------
    >>> loss = pl.SumOfSquares()
    >>> value, cache = loss.forward(np.array([[3.0], [1.0]]), [[1.0], [1.0]])
    >>> value, loss.backward(cache).tolist()
    (2.0, [[2.0], [0.0]])
    """

    def divisor(self, t: Array) -> float:
        return 1.0

    def compute(self, y: Array, t: Array) -> tuple[float, LossCache]:
        difference = y - t.astype(y.dtype, copy=False)
        return 0.5 * float(np.vdot(difference, difference)), LossCache(difference)


class MeanSquaredError(_RowLoss):
    """The mean over samples and outputs: value = 1/NK Σ (y − t)², dy = 2 (y − t) / NK.

    Examples
    --------
    >>> loss = pl.MeanSquaredError()
    >>> value, cache = loss.forward(np.array([[3.0, 1.0]]), [[1.0, 1.0]])
    >>> value, loss.backward(cache).tolist()
    (2.0, [[2.0, 0.0]])
    """

    def compute(self, y: Array, t: Array) -> tuple[float, LossCache]:
        difference = y - t.astype(y.dtype, copy=False)
        return float(np.vdot(difference, difference)) / y.size, LossCache(difference * (2 / y.size))


class Huber(_RowLoss):
    """Squared near the target, linear beyond δ, the mean over all: ½d² where |d| ≤ δ, else δ(|d| − ½δ), d = y − t.

    Backward    dy = clip(d, −δ, δ) / NK

    Huber (1964), "Robust estimation of a location parameter".

    Examples
    --------
    >>> loss = pl.Huber(delta=1.0)
    >>> value, cache = loss.forward(np.array([[0.5], [10.0]]), [[0.0], [0.0]])
    >>> value, loss.backward(cache).tolist()  # (½ · 0.25 + 9.5) / 2
    (4.8125, [[0.25], [0.5]])
    """

    def __init__(self, delta: float = 1.0) -> None:
        checks.expect_positive("Huber", "delta", delta)
        self.delta = float(delta)

    def compute(self, y: Array, t: Array) -> tuple[float, LossCache]:
        difference = y - t.astype(y.dtype, copy=False)
        slope = np.clip(difference, -self.delta, self.delta)
        value = slope * (difference - 0.5 * slope)
        return float(value.sum()) / y.size, LossCache(slope * (1 / y.size))

    def config(self) -> Config:
        return {"delta": self.delta}


class Hinge(Loss):
    """Multiclass support-vector loss: value = 1/N Σ_n Σ_{k≠t} max(0, y_nk − y_nt + margin).

    Backward    dy_nk = 1/N where the margin is violated; dy_nt = −(number of violations) / N

    Weston & Watkins (1999), "Support vector machines for multi-class pattern recognition".

    Examples
    --------
    >>> loss = pl.Hinge()
    >>> value, cache = loss.forward(np.array([[2.0, 1.5, 0.0]]), [0])
    >>> value, loss.backward(cache).tolist()  # 1.5 − 2 + 1
    (0.5, [[-1.0, 1.0, 0.0]])
    """

    def __init__(self, margin: float = 1.0) -> None:
        checks.expect_positive("Hinge", "margin", margin)
        self.margin = float(margin)

    def targets(self, t: ArrayLike, samples: int, outputs: int) -> IntArray:
        return checks.class_indices("Hinge", t, outputs, samples)

    def compute(self, y: Array, t: IntArray) -> tuple[float, LossCache]:
        rows = np.arange(len(y))
        excess = y - y[rows, t][:, None] + self.margin
        excess[rows, t] = 0
        violated = excess > 0
        dy = violated.astype(y.dtype)
        dy[rows, t] = -violated.sum(axis=1)
        return float(excess[violated].sum()) / len(y), LossCache(dy / len(y))

    def config(self) -> Config:
        return {"margin": self.margin}


LOSSES: dict[str, type[Loss]] = {
    cls.__name__: cls
    for cls in (
        SoftmaxCrossEntropy, SigmoidCrossEntropy, CrossEntropy, Quadratic, SumOfSquares, MeanSquaredError, Huber, Hinge,
    )
}  # fmt: skip
"""Every loss by its name."""

LossLike: TypeAlias = "Loss | str | Config"
"""What `fit` takes as `loss`; `as_loss` reads it."""


def as_loss(given: LossLike) -> Loss:
    """Return a loss from itself, its name, or its configuration ({"name": "Huber", "delta": 2.0}).

    Examples
    --------
    >>> pl.losses.as_loss("Hinge")
    Hinge(margin=1.0)
    >>> pl.losses.as_loss({"name": "Huber", "delta": 2.0})
    Huber(delta=2.0)
    """
    if isinstance(given, Loss):
        return given
    config: dict[str, Any] = dict(given) if isinstance(given, Mapping) else {"name": given}
    name = config.pop("name", None)
    if not isinstance(name, str) or name not in LOSSES:
        checks.unknown_name("Loss", "name", name, LOSSES)
    try:
        return LOSSES[name](**config)
    except TypeError as error:
        raise ArgumentError(f"{name}: {error}.") from None


def loss_config(loss: Loss) -> Config:
    """Return what `as_loss` turns into the same loss again, fit for JSON.

    Examples
    --------
    >>> pl.losses.loss_config(pl.Huber(2.0))
    {'name': 'Huber', 'delta': 2.0}
    """
    return {"name": type(loss).__name__, **loss.config()}
