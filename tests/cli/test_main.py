from __future__ import annotations

import importlib
import subprocess
import sys
from pathlib import Path

import click
import pytest

program = importlib.import_module("pellucid.cli.main")  # `pellucid.cli.main` by itself is the function


def test_every_command_is_listed_with_what_it_does(capsys):
    with pytest.raises(SystemExit) as stopped:
        program.main(["--help"])
    lines = capsys.readouterr().out.partition("Commands:")[2].splitlines()

    assert stopped.value.code == 0
    assert [line.split()[0] for line in lines if line] == sorted(program.COMMANDS)
    assert all(len(line.split()) > 3 for line in lines if line)


def test_no_command_is_forgotten():
    room = Path(program.__file__).parent
    held = {
        name.removesuffix("_command")
        for path in room.glob("*.py")
        for name in vars(importlib.import_module(f"pellucid.cli.{path.stem}"))
        if name.endswith("_command") and path.stem != "main"
    }

    assert held == set(program.COMMANDS)
    for name in program.COMMANDS:
        command = program.cli.get_command(click.Context(program.cli), name)
        assert command is not None
        assert command.name == name


def test_a_command_loads_only_what_it_needs():
    code = "import sys; from pellucid.cli.main import cli; cli.get_command(None, 'train'); print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()

    assert "pellucid.cli.train" in loaded
    assert not {"pellucid.cli.explain", "pellucid.cli.report", "pellucid.explain", "pellucid.report"} & set(loaded)


def test_an_unknown_command_exits_with_2(capsys):
    with pytest.raises(SystemExit) as stopped:
        program.main(["trane"])

    assert stopped.value.code == 2
    assert "No such command 'trane'" in capsys.readouterr().err


@pytest.mark.parametrize(
    "words",
    [["train", "{}"], ["{}"], ["train", "--data", "{}"], ["train", "--epochs={}"], ["train", "--{}=1"],
     ["train", "-{}"], ["evaluate", "{}"], ["predict", "{}", "a.csv"], ["summary", "{}"], ["gradcheck", "{}"],
     ["trust", "run", "{}"], ["explain", "{}", "test:0"], ["views", "run", "--only", "{}"],
     ["report", "run", "--out", "{}"],
     ["train", "--out", "{}"], ["train", "--out", "new/{}"], ["train", "--out", "{}/new"]],
    ids=" ".join,
)  # fmt: skip
@pytest.mark.parametrize("sign", ["x", "x y "], ids=repr)
def test_a_long_argument_is_not_repeated_whole(capsys, tmp_path, monkeypatch, words, sign):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as stopped:
        program.main([word.format((sign * 5000)[:5000]) for word in words])
    out, err = capsys.readouterr()

    assert (stopped.value.code, out, err.count("\n")) == (2, "", 1)
    assert len(err) < 1100
    assert list(tmp_path.iterdir()) == []
