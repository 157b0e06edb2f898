"""What callbacks and schedules of a user's own may say, and what is left when they fail."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import pellucid as pl
from pellucid.errors import ArgumentError, DivergenceError

rng = np.random.default_rng(0)
X = rng.standard_normal((300, 5)).astype(np.float32)
DATA = X, (X[:, 0] > 0).astype(int)


def dense() -> pl.Sequential:
    return pl.Sequential([pl.Affine(8), pl.ReLU(), pl.Affine(2)], input_shape=5)


class Failing(pl.Callback):
    def on_start(self, network: Any, history: pl.History, total: int) -> None:
        self.history = history

    def on_iteration(self, iteration: int, loss: float) -> None:
        if iteration == 3:
            raise RuntimeError("mine")


@pytest.mark.parametrize("iterations", [40, 600])  # layer by layer; compiled, several steps in a call
def test_a_callback_that_fails_leaves_a_record_of_every_step_that_was_taken(iterations: int) -> None:
    network, callback = dense(), Failing()
    with pytest.raises(RuntimeError, match="mine"):
        pl.fit(network, DATA, iterations=iterations, batch_size=50, callbacks=callback, progress=False)
    history = callback.history
    assert history.training is not None
    assert len(history) == history.training.optimizer.iteration >= 3
    assert history.stopped == "ended by RuntimeError"


@pytest.mark.parametrize(
    ("said", "stopped"),
    [
        (True, "stopped by Saying"),
        (np.True_, "stopped by Saying"),
        (["enough"], "stopped by Saying"),
        ("enough", "enough"),
        (None, "finished"),
        (False, "finished"),
        (np.False_, "finished"),
        ("", "finished"),
        (0, "finished"),
    ],
)
def test_what_a_callback_says_becomes_a_reason_that_a_file_can_hold(said: Any, stopped: str, tmp_path: Path) -> None:
    class Saying(pl.Callback):
        def on_epoch(self, network: Any, row: Any) -> Any:
            return said

    history = pl.fit(dense(), DATA, epochs=2, callbacks=Saying(), progress=False)
    history.save(tmp_path / "history.json")
    assert pl.History.load(tmp_path / "history.json").stopped == history.stopped == stopped


@pytest.mark.parametrize("iterations", [10, 501])
@pytest.mark.parametrize("rate", [np.array([0.1]), "a", None, -1.0, np.nan, np.inf, 1j])
def test_a_schedule_that_gives_no_rate_is_told_on_every_path(rate: Any, iterations: int) -> None:
    class Odd(pl.schedules.Schedule):
        def __call__(self, iteration: int) -> Any:
            return rate if iteration > 1 else 0.1

    with pytest.raises(ArgumentError, match="SGD: Odd must give a finite rate of at least 0, got .* for iteration 2"):
        pl.fit(dense(), DATA, iterations=iterations, optimizer=pl.SGD(Odd()), progress=False)


@pytest.mark.parametrize("ending", [[], [pl.BatchNorm]])
def test_outputs_that_are_no_numbers_end_training_with_every_loss(ending: list[Any]) -> None:
    for loss in ("Hinge", "Huber", "SoftmaxCrossEntropy", "SigmoidCrossEntropy", "MeanSquaredError"):
        network = pl.Sequential([pl.Affine(8), pl.ReLU(), pl.Affine(3), *(layer() for layer in ending)], input_shape=5)
        network.params["affine1.W"][...] = np.nan
        with pytest.raises(DivergenceError):
            pl.fit(network, (X, np.digitize(X[:, 0], [-0.5, 0.5])), loss=loss, progress=False)
