"""An estimator's parameters, looked at when it is fitted, and what they make of so many samples."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from sklearn.utils import check_random_state

from pellucid import checks
from pellucid.data import Dataset
from pellucid.errors import ArgumentError
from pellucid.layers import Container
from pellucid.losses import Loss
from pellucid.optimizers import Optimizer, as_optimizer
from pellucid.schedules import Cosine, OneCycle, Schedule
from pellucid.shown import came
from pellucid.sklearn.networks import Plain, make_network, sample_shape
from pellucid.training.run import Training, fingerprint

BATCH = 100
"""Samples of a batch, at most, with batch_size="auto"."""
SCHEDULES = {"cosine": Cosine, "one-cycle": OneCycle}


class Settings:
    """What an estimator was told, for one training."""

    def __init__(self, estimator: Any) -> None:
        self.who, self.told = type(estimator).__name__, estimator
        told = estimator
        checks.size(self.who, "epochs", told.epochs)
        checks.size(self.who, "n_iter_no_change", told.n_iter_no_change)
        if told.batch_size != "auto":
            checks.size(self.who, "batch_size", told.batch_size)
        if told.tol is not None:
            checks.expect_range(self.who, "tol", told.tol, 0, math.inf, open_high=True)
        for name in ("early_stopping", "warm_start"):
            checks.flag(self.who, name, getattr(told, name))
        if told.schedule is not None and not callable(told.schedule):
            checks.expect_known(self.who, "schedule", told.schedule, SCHEDULES)
        self.seed = int(check_random_state(told.random_state).randint(np.iinfo(np.int32).max))

    def network(self, features: int, outputs: tuple[int, ...]) -> Container[Any]:
        """Return a new network for rows of so many features; it may have one of these numbers of outputs."""
        told = self.told
        shape = sample_shape(self.who, features, told.image_shape, told.network)
        usual = Plain(self.who, told.hidden_sizes, told.filters, told.kernel_size, told.activation, told.dropout)
        return make_network(self.who, usual if told.network is None else told.network, shape, outputs, self.seed)

    def split(self, data: Dataset) -> tuple[Dataset, Dataset | None]:
        """Return what is learnt from, and what is held out for early stopping, every class in proportion."""
        if not self.told.early_stopping:
            return data, None
        held_out, rest = data.split(self.told.validation_fraction, self.seed)
        if len(held_out) < 2:
            raise ValueError(
                "The validation set is too small. Increase 'validation_fraction' or the size of your dataset."
            )
        return rest, held_out

    def batch_size(self, samples: int) -> int:
        """Return the size of a batch. By default batches are of about one size, so that none is very small."""
        if self.told.batch_size != "auto":
            return min(int(self.told.batch_size), samples)
        return math.ceil(samples / math.ceil(samples / BATCH))

    def training(self, network: Container[Any], loss: Loss, samples: int) -> Training:
        """Return the beginning of a training."""
        made = Training.begin(
            self.optimizer(self.told.epochs * -(-samples // self.batch_size(samples))), loss, self.seed
        )
        made.left = fingerprint(network)
        return made

    def optimizer(self, iterations: int) -> Optimizer:
        """Return the optimiser, whose schedule knows how many iterations are planned."""
        told, given = self.told, isinstance(self.told.optimizer, Optimizer)
        if given and not (told.learning_rate is told.schedule is told.alpha is None):
            raise ArgumentError(
                f"{self.who}: give learning_rate, schedule and alpha (weight_decay) to the optimiser itself, or name "
                "the optimiser by a string."
            )
        rate = told.learning_rate
        if told.schedule is not None:
            rate = as_optimizer(told.optimizer).learning_rate if rate is None else rate
            rate = SCHEDULES.get(told.schedule, told.schedule)(rate, iterations)
            if not isinstance(rate, Schedule):
                raise ArgumentError(f"{self.who}: schedule(rate, iterations) must return a Schedule, got {came(rate)}.")
        return as_optimizer(told.optimizer, rate, **({} if told.alpha is None else {"weight_decay": told.alpha}))
