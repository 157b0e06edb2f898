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


# Options that are heeded, or refused


@pytest.fixture
def places(tmp_path):
    """A table, a folder of IDX files, a network of each, and a picture."""
    rng = np.random.default_rng(1)
    write_table(str(tmp_path / "t.csv"), rng.random((40, 2)), np.arange(40) % 2)
    (tmp_path / "idx").mkdir()
    write_idx_folder(tmp_path / "idx", rng.integers(0, 255, (30, 8, 8)).astype(np.uint8))
    table, images = pl.load_csv(tmp_path / "t.csv", "kind"), pl.load_directory(tmp_path / "idx", flatten=False)[0]
    for name, data in (("t", table), ("idx", images)):
        network = pl.Sequential([pl.Flatten(), pl.Affine(2)], input_shape=data.sample_shape)
        pl.fit(network, data, epochs=1, batch_size=10, progress=False)
        pl.save(network, tmp_path / f"{name}.safetensors")
    np.save(tmp_path / "x.npy", images.x[:2])
    return tmp_path


def write_idx_folder(folder: Path, x: np.ndarray) -> None:
    for name, part in (("train", x[: len(x) // 2]), ("t10k", x[len(x) // 2 :])):
        pl.write_idx(folder / f"{name}-images-idx3-ubyte", part)
        pl.write_idx(folder / f"{name}-labels-idx1-ubyte", (np.arange(len(part)) % 2).astype(np.uint8))


COMMANDS = {
    "train": ["train", "--iterations", "1", "--batch-size", "2"],
    "evaluate": ["evaluate", "{}.safetensors"],
    "explain": ["explain", "{}.safetensors", "test:0"],
    "report": ["report", "{}.safetensors", "test:0"],
    "views": ["views", "{}.safetensors"],
    "trust": ["trust", "{}.safetensors", "saliency"],
    "gradcheck": ["gradcheck", "{}.safetensors"],
    "summary": ["summary", "{}.safetensors", "--measure", "2"],
}
TABLES = [["--test", "nope.csv"], ["--target-column", "zz"], ["--decimal", "."], ["--index-col", "0"], ["--no-header"]]


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("option", [*TABLES, ["--no-digits"]], ids="".join)
@pytest.mark.parametrize("data", [None, "mnist", "idx", "t.csv"])
def test_an_option_that_says_nothing_of_these_data_is_refused(run, places, command, option, data):
    if option in TABLES and data == "t.csv" or option == ["--no-digits"] and data == "idx":
        pytest.skip("it is heeded")
    words = [word.format("t" if data == "t.csv" else "idx") for word in COMMANDS[command]]
    before = sorted(places.iterdir())
    code, out, err = run(*words, *option, *([] if data is None else ["--data", data]))

    assert (code, out, err.count("\n")) == (2, "", 1), err
    assert option[0].replace("-column", "") in err
    assert ("--data names none. Add --data" if data is None else f"--data {data} is ") in err
    assert sorted(places.iterdir()) == before


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["predict", "idx.safetensors", "x.npy", "--target", "b"], "--target: is for a CSV file, and none is named"),
        (["predict", "idx.safetensors", "x.npy", "--pictures", "images"], "--pictures: is for a picture file"),
        (["explain", "idx.safetensors", "test:0", "--data", "idx", "--pictures", "images"], "and none is named"),
        (["evaluate", "idx.safetensors", "--data", "idx", "--pictures", "images"], "No such option"),
        (["summary", "idx.safetensors", "--data", "idx"], "only --measure N looks at data"),
        (["predict", "idx.safetensors", "nowhere.npy", "--target", "b"], "there is no file nowhere.npy"),
        (["evaluate", "t.safetensors", "--data", "nowhere.csv", "--target", "b"], "nowhere.csv"),
    ],
)
def test_an_option_about_files_that_are_not_read_is_refused(run, places, words, message):
    code, out, err = run(*words)

    assert (code, out, err.count("\n")) == (2, "", 1), err
    assert message in err


def test_options_about_what_is_read_are_heeded(run, places):
    (places / "new.csv").write_text("row,a,b\n7,0.5,0.25\n8,0.5,0.25\n")
    explain = ["explain", "t.safetensors", "new.csv", "--data", "t.csv", "--method", "saliency"]

    assert run("predict", "t.safetensors", "new.csv", "--index-col", "row")[0] == 0
    assert run(*explain, "--index-col", "none")[0] == 0
    assert run("evaluate", "t.safetensors", "--data", "t.csv", "--test", "t.csv", "--target", "kind")[0] == 0
    assert run("evaluate", "idx.safetensors", "--data", "idx", "--no-digits")[0] == 0
