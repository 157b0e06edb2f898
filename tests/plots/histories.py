"""A small history of known numbers, shaped as training records it."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

EPOCH_COLUMNS = (
    "iteration",
    "epoch",
    "train_loss",
    "train_accuracy",
    "validation_loss",
    "validation_accuracy",
    "learning_rate",
    "seconds",
    "samples_per_second",
)


def history(iterations: int = 400, per_epoch: int = 100, rate: float = 0.1, **changes: Any) -> SimpleNamespace:
    """Loss 2 / k in iteration k; an epoch measured before the first step and after every `per_epoch`."""
    steps = list(range(1, iterations + 1))
    rows = list(range(0, iterations + 1, per_epoch))
    epochs: dict[str, list[Any]] = {
        "iteration": rows,
        "epoch": [row / per_epoch for row in rows],
        "train_loss": [2.0 / (1 + k) for k in range(len(rows))],
        "train_accuracy": [1 - 0.9 / (1 + k) for k in range(len(rows))],
        "validation_loss": [2.1 / (1 + k) for k in range(len(rows))],
        "validation_accuracy": [1 - 0.95 / (1 + k) for k in range(len(rows))],
        "learning_rate": [rate] * len(rows),
        "seconds": [0.5 * k for k in range(len(rows))],
        "samples_per_second": [1e5] * len(rows),
    }
    epochs.update(changes)
    return SimpleNamespace(
        iterations={
            "iteration": steps,
            "loss": [2.0 / k for k in steps],
            "learning_rate": [rate] * len(steps),
            "seconds": [0.01 * k for k in steps],
        },
        epochs=epochs,
    )
