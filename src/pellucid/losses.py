"""Losses: how wrong the output of a network is, as one number, and the gradient of that number.

    value, cache = loss.forward(y, t)
    dy           = loss.backward(cache)          # ∂value/∂y; `dvalue` scales it

A loss takes the output y (N, K) of a network and targets t: class indices (N,) or one-hot rows (N, K) where it
classifies, any rows (N, K) where it measures a distance. Unless it says otherwise it is the mean over the N samples.
`probabilities` turns outputs into what the loss takes them to mean.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from typing import Any, NamedTuple, TypeAlias

import numpy as np

from pellucid import arrays, checks
from pellucid.checked import checked, checked_late
from pellucid.class_weights import ClassWeights, array_of_weights, read_weights, weights_config
from pellucid.constructed import Constructed
from pellucid.errors import ArgumentError, DataError, LabelError, ShapeError, UnknownNameError
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


class Loss(metaclass=Constructed):
    """A differentiable measure of error.

    Examples
    --------
    >>> loss = pl.MeanSquaredError()
    >>> value, cache = loss.forward(np.array([[3.0]]), [[1.0]])
    >>> value, loss.backward(cache), loss.backward(cache, dvalue=0.5)
    (4.0, array([[4.]]), array([[2.]]))
    """

    class_weights: Any = None
    """How much each class counts, where a loss takes weights; "balanced" and the like until the data are known."""

    @checked_late
    def forward(self, y: Array, t: ArrayLike) -> tuple[float, LossCache]:
        """Return the loss and its cache; raise ShapeError or LabelError where y and t do not fit."""
        y = self.rows(y)
        t = self.targets(t, *y.shape)
        open_ = self.class_weights is not None and not isinstance(self.class_weights, np.ndarray)
        return (self.for_data(t, y.shape[1]) if open_ else self).compute(y, t)

    @checked
    def rows(self, y: ArrayLike) -> Array:
        """Return outputs as floats; raise ShapeError unless they are (N, K) with N, K ≥ 1."""
        y = as_float(type(self).__name__, "y", y)
        if y.ndim != 2 or y.size == 0:
            raise ShapeError(f"{type(self).__name__}: y must have shape (N, K) with N, K ≥ 1, got {y.shape}.")
        return y

    @checked
    def for_data(self, t: Array, outputs: int) -> Loss:
        """Return the loss for a training on checked targets, from which "balanced" weights follow; or this one."""
        return self

    @checked_late
    def backward(self, cache: LossCache, dvalue: float = 1.0) -> Array:
        """Return dvalue · ∂value/∂y."""
        return cache.dy if dvalue == 1.0 else cache.dy * cache.dy.dtype.type(dvalue)

    @abstractmethod
    def compute(self, y: Array, t: Array) -> tuple[float, LossCache]:
        """Return loss and cache for targets that `targets` has checked (the training loop checks them once)."""

    @abstractmethod
    def targets(self, t: ArrayLike, samples: int, outputs: int) -> Array:
        """Return `t` in the form that `compute` takes; raise LabelError where it does not fit (N, K) outputs."""

    def divisor(self, t: Array, weights: Array | None = None) -> float:
        """Return what the sum over the samples of checked targets is divided by, so that batches add up.

        `weights` (N,) say how often each sample counts; once, where they are left out.
        """
        return float(len(t)) if weights is None else float(weights.sum())

    def total(self, y: Array, t: Array) -> float:
        """Return the sum over the samples, before it is divided by `divisor`."""
        return self.compute(y, t)[0] * self.divisor(t)

    def each(self, y: Array, t: Array) -> Array:
        """Return what each sample adds to `total` (N,)."""
        return np.array([self.total(y[i : i + 1], t[i : i + 1]) for i in range(len(y))])

    @checked
    def probabilities(self, y: ArrayLike) -> Array:
        """Return what the outputs mean as probabilities; distances take them as they are."""
        return as_float(type(self).__name__, "y", y)

    def config(self) -> Config:
        """Return the options, fit for JSON."""
        return {}

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(f'{k}={v!r}' for k, v in self.config().items())})"


def _log_softmax(y: Array) -> Array:
    log_p: Array = y - y.max(axis=1, keepdims=True)
    log_p -= np.log(np.exp(log_p).sum(axis=1, keepdims=True))
    return log_p


def _expect_several_outputs(who: str, outputs: int) -> None:
    """Raise ShapeError for one output, which is always the largest and never wrong."""
    if outputs == 1:
        raise ShapeError(
            f"{who}: needs an output for each class, got one output. "
            'For yes or no take loss="SigmoidCrossEntropy", or Affine(2) as the last layer.'
        )


class SoftmaxCrossEntropy(Loss):
    """Softmax and cross-entropy in one, on scores (logits), which is exact where the softmax saturates.

    Forward     value = Σ_n Σ_k q_nk (−ln p_nk) / Σ_n w_{t_n},   p = softmax(y),
                q_nk = w_k ((1 − ε) [k = t_n] + ε / K),   w = class_weights or 1
    Backward    dy_nk = (p_nk Σ_j q_nj − q_nk) / Σ w

    Parameters
    ----------
    label_smoothing : float, default=0
        ε, the share of the target spread over all classes. Szegedy et al. (2016), arXiv:1512.00567, §7.
    class_weights : "balanced", dict of class to weight, or sequence of K weights, optional
        For classes that are rare, or whose errors cost more; a class of weight 0 is left out. Classes that a dict does
        not name weigh 1. "balanced" weighs the K' classes that occur by N / (K' · their number), in the training data
        of `fit` or else in the targets at hand. A batch whose samples all weigh 0 has loss 0 and teaches nothing.

    Examples
    --------
    >>> loss = pl.SoftmaxCrossEntropy()
    >>> value, cache = loss.forward(np.array([[2.0, 2.0]]), [0])
    >>> f"{value:.4f}", loss.backward(cache)  # ln 2;  (½, ½) − (1, 0)
    ('0.6931', array([[-0.5,  0.5]]))
    """

    def __init__(self, *, label_smoothing: float = 0.0, class_weights: ClassWeights | None = None) -> None:
        checks.expect_range("SoftmaxCrossEntropy", "label_smoothing", label_smoothing, 0, 1, open_high=True)
        self.label_smoothing = float(label_smoothing)
        self.class_weights = None if class_weights is None else read_weights("SoftmaxCrossEntropy", class_weights)

    @checked
    def for_data(self, t: Array, outputs: int) -> SoftmaxCrossEntropy:
        if self.class_weights is None:
            return self
        weights = array_of_weights("SoftmaxCrossEntropy", self.class_weights, t, outputs)
        return SoftmaxCrossEntropy(label_smoothing=self.label_smoothing, class_weights=weights)

    @checked_late
    def targets(self, t: ArrayLike, samples: int, outputs: int) -> IntArray:
        _expect_several_outputs("SoftmaxCrossEntropy", outputs)
        if isinstance(self.class_weights, np.ndarray) and self.class_weights.shape != (outputs,):
            raise ShapeError(
                f"SoftmaxCrossEntropy: class_weights must hold {outputs} numbers, got shape {self.class_weights.shape}."
            )
        return checks.class_indices("SoftmaxCrossEntropy", t, outputs, samples)

    def compute(self, y: Array, t: IntArray) -> tuple[float, LossCache]:
        if self.class_weights is not None:
            return self._weighted(y, t, np.asarray(self.class_weights))
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
        p *= 1 / n
        return float(losses.sum()) / n, LossCache(p)

    def _weighted(self, y: Array, t: IntArray, weights: Array) -> tuple[float, LossCache]:
        q, log_p = self._shares(y, t, weights), _log_softmax(y)
        total = self.divisor(t)
        if total == 0:  # only smoothing weighs anything, and there is nothing to take the mean over
            return 0.0, LossCache(np.zeros_like(y))
        dy = np.exp(log_p) * q.sum(axis=1, keepdims=True) - q
        return -float(np.vdot(q, log_p)) / total, LossCache(dy / y.dtype.type(total))

    def _shares(self, y: Array, t: IntArray, weights: Array) -> Array:
        """Q (N, K): what each −ln p counts."""
        rows, w = np.arange(len(y)), weights.astype(y.dtype)
        q = np.tile(w * (self.label_smoothing / y.shape[1]), (len(y), 1))
        q[rows, t] += (1 - self.label_smoothing) * w[t]
        return q

    def total(self, y: Array, t: IntArray) -> float:
        if self.class_weights is None:
            return super().total(y, t)
        return -float(np.vdot(self._shares(y, t, np.asarray(self.class_weights)), _log_softmax(y)))

    def each(self, y: Array, t: IntArray) -> Array:
        weights = np.ones(y.shape[1]) if self.class_weights is None else np.asarray(self.class_weights)
        return np.asarray(-(self._shares(y, t, weights) * _log_softmax(y)).sum(axis=1))

    def divisor(self, t: IntArray, weights: Array | None = None) -> float:
        if self.class_weights is None:
            return super().divisor(t, weights)
        return super().divisor(t, np.asarray(self.class_weights)[t] * (1 if weights is None else weights))

    @checked
    def probabilities(self, y: ArrayLike) -> Array:
        return softmax(y)

    def config(self) -> Config:
        return {"label_smoothing": self.label_smoothing, "class_weights": weights_config(self.class_weights)}


class RowLoss(Loss):
    """Compares each output with a number of the same place: t is (N, K), or class indices made one-hot.

    With one output t may be (N,) too; the classes 0 and 1 are then the numbers 0 and 1.

    Examples
    --------
    >>> pl.MeanSquaredError().targets([0, 1], samples=2, outputs=2).tolist()
    [[1.0, 0.0], [0.0, 1.0]]
    >>> issubclass(pl.MeanSquaredError, pl.losses.RowLoss)
    True
    """

    @checked_late
    def targets(self, t: ArrayLike, samples: int, outputs: int) -> Array:
        who = type(self).__name__
        t = arrays.as_array(who, "t", t)
        if t.ndim == 1 and t.dtype.kind in "iub" and outputs > 1:
            return one_hot(checks.class_indices(who, t, outputs, samples), outputs, np.float64)
        if t.shape == (samples,) and outputs == 1:
            t = t[:, None]
        if t.shape != (samples, outputs):
            raise LabelError(f"{who}: t must have shape ({samples}, {outputs}), got {t.shape}.")
        if t.dtype.kind not in "fiub":
            raise LabelError(f"{who}: t must hold numbers, got {t.dtype}.")
        checks.expect_finite(who, t, "t")
        return t if t.dtype.kind == "f" else t.astype(np.float64)


class ShareLoss(RowLoss):
    """Compares probabilities, so that t lies in [0, 1].

    Examples
    --------
    >>> issubclass(pl.CrossEntropy, pl.losses.ShareLoss), issubclass(pl.MeanSquaredError, pl.losses.ShareLoss)
    (True, False)
    """

    @checked_late
    def targets(self, t: ArrayLike, samples: int, outputs: int) -> Array:
        t = super().targets(t, samples, outputs)
        if len(t) and (t.min() < 0 or t.max() > 1):
            remedy = " For yes and no labelled 1 and -1 write t > 0." if t.min() == -1 else ""
            raise LabelError(f"{type(self).__name__}: t must lie in [0, 1], got {t.min()} to {t.max()}.{remedy}")
        return t


class SigmoidCrossEntropy(ShareLoss):
    """Sigmoid and cross-entropy in one, for K independent yes-or-no answers; the mean over samples, summed over K.

    With one output it tells class 1 (p > ½, y > 0) from class 0, and `class_weights` may say how much each counts.

    Forward     value = 1/N Σ (softplus(y) − t y) = 1/N Σ −t ln σ(y) − (1 − t) ln(1 − σ(y))
    Backward    dy = (σ(y) − t) / N
    Weighted    each sample counts w = (1 − t) w₀ + t w₁, and N is Σ w

    Parameters
    ----------
    class_weights : (w₀, w₁), {0: w₀, 1: w₁} or "balanced", optional
        As in `SoftmaxCrossEntropy`.

    Examples
    --------
    >>> loss = pl.SigmoidCrossEntropy()
    >>> value, cache = loss.forward(np.array([[0.0, 0.0]]), [[1, 0]])
    >>> f"{value:.4f}", loss.backward(cache)  # 2 ln 2;  ½ − 1 and ½ − 0
    ('1.3863', array([[-0.5,  0.5]]))
    """

    def __init__(self, *, class_weights: ClassWeights | None = None) -> None:
        self.class_weights = None if class_weights is None else read_weights("SigmoidCrossEntropy", class_weights)

    def for_data(self, t: Array, outputs: int) -> SigmoidCrossEntropy:
        if self.class_weights is None:
            return self
        weights = array_of_weights("SigmoidCrossEntropy", self.class_weights, (t[:, 0] > 0.5).astype(np.intp), 2)
        return SigmoidCrossEntropy(class_weights=weights)

    @checked_late
    def targets(self, t: ArrayLike, samples: int, outputs: int) -> Array:
        if self.class_weights is not None and outputs != 1:
            raise ShapeError(f"SigmoidCrossEntropy: class_weights are for one output, got {outputs}. Leave them out.")
        if isinstance(self.class_weights, np.ndarray) and self.class_weights.shape != (2,):
            raise ShapeError(f"SigmoidCrossEntropy: class_weights must hold 2 numbers, got {len(self.class_weights)}.")
        return super().targets(t, samples, outputs)

    def compute(self, y: Array, t: Array) -> tuple[float, LossCache]:
        t = t.astype(y.dtype, copy=False)
        losses, dy = self._answers(y, t), sigmoid(y) - t
        if self.class_weights is not None:
            dy *= self._counts(t).astype(y.dtype)
        total = self.divisor(t) or 1.0  # where nothing counts the sums are 0 too
        return float(losses.sum()) / total, LossCache(dy / y.dtype.type(total))

    def _answers(self, y: Array, t: Array) -> Array:
        """The loss of each answer (N, K)."""
        losses: Array = np.maximum(y, 0) - y * t + np.log1p(np.exp(-np.abs(y)))
        return losses if self.class_weights is None else self._counts(t).astype(y.dtype) * losses

    def _counts(self, t: Array) -> Array:
        """How much each answer counts (N, 1)."""
        no, yes = np.asarray(self.class_weights)
        return np.asarray(no + (yes - no) * t)

    def each(self, y: Array, t: Array) -> Array:
        return np.asarray(self._answers(y, t.astype(y.dtype, copy=False)).sum(axis=1))

    def divisor(self, t: Array, weights: Array | None = None) -> float:
        if self.class_weights is None:
            return super().divisor(t, weights)
        return super().divisor(t, self._counts(t)[:, 0] * (1 if weights is None else weights))

    def config(self) -> Config:
        return {"class_weights": weights_config(self.class_weights)} if self.class_weights is not None else {}

    @checked
    def probabilities(self, y: ArrayLike) -> Array:
        return sigmoid(y)


_SLACK = 1e-4
"""How far rounding may take a probability outside 0 to 1."""


class CrossEntropy(ShareLoss):
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
        if y.min() < -_SLACK or y.max() > 1 + _SLACK:  # which NaN is not: that is divergence
            raise DataError(
                f"CrossEntropy: outputs must be probabilities, got numbers from {y.min():.3g} to {y.max():.3g}. "
                'End the network with Sigmoid() or Softmax(), or give loss="SoftmaxCrossEntropy", which takes scores.'
            )
        t = t.astype(y.dtype, copy=False)
        eps = np.finfo(y.dtype).eps
        p = np.clip(y, eps, 1 - eps)
        value = -(t * np.log(p) + (1 - t) * np.log1p(-p)).sum()
        return float(value) / len(y), LossCache((p - t) / (p * (1 - p)) / len(y))


class Quadratic(RowLoss):
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


class SumOfSquares(RowLoss):
    """The book's ½ Σ (y − t)², summed over everything: dy = y − t.

    Examples
    --------
    >>> loss = pl.SumOfSquares()
    >>> value, cache = loss.forward(np.array([[3.0], [1.0]]), [[1.0], [1.0]])
    >>> value, loss.backward(cache).tolist()
    (2.0, [[2.0], [0.0]])
    """

    def divisor(self, t: Array, weights: Array | None = None) -> float:
        return 1.0

    def compute(self, y: Array, t: Array) -> tuple[float, LossCache]:
        difference = y - t.astype(y.dtype, copy=False)
        return 0.5 * float(np.vdot(difference, difference)), LossCache(difference)


class MeanSquaredError(RowLoss):
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

    def each(self, y: Array, t: Array) -> Array:
        return np.asarray(np.square(y - t.astype(y.dtype, copy=False)).mean(axis=1))


class Huber(RowLoss):
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

    @checked_late
    def targets(self, t: ArrayLike, samples: int, outputs: int) -> IntArray:
        _expect_several_outputs("Hinge", outputs)
        return checks.class_indices("Hinge", t, outputs, samples)

    def compute(self, y: Array, t: IntArray) -> tuple[float, LossCache]:
        rows = np.arange(len(y))
        excess = y - y[rows, t][:, None] + self.margin
        excess[rows, t] = 0
        violated = ~(excess <= 0)  # NaN too, which must be seen
        dy = violated.astype(y.dtype)
        dy[rows, t] = -violated.sum(axis=1)
        return float(excess[violated].sum()) / len(y), LossCache(dy / len(y))

    def config(self) -> Config:
        return {"margin": self.margin}


LOSSES: dict[str, type[Loss]] = {
    cls.__name__: cls
    for cls in (
        SoftmaxCrossEntropy,
        SigmoidCrossEntropy,
        CrossEntropy,
        Quadratic,
        SumOfSquares,
        MeanSquaredError,
        Huber,
        Hinge,
    )
}
"""Every loss by its name."""

LossLike: TypeAlias = "Loss | str | Config"
"""What `fit` takes as `loss`; `as_loss` reads it."""


@checked_late
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
    kind = getattr(given, "__name__", None)
    if kind is not None:
        raise UnknownNameError(f"Loss: unknown name {kind}, a class. Call it to make one: {kind}().")
    config: dict[str, Any] = dict(given) if isinstance(given, Mapping) else {"name": given}
    name = config.pop("name", None)
    if not isinstance(name, str) or name not in LOSSES:
        checks.unknown_name("Loss", "name", name, LOSSES)
    try:
        return LOSSES[name](**config)
    except TypeError as error:
        raise ArgumentError(f"{name}: {error}.") from None


@checked
def loss_config(loss: Loss) -> Config:
    """Return what `as_loss` turns into the same loss again, fit for JSON.

    Examples
    --------
    >>> pl.losses.loss_config(pl.Huber(2.0))
    {'name': 'Huber', 'delta': 2.0}
    """
    return {"name": type(loss).__name__, **loss.config()}
