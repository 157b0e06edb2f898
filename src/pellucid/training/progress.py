"""How training shows itself: a bar on a terminal, one plain line an evaluation elsewhere."""

from __future__ import annotations

import sys
from typing import Any

from pellucid.errors import ArgumentError
from pellucid.layers import Container
from pellucid.shown import came
from pellucid.training.callbacks import Callback
from pellucid.training.history import History


def line(row: dict[str, Any], held_out: str = "validation") -> str:
    """Return one evaluation as a line of text; `held_out` is what the data beside the training data are called."""
    parts = [f"epoch {row['epoch']:5.2f}"]
    for name, label in (
        ("train_loss", "train loss"),
        ("train_accuracy", "accuracy"),
        ("validation_loss", f"{held_out} loss"),
        ("validation_accuracy", "accuracy"),
    ):
        if row[name] is not None:
            parts.append(f"{label} {row[name]:.4f}")
    parts.append(f"{row['seconds']:.1f} s")
    if row["samples_per_second"]:
        parts.append(f"{row['samples_per_second']:,.0f} samples/s")
    return "  ".join(parts)


class Lines(Callback):
    """One plain line for every evaluation, on standard output."""

    def __init__(self, held_out: str = "validation") -> None:
        self.held_out = held_out

    def on_epoch(self, network: Container[Any], row: dict[str, Any]) -> str | None:
        print(line(row, self.held_out), flush=True)
        return None

    def on_end(self, network: Container[Any], history: History) -> None:
        if history.stopped != "finished" and not history.stopped.startswith("diverged"):
            print(f"Stopped after {len(history):,} iterations: {history.stopped}. What was learnt is kept.", flush=True)


class Bar(Lines):
    """A progress bar with loss and time left, above it the lines."""

    def on_start(self, network: Container[Any], history: History, total: int) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

        self.console = Console()
        self.progress = Progress(
            TextColumn("training"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("loss {task.fields[loss]:.4f}"),
            TimeRemainingColumn(),
            console=self.console,
            transient=True,
        )
        self.task = self.progress.add_task("training", total=total, loss=float("nan"))
        self.every = max(1, total // 500)
        self.progress.start()

    def on_iteration(self, iteration: int, loss: float) -> None:
        if iteration % self.every == 0:
            self.progress.update(self.task, completed=iteration, loss=loss)

    def on_end(self, network: Container[Any], history: History) -> None:
        self.progress.stop()
        super().on_end(network, history)


def reporter(progress: bool | str, held_out: str = "validation") -> Callback | None:
    """Return what shows the progress: True chooses by whether standard output is a terminal; False shows nothing."""
    if progress is False:
        return None
    if progress is not True and progress not in ("bar", "lines"):
        raise ArgumentError(f'fit: progress must be True, False, "bar" or "lines", got {came(progress)}.')
    bar = sys.stdout.isatty() if progress is True else progress == "bar"
    return Bar(held_out) if bar else Lines(held_out)
