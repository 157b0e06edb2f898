"""What happened in training: a record of every iteration and of every evaluation, that saves and draws itself."""

from __future__ import annotations

import csv
import io
import json
import math
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from pellucid import checks
from pellucid.checked import checked, checked_late
from pellucid.errors import ArgumentError, FileFormatError
from pellucid.files import atomic_write, read_bytes, writable
from pellucid.interop.strict_json import parse_json

ITERATION_COLUMNS = ("iteration", "loss", "learning_rate", "seconds")
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
MAX_BYTES = 1 << 30
"""The largest file that is read; a million iterations take a twentieth."""


@checked_late
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
    training : Training or None
        Where the run stands, for `fit(resume=history)`; it is not saved in files.

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
    training: Any = field(default=None, repr=False, compare=False)

    def __len__(self) -> int:
        return len(self.iterations["loss"])

    def add_epoch(self, **values: Any) -> dict[str, Any]:
        """Append one evaluation; columns left out become None."""
        row = {k: values.get(k) for k in EPOCH_COLUMNS}
        for key, value in row.items():
            self.epochs[key].append(value)
        return row

    @checked
    def last(self, column: str) -> Any:
        """Return the newest value of a column of `epochs`, or of `iterations`; None where there is none."""
        for table in (self.epochs, self.iterations):
            if column in table:
                return table[column][-1] if table[column] else None
        checks.unknown_name("History", "column", column, {*EPOCH_COLUMNS, *ITERATION_COLUMNS})

    @checked
    def save(self, path: str | Path) -> None:
        """Write `.json` (everything) or `.csv` (the evaluations; the iterations beside it, NAME-iterations.csv)."""
        path, who = Path(path), "History.save"
        epochs, iterations = _whole(self.epochs), _whole(self.iterations)
        if path.suffix == ".json":
            content = {"settings": self.settings, "stopped": self.stopped}
            content |= {"epochs": _finite(epochs), "iterations": _finite(iterations)}
            atomic_write(path, _json(content), who=who)
        elif path.suffix == ".csv":
            beside = path.with_name(f"{path.stem}-iterations.csv")
            writable(who, beside)  # neither is written where one cannot be
            atomic_write(path, _csv(epochs), who=who)
            atomic_write(beside, _csv(iterations), who=who)
        else:
            raise ArgumentError(f"{who}: the name must end in .json or .csv, got {path.name!r}.")

    @classmethod
    @checked
    @checks.within_memory
    def load(cls, path: str | Path) -> History:
        """Read what `save` wrote as JSON.

        Raises
        ------
        DataError
            If there is no such file, or it cannot be opened.
        FileFormatError
            If it is something else: not JSON, other columns, columns of different lengths, text among the numbers.
        """
        label = f"History.load: {os.fspath(path)}"
        try:
            content = parse_json(read_bytes(path, MAX_BYTES, who="History.load"), "the text")
            wrong = _what_is_wrong(content)
        except FileFormatError as error:
            wrong = str(error)
        if wrong:
            raise FileFormatError(f"{label}: not a history written by History.save: {wrong} Give a run's history.json.")
        return cls(content["iterations"], content["epochs"], content["settings"], content["stopped"])

    @checked
    def plot(self) -> Any:
        """Return the book's figure: loss by iteration above accuracy by epoch (a Matplotlib figure)."""
        from pellucid.plots import training_figure

        return training_figure(self)


def _what_is_wrong(content: Any) -> str:
    """Return why this is no history, or nothing."""
    kinds = {"iterations": dict, "epochs": dict, "settings": dict, "stopped": str}
    if not isinstance(content, dict) or content.keys() != kinds.keys():
        return "it must be an object of iterations, epochs, settings and stopped."
    for key, kind in kinds.items():
        if not isinstance(content[key], kind):
            return f"{key} must be {'text' if kind is str else 'an object'}."
    return _wrong_column("iterations", content["iterations"], ITERATION_COLUMNS) or _wrong_column(
        "epochs", content["epochs"], EPOCH_COLUMNS
    )


def _wrong_column(table: str, columns: dict[str, Any], names: tuple[str, ...]) -> str:
    if columns.keys() != set(names):
        return f"{table} must have the columns {', '.join(names)}."
    lengths = {len(column) if isinstance(column, list) else -1 for column in columns.values()}
    if len(lengths) > 1 or -1 in lengths:
        return f"the columns of {table} must be lists of one length."
    for name, column in columns.items():
        counts = name == "iteration"
        for i, value in enumerate(column):
            if not (type(value) is int and value >= 0 if counts else value is None or type(value) in (int, float)):
                kind = "a whole number of at least 0" if counts else "a number"
                return f"{table}, {name}[{i}] must be {kind}, got {str(value)[:40]!r}."
    return ""


def _whole(columns: dict[str, list[Any]]) -> dict[str, list[Any]]:
    """Copy the rows that are complete: another thread may be in the middle of adding one."""
    copies = {key: list(column) for key, column in columns.items()}
    rows = min(map(len, copies.values()), default=0)
    return {key: column[:rows] for key, column in copies.items()}


def _json(content: dict[str, Any]) -> bytes:
    try:
        text = json.dumps(content, indent=1, allow_nan=False, default=_number)
    except (TypeError, ValueError, RecursionError) as error:
        raise ArgumentError(f"History.save: settings must be text and finite numbers: {error}.") from None
    return (text + "\n").encode("utf-8")


def _number(value: Any) -> Any:
    """Return a number of NumPy's as one of Python's."""
    if isinstance(value, np.generic):
        return value.item()
    raise TypeError(f"{type(value).__name__} {str(value)[:40]!r} is neither")


def _finite(columns: dict[str, list[Any]]) -> dict[str, list[Any]]:
    """JSON has no NaN or infinity: a run that diverged keeps its place with None."""
    return {
        k: [None if isinstance(v, (float, np.floating)) and not math.isfinite(v) else v for v in c]
        for k, c in columns.items()
    }


def _csv(columns: dict[str, list[Any]]) -> bytes:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(zip(*columns.values(), strict=True))
    return text.getvalue().encode()
