"""Which data a command works on: MNIST, a folder of IDX files or a CSV file; and what a run remembers of it.

A run's `data.json` holds the path and the options as they were given, and the hash of the content:

    {"path": "/home/ada/flowers.csv", "options": {"target": "species"}, "sha256": "9f86…"}
"""

from __future__ import annotations

import functools
import hashlib
import json
import os
import warnings
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import click
import numpy as np

from pellucid import checks
from pellucid.cli.ranges import NAME
from pellucid.data import CsvOptions, Dataset, InputSpec, ScaleWarning, load_csv, load_directory, mnist
from pellucid.data.directory import find_idx_files
from pellucid.data.scaling import prepared
from pellucid.data.targets import Task
from pellucid.errors import ArgumentError, DataError, FileFormatError
from pellucid.files import atomic_write, read_bytes
from pellucid.interop.strict_json import parse_json
from pellucid.layers import Container
from pellucid.shown import shown

MNIST = "mnist"
MEMORY = "data.json"
MOST_BYTES = 1 << 20  # of a memory
HELD_OUT = 0.2

_CSV_OPTIONS = (
    click.option("--header/--no-header", "csv_header", default=None, help="CSV: whether line 1 names the columns."),
    click.option("--delimiter", "csv_delimiter", metavar="CHAR", help="CSV: what stands between cells."),
    click.option("--decimal", "csv_decimal", metavar="CHAR", default=".", help="CSV: ',' for numbers such as 1,5."),
    click.option("--encoding", "csv_encoding", metavar="NAME", help="CSV: UTF-8 if left out; such as latin-1, utf-16."),
    click.option(
        "--index-col", "csv_index_col", multiple=True, metavar="COLUMN",
        help="CSV: a column to leave out; may be given again. 'none' keeps all.",
    ),
)  # fmt: skip


@dataclass(frozen=True)
class Source:
    """What was said about data; `path` is None where nothing was."""

    path: Path | None = None
    test: Path | None = None
    digits: bool | None = None
    csv: CsvOptions = field(default_factory=CsvOptions)
    pictures: str | None = None

    @property
    def is_mnist(self) -> bool:
        """Whether it is the MNIST inside the package."""
        return self.path is None or (str(self.path) == MNIST and not os.path.exists(self.path))

    def load(self, like: InputSpec | None = None, task: Task = "classification") -> tuple[Dataset, Dataset]:
        """Return (train, test), pictures as (N, H, W, C); a table is prepared as `like` says, if it is given."""
        if self.path is None or self.is_mnist:
            return mnist(flatten=False)
        if not self.path.is_file():
            return load_directory(self.path, flatten=False, digits=self.digits)
        return self._load_csv(like, task)

    def _load_csv(self, like: InputSpec | None, task: Task) -> tuple[Dataset, Dataset]:
        # float64 until it is scaled, by what the training rows say: large numbers differ late
        options = {**asdict(self.csv), "task": task, "dtype": np.float64 if like is None else np.float32}
        with warnings.catch_warnings():
            if like is None:
                warnings.simplefilter("ignore", ScaleWarning)
            data = load_csv(self.path or "", **options, like=like)
            if self.test is None:
                test, train = data.split(HELD_OUT, 0)
                note(f"{self.path}: {len(test):,} of {len(data):,} rows, drawn at random, are the test samples; "
                     "--test FILE takes another file")  # fmt: skip
            else:
                train, test = data, load_csv(self.test, **options, like=data)
        if like is None:
            train, test = prepared(train, test)
        return _as_pictures(train), _as_pictures(test)

    def hash(self) -> str:
        """Return the SHA-256 of the files' content."""
        if self.path is None or self.is_mnist:
            return ""
        files = [self.path, self.test] if self.path.is_file() else find_idx_files("data", self.path)
        content = hashlib.sha256()
        for path in filter(None, files):
            with checks.open_file("data", path) as file:
                content.update(hashlib.file_digest(file, "sha256").digest())
        return content.hexdigest()

    def remember(self, directory: Path) -> None:
        """Write the run's memory of its data."""
        options: dict[str, Any] = {key: value for key, value in asdict(self.csv).items() if value not in (None, ".")}
        if self.test is not None:
            options["test"] = str(self.test.resolve())
        if self.digits is not None:
            options["digits"] = self.digits
        path = MNIST if self.path is None or self.is_mnist else str(self.path.resolve())
        memory = {"path": path, "options": options, "sha256": self.hash()}
        atomic_write(directory / MEMORY, (json.dumps(memory, indent=1, ensure_ascii=False) + "\n").encode())


def recalled(file: Path) -> Source:
    """Return what a run remembers of its data; it says so where they have changed.

    Raises
    ------
    FileFormatError
        If the memory is not of its form.
    DataError
        If the data are not there any more.
    """
    content = read_bytes(file, MOST_BYTES, who="data")
    try:
        memory = parse_json(content, "the text")
        options = dict(memory["options"])
        test, digits = options.pop("test", None), options.pop("digits", None)
        source = Source(Path(memory["path"]), test and Path(test), digits, CsvOptions(**options))
        hashed = memory["sha256"]
        texts = isinstance(hashed, str) and isinstance(test, str | None) and isinstance(digits, bool | None)
        if set(memory) != {"path", "options", "sha256"} or not texts or "\0" in memory["path"]:
            raise ValueError
    except (ValueError, KeyError, TypeError, AttributeError):
        raise FileFormatError(f"{file}: not what a run remembers of its data. Remove it, or give --data.") from None
    if source.path is not None and not source.is_mnist:
        if not os.path.exists(source.path):  # False also for what can be no name
            raise DataError(f"{file}: the data of this run, {source.path}, are not there. Give --data.")
        if source.hash() != hashed:
            note(f"{source.path} has changed since the training: what is now a test sample may have been learnt from")
    return source


def data_of(model: Path, network: Container[Any], source: Source | None) -> tuple[Dataset, Dataset]:
    """Return (train, test) for the network in a file: those named, else those that it learnt from.

    Raises
    ------
    DataError
        If nothing says which they are.
    """
    inputs, outputs = network.inputs, network.outputs
    task: Task = "regression" if outputs is not None and outputs.classes is None else "classification"
    if source is not None and source.path is not None:
        return source.load(inputs, task)
    memory = model.parent / MEMORY
    if memory.is_file():
        return recalled(memory).load(inputs, task)
    if inputs is not None and inputs.kind == "digits":
        return mnist(flatten=False)
    raise DataError(
        f"{model}: nothing beside it says what it learnt from. Give --data: IDX files, a CSV file, or mnist."
    )


def _as_pictures(data: Dataset) -> Dataset:
    spec = data.inputs
    return data.as_images(spec.shape) if spec is not None and spec.kind in ("digits", "images") else data


def note(text: str) -> None:
    """Say something about the input, beside the results."""
    click.secho(f"note: {shown(text)}", fg="yellow", err=True)


def tell(notes: Iterable[tuple[str, Sequence[str]]]) -> None:
    """Say what was done to files, the same words once for all that they hold for."""
    files: dict[str, list[str]] = {}
    for name, texts in notes:
        for text in texts:
            files.setdefault(text, []).append(name)
    for text, names in files.items():
        note(f"{names[0]}{f' and {len(names) - 1} more' if len(names) > 1 else ''}: {text}")


def _target_option(*names: str) -> Any:
    return click.option(*names, "csv_target", metavar="COLUMN", help="CSV: the column of the classes: name or number.")


def data_option(function: Any, target: Sequence[str] = ("--target", "--target-column")) -> Any:
    """Add --data and the options that say how to read it; the command gets them as one `data_dir`."""

    @functools.wraps(function)
    def command(*args: Any, data_path: Path | None, test_path: Path | None, digits: bool | None,
                pictures: str | None, **rest: Any) -> Any:  # fmt: skip
        source = Source(data_path, test_path, digits, _csv(rest), pictures)
        return function(*args, data_dir=source, **rest)

    options = (
        click.option(
            "--data", "data_path", metavar="PATH", type=NAME,
            help="A folder of IDX files of your own (train-images…, train-labels…, t10k-…), a CSV file, or 'mnist'.",
        ),
        click.option("--test", "test_path", metavar="FILE", type=NAME,
                     help="CSV: the file of the test samples; a fifth of the rows if left out."),
        _target_option(*target),
        *_CSV_OPTIONS,
        click.option("--digits/--no-digits", default=None,
                     help="Whether the images are digits prepared as MNIST's; seen from the images if left out."),
        _PICTURES,
    )  # fmt: skip
    return _decorated(command, options)


def data_beside_target(function: Any) -> Any:
    """`data_option` for commands whose --target is the class that is explained."""
    return data_option(function, ("--target-column",))


def table_option(function: Any) -> Any:
    """Add the options that say how a file given as input is read; the command gets `table` and `pictures`."""

    @functools.wraps(function)
    def command(*args: Any, **rest: Any) -> Any:
        return function(*args, table=_csv(rest), **rest)

    return _decorated(command, (_target_option("--target", "--target-column"), *_CSV_OPTIONS, _PICTURES))


_PICTURES = click.option(
    "--pictures", type=click.Choice(["digits", "images"]),
    help="How a PNG or JPEG is prepared, in place of what the model file says: as MNIST's digits, or only resized.",
)  # fmt: skip


def _decorated(command: Any, options: tuple[Any, ...]) -> Any:
    for option in reversed(options):
        command = option(command)
    return command


def _csv(rest: dict[str, Any]) -> CsvOptions:
    """Take the CSV options out of a command's arguments."""
    given = {key.removeprefix("csv_"): rest.pop(key) for key in list(rest) if key.startswith("csv_")}
    columns = [_column(text) for text in given["index_col"]]
    given["index_col"] = False if columns == ["none"] else columns or None
    given["target"] = None if given["target"] is None else _column(given["target"])
    given["delimiter"] = {"\\t": "\t", "tab": "\t"}.get(given["delimiter"], given["delimiter"])
    options = CsvOptions(**given)
    try:
        options.check("--")
    except ArgumentError as error:
        raise ArgumentError(str(error).replace("--: ", "--", 1)) from None
    return options


def _column(text: str) -> str | int:
    """A column's name or number; a name that is a number counts from 0, and is looked for among the names first."""
    return int(text) if text.lstrip("-").isdigit() else text
