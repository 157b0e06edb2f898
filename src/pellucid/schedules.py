"""Learning-rate schedules: a rate for every iteration, counted from 0.

Each is a small value, called with the iteration: `Cosine(0.1, iterations=1000)(500)` → 0.05. `WarmUp` wraps another.
`ReduceOnPlateau` alone looks at the training, through `observe`. `fit` follows a `fresh` one, so that what was heard in
one training never changes the rate of another.
"""

from __future__ import annotations

import copy
import math
from abc import abstractmethod
from dataclasses import dataclass, field, replace
from typing import TypeAlias

from pellucid import checks
from pellucid.checked import checked, checked_late
from pellucid.constructed import Constructed


class Schedule(metaclass=Constructed):
    """A learning rate that depends on the iteration.

    Examples
    --------
    >>> class Halving(pl.schedules.Schedule):
    ...     def __call__(self, iteration):
    ...         return 0.1 / 2**iteration
    >>> [pl.SGD(Halving()).schedule(i) for i in range(3)]
    [0.1, 0.05, 0.025]
    """

    @abstractmethod
    def __call__(self, iteration: int) -> float:
        """Return the learning rate of an iteration, counted from 0."""

    @checked_late
    def observe(self, loss: float) -> None:
        """Hear the validation loss (or else the training loss) at the end of each epoch; most do not care."""

    @checked
    def fresh(self) -> Schedule:
        """Return the same schedule for another training, at its beginning. One that hears losses forgets them."""
        return copy.deepcopy(self)

    def __post_init__(self) -> None:
        """Check whichever of the usual fields there are."""
        for name in ("learning_rate", "every", "iterations", "factor", "start_divisor", "end_divisor"):
            if hasattr(self, name):
                checks.expect_positive(type(self).__name__, name, getattr(self, name))
        for name in ("final", "minimum", "patience"):
            if hasattr(self, name):
                checks.expect_range(type(self).__name__, name, getattr(self, name), 0, math.inf, open_high=True)


@dataclass(frozen=True)
class Constant(Schedule):
    """The same rate always.

    Examples
    --------
    >>> pl.schedules.Constant(0.1)(1_000_000)
    0.1
    """

    learning_rate: float

    @checked_late
    def __call__(self, iteration: int) -> float:
        return self.learning_rate


@dataclass(frozen=True)
class StepDecay(Schedule):
    """Multiply by `factor` every `every` iterations: η · factor^⌊i / every⌋.

    Examples
    --------
    >>> schedule = pl.schedules.StepDecay(1.0, every=10, factor=0.5)
    >>> [schedule(i) for i in (0, 9, 10, 20)]
    [1.0, 1.0, 0.5, 0.25]
    """

    learning_rate: float
    every: int
    factor: float = 0.1

    @checked_late
    def __call__(self, iteration: int) -> float:
        return self.learning_rate * math.pow(self.factor, iteration // self.every)


@dataclass(frozen=True)
class Exponential(Schedule):
    """Decay by `factor` each `every` iterations, smoothly: η · factor^(i / every).

    Examples
    --------
    >>> schedule = pl.schedules.Exponential(1.0, every=10, factor=0.25)
    >>> [schedule(i) for i in (0, 5, 10)]
    [1.0, 0.5, 0.25]
    """

    learning_rate: float
    every: int
    factor: float = 0.5

    @checked_late
    def __call__(self, iteration: int) -> float:
        return self.learning_rate * math.pow(self.factor, iteration / self.every)


@dataclass(frozen=True)
class Cosine(Schedule):
    """Half a cosine from η down to `final` over `iterations`: Loshchilov & Hutter (2017), arXiv:1608.03983, eq. 5.

    Examples
    --------
    >>> schedule = pl.schedules.Cosine(0.1, iterations=1000)
    >>> [round(schedule(i), 4) for i in (0, 500, 1000)]
    [0.1, 0.05, 0.0]
    """

    learning_rate: float
    iterations: int
    final: float = 0.0

    @checked_late
    def __call__(self, iteration: int) -> float:
        progress = min(iteration / self.iterations, 1.0)
        return self.final + (self.learning_rate - self.final) * 0.5 * (1 + math.cos(math.pi * progress))


@dataclass(frozen=True)
class WarmUp(Schedule):
    """Rise linearly over the first `iterations`, then follow `then` from its beginning: Goyal et al. (2017), §2.2.

    Examples
    --------
    >>> schedule = pl.schedules.WarmUp(0.1, iterations=4)
    >>> [round(schedule(i), 4) for i in range(5)]
    [0.025, 0.05, 0.075, 0.1, 0.1]
    """

    then: Schedule
    iterations: int

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "then", as_schedule(self.then))  # a plain rate will do

    @checked_late
    def __call__(self, iteration: int) -> float:
        if iteration < self.iterations:
            return self.then(0) * (iteration + 1) / self.iterations
        return self.then(iteration - self.iterations)

    @checked_late
    def observe(self, loss: float) -> None:
        self.then.observe(loss)

    def fresh(self) -> WarmUp:
        return replace(self, then=self.then.fresh())


@dataclass(frozen=True)
class OneCycle(Schedule):
    """Rise to η over the first `warm_up` share of the iterations, then fall, both along half a cosine.

    It begins at η / `start_divisor` and ends, in the last iteration, at η / `start_divisor` / `end_divisor`; with these
    options the rates are those of PyTorch's `OneCycleLR(max_lr, total_steps, pct_start, div_factor, final_div_factor)`.

    Smith & Topin (2019), "Super-convergence", arXiv:1708.07120.

    Examples
    --------
    >>> schedule = pl.schedules.OneCycle(0.1, iterations=100)
    >>> [round(schedule(i), 4) for i in (0, 29, 64, 99)]
    [0.004, 0.1, 0.05, 0.0]
    """

    learning_rate: float
    iterations: int
    warm_up: float = 0.3
    start_divisor: float = 25.0
    end_divisor: float = 1e4

    def __post_init__(self) -> None:
        super().__post_init__()
        checks.expect_range("OneCycle", "warm_up", self.warm_up, 0, 1, open_high=True)

    @checked_late
    def __call__(self, iteration: int) -> float:
        top, start = self.learning_rate, self.learning_rate / self.start_divisor
        peak, last = self.warm_up * self.iterations - 1, self.iterations - 1
        if iteration < peak:
            return _cosine_between(start, top, iteration / peak)
        return _cosine_between(top, start / self.end_divisor, min((iteration - peak) / (last - peak), 1.0))


def _cosine_between(start: float, end: float, progress: float) -> float:
    return end + (start - end) * 0.5 * (1 + math.cos(math.pi * progress))


@dataclass
class ReduceOnPlateau(Schedule):
    """Multiply by `factor` when the loss has not fallen for more than `patience` epochs, down to `minimum`.

    `rate` is the rate reached, `best` the lowest loss heard, `waited` the epochs since.

    Examples
    --------
    >>> schedule = pl.schedules.ReduceOnPlateau(0.1, factor=0.5, patience=1)
    >>> for loss in (1.0, 1.0, 1.0):
    ...     schedule.observe(loss)
    >>> schedule(0)
    0.05
    """

    learning_rate: float
    factor: float = 0.5
    patience: int = 3
    minimum: float = 0.0
    rate: float = field(init=False, repr=False)
    best: float = field(init=False, default=math.inf, repr=False)
    waited: int = field(init=False, default=0, repr=False)

    def __post_init__(self) -> None:
        super().__post_init__()
        self.rate = self.learning_rate

    @checked_late
    def __call__(self, iteration: int) -> float:
        return self.rate

    @checked_late
    def observe(self, loss: float) -> None:
        if loss < self.best:
            self.best, self.waited = loss, 0
            return
        self.waited += 1
        if self.waited > self.patience:
            self.rate, self.waited = max(self.rate * self.factor, self.minimum), 0

    @checked
    def fresh(self) -> ReduceOnPlateau:
        return replace(self)


Rate: TypeAlias = "float | Schedule"
"""What an optimiser takes as its learning rate; `as_schedule` reads it."""


@checked
def as_schedule(rate: Rate) -> Schedule:
    """Return a schedule from itself or from a constant rate.

    Examples
    --------
    >>> pl.schedules.as_schedule(0.1)
    Constant(learning_rate=0.1)
    """
    return rate if isinstance(rate, Schedule) else Constant(rate)
