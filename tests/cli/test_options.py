"""Every option of every command, found by looking: a number has its range, a path is asked after before the work."""

from __future__ import annotations

import contextlib
import importlib
import os
import socket
from collections.abc import Iterator
from pathlib import Path

import click
import numpy as np
import pytest

import pellucid as pl
from pellucid.cli.ranges import Numbers, Real, Whole
from pellucid.errors import ArgumentError, PellucidError
from pellucid.report.choose import read_samples, read_target

program = importlib.import_module("pellucid.cli.main")

TEXTS = {"method", "methods", "target", "layer", "only", "model", "images"}
TEXTS |= {"csv_target", "csv_delimiter", "csv_decimal", "csv_encoding", "csv_index_col"}
"""Parameters that are free text: names that are looked up, and what `report.choose` reads."""


def parameters() -> Iterator[tuple[str, click.Parameter]]:
    for name in program.COMMANDS:
        command = program.cli.get_command(click.Context(program.cli), name)
        for parameter in command.params:
            yield name, parameter


NUMBERS = [(name, p) for name, p in parameters() if isinstance(p.type, (Whole, Real))]
PATHS = [(name, p) for name, p in parameters() if isinstance(p, click.Option) and p.name in {"out", "picture"}]


def label(value: object) -> str:
    return value.opts[0] if isinstance(value, click.Parameter) else str(value)


@pytest.mark.parametrize(("command", "parameter"), list(parameters()), ids=label)
def test_every_parameter_says_what_it_may_be(command, parameter):
    kind = parameter.type
    ranged = isinstance(kind, (Whole, Real)) and None not in (kind.min, kind.max)
    flag = isinstance(kind, click.types.BoolParamType)
    text = isinstance(kind, click.types.StringParamType) and parameter.name in TEXTS

    assert ranged or flag or text or isinstance(kind, (click.Path, click.Choice)), (
        f"{command} {parameter.opts}: {kind}: give it a type of cli/ranges.py, or name it in TEXTS"
    )


def wrong_values(kind: Whole | Real) -> list[str]:
    below = kind.min - (0 if kind.min_open else 1)
    common = ["x", "", "nan", "inf", "-inf", "1e999", "-0.5", str(below), str(-(10**30)), "9" * 5000]
    return common + ([str(kind.max + 1), str(10**30), "0.5", "1e9", "0x10"] if isinstance(kind, Whole) else ["1e300"])


def run(capsys, *arguments: str) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as stopped:
        program.main(list(arguments))
    return int(stopped.value.code or 0), *capsys.readouterr()


def needed(command: str) -> list[str]:
    """The arguments without which a command would complain of those."""
    made = program.cli.get_command(click.Context(program.cli), command)
    return ["test:0" for p in made.params if isinstance(p, click.Argument) and p.required]


@pytest.mark.parametrize(("command", "parameter"), NUMBERS, ids=label)
def test_a_number_outside_its_range_takes_one_line_and_nothing_is_done(
    capsys, tmp_path, monkeypatch, command, parameter
):
    monkeypatch.chdir(tmp_path)
    for value in wrong_values(parameter.type):
        code, out, err = run(capsys, command, *needed(command), parameter.opts[0], value)

        assert (code, out, err.count("\n")) == (2, "", 1), (value, err)
        assert parameter.opts[0] in err
        assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("command", "parameter"), NUMBERS, ids=label)
def test_the_ends_of_a_range_are_in_it(command, parameter):
    kind = parameter.type
    several = isinstance(kind, Numbers)
    assert kind.convert(str(kind.max), None, None) == ((kind.max,) if several else kind.max)
    if not kind.min_open:
        assert kind.convert(str(kind.min), None, None) == ((kind.min,) if several else kind.min)


@pytest.fixture
def nothing_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make every reading of data or a model fail: what is wrong must have been said before."""

    def too_late(*_: object, **__: object) -> None:
        raise AssertionError("the work has begun")

    for module in sorted({"common", *program.COMMANDS.values()}):
        held = importlib.import_module(f"pellucid.cli.{module}")
        for name in ("load_data", "load_model", "model_or_file"):
            if hasattr(held, name):
                monkeypatch.setattr(held, name, too_late)


@pytest.mark.usefixtures("nothing_is_read")
@pytest.mark.parametrize("kind", ["pipe", "socket", "folder", "no folder", "file as folder"])
@pytest.mark.parametrize(("command", "parameter"), PATHS, ids=label)
def test_what_cannot_be_written_is_said_before_the_work(capsys, tmp_path, monkeypatch, command, parameter, kind):
    monkeypatch.chdir(tmp_path)
    folder = not (parameter.metavar or "").startswith("FILE")
    suffix = "" if folder else {"report": ".html"}.get(command, ".png")
    path = Path(f"there{suffix}")
    with contextlib.ExitStack() as closing:
        if kind == "pipe":
            os.mkfifo(path)
        elif kind == "socket":
            closing.enter_context(socket.socket(socket.AF_UNIX)).bind(str(path))
        elif kind == "folder":
            path.mkdir()
            if folder:  # where the file that goes into it is a folder itself
                (path / {"train": "model.safetensors", "views": "filters.png"}[command]).mkdir()
        elif kind == "no folder":
            path = Path("nowhere") / path
            if command == "train":
                pytest.skip("makes the folders above its own")
        else:
            Path("file").touch()
            path = Path("file") / path
        before = sorted(p.name for p in tmp_path.rglob("*"))
        given = ["saliency"] if command == "trust" else []
        code, out, err = run(capsys, command, *needed(command)[len(given) :], *given, parameter.opts[0], str(path))

    assert (code, out, err.count("\n")) == (2, "", 1), err
    assert parameter.opts[0] in err
    assert sorted(p.name for p in tmp_path.rglob("*")) == before


@pytest.mark.parametrize("text", ["test:" + "9" * 5000, "train:0-" + "9" * 5000])
def test_an_index_without_end_is_no_number(text):
    data = pl.Dataset(np.eye(2), [0, 1])

    with pytest.raises(PellucidError):
        read_samples([text], data, data)
    with pytest.raises(ArgumentError, match="--target: must be"):
        read_target("9" * 5000, [], list("0123456789"))
