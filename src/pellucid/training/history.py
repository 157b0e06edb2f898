"""What happened in training: a record of every iteration and of every evaluation, that saves and draws itself."""

from __future__ import annotations

import csv
import io
import json
import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pellucid import checks
from pellucid.errors import ArgumentError, FileFormatError
from pellucid.files import atomic_write

ITERATION_COLUMNS = ("iteration", "loss", "learning_rate", "seconds")
EPOCH_COLUMNS = (
    "iteration", "epoch", "train_loss", "train_accuracy", "validation_loss", "validation_accuracy",
    "learning_rate", "seconds", "samples_per_second",
)  # fmt: skip


@dataclass
class History:
    """Columns of numbers, equally long.

    Attributes
    ----------
    iterations : dict of lists
        For each iteration: its number from 1, the loss of its batch (before the step), the learning rate, and the
        seconds since the start.
    epochs : dict of lists
        For each evaluation: iterations and epochs done, loss and accuracy on training and validation data (None where
        not measured), the learning rate, the seconds since the start, and samples per second of training.
    settings : dict
        Batch size, seed, optimiser and so on, as text and numbers.
    stopped : str
        "finished", "interrupted" (Ctrl-C), or a callback's reason.

    Examples
    --------
    >>> network = pl.Sequential([pl.Affine(2)], input_shape=3)
    >>> data = (np.ones((40, 3)), np.arange(40) % 2)
    >>> history = pl.fit(network, data, epochs=2, batch_size=10, progress=False)
    >>> len(history), history.iterations["iteration"], history.epochs["epoch"]
    (8, [1, 2, 3, 4, 5, 6, 7, 8], [1.0, 2.0])
    >>> history.save("history.json")
    >>> pl.History.load("history.json").iterations == history.iterations
    True
    """

    iterations: dict[str, list[Any]] = field(default_factory=lambda: {k: [] for k in ITERATION_COLUMNS})
    epochs: dict[str, list[Any]] = field(default_factory=lambda: {k: [] for k in EPOCH_COLUMNS})
    settings: dict[str, Any] = field(default_factory=dict)
    stopped: str = "finished"

    def __len__(self) -> int:
        return len(self.iterations["loss"])

    def add_epoch(self, **values: Any) -> dict[str, Any]:
        """Append one evaluation; columns left out become None."""
        row = {k: values.get(k) for k in EPOCH_COLUMNS}
        for key, value in row.items():
            self.epochs[key].append(value)
        return row

    def last(self, column: str) -> Any:
        """Return the newest value of a column of `epochs`, or of `iterations`; None where there is none."""
        for table in (self.epochs, self.iterations):
            if column in table:
                return table[column][-1] if table[column] else None
        checks.unknown_name("History", "column", column, {*EPOCH_COLUMNS, *ITERATION_COLUMNS})

    def save(self, path: str | Path) -> None:
        """Write `.json` (everything) or `.csv` (the evaluations; the iterations beside it, NAME-iterations.csv)."""
        path = Path(path)
        if path.suffix == ".json":
            content = {"settings": self.settings, "stopped": self.stopped}
            content |= {"epochs": _finite(self.epochs), "iterations": _finite(self.iterations)}
            atomic_write(path, (json.dumps(content, indent=1, allow_nan=False) + "\n").encode())
        elif path.suffix == ".csv":
            atomic_write(path, _csv(self.epochs))
            atomic_write(path.with_name(f"{path.stem}-iterations.csv"), _csv(self.iterations))
        else:
            raise ArgumentError(f"History.save: the name must end in .json or .csv, got {path.name!r}.")

    @classmethod
    def load(cls, path: str | Path) -> History:
        """Read what `save` wrote as JSON."""
        try:
            content = json.loads(Path(path).read_text())
            history = cls(content["iterations"], content["epochs"], content["settings"], content["stopped"])
            tables = ((history.iterations, ITERATION_COLUMNS), (history.epochs, EPOCH_COLUMNS))
            whole = all(set(t) == set(c) and len({len(v) for v in t.values()}) == 1 for t, c in tables)
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            whole = False
        if not whole:
            raise FileFormatError(f"{path}: not a history written by History.save. Give the .json file of a run.")
        return history

    def plot(self) -> Any:
        """Return the book's figure: loss by iteration above accuracy by epoch (a Matplotlib figure)."""
        from pellucid.plots import training_figure

        return training_figure(self)


def _finite(columns: dict[str, list[Any]]) -> dict[str, list[Any]]:
    """JSON has no NaN or infinity: a run that diverged keeps its place with None."""
    return {k: [None if isinstance(v, float) and not math.isfinite(v) else v for v in c] for k, c in columns.items()}


def _csv(columns: dict[str, list[Any]]) -> bytes:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(zip(*columns.values(), strict=True))
    return text.getvalue().encode()
