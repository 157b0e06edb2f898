"""The check: which lines are looked along, and what is wrong besides values."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from pellucid import checks
from pellucid.checked import checked_late
from pellucid.errors import ArgumentError
from pellucid.gradcheck.judge import STEP, Comparison, Judge, Line, severity
from pellucid.gradcheck.report import GradientReport, Row
from pellucid.gradcheck.subject import Subject
from pellucid.layers import Layer
from pellucid.losses import LossLike, SoftmaxCrossEntropy, as_loss
from pellucid.shown import came
from pellucid.typing import Array, ArrayLike, Arrays, IntArray

MOST_LEFT_OUT = 0.25
"""The share of the places of one array about which nothing could be said, above which there is no verdict."""


@checked_late
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

    Everything happens on a copy: the caller's network and arrays stay as they are, bit for bit.

    For x and each parameter: the slopes along two directions that move every element, which no error escapes (a random
    one; and one that moves all alike, so that equal values stay equal), and then single coordinates, all of them or a
    sample. Where only a direction disagrees, the error is tracked down by bisection. The random numbers of a
    training-mode forward are the same each time. Where a kink is in the way, of a ReLU, a maximum or a layer of your
    own, the derivative is judged on both sides of it; see `pellucid.gradcheck.judge`.

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

    Returns
    -------
    GradientReport
        Its verdict is "passed", "failed", or "inconclusive" where an error could not have been seen: a gradient that is
        zero everywhere, or too many places left out because of kinks. It then says what to do.

    Examples
    --------
    >>> network = pl.Sequential([pl.Affine(4), pl.Tanh(), pl.Affine(3)], input_shape=5)
    >>> x = np.random.default_rng(0).standard_normal((6, 5))
    >>> report = pl.check_gradients(network, x, [0, 1, 2, 0, 1, 2])
    >>> report.passed
    True
    >>> class Slip(pl.Affine):
    ...     def backward(self, dy, cache, **needs):
    ...         dx, grads = super().backward(dy, cache, **needs)
    ...         grads["W"][1, 0] += 0.01
    ...         return dx, grads
    >>> pl.check_gradients(Slip(2), x).worst.index
    (1, 0)
    """
    _expect_layer(layer)
    if loss is not None and t is None:
        raise ArgumentError("check_gradients: a loss needs targets. Give t as well.")
    checks.expect_range("check_gradients", "tolerance", tolerance, 1e-15, 1)
    samples = checks.size("check_gradients", "samples", samples)
    judged = None if t is None else as_loss(loss or SoftmaxCrossEntropy())
    subject = Subject(layer, x, t, judged, train, seed)
    gradients, problems = _analytic(subject)
    usable = [(name, array) for name, array in subject.arrays() if name in gradients]
    rows = tuple(_Checker(subject, name, array, gradients[name], tolerance, samples).row() for name, array in usable)
    return GradientReport(layer.label, train, len(subject.x), tolerance, rows, tuple(problems))


def _expect_layer(given: object) -> None:
    if not isinstance(given, Layer):
        hint = " Call it to make one." if isinstance(given, type) else ""
        if isinstance(checks.network_in(given), Layer):
            hint = " Give its .network."
        raise ArgumentError(f"check_gradients: a layer or a network is needed, got {came(given)}.{hint}")


def _analytic(subject: Subject) -> tuple[Arrays, list[str]]:
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


def _missing(subject: Subject, grads: Arrays) -> Iterator[str]:
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
    """The check of the gradient of one array."""

    def __init__(
        self, subject: Subject, name: str, array: Array, gradient: Array, tolerance: float, samples: int
    ) -> None:
        self.name, self.array, self.gradient, self.samples = name, array, gradient, samples
        self.judge = Judge(subject.value, lambda: subject.gradients()[name], subject.rounding, tolerance)
        self.rng = np.random.default_rng([subject.seed, 3, *name.encode()])

    def row(self) -> Row:
        """Compare along directions, then coordinate by coordinate."""
        lines = self.directions()
        along = [self.compare(line) for line in lines]
        found = {int(i): self.coordinate(i) for i in self.places()}
        if all(c.outcome != "differs" for c in found.values()):
            for line, seen in zip(lines, along, strict=True):
                if seen.outcome == "differs":
                    found |= {i: self.coordinate(i) for i in self.track_down(line)}
        return self.summary(max(along, key=severity), found)

    def summary(self, along: Comparison, found: dict[int, Comparison]) -> Row:
        """Put the comparisons into a row; the worst is one that differs, if any does."""
        outcomes = [c.outcome for c in found.values()]
        guilty = "differs" in outcomes or along.outcome != "differs"
        judged = [i for i in found if found[i].outcome != "unclear"] or list(found)
        worst = max(judged, key=lambda i: severity(found[i]))
        at = found[worst] if guilty else along
        return Row(
            name=self.name,
            shape=self.array.shape,
            checked=len(found) - outcomes.count("unclear"),
            kinks=outcomes.count("kink"),
            left_out=outcomes.count("unclear"),
            direction_error=float("nan") if along.outcome == "unclear" else along.error,
            error=at.error,
            index=tuple(int(k) for k in np.unravel_index(worst, self.array.shape)) if guilty else None,
            analytic=at.analytic,
            numerical=at.numerical,
            passed="differs" not in (along.outcome, *outcomes),
            vanishing=bool(np.abs(self.gradient).max() <= self.judge.rounding / STEP) and "kink" not in outcomes,
            doubt=self.doubt(along, found),
        )

    def directions(self) -> list[Line]:
        """Return a random direction and a common one, of a length that keeps both the h² and the ε/h errors small."""
        size = self.array.size
        length, everywhere = min(1.0, 10 / np.sqrt(size)), np.arange(size)
        speeds = self.rng.standard_normal(size), np.ones(size)
        return [Line(self.array, everywhere, length * each) for each in speeds]

    def coordinate(self, place: int) -> Comparison:
        """Compare one element."""
        return self.compare(Line(self.array, np.array([place]), np.ones(1)))

    def compare(self, line: Line) -> Comparison:
        """Compare along a line."""
        return self.judge.compare(line, line.along(self.gradient))

    def places(self) -> IntArray:
        """Choose the coordinates: all, or half where the gradient is largest and half at random."""
        gradient = self.gradient
        if gradient.size <= self.samples:
            return np.arange(gradient.size)
        order = self.rng.permutation(gradient.size)
        largest = np.argsort(-np.abs(gradient.flat[order]), kind="stable")[: self.samples // 2]
        others = np.delete(order, largest)[: self.samples - len(largest)]
        return np.concatenate([order[largest], others])

    def track_down(self, line: Line) -> list[int]:
        """Halve a direction that disagrees until one coordinate is left."""
        while len(line.places) > 1:
            middle = len(line.places) // 2
            halves = line.part(slice(middle)), line.part(slice(middle, None))
            wrong = [half for half in halves if self.compare(half).outcome == "differs"]
            if not wrong:
                return []
            line = wrong[0]
        return [int(line.places[0])]

    def doubt(self, along: Comparison, found: dict[int, Comparison]) -> str:
        """Say why agreement says nothing, if so."""
        outcomes = [c.outcome for c in found.values()]
        if not self.gradient.any() and {along.outcome, *outcomes} == {"agrees"}:
            return (
                f"the gradient of {self.name} is zero everywhere, so the check could not fail. "
                "Use other inputs or parameters (are all its ReLU units dead?)."
            )
        remedy = "Use other inputs, such as random ones, or fewer samples."
        if outcomes.count("unclear") > MOST_LEFT_OUT * len(outcomes):
            return f"{outcomes.count('unclear')} of {len(outcomes)} places of {self.name} lie among kinks. {remedy}"
        if along.outcome == "unclear" and len(found) < self.array.size:
            return f"every way through {self.name} runs over kinks, and only a sample of it was looked at. {remedy}"
        return ""
