"""How long a training lasts: in what batches, measured when."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from pellucid import checks
from pellucid.errors import ArgumentError
from pellucid.typing import IntArray


@dataclass(frozen=True)
class Plan:
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
        cls,
        samples: int,
        epochs: int | None,
        iterations: int | None,
        batch_size: int | None,
        sampling: str,
        every: int | None,
        first: int | None,
    ) -> Plan:
        if epochs is not None and iterations is not None:
            raise ArgumentError("fit: give epochs or iterations, not both.")
        batch_size = min(100, samples) if batch_size is None else checks.size("fit", "batch_size", batch_size)
        if batch_size > samples:
            raise ArgumentError(f"fit: batch_size must be at most the {samples} samples of the data, got {batch_size}.")
        if not isinstance(sampling, str) or sampling not in ("shuffle", "replacement"):
            checks.unknown_name("fit", "sampling", sampling, ["shuffle", "replacement"])
        per_epoch = math.ceil(samples / batch_size) if sampling == "shuffle" else max(1, samples // batch_size)
        if iterations is None:
            iterations = checks.size("fit", "epochs", 1 if epochs is None else epochs) * per_epoch
        every = per_epoch if every is None else checks.size("fit", "evaluate_every", every)
        first = every if first is None else checks.size("fit", "first_evaluation", first)
        return cls(samples, checks.size("fit", "iterations", iterations), batch_size, per_epoch, sampling, every, first)

    def expect_batches(self, least: int) -> None:
        """Raise ArgumentError where a batch would hold fewer than `least` samples."""
        last = self.samples % self.batch_size if self.sampling == "shuffle" else 0
        smallest = last if last and self.iterations >= self.per_epoch else self.batch_size
        if smallest >= least:
            return
        fitting = [size for size in range(least, self.samples + 1) if not 0 < self.samples % size < least]
        nearest = min(fitting, key=lambda size: abs(size - self.batch_size), default=None)
        remedy = f"Try batch_size={nearest}." if nearest else "Take more samples."
        raise ArgumentError(
            f"fit: BatchNorm needs {least} values of a channel in each batch, and of {self.samples} samples in "
            f"batches of {self.batch_size} one would hold {smallest}. {remedy}"
        )

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
