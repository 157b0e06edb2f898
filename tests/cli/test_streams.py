"""Any encoding, any reader, any terminal: a command does its work and ends with its own exit code."""

from __future__ import annotations

import io
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

import pellucid as pl
from pellucid.cli import main
from pellucid.cli.main import COMMANDS
from pellucid.cli.streams import NEAREST, any_text


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Data of forty images of 8x8 and two classes, a network for them, and an image."""
    folder = tmp_path_factory.mktemp("work")
    (folder / "data").mkdir()
    rng = np.random.default_rng(0)
    for part in ("train", "t10k"):
        pl.write_idx(folder / "data" / f"{part}-images-idx3-ubyte", rng.integers(0, 256, (40, 8, 8), np.uint8))
        pl.write_idx(folder / "data" / f"{part}-labels-idx1-ubyte", np.arange(40, dtype=np.uint8) % 2)
    layers = [pl.Conv2D(3, 3, name="conv"), pl.ReLU(), pl.Flatten(), pl.Affine(2)]
    pl.save(pl.Sequential(layers, input_shape=(8, 8, 1)), folder / "model.safetensors")
    np.save(folder / "image.npy", rng.random((1, 8, 8, 1), np.float32))
    return folder


CALLS = {
    "data": "data data",
    "evaluate": "evaluate model.safetensors --data data",
    "explain": "explain model.safetensors test:0 --method saliency --data data --out {tmp}/a.png",
    "export": "export model.safetensors --out {tmp}/a.onnx",
    "gradcheck": "gradcheck model.safetensors --coordinates 2 --data data",
    "predict": "predict model.safetensors image.npy",
    "report": "report model.safetensors test:0 --method saliency --data data --out {tmp}/a.html",
    "summary": "summary model.safetensors",
    "train": "train --iterations 2 --batch-size 10 --data data --out {tmp}/run",
    "trust": "trust model.safetensors saliency --images 2 --data data --out {tmp}/a.png",
    "views": "views model.safetensors --only summary --only saliency --data data --out {tmp}/views",
}


def test_every_command_is_called_here():
    assert set(CALLS) == set(COMMANDS), "a command needs a line in CALLS, and CALLS a command"


def written(monkeypatch: pytest.MonkeyPatch, encoding: str, arguments: list[str]) -> tuple[int, str]:
    """Run with strict streams of that encoding; give the exit code and what can be read in it."""
    streams = {name: io.TextIOWrapper(io.BytesIO(), encoding, "strict") for name in ("stdout", "stderr")}
    with monkeypatch.context() as patch:
        for name, stream in streams.items():
            patch.setattr(sys, name, stream)
        with pytest.raises(SystemExit) as stopped:
            main(arguments)
        code = int(stopped.value.code or 0)
    out, err = (stream.buffer.getvalue().decode(encoding, "strict") for stream in streams.values())
    assert "Traceback" not in err
    return code, out


@pytest.mark.parametrize("encoding", ["cp1252", "ascii", "latin-1", "cp437", "utf-16"])
@pytest.mark.parametrize("command", CALLS)
def test_every_command_writes_in_every_encoding(monkeypatch, tmp_path, folder, command, encoding):
    monkeypatch.chdir(folder)
    code, out = written(monkeypatch, encoding, CALLS[command].format(tmp=tmp_path).split())

    assert code == 0
    assert out.strip()


@pytest.mark.parametrize("command", CALLS)
def test_every_command_explains_itself_in_every_encoding(monkeypatch, command):
    code, out = written(monkeypatch, "ascii", [command, "--help"])

    assert code == 0
    assert out.startswith("Usage: pellucid")


def test_the_nearest_sign_keeps_the_width_of_a_table(monkeypatch):
    _, plain = written(monkeypatch, "ascii", ["summary"])
    _, full = written(monkeypatch, "utf-8", ["summary"])

    assert [len(line) for line in plain.splitlines()] == [len(line) for line in full.splitlines()]
    assert all(len(sign) == 1 and sign.isascii() for sign in NEAREST.values())


@pytest.mark.parametrize("form", ["text", "rich", "markdown", "json"])
@pytest.mark.parametrize("columns", ["1", "20", "0", "x"])
def test_a_narrow_terminal_is_wide_enough(monkeypatch, folder, form, columns):
    monkeypatch.chdir(folder)
    monkeypatch.setenv("COLUMNS", columns)
    code, out = written(monkeypatch, "cp1252", ["summary", "model.safetensors", "--format", form])

    assert code == 0
    assert "Conv2D" in out


def pellucid(*arguments: object, **options: object) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "pellucid", *map(str, arguments)]
    here = os.environ | {"PYTHONPATH": str(Path(pl.__file__).parents[1])}  # wherever it is called from
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=here, **options)  # type: ignore[call-overload,no-any-return]


def test_a_reader_that_goes_ends_nothing(tmp_path, folder):
    arguments = CALLS["train"].format(tmp=tmp_path).split()
    with pellucid(*arguments, cwd=folder) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        err = process.stderr.read()

    assert (process.returncode, err) == (0, b"")
    assert (tmp_path / "run" / "model.safetensors").exists()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="the system has no device that is full")
def test_a_full_disk_under_the_output_takes_one_line():
    with open("/dev/full", "wb") as full:
        done = subprocess.run([sys.executable, "-m", "pellucid", "summary"], stdout=full, stderr=subprocess.PIPE)

    assert done.returncode == 2
    assert done.stderr == b"pellucid: standard output: No space left on device.\n"


def test_a_command_needs_no_home_no_locale_and_no_output(folder, tmp_path):
    bare = {name: value for name, value in os.environ.items() if name.startswith(("PYTHONPATH", "PATH"))}
    bare |= {"LANG": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0", "MPLCONFIGDIR": str(tmp_path)}
    done = subprocess.run([sys.executable, "-m", "pellucid", "summary"], capture_output=True, env=bare)
    assert (done.returncode, done.stderr) == (0, b"")
    assert "Affine" in done.stdout.decode("ascii")

    done = subprocess.run(["sh", "-c", f"exec {sys.executable} -m pellucid summary >&-"], capture_output=True, env=bare)
    assert (done.returncode, done.stderr) == (0, b"")


@pytest.mark.parametrize(
    ("number", "code", "line"), [(signal.SIGINT, 130, b"interrupted"), (signal.SIGTERM, 143, b"terminated")]
)
def test_a_signal_takes_one_line_and_leaves_nothing(folder, tmp_path, number, code, line):
    data = folder / "data"
    arguments = ["trust", folder / "model.safetensors", "saliency", "--images", 40, "--data", data, "--out", "a.png"]
    with pellucid(*arguments, cwd=tmp_path) as process:
        while process.poll() is None and not _catches(process.pid, number):
            time.sleep(0.01)
        process.send_signal(number)
        out, err = process.communicate(timeout=60)

    assert (process.returncode, err) == (code, b"pellucid: %s.\n" % line), out
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_that_strikes_a_class_body_is_still_a_signal(monkeypatch, capsys, number):
    class Struck:
        def __set_name__(self, owner, name):
            signal.raise_signal(number)

    monkeypatch.setattr("importlib.import_module", lambda name: type("Module", (), {"field": Struck()}))
    with pytest.raises(SystemExit) as ended:
        main(["summary"])

    assert (ended.value.code, capsys.readouterr().err.count("\n")) == (128 + number, 1)


def test_sigterm_ends_a_training_and_writes_nothing(folder, tmp_path):
    arguments = [
        "train",
        "--iterations",
        10**8,
        "--batch-size",
        10,
        "--data",
        folder / "data",
        "--out",
        tmp_path / "run",
    ]
    with pellucid(*arguments) as process:
        assert process.stdout is not None
        while b"train loss" not in process.stdout.readline():
            assert process.poll() is None
        process.send_signal(signal.SIGTERM)
        _, err = process.communicate(timeout=60)

    assert (process.returncode, err) == (143, b"pellucid: terminated.\n")
    assert list(tmp_path.iterdir()) == []


def _catches(pid: int, number: int) -> bool:
    """Whether the process has a handler of its own for a signal, as Linux tells it."""
    if not Path("/proc").is_dir():
        return True
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    caught = next(int(line.split()[1], 16) for line in lines if line.startswith("SigCgt"))
    return bool(caught >> (signal.SIGTERM - 1) & 1 and caught >> (number - 1) & 1)


def test_the_streams_are_given_back():
    before = sys.stdout, sys.stderr
    with any_text():
        pass
    assert (sys.stdout, sys.stderr) == before


# What is lost when writing fails after all


def _train(folder: Path, out: Path) -> int:
    with pytest.raises(SystemExit) as stopped:
        main(["train", "--iterations", "2", "--batch-size", "10", "--data", str(folder / "data"), "--out", str(out)])
    return int(stopped.value.code or 0)


def test_a_model_that_cannot_be_written_where_it_should_is_kept_elsewhere(folder, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "refuge"))
    (tmp_path / "refuge").mkdir()
    real = os.replace

    def full(part, target):
        if "refuge" not in str(target):
            raise OSError(28, "No space left on device")
        real(part, target)

    monkeypatch.setattr(os, "replace", full)
    code = _train(folder, tmp_path / "run")
    err = capsys.readouterr().err

    assert (code, err.count("\n")) == (2, 1)
    (kept,) = (tmp_path / "refuge").rglob("*.safetensors")
    assert f"No space left on device. Choose a folder that can be written to. The model was saved as {kept}" in err
    assert pl.load(kept).input_shape == (64,)
    assert not (tmp_path / "run").exists()


def test_pictures_that_cannot_be_written_leave_the_model(folder, tmp_path, monkeypatch, capsys):
    real = os.replace

    def full(part, target):
        if str(target).endswith(".png"):
            raise OSError(28, "No space left on device")
        real(part, target)

    monkeypatch.setattr(os, "replace", full)
    code = _train(folder, tmp_path / "run")
    err = capsys.readouterr().err

    assert (code, err.count("\n")) == (2, 1)
    assert f"The model itself is saved: {tmp_path / 'run' / 'model.safetensors'}." in err
    assert sorted(os.listdir(tmp_path / "run")) == [
        "data.json",
        "history-iterations.csv",
        "history.csv",
        "history.json",
        "model.safetensors",
    ]


def test_an_overwritten_run_keeps_no_picture_of_the_old_one(folder, tmp_path):
    (tmp_path / "run").mkdir()
    for name in ("model.safetensors", "filters.png", "notes.txt"):
        (tmp_path / "run" / name).touch()
    with pytest.raises(SystemExit):
        main(
            [
                *CALLS["train"].format(tmp=tmp_path).split()[:-2],
                "--data",
                str(folder / "data"),
                "--overwrite",
                "--out",
                str(tmp_path / "run"),
            ]
        )

    assert not (tmp_path / "run" / "filters.png").exists()
    assert (tmp_path / "run" / "notes.txt").exists()
    assert pl.load(tmp_path / "run" / "model.safetensors")
