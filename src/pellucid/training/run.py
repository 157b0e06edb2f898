"""The training loop: draw a batch, forward, loss, backward, step; now and then, measure."""

from __future__ import annotations

import hashlib
import math
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np

from pellucid.data.augment import Augment
from pellucid.data.dataset import Dataset
from pellucid.errors import DivergenceError, ShapeError
from pellucid.layers import Container
from pellucid.losses import Loss
from pellucid.optimizers import Optimizer
from pellucid.training.callbacks import Callback
from pellucid.training.divergence import diagnose
from pellucid.training.evaluation import Evaluation, evaluate_checked
from pellucid.training.history import History
from pellucid.training.interrupt import Interrupt
from pellucid.training.plan import Plan
from pellucid.training.stepper import CompiledDenseSteps, LayerSteps, compiled_plan
from pellucid.typing import Array, IntArray

WORTH_COMPILING = 500
"""Iterations from which a compiled training loop repays the loading of its kernel."""

Part: TypeAlias = tuple[Dataset, Array]
"""Data, and their targets as the loss takes them."""


@dataclass
class Training:
    """What belongs to one training and no other: with it, `fit` goes on where it ended.

    The order of the batches, what layers draw and augmentation have streams of their own: adding dropout to a network
    does not change which samples it sees.
    """

    optimizer: Optimizer
    loss: Loss
    seed: int
    order_rng: np.random.Generator
    layer_rng: np.random.Generator
    change_rng: np.random.Generator
    left: str = ""
    """The fingerprint of the parameters that it ended with."""

    @classmethod
    def begin(cls, optimizer: Optimizer, loss: Loss, seed: int) -> Training:
        """Return the beginning of a training, with streams of random numbers that follow from the seed."""
        order, layers, change = map(np.random.default_rng, np.random.SeedSequence(seed).spawn(3))
        return cls(optimizer.fresh(), loss, seed, order, layers, change)


def fingerprint(network: Container[Any]) -> str:
    """Return a text that tells these parameters and buffers from others."""
    digest = hashlib.blake2b(digest_size=16)
    for store in (network.params, network.buffers):
        for name, array in store.items():
            digest.update(f"{name} {array.shape}".encode())
            digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()


def augmented(augment: Augment, x: Array, rng: np.random.Generator) -> Array:
    """Return a batch as `augment` changes it; raise ShapeError where that has another shape or dtype."""
    changed = augment(x, rng)
    if not isinstance(changed, np.ndarray) or changed.shape != x.shape or changed.dtype != x.dtype:
        got = f"{changed.dtype} {changed.shape}" if isinstance(changed, np.ndarray) else type(changed).__name__
        raise ShapeError(
            f"fit: augment must return samples of {x.dtype} {x.shape}, as it was given, got {got}. "
            "To resize images or change their dtype, do it once, before training."
        )
    return changed


class Run:
    """One training run: what `fit` was given, and the record it makes."""

    def __init__(
        self,
        network: Container[Any],
        train: Part,
        held_out: Part | None,
        measured: Part | None,
        training: Training,
        plan: Plan,
        augment: Augment | None,
        history: History,
    ) -> None:
        self.network, (self.train, self.t) = network, train
        self.held_out, self.measured = held_out, measured
        self.training, self.plan, self.history = training, plan, history
        self.loss, self.optimizer = training.loss, training.optimizer
        self.begun, self.seconds, self.epochs = len(history), history.last("seconds") or 0.0, history.last("epoch") or 0
        self.change = None if augment is None else lambda x: augmented(augment, x, training.change_rng)

    def go(self, callbacks: Sequence[Callback]) -> History:
        """Run the plan under Ctrl-C's eye."""
        started: list[Callback] = []
        try:
            for callback in callbacks:
                callback.on_start(self.network, self.history, self.plan.iterations)
                started.append(callback)
            # A number that overflows ends as an infinite loss, which `step` reports with its place.
            with np.errstate(all="ignore"), Interrupt() as interrupt:
                self.history.stopped = self.steps(callbacks, interrupt)
        except BaseException as error:
            if not isinstance(error, DivergenceError):
                self.history.stopped = f"ended by {type(error).__name__}"
            raise
        finally:
            self.end(started)
            self.training.left = fingerprint(self.network)
        return self.history

    def end(self, callbacks: Sequence[Callback]) -> None:
        """Tell every callback that training ended, even where one of them fails."""
        if callbacks:
            try:
                callbacks[0].on_end(self.network, self.history)
            finally:
                self.end(callbacks[1:])

    def steps(self, callbacks: Sequence[Callback], interrupt: Interrupt) -> str:
        """Take the steps; return why it ended."""
        plan = self.plan
        stepper, batches = self.stepper(), plan.batches(self.training.order_rng)
        self.lap = time.perf_counter()
        self.start = self.lap - self.seconds
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
        plain = LayerSteps(
            self.network,
            self.loss,
            self.optimizer,
            self.train.x,
            self.t,
            self.plan.batch_size,
            self.training.layer_rng,
            self.change,
            self.train.weights,
        )
        compiled = compiled_plan(self.network, self.loss, self.optimizer, self.train.x, self.plan.batch_size)
        plain_batches = self.change is None and self.train.weights is None
        if compiled is not None and plain_batches and self.plan.iterations >= WORTH_COMPILING:
            return CompiledDenseSteps(compiled, plain)
        return plain

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
            record["learning_rate"].append(self.optimizer.rate_at(first + i))
            record["seconds"].append(begun + (i + 1) * each)
            self.lap_samples += len(batches[i])
        for i, value in enumerate(values):  # all are taken, whatever a callback raises
            for callback in callbacks:
                callback.on_iteration(before + i + 1, value)
        return before + len(values) - self.begun

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
            iteration=self.begun + iteration,
            epoch=self.epochs + iteration / self.plan.per_epoch,
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
        reasons = [_reason(callback, callback.on_epoch(self.network, row)) for callback in callbacks]
        self.lap, self.lap_samples = time.perf_counter(), 0
        return [reason for reason in reasons if reason]

    def measure(self, part: tuple[Dataset, Array] | None) -> Evaluation | None:
        """Evaluate the network on data whose targets are checked."""
        return None if part is None else evaluate_checked(self.network, *part, self.loss)


def _reason(callback: Callback, said: Any) -> str:
    """What a callback said as a reason to stop, "" for none. Other things than text that mean yes are one."""
    if isinstance(said, str):
        return said
    no = said is None or (isinstance(said, (bool, np.bool_, int, float)) and not said)
    return "" if no else f"stopped by {type(callback).__name__}"
