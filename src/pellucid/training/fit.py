"""The training loop: draw a batch, forward, loss, backward, step; now and then, measure."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from pellucid import checks
from pellucid.data.augment import Augment
from pellucid.data.dataset import Dataset
from pellucid.errors import ArgumentError, DivergenceError, ShapeError, StateError
from pellucid.layers import Container
from pellucid.layers.container import CHANNELS_LAST, looks_channels_first
from pellucid.losses import Loss, LossLike
from pellucid.optimizers import SGD, Optimizer, OptimizerLike, as_optimizer
from pellucid.training.callbacks import Callback
from pellucid.training.divergence import diagnose
from pellucid.training.evaluation import Evaluation, choose_loss, evaluate_checked, network_of
from pellucid.training.history import History
from pellucid.training.interrupt import Interrupt
from pellucid.training.progress import reporter
from pellucid.training.stepper import CompiledDenseSteps, LayerSteps, compiled_plan
from pellucid.typing import Array, IntArray

WORTH_COMPILING = 500
"""Iterations from which a compiled training loop repays the loading of its kernel."""


def fit(
    model: Any,
    data: Dataset | tuple[Any, Any],
    *,
    epochs: int | None = None,
    iterations: int | None = None,
    batch_size: int = 100,
    optimizer: OptimizerLike | None = None,
    loss: LossLike | None = None,
    validation: Dataset | tuple[Any, Any] | float | None = None,
    sampling: str = "shuffle",
    augment: Augment | None = None,
    seed: int = 0,
    evaluate_every: int | None = None,
    first_evaluation: int | None = None,
    train_sample: int | None = 10_000,
    callbacks: Sequence[Callback] = (),
    progress: bool | str = True,
) -> History:
    """Train a network in place and return what happened.

    Parameters
    ----------
    model : Sequential, another container, or a model that holds one in `.network`
        A network without an input shape is built for the data.
    data : Dataset, or a pair (x, t)
    epochs, iterations : int, optional
        How long: passes over the data, or steps. One of the two; 1 epoch if neither is given.
    batch_size : int, default=100
    optimizer : Optimizer or name, default=SGD(0.1)
    loss : Loss or name, optional
        By default softmax with cross-entropy for classes, mean squared error for numbers.
    validation : Dataset, pair or fraction, optional
        Measured at every evaluation. A fraction is split off the data, shuffled and with every class in proportion.
    sampling : {"shuffle", "replacement"}, default="shuffle"
        Every sample once an epoch, the last batch perhaps smaller; or each batch drawn at random, as the book does.
    augment : callable, optional
        (batch of samples, generator) → changed samples of the same shape and dtype, such as
        `pl.data.RandomShift(1)`: what the network sees of each training batch in its place.
    seed : int, default=0
        Of the order of the batches and of dropout. The same seed gives the same bits on the same machine.
    evaluate_every : int, optional
        Iterations between evaluations; an epoch by default.
    first_evaluation : int, optional
        The iteration, from 1, of the first one; `evaluate_every` by default. The book's is 1.
    train_sample : int or None, default=10,000
        Training loss and accuracy are measured on this many training samples, drawn once; None takes all, 0 none.
    callbacks : sequence of Callback
    progress : bool or {"bar", "lines"}, default=True
        A bar on a terminal, one line an evaluation elsewhere; False shows nothing.

    Returns
    -------
    History

    Raises
    ------
    DivergenceError
        If the loss becomes NaN or infinite: it names the layer where that began, and its `.history` holds the run.

    Notes
    -----
    Ctrl-C ends training after the step under way; what was learnt is kept, and `History.stopped` says so.

    Examples
    --------
    >>> x = np.random.default_rng(0).random((200, 2), np.float32)
    >>> t = (x[:, 0] > x[:, 1]).astype(int)
    >>> network = pl.Sequential([pl.Affine(8), pl.ReLU(), pl.Affine(2)])
    >>> history = pl.fit(network, (x, t), epochs=50, batch_size=20, optimizer=pl.Adam(0.01), progress=False)
    >>> len(history), history.stopped, history.last("train_accuracy") > 0.9
    (500, 'finished', True)
    """
    seed = checks.seed("fit", seed)
    network = network_of(model)
    train, held_out = _datasets(data, validation, seed)
    _build(network, train)
    if network.params and not network.trainable:
        raise StateError("fit: every layer is frozen, so there is nothing to train. network.unfreeze() thaws them.")
    criterion = choose_loss(network, loss, train)
    run = _Run(
        network, train, held_out, criterion, as_optimizer(optimizer or SGD(0.1)),
        _Plan.make(len(train), epochs, iterations, batch_size, sampling, evaluate_every, first_evaluation), seed,
        augment,
    )  # fmt: skip
    run.measure_train_on(train_sample, seed)
    shown = reporter(progress)
    return run.go([*callbacks, *([shown] if shown else [])])


def _datasets(data: Any, validation: Any, seed: int) -> tuple[Dataset, Dataset | None]:
    train = data if isinstance(data, Dataset) else Dataset(*data)
    if validation is None or isinstance(validation, Dataset):
        return train, validation
    if isinstance(validation, float):
        held_out, rest = train.split(validation, np.random.default_rng(seed))
        return rest, held_out
    return train, Dataset(*validation, classes=train.classes)


def _augmented(augment: Augment, x: Array, rng: np.random.Generator) -> Array:
    changed = augment(x, rng)
    if not isinstance(changed, np.ndarray) or changed.shape != x.shape or changed.dtype != x.dtype:
        got = f"{changed.dtype} {changed.shape}" if isinstance(changed, np.ndarray) else type(changed).__name__
        raise ShapeError(
            f"fit: augment must return samples of {x.dtype} {x.shape}, as it was given, got {got}. "
            "To resize images or change their dtype, do it once, before training."
        )
    return changed


def _build(network: Container[Any], data: Dataset) -> None:
    if network.input_shape is None:
        if looks_channels_first(network, data.sample_shape):
            raise ShapeError(
                f"fit: samples of shape {data.sample_shape} look like (C, H, W). {CHANNELS_LAST} If they are "
                f"(H, W, C) all the same, build the network with input_shape={data.sample_shape}."
            )
        network.build(data.sample_shape, np.random.default_rng(getattr(network, "seed", 0)), network.dtype)
    network.accept(data.x[:1])


@dataclass(frozen=True)
class _Plan:
    """How many steps, in what batches, measured when."""

    samples: int
    iterations: int
    batch_size: int
    per_epoch: int
    sampling: str
    every: int
    first: int

    @classmethod
    def make(
        cls, samples: int, epochs: int | None, iterations: int | None, batch_size: int, sampling: str,
        every: int | None, first: int | None,
    ) -> _Plan:  # fmt: skip
        if epochs is not None and iterations is not None:
            raise ArgumentError("fit: give epochs or iterations, not both.")
        batch_size = checks.size("fit", "batch_size", batch_size)
        if batch_size > samples:
            raise ArgumentError(f"fit: batch_size must be at most the {samples} samples of the data, got {batch_size}.")
        if sampling not in ("shuffle", "replacement"):
            checks.unknown_name("fit", "sampling", sampling, ["shuffle", "replacement"])
        per_epoch = math.ceil(samples / batch_size) if sampling == "shuffle" else max(1, samples // batch_size)
        if iterations is None:
            iterations = checks.size("fit", "epochs", 1 if epochs is None else epochs) * per_epoch
        every = per_epoch if every is None else checks.size("fit", "evaluate_every", every)
        first = every if first is None else checks.size("fit", "first_evaluation", first)
        return cls(samples, checks.size("fit", "iterations", iterations), batch_size, per_epoch, sampling, every, first)

    def batches(self, rng: np.random.Generator) -> Iterator[IntArray]:
        """Yield the indices of every batch of the run."""
        while True:
            if self.sampling == "replacement":
                yield rng.integers(0, self.samples, self.batch_size)
            else:
                order = rng.permutation(self.samples)
                for start in range(0, self.samples, self.batch_size):
                    yield order[start : start + self.batch_size]

    def block(self, done: int, most: int) -> int:
        """Return how many steps may be taken at once: up to the next evaluation or the end, batches of one size."""
        until = self.first - done if done < self.first else self.every - (done - self.first) % self.every
        if self.sampling == "shuffle" and self.samples % self.batch_size:
            left = self.per_epoch - done % self.per_epoch  # the last of them is the smaller one
            until = min(until, max(1, left - 1))
        return min(most, until, self.iterations - done)

    def evaluates(self, iteration: int) -> bool:
        """Whether the network is measured after `iteration`, counted from 1."""
        return iteration >= self.first and (iteration - self.first) % self.every == 0


class _Run:
    """One training run: what `fit` was given, and the record it makes."""

    def __init__(
        self, network: Container[Any], train: Dataset, held_out: Dataset | None, loss: Loss, optimizer: Optimizer,
        plan: _Plan, seed: int, augment: Augment | None,
    ) -> None:  # fmt: skip
        self.network, self.train = network, train
        self.loss, self.optimizer, self.plan = loss, optimizer, plan
        # The order of the batches, what layers draw and augmentation have streams of their own: adding dropout to a
        # network does not change which samples it sees.
        self.order_rng, self.layer_rng, change_rng = map(np.random.default_rng, np.random.SeedSequence(seed).spawn(3))
        self.change = None if augment is None else lambda x: _augmented(augment, x, change_rng)
        self.t = self.targets_of(train)
        self.measured: tuple[Dataset, Array] | None = None
        self.held_out = None if held_out is None else (held_out, self.targets_of(held_out))
        settings = {
            "seed": seed, "batch_size": plan.batch_size, "iterations": plan.iterations, "sampling": plan.sampling,
            "samples": len(train), "optimizer": repr(optimizer), "loss": repr(loss), "parameters": network.size,
        }  # fmt: skip
        if augment is not None:
            settings["augment"] = repr(augment)
        self.history = History(settings=settings)

    def targets_of(self, data: Dataset) -> Array:
        """Check the targets once for the whole run, and bring them to the network's dtype."""
        assert self.network.output_shape is not None  # noqa: S101  # _build has made sure
        t = self.loss.targets(data.t, len(data), self.network.output_shape[-1])
        return t.astype(self.network.dtype) if t.dtype.kind == "f" else t

    def measure_train_on(self, sample: int | None, seed: int) -> None:
        """Choose the training samples that accuracy is measured on."""
        if sample is None or sample >= len(self.train):
            self.measured = (self.train, self.t)
        elif sample:
            chosen = np.sort(np.random.default_rng(seed).choice(len(self.train), sample, replace=False))
            self.measured = (self.train[chosen], self.t[chosen])

    def go(self, callbacks: Sequence[Callback]) -> History:
        """Run the plan under Ctrl-C's eye."""
        for callback in callbacks:
            callback.on_start(self.network, self.history, self.plan.iterations)
        try:
            # A number that overflows ends as an infinite loss, which `step` reports with its place.
            with np.errstate(over="ignore", invalid="ignore"), Interrupt() as interrupt:
                self.history.stopped = self.steps(callbacks, interrupt)
        finally:
            for callback in callbacks:
                callback.on_end(self.network, self.history)
        return self.history

    def steps(self, callbacks: Sequence[Callback], interrupt: Interrupt) -> str:
        """Take the steps; return why it ended."""
        plan = self.plan
        stepper, batches = self.stepper(), plan.batches(self.order_rng)
        self.start = self.lap = time.perf_counter()
        self.lap_samples = done = 0
        while done < plan.iterations:
            drawn = [next(batches) for _ in range(plan.block(done, stepper.block))]
            done = self.advance(stepper, drawn, callbacks)
            if plan.evaluates(done):
                reasons = self.evaluate(done, callbacks)
                if reasons:
                    return reasons[0]
            if interrupt.requested:
                return "interrupted"
        return "finished"

    def stepper(self) -> LayerSteps | CompiledDenseSteps:
        """Choose who takes the steps."""
        compiled = compiled_plan(self.network, self.loss, self.optimizer, self.train.x)
        if compiled is not None and self.change is None and self.plan.iterations >= WORTH_COMPILING:
            return CompiledDenseSteps(compiled, self.optimizer, self.train.x, self.t, self.plan.batch_size)
        return LayerSteps(
            self.network, self.loss, self.optimizer, self.train.x, self.t, self.plan.batch_size, self.layer_rng,
            self.change,
        )  # fmt: skip

    def advance(
        self, stepper: LayerSteps | CompiledDenseSteps, batches: list[IntArray], callbacks: Sequence[Callback]
    ) -> int:
        """Take the steps of some batches and record them; return how many are done in all.

        The seconds of steps that one compiled call takes are spread evenly over them.
        """
        record = self.history.iterations
        before, first = len(self.history), self.optimizer.iteration
        begun = time.perf_counter() - self.start
        values = stepper.take(batches)
        each = (time.perf_counter() - self.start - begun) / len(values)
        for i, value in enumerate(values):
            if not math.isfinite(value):
                raise self.diverged(value, batches[i])
            record["iteration"].append(before + i + 1)
            record["loss"].append(value)
            record["learning_rate"].append(self.optimizer.schedule(first + i))
            record["seconds"].append(begun + (i + 1) * each)
            self.lap_samples += len(batches[i])
            for callback in callbacks:
                callback.on_iteration(before + i + 1, value)
        return before + len(values)

    def diverged(self, value: float, batch: IntArray) -> DivergenceError:
        """Build the error for a loss that is no number, from one more look at its batch."""
        iteration = len(self.history) + 1
        self.history.stopped = f"diverged at iteration {iteration}"
        x = self.train.x[batch]
        where = diagnose(self.network, x, self.network.forward(x)[1])
        error = DivergenceError(
            f"fit: the loss became {value} at iteration {iteration}. {where} "
            f"Lower the learning rate (now {self.optimizer.learning_rate:g}), clip the gradients (clip_norm=1.0), "
            "or scale the inputs to about 0–1."
        )
        error.history = self.history
        return error

    def evaluate(self, iteration: int, callbacks: Sequence[Callback]) -> list[str]:
        """Measure, record, tell the callbacks; return the reasons to stop that they give."""
        now = time.perf_counter()
        train, held_out = self.measure(self.measured), self.measure(self.held_out)
        row = self.history.add_epoch(
            iteration=iteration,
            epoch=iteration / self.plan.per_epoch,
            train_loss=train.loss if train else None,
            train_accuracy=train.accuracy if train else None,
            validation_loss=held_out.loss if held_out else None,
            validation_accuracy=held_out.accuracy if held_out else None,
            learning_rate=self.optimizer.learning_rate,
            seconds=time.perf_counter() - self.start,
            samples_per_second=self.lap_samples / max(now - self.lap, 1e-9),
        )
        heard = held_out or train
        if heard:
            self.optimizer.schedule.observe(heard.loss)
        reasons = [callback.on_epoch(self.network, row) for callback in callbacks]
        self.lap, self.lap_samples = time.perf_counter(), 0
        return [reason for reason in reasons if reason]

    def measure(self, part: tuple[Dataset, Array] | None) -> Evaluation | None:
        """Evaluate the network on data whose targets are checked."""
        return None if part is None else evaluate_checked(self.network, *part, self.loss)
