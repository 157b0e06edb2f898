"""Which data a command works on: the same numbers, options that are heeded or refused, columns by their names."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import pellucid as pl
from pellucid.cli import main

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run a command in an empty folder; give its exit code and what it printed."""
    monkeypatch.chdir(tmp_path)

    def call(*arguments: object) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as exit_:
            main([str(a) for a in arguments])
        out, err = capsys.readouterr()
        return int(exit_.value.code or 0), out, err

    return call


def write_table(path: str, x: np.ndarray, t: np.ndarray, header: str = "a,b,kind") -> None:
    rows = [",".join([*(f"{v:.6f}" for v in row), str(k)]) for row, k in zip(x, t, strict=True)]
    Path(path).write_text("\n".join([header, *rows]) + "\n")


def accuracy(out: str) -> str:
    return out.split("accuracy ")[-1].split()[0].rstrip(",")


def test_training_and_evaluate_measure_a_test_file_alike(run):
    rng = np.random.default_rng(0)
    for name, count in (("train.csv", 400), ("test.csv", 200)):  # seconds since 1970, which float32 rounds to 128
        offset = rng.uniform(0, 400, count)
        write_table(name, np.stack([1.7e9 + offset, rng.normal(size=count)], 1), offset.astype(int) // 100)
    code, trained, err = run("train", "--data", "train.csv", "--test", "test.csv", "--iterations", 600,
                             "--batch-size", 50, "--out", "run")  # fmt: skip
    assert code == 0, err
    at_the_end = next(line for line in trained.splitlines() if line.startswith("test:"))
    _, out, _ = run("evaluate", "run/model.safetensors")

    assert accuracy(at_the_end) == accuracy(out.splitlines()[-1])
    assert float(accuracy(at_the_end)) > 0.8
