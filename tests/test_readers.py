"""What is no file, or a damaged one: every reader says so in the package's words, at once, whatever lies there."""

from __future__ import annotations

import io
import json
import os
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import pellucid as pl
from pellucid import interop
from pellucid.cli.sources import recalled
from pellucid.data.pictures import read_picture
from pellucid.errors import DataError, FileFormatError, PellucidError
from pellucid.interop.strict_json import MAX_DEPTH, parse_json
from pellucid.training.history import EPOCH_COLUMNS, ITERATION_COLUMNS

READERS: dict[str, Callable[[Path], Any]] = {
    "load": pl.load,
    "load_into": lambda path: interop.load_into(pl.Sequential([pl.Affine(2)], input_shape=2), path),
    "read_metadata": pl.read_metadata,
    "load_nielsen": interop.load_nielsen,
    "load_book_params": interop.load_book_params,
    "load_keras": pl.load_keras,
    "load_torch": lambda path: pl.load_torch(pl.Sequential([pl.Affine(2)], input_shape=2), path),
    "History.load": pl.History.load,
    "Explanation.load": pl.explain.Explanation.load,
    "read_idx": pl.read_idx,
}


OTHERS: dict[str, Callable[[Path], Any]] = {
    "load_csv": pl.load_csv,
    "read_inputs": lambda path: pl.data.read_inputs(path, (784,)),
    "a picture": lambda path: read_picture(path, 1),
    "a run's data": recalled,
}


@pytest.fixture(params=READERS)
def reader(request: pytest.FixtureRequest) -> Callable[[Path], Any]:
    return READERS[request.param]


@pytest.mark.parametrize("reader", [*READERS.values(), *OTHERS.values()], ids=[*READERS, *OTHERS])
def test_what_is_no_file_is_refused_without_waiting(reader, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    os.mkfifo("pipe")
    Path("folder").mkdir()
    Path("ring").symlink_to("ring")
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind("socket")
        for name in ("pipe", "folder", "socket", "ring", "nothing", "folder/nothing", "a" * 300, "a\0b", ""):
            with pytest.raises(DataError):
                reader(Path(name))


DAMAGE = {
    "nothing": b"",
    "zero": bytes(1),
    "deep lists": b"[" * 200_000,
    "deep lists that end": b"[" * 50_000 + b"]" * 50_000,
    "deep objects": b'{"a":' * 50_000 + b"1" + b"}" * 50_000,
    "other encoding": '{"a": "ä"}'.encode("utf-16"),
    "latin-1": '{"a": "ä"}'.encode("latin-1"),
    "byte-order mark": b"\xef\xbb\xbf{}",
    "a huge number": b'{"a": ' + b"9" * 100_000 + b"}",
    "an infinite number": b'{"a": 1e999}',
    "a page": b"<!doctype html>",
    "half a surrogate": b'{"a": "\\ud800"}',
    "twice": b'{"a": 1, "a": 2}',
    "text": b'"text"',
    "null": b"null",
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_damage_is_named(reader, tmp_path, damage):
    (tmp_path / "file").write_bytes(DAMAGE[damage])
    with pytest.raises(FileFormatError) as error:
        reader(tmp_path / "file")

    assert "\n" not in str(error.value)
    assert len(str(error.value)) < 800


@pytest.mark.parametrize("text", ["[" * (MAX_DEPTH + 1) + "]" * (MAX_DEPTH + 1), '{"a":[' * 60 + "1" + "]}" * 60])
def test_nesting_has_an_end(text):
    with pytest.raises(FileFormatError, match="nested too deeply"):
        parse_json(text, "it")


@pytest.mark.parametrize(
    "text", ['"' + "[" * 9999 + '"', '["\\"' + "[" * 9999 + '"]', '["\\\\", ' + '"{{{", ' * 200 + "1]"]
)
def test_brackets_in_a_text_are_no_nesting(text):
    assert parse_json(text, "it") == json.loads(text)


# Histories


def sound() -> dict[str, Any]:
    history = pl.History(settings={"seed": 2**127, "loss": "x", "none": None})
    for i in (1, 2):
        history.add_epoch(iteration=i, epoch=float(i), train_loss=0.5)
        for column, value in zip(ITERATION_COLUMNS, (i, 0.5, 0.1, 1.0), strict=True):
            history.iterations[column].append(value)
    stream = io.StringIO()
    json.dump(
        {
            "settings": history.settings,
            "stopped": "finished",
            "epochs": history.epochs,
            "iterations": history.iterations,
        },
        stream,
    )
    content: dict[str, Any] = json.loads(stream.getvalue())
    return content


def changed(*path: Any, to: Any) -> dict[str, Any]:
    content = sound()
    inner = content
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = to
    return content


@pytest.mark.parametrize(
    ("content", "why"),
    [
        ([], "must be an object of iterations, epochs, settings and stopped"),
        ({}, "must be an object of"),
        (changed("more", to=1), "must be an object of"),
        (changed("settings", to=[]), "settings must be an object"),
        (changed("stopped", to=1), "stopped must be text"),
        (changed("epochs", to="text"), "epochs must be an object"),
        (changed("epochs", "epoch", to="12"), "columns of epochs must be lists of one length"),
        (changed("epochs", "epoch", to=[1.0]), "lists of one length"),
        (changed("epochs", "extra", to=[1, 2]), f"epochs must have the columns {', '.join(EPOCH_COLUMNS)}"),
        (changed("iterations", "loss", 1, to="0.5"), r"iterations, loss\[1\] must be a number, got '0.5'"),
        (changed("iterations", "loss", 1, to=True), r"loss\[1\] must be a number, got 'True'"),
        (changed("iterations", "loss", 1, to=[[]]), r"loss\[1\] must be a number"),
        (changed("iterations", "iteration", 0, to=0.5), r"iteration\[0\] must be a whole number"),
        (changed("epochs", "iteration", 0, to=-1), r"iteration\[0\] must be a whole number"),
        (changed("epochs", "iteration", 0, to=None), r"iteration\[0\] must be a whole number"),
        (changed("epochs", "train_loss", 0, to=float("inf")), "Infinity is not a number of JSON"),
        (changed("epochs", "train_loss", 0, to=float("nan")), "NaN is not a number of JSON"),
    ],
)
def test_a_history_is_looked_at_before_it_is_taken(tmp_path, content, why):
    (tmp_path / "history.json").write_text(json.dumps(content))
    with pytest.raises(FileFormatError, match=rf"^History.load: .*not a history written by History.save: .*{why}"):
        pl.History.load(tmp_path / "history.json")


def test_a_sound_history_loads_and_draws(tmp_path):
    (tmp_path / "history.json").write_text(json.dumps(changed("epochs", "train_loss", 0, to=None)))
    history = pl.History.load(tmp_path / "history.json")

    assert history.settings["seed"] == 2**127
    history.save(tmp_path / "again.json")
    assert pl.History.load(tmp_path / "again.json") == history


def test_numbers_of_numpy_are_saved_as_numbers(tmp_path):
    history = pl.History(settings={"rate": np.float32(0.5), "seed": np.int64(3)})
    history.add_epoch(iteration=np.int64(1), epoch=np.float32(1), train_loss=np.float32("nan"))
    history.save(tmp_path / "history.json")

    again = pl.History.load(tmp_path / "history.json")
    assert (again.settings, again.last("train_loss")) == ({"rate": 0.5, "seed": 3}, None)


# A model's texts, which the command line reads


@pytest.mark.parametrize(
    "loss", ["[" * 50_000, '{"name":' * 5000, "1", '"x"', "[1]", '{"name": 1}', "1e999", "NaN", '{"a":']
)
def test_a_loss_in_a_model_file_may_be_anything(tmp_path, loss):
    from pellucid.cli.common import load_model

    pl.save(pl.Sequential([pl.Affine(2)], input_shape=2), tmp_path / "model", metadata={"loss": loss})
    with pytest.raises(PellucidError, match="its loss is not one of"):
        load_model(tmp_path / "model")


@pytest.mark.parametrize("meta", [b"[" * 50_000, b"[]", b"1", b'{"scalars": 1}', b'{"scalars": [1]}', b"\xff"])
def test_the_text_of_an_explanation_may_be_anything(tmp_path, meta):
    said = pl.explain.saliency(pl.Sequential([pl.Affine(2)], input_shape=2), np.ones((1, 2), np.float32), 0)
    said.save(tmp_path / "said")
    assert pl.explain.Explanation.load(tmp_path / "said").scalars == said.scalars

    arrays = {**np.load(tmp_path / "said"), "meta": np.frombuffer(meta, np.uint8)}
    with (tmp_path / "said").open("wb") as file:
        np.savez(file, **arrays)
    with pytest.raises(FileFormatError, match="no saved explanation"):
        pl.explain.Explanation.load(tmp_path / "said")


@pytest.mark.parametrize(
    "text", ["[" * 50_000, "[]", "null", '{"path": 1}', '{"path": "a\\u0000b", "options": {}, "sha256": ""}', "\x00"]
)
def test_what_a_run_remembers_of_its_data_may_be_anything(tmp_path, text):
    from pellucid.cli.sources import recalled

    (tmp_path / "data.json").write_text(text)
    with pytest.raises(FileFormatError, match="not what a run remembers"):
        recalled(tmp_path / "data.json")
