"""Gradient checking with a verdict: that every `backward` is the derivative of its `forward`.

    report = check_gradients(network, x, t)
    print(report)              # a table: each gradient, its worst place, both values, the relative error
    report.passed

Everything happens in float64 on a copy: the caller's network and arrays stay as they are, bit for bit.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from pellucid import checks
from pellucid.errors import ArgumentError, DegenerateCheckError, ShapeError
from pellucid.gradreport import GradientReport as GradientReport
from pellucid.gradreport import Row
from pellucid.layers import Layer, from_spec, to_spec
from pellucid.losses import LossLike, SoftmaxCrossEntropy, as_loss
from pellucid.numerical import Comparison, Judge, Line, best_step
from pellucid.numerical import numerical_gradient as numerical_gradient
from pellucid.typing import Array, ArrayLike, Arrays, IntArray, Shape

ROUNDING = 16 * float(np.finfo(np.float64).eps)
"""What rounding does to the value, in parts of its size and that of its terms."""


def check_gradients(
    layer: Layer[Any],
    x: ArrayLike,
    t: ArrayLike | None = None,
    *,
    loss: LossLike | None = None,
    train: bool = True,
    seed: int = 0,
    tolerance: float = 1e-6,
    samples: int = 40,
) -> GradientReport:
    """Compare the backward of a layer or a network with central differences, in float64.

    For x and each parameter: the slope along a random direction, which no error escapes, and then single
    coordinates, all of them or a sample. Where only the direction disagrees, the error is tracked down by
    bisection. The random numbers of a training-mode forward are the same each time. A disagreement is
    forgiven, and counted, where it comes from a kink: the differences to the left and to the right disagree,
    and the gradient fits one or lies between.

    Parameters
    ----------
    layer : any layer or container, built or not
    x : a batch (N, …)
    t : targets, optional
        With them, the gradient of a loss is checked. Without, that of Σ dy·y for a random dy.
    loss : loss or its name, default=SoftmaxCrossEntropy() where there are targets
    train : bool, default=True
        The mode of the forward pass.
    seed : int
        For the random numbers of the layer, the directions and the samples.
    tolerance : float
        The largest relative error |a − n| / (|a| + |n|) that passes. Differences of the size of rounding pass
        always.
    samples : int
        How many coordinates of each array are looked at, half of them where the gradient is largest.

    Raises
    ------
    DegenerateCheckError
        If the check could not fail: a gradient that is zero everywhere, kinks everywhere, or batch statistics
        of a single sample.
    """
    _expect_layer(layer)
    if loss is not None and t is None:
        raise ArgumentError("check_gradients: a loss needs targets. Give t as well.")
    checks.expect_positive("check_gradients", "tolerance", tolerance)
    judged = None if t is None else as_loss(loss or SoftmaxCrossEntropy())
    subject = _Subject(layer, x, t, judged, train, seed)
    gradients, problems = _analytic(subject)
    checker = _Checker(subject, tolerance, checks.size("check_gradients", "samples", samples))
    usable = [(name, array) for name, array in subject.arrays() if name in gradients]
    rows = tuple(checker.row(name, array, gradients[name]) for name, array in usable)
    return GradientReport(layer.label, train, len(subject.x), tolerance, rows, tuple(problems))


def _expect_layer(given: object) -> None:
    if not isinstance(given, Layer):
        hint = " Call it to make one." if isinstance(given, type) else ""
        if isinstance(getattr(given, "network", None), Layer):
            hint = " Give its .network."
        raise ArgumentError(f"check_gradients: a layer or a network is needed, got {given!r}.{hint}")


class _Subject:
    """A float64 copy of a layer, with the scalar that is differentiated by its input and parameters."""

    def __init__(self, layer: Layer[Any], x: ArrayLike, t: Any, loss: Any, train: bool, seed: int) -> None:
        self.x = np.array(x, np.float64)
        if self.x.ndim == 0 or self.x.size == 0:
            raise ShapeError(f"check_gradients: x must be a batch (N, ...) of N ≥ 1, got shape {self.x.shape}.")
        checks.expect_finite("check_gradients", self.x)
        self.layer = float64_copy(layer, self.x.shape[1:], seed)
        if train and self.layer.buffers and len(self.x) == 1:
            raise DegenerateCheckError(
                f"check_gradients: {layer.label} computes statistics of its batch, and those of one "
                "sample say nothing. Give at least 2 samples, or train=False."
            )
        self.t, self.loss, self.train, self.seed = t, loss, train, seed
        self.buffers = {key: value.copy() for key, value in self.layer.buffers.items()}
        y, _ = self.forward()
        # Not uniform: behind a softmax or a normalisation, Σ y is a constant and its gradient zero.
        self.dy = np.random.default_rng([seed, 1]).standard_normal(y.shape)
        self.terms = float(np.abs(y).max() if loss else np.linalg.norm(self.dy * y))

    def arrays(self) -> Iterator[tuple[str, Array]]:
        """Yield whatever has a gradient, with its name."""
        yield "x", self.x
        yield from ((name, array) for name, array in self.layer.params.items() if array.size)

    def forward(self) -> tuple[Array, Any]:
        """Run the layer with the same random numbers and the same buffers each time."""
        for key, value in self.buffers.items():
            self.layer.buffers[key] = value
        return self.layer.forward(self.x, train=self.train, rng=np.random.default_rng([self.seed, 2]))

    def value(self) -> float:
        """Return the scalar: the loss, or Σ dy·y."""
        y, _ = self.forward()
        return float(np.vdot(self.dy, y)) if self.loss is None else float(self.loss.forward(y, self.t)[0])

    def upstream(self, y: Array) -> Array:
        """Return ∂value/∂y."""
        if self.loss is None:
            return self.dy.copy()
        _, cache = self.loss.forward(y, self.t)
        return np.asarray(self.loss.backward(cache))


def float64_copy(layer: Layer[Any], input_shape: Shape, seed: int) -> Layer[Any]:
    """Return an independent float64 copy of a layer; one that is not built yet is built for `input_shape`."""
    twin = from_spec(to_spec(layer))
    twin.build(layer.input_shape or input_shape, np.random.default_rng(seed), np.float64)
    if layer.input_shape is not None:
        for mine, theirs in ((twin.params, layer.params), (twin.buffers, layer.buffers)):
            for key, value in theirs.items():
                mine[key] = value
    return twin


def _analytic(subject: _Subject) -> tuple[Arrays, list[str]]:
    """Return the usable gradients of backward by name, and what is wrong with the others."""
    y, cache = subject.forward()
    expected = y.copy()  # the cache may hold y itself, and a faulty backward may write there
    dy = subject.upstream(y)
    dx, grads = subject.layer.backward(dy.copy(), cache)
    gradients = {"x": dx, **grads}
    problems = list(_missing(subject, grads))
    again, grads_again = subject.layer.backward(dy.copy(), cache)
    repeated = {"x": again, **grads_again}
    wanted = dict(subject.arrays())
    usable = {}
    for name in [name for name in wanted if name in gradients]:
        problem = _problem(name, wanted[name], gradients[name], repeated.get(name))
        if problem:
            problems.append(problem)
        else:
            usable[name] = np.array(gradients[name])
    if not np.array_equal(subject.forward()[0], expected, equal_nan=True):
        problems.append("forward gives other outputs for the same input, parameters and rng.")
    return usable, problems


def _missing(subject: _Subject, grads: Arrays) -> Iterator[str]:
    expected, got = set(subject.layer.params), set(grads)
    if expected - got:
        yield f"backward returns no gradient for {', '.join(sorted(expected - got))}."
    if got - expected:
        yield f"backward returns gradients for {', '.join(sorted(got - expected))}, which are no parameters."


def _problem(name: str, array: Array, gradient: Any, repeated: Any) -> str:
    """Say what makes a gradient useless, or nothing."""
    if not isinstance(gradient, np.ndarray):
        return f"the gradient of {name} is {type(gradient).__name__}, not an array."
    if gradient.shape != array.shape:
        return f"the gradient of {name} has shape {gradient.shape}, not {array.shape}."
    if gradient.dtype != array.dtype:
        return f"the gradient of {name} is {gradient.dtype}, not {array.dtype}."
    if not np.isfinite(gradient).all():
        return f"the gradient of {name} holds NaN or infinity."
    if not np.array_equal(gradient, repeated):
        return f"the gradient of {name} differs when backward runs a second time on the same cache."
    return ""


class _Checker:
    """Holds what the checks of all arrays share."""

    def __init__(self, subject: _Subject, tolerance: float, samples: int) -> None:
        value: Callable[[], float] = subject.value
        here = value()
        size = abs(here) + subject.terms or float(np.finfo(np.float64).tiny)
        self.judge = Judge(value, here, ROUNDING * size, tolerance)
        self.rng = np.random.default_rng([subject.seed, 3])
        self.samples = samples

    def row(self, name: str, array: Array, gradient: Array) -> Row:
        """Check one gradient: along a direction, then coordinate by coordinate."""
        line = self.direction(array)
        along = self.compare(line, gradient)
        found = {int(i): self.coordinate(array, gradient, i) for i in self.places(gradient)}
        if along.outcome == "differs" and all(c.outcome != "differs" for c in found.values()):
            for i in self.track_down(line, gradient):
                found[i] = self.coordinate(array, gradient, i)
        self.refuse_degenerate(name, gradient, along, found)
        return self.summary(name, array.shape, along, found, vanishing=np.abs(gradient).max() <= self.noise)

    @property
    def noise(self) -> float:
        """What rounding does to a difference quotient."""
        return self.judge.rounding / best_step(np.float64)

    def summary(
        self, name: str, shape: Shape, along: Comparison, found: dict[int, Comparison], *, vanishing: bool
    ) -> Row:
        """Put the comparisons of one array into a row; the worst is one that differs, if any does."""
        outcomes = [c.outcome for c in found.values()]
        guilty = "differs" in outcomes or along.outcome != "differs"
        rank = ("kink", "agrees", "differs").index
        worst = max(found, key=lambda i: (rank(found[i].outcome), found[i].error))
        index = tuple(int(k) for k in np.unravel_index(worst, shape)) if guilty else None
        at = found[worst] if guilty else along
        return Row(
            name=name,
            shape=shape,
            checked=len(found),
            kinks=outcomes.count("kink"),
            direction_error=float("nan") if along.outcome == "kink" else along.error,
            error=at.error,
            index=index,
            analytic=at.analytic,
            numerical=at.numerical,
            passed="differs" not in (along.outcome, *outcomes),
            vanishing=bool(vanishing),
        )

    def direction(self, array: Array) -> Line:
        """Draw a random direction, of a length that keeps both the h² and the ε/h errors small."""
        speeds = self.rng.standard_normal(array.size)
        speeds *= min(1.0, 10 / np.sqrt(array.size))
        return Line(array, np.arange(array.size), speeds)

    def compare(self, line: Line, gradient: Array) -> Comparison:
        """Compare along a line."""
        return self.judge.compare(line, float(np.vdot(gradient.flat[line.places], line.speeds)))

    def coordinate(self, array: Array, gradient: Array, place: int) -> Comparison:
        """Compare one element."""
        return self.compare(Line(array, np.array([place]), np.ones(1)), gradient)

    def places(self, gradient: Array) -> IntArray:
        """Choose the coordinates: all, or half where the gradient is largest and half at random."""
        if gradient.size <= self.samples:
            return np.arange(gradient.size)
        order = self.rng.permutation(gradient.size)
        largest = np.argsort(-np.abs(gradient.flat[order]), kind="stable")[: self.samples // 2]
        others = np.delete(order, largest)[: self.samples - len(largest)]
        return np.concatenate([order[largest], others])

    def track_down(self, line: Line, gradient: Array) -> list[int]:
        """Halve a direction that disagrees until one coordinate is left."""
        while len(line.places) > 1:
            middle = len(line.places) // 2
            halves = line.half(slice(middle)), line.half(slice(middle, None))
            wrong = [half for half in halves if self.compare(half, gradient).outcome == "differs"]
            if not wrong:
                return []
            line = wrong[0]
        return [int(line.places[0])]

    def refuse_degenerate(self, name: str, gradient: Array, along: Comparison, found: dict[int, Comparison]) -> None:
        """Raise where agreement would say nothing."""
        outcomes = {c.outcome for c in found.values()}
        if not gradient.any() and outcomes | {along.outcome} == {"agrees"}:
            raise DegenerateCheckError(
                f"check_gradients: the gradient of {name} is zero everywhere, so the check could not fail. "
                "Use other inputs or parameters (are all its ReLU units dead?)."
            )
        if outcomes == {"kink"} and along.outcome != "differs":
            raise DegenerateCheckError(
                f"check_gradients: every coordinate of {name} that was looked at lies on a kink, where any "
                "slope may be right. Use other inputs, such as random ones."
            )
