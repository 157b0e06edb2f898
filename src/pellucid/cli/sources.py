"""Which data a command works on: MNIST, a folder of IDX files or a CSV file; and what a run remembers of it.

A run's `data.json` holds the path and the options as they were given, and the hash of the content:

    {"path": "/home/ada/flowers.csv", "options": {"target": "species"}, "sha256": "9f86…", "model": "60303…"}

`sha256` is of the data, `model` of the model file that was written before.
"""

from __future__ import annotations

import hashlib
import json
import os
import warnings
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import click
import numpy as np

from pellucid import checks
from pellucid.data import CsvOptions, Dataset, InputSpec, ScaleWarning, load_csv, load_directory, mnist
from pellucid.data.csv_names import names_first
from pellucid.data.directory import find_idx_files
from pellucid.data.scaling import prepared
from pellucid.data.targets import Task
from pellucid.errors import DataError, FileFormatError
from pellucid.files import atomic_write, read_bytes
from pellucid.interop.strict_json import parse_json
from pellucid.layers import Container
from pellucid.shown import shown
from pellucid.specs import PICTURES

MNIST = "mnist"
MEMORY, HISTORY = "data.json", "history.json"
MOST_BYTES = 1 << 20  # of a memory
HELD_OUT = 0.2


class Kind(NamedTuple):
    """How messages call a kind of data or file, and how the parameters of options begin that it alone heeds."""

    words: str
    heeds: tuple[str, ...] = ()


KINDS = {
    "table": Kind("a CSV file", ("test_path", "csv_")),
    "folder": Kind("a folder of IDX files", ("digits",)),
    "picture": Kind("a picture file", ("pictures",)),
    "mnist": Kind("MNIST"),
}
"""By `Source.kind`, or by what `kind_of` in `data/incoming.py` says of a file."""


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

    @property
    def kind(self) -> str:
        """What it is, of `KINDS`; "nowhere" where there is no such thing."""
        if self.path is None or self.is_mnist:
            return "mnist"
        return "table" if self.path.is_file() else "folder" if self.path.is_dir() else "nowhere"

    def load(self, like: InputSpec | None = None, task: Task = "classification") -> tuple[Dataset, Dataset]:
        """Return (train, test), pictures as (N, H, W, C), prepared as `like` says, if it is given."""
        if self.path is None or self.is_mnist:
            train, test = mnist(flatten=False)
            return as_learnt(train, like), as_learnt(test, like)
        if not self.path.is_file():
            return load_directory(self.path, flatten=False, digits=self.digits, like=like)
        return self._load_csv(like, task)

    def _load_csv(self, like: InputSpec | None, task: Task) -> tuple[Dataset, Dataset]:
        # float64 until it is scaled, by what the training rows say: large numbers differ late
        more: dict[str, Any] = {"task": task, "dtype": np.float64 if like is None else np.float32}
        path = self.path or ""
        with warnings.catch_warnings():
            if like is None:
                warnings.simplefilter("ignore", ScaleWarning)
            data = load_csv(path, **asdict(names_first(path, self.csv)), like=like, **more)
            if self.test is None:
                test, train = data.split(HELD_OUT, 0)
                note(
                    f"{self.path}: {len(test):,} of {len(data):,} rows, drawn at random, are the test samples; "
                    "--test FILE takes another file"
                )
            else:
                train = data
                test = load_csv(self.test, **asdict(names_first(self.test, self.csv)), like=data, **more)
        if like is None:
            train, test = prepared(train, test)
        return _as_pictures(train), _as_pictures(test)

    def files(self) -> list[Path]:
        """Return the files that hold the data; those of MNIST are the package's own."""
        if self.path is None or self.is_mnist or not os.path.exists(self.path):
            return []
        if self.path.is_file():
            return [self.path] if self.test is None else [self.path, self.test]
        return list(find_idx_files("data", self.path))

    def hash(self) -> str:
        """Return the SHA-256 of the files' content; empty for MNIST."""
        return "" if self.is_mnist else _sha256(*self.files())

    def remember(self, directory: Path, model: Path) -> None:
        """Write the run's memory of its data, and of which model it is."""
        options: dict[str, Any] = {key: value for key, value in asdict(self.csv).items() if value not in (None, ".")}
        if self.test is not None:
            options["test"] = _name(self.test)
        if self.digits is not None:
            options["digits"] = self.digits
        path = MNIST if self.path is None or self.is_mnist else _name(self.path)
        memory = {"path": path, "options": options, "sha256": self.hash(), "model": _sha256(model)}
        atomic_write(directory / MEMORY, (json.dumps(memory, indent=1, ensure_ascii=False) + "\n").encode())


def _sha256(*files: Path) -> str:
    content = hashlib.sha256()
    for path in files:
        with checks.open_file("data", path) as file:
            content.update(hashlib.file_digest(file, "sha256").digest())
    return content.hexdigest()


@dataclass(frozen=True)
class Memory:
    """What a run remembers: which data, what their hash was, and that of its model (None: it does not say)."""

    source: Source
    sha256: str
    model: str | None

    @classmethod
    def read(cls, file: Path) -> Memory:
        """Return what stands in a file; FileFormatError if it is not of that form."""
        content = read_bytes(file, MOST_BYTES, who="data")
        try:
            memory = parse_json(content, "the text")
            options, model = dict(memory["options"]), memory.pop("model", None)
            test, digits = options.pop("test", None), options.pop("digits", None)
            csv = CsvOptions(**options)
            source = Source(_path(memory["path"]), None if test is None else _path(test), digits, csv)
            hashed = memory["sha256"]
            texts = isinstance(hashed, str) and isinstance(model, str | None) and isinstance(digits, bool | None)
            if set(memory) != {"path", "options", "sha256"} or not texts:
                raise ValueError
        except (ValueError, KeyError, TypeError, AttributeError):
            raise FileFormatError(f"{file}: not what a run remembers of its data. Remove it, or give --data.") from None
        return cls(source, hashed, model)

    def is_of(self, model: Path) -> bool:
        """Whether it was written for the model in a file, as far as it says so."""
        return self.model is None or self.model == _sha256(model)


def recalled(file: Path) -> Source:
    """Return what a run remembers of its data; it says so where they have changed.

    Raises
    ------
    FileFormatError
        If the memory is not of its form.
    DataError
        If the data are not there any more.
    """
    memory = Memory.read(file)
    source = memory.source
    if source.path is not None and not source.is_mnist:
        if not os.path.exists(source.path):  # False also for what can be no name
            raise DataError(f"{file}: the data of this run, {source.path}, are not there. Give --data.")
        if source.hash() != memory.sha256:
            note(f"{source.path} has changed since the training: what is now a test sample may have been learnt from")
    return source


def read_for(model: Path, source: Source | None) -> list[Path]:
    """Return the files that a command reads for a model: its own, what stands beside it, and the data."""
    beside = [model.parent / MEMORY, model.parent / HISTORY]
    if (source is None or source.path is None) and beside[0].is_file():
        source = Memory.read(beside[0]).source
    return [model, *beside, *(source.files() if source is not None else [])]


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
        if not Memory.read(memory).is_of(model):
            raise DataError(f"{memory}: is of another model than {model}, which lies beside it. Give --data.")
        return recalled(memory).load(inputs, task)
    if inputs is not None and inputs.kind == "digits":
        return Source(Path(MNIST)).load(inputs)
    raise DataError(
        f"{model}: nothing beside it says what it learnt from. Give --data: IDX files, a CSV file, or mnist."
    )


def _name(path: Path) -> str | dict[str, str]:
    """A path as JSON holds it: a text, or the bytes of a name that is none."""
    name = str(path.resolve())
    return name if not any("\ud800" <= sign <= "\udfff" for sign in name) else {"bytes": os.fsencode(name).hex()}


def _path(name: Any) -> Path:
    made = name if isinstance(name, str) else os.fsdecode(bytes.fromhex(name["bytes"]))
    if "\0" in made:
        raise ValueError
    return Path(made)


def as_learnt(data: Dataset, like: InputSpec | None) -> Dataset:
    """Return pictures of 0 to 1 as a network wants them, where it says that it wants them otherwise."""
    if like is None or like.kind not in PICTURES or like.picture_shape != data.sample_shape:
        return data
    if like.white in (None, 1.0) and not like.mean and like.shape == data.sample_shape:
        return data
    made = Dataset(like.prepared(data.x), data.t, classes=data.classes)
    made.inputs = like
    return made


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
