"""What may listen to training and stop it."""

from __future__ import annotations

import copy
import math
from collections.abc import Sequence
from typing import Any

from pellucid import checks
from pellucid.checked import checked
from pellucid.constructed import Constructed
from pellucid.layers import Container
from pellucid.training.history import History
from pellucid.typing import Arrays


class Callback(metaclass=Constructed):  # noqa: B024  # every method is optional
    """Override what you need. Returning a string from `on_epoch` stops training, with that reason.

    One object may listen to several trainings, one after the other; what it keeps begins anew in `on_start`.

    Examples
    --------
    >>> class Watch(pl.Callback):
    ...     def on_epoch(self, network, row):
    ...         return "that will do" if row["epoch"] >= 2 else None
    >>> network = pl.Sequential([pl.Affine(2)], input_shape=3)
    >>> data = (np.ones((40, 3)), np.arange(40) % 2)
    >>> pl.fit(network, data, epochs=10, batch_size=10, callbacks=[Watch()], progress=False).stopped
    'that will do'
    """

    needs: Sequence[str] = ()
    """Columns of `History.epochs` that must be measured; `fit` refuses to begin without."""

    def fresh(self) -> Callback:
        """Return what listens to one training: itself, or a copy where trainings at once must not share its state."""
        return self

    def on_start(self, network: Container[Any], history: History, total: int) -> None:
        """Training begins; `total` iterations are planned."""

    def on_iteration(self, iteration: int, loss: float) -> None:
        """One step was taken; `iteration` counts from 1."""

    def on_epoch(self, network: Container[Any], row: dict[str, Any]) -> str | None:
        """The network was evaluated; `row` holds the new line of `History.epochs`."""
        return None

    def on_end(self, network: Container[Any], history: History) -> None:
        """Training has ended, in whatever way."""


class EarlyStopping(Callback):
    """Stop when a measure has not improved for `patience` evaluations, and give back the best parameters, always.

    Parameters
    ----------
    patience : int
        Evaluations to wait.
    monitor : "validation_loss", "validation_accuracy", "train_loss" or "train_accuracy"
    min_delta : float, default=0
        Less than this is no improvement.

    Raises
    ------
    ArgumentError
        In `fit`, before the first step, if what it monitors is not measured.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> data, held_out = ((rng.random((40, 3)), np.arange(40) % 2) for _ in range(2))  # nothing to learn
    >>> network = pl.Sequential([pl.Affine(20), pl.ReLU(), pl.Affine(2)])
    >>> stop = pl.EarlyStopping(patience=2)
    >>> history = pl.fit(
    ...     network, data, epochs=200, batch_size=10, validation=held_out, callbacks=[stop], progress=False
    ... )
    >>> len(history) < 200 * 4, history.stopped != "finished"
    (True, True)
    """

    @checked
    def __init__(self, patience: int = 5, monitor: str = "validation_loss", min_delta: float = 0.0) -> None:
        self.patience = checks.size("EarlyStopping", "patience", patience)
        known = ["validation_loss", "validation_accuracy", "train_loss", "train_accuracy"]
        checks.expect_known("EarlyStopping", "monitor", monitor, known)
        checks.expect_range("EarlyStopping", "min_delta", min_delta, 0, math.inf, open_high=True)
        self.monitor, self.min_delta = monitor, float(min_delta)
        self.needs = (monitor,)

    def fresh(self) -> EarlyStopping:
        return copy.copy(self)

    def on_start(self, network: Container[Any], history: History, total: int) -> None:
        self.best, self.waited = math.inf, 0
        self.kept: Arrays = {}

    def on_epoch(self, network: Container[Any], row: dict[str, Any]) -> str | None:
        value = row[self.monitor]
        score = -value if self.monitor.endswith("accuracy") else value
        if score < self.best - self.min_delta:
            self.best, self.waited = score, 0
            self.kept = {k: v.copy() for k, v in [*network.params.items(), *network.buffers.items()]}
            return None
        self.waited += 1
        return (
            f"{self.monitor} has not improved for {self.waited} evaluations" if self.waited >= self.patience else None
        )

    def on_end(self, network: Container[Any], history: History) -> None:
        for key, value in self.kept.items():
            (network.params if key in network.params else network.buffers)[key] = value
