"""When a training has converged, as scikit-learn's networks decide it."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from pellucid.layers import Container
from pellucid.training import Callback, EarlyStopping, History

Score = Callable[[Container[Any], dict[str, Any]], float]
"""(network, row of `History.epochs`) → how well it does on the samples held out; the larger the better."""


class Watch(Callback):
    """Keep the loss of every epoch, and the score where samples are held out; say when neither gets better.

    Parameters
    ----------
    tol : float or None
        Less than this is no improvement; None lets the loss be as it will.
    patience : int
        Epochs without one after which training ends.
    score : function, optional
        What decides in place of the loss; the best parameters are given back then.
    verbose : bool
        Whether each epoch prints a line.
    """

    def __init__(self, tol: float | None, patience: int, *, score: Score | None = None, verbose: bool = False) -> None:
        self.tol, self.patience, self.score, self.verbose = tol, patience, score, verbose
        self.losses: list[float] = []
        self.scores: list[float] = []
        self.best = EarlyStopping(patience, min_delta=tol or 0.0)

    def on_start(self, network: Container[Any], history: History, total: int) -> None:
        self.batches: list[float] = []
        self.lowest, self.waited = math.inf, 0
        self.best.on_start(network, history, total)

    def on_iteration(self, iteration: int, loss: float) -> None:
        self.batches.append(loss)

    def on_epoch(self, network: Container[Any], row: dict[str, Any]) -> str | None:
        self.losses.append(float(np.mean(self.batches)))
        self.batches.clear()
        self._say(f"Epoch {len(self.losses)}, loss = {self.losses[-1]:.8f}")
        if self.score is None:
            return self._settled()
        self.scores.append(self.score(network, row))
        self._say(f"Validation score: {self.scores[-1]:.6f}")
        stopped = self.best.on_epoch(network, {self.best.monitor: -self.scores[-1]})
        return stopped and self._reason("Validation score")

    def on_end(self, network: Container[Any], history: History) -> None:
        if self.score is not None:
            self.best.on_end(network, history)

    def _settled(self) -> str | None:
        if self.tol is None:
            return None
        self.waited = 0 if self.losses[-1] < self.lowest - self.tol else self.waited + 1
        self.lowest = min(self.lowest, self.losses[-1])
        return self._reason("Training loss") if self.waited >= self.patience else None

    def _reason(self, what: str) -> str:
        reason = f"{what} did not improve more than tol={self.best.min_delta:g} for {self.patience} consecutive epochs."
        self._say(f"{reason} Stopping.")
        return reason

    def _say(self, line: str) -> None:
        if self.verbose:
            print(line)
