"""`pellucid explain` and `pellucid report` as a person uses them."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

import pellucid as pl
from pellucid.cli import main


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A run of a small network of 8x8 images, and the IDX files that it learnt from."""
    folder = tmp_path_factory.mktemp("explain")
    rng = np.random.default_rng(0)
    t = (np.arange(60) % 2).astype(np.uint8)
    x = rng.integers(0, 90, (60, 8, 8)).astype(np.uint8)
    x[t == 1, 2:6, 2:6] += 150
    for name, part in (("train", slice(0, 40)), ("t10k", slice(40, 60))):
        pl.write_idx(folder / f"{name}-images-idx3-ubyte", x[part])
        pl.write_idx(folder / f"{name}-labels-idx1-ubyte", t[part])
    network = pl.Sequential(
        [pl.Conv2D(3, 3, name="conv"), pl.ReLU(name="relu"), pl.Flatten(), pl.Affine(2, name="scores")],
        input_shape=(8, 8, 1), seed=0,
    )  # fmt: skip
    train, _ = pl.load_directory(folder, flatten=False)
    history = pl.fit(network, train, epochs=2, batch_size=10, progress=False)
    (folder / "run").mkdir()
    pl.save(network, folder / "run" / "model.safetensors")
    history.save(folder / "run" / "history.json")
    np.save(folder / "two.npy", x[:2] / 255.0)
    return folder


@pytest.fixture
def call(folder, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)

    def call(command, *arguments):
        with pytest.raises(SystemExit) as exit_:
            main([command, str(folder / "run"), *map(str, arguments), "--data", str(folder)])
        out, err = capsys.readouterr()
        return int(exit_.value.code or 0), out, err

    return call


@pytest.mark.parametrize(
    ("arguments", "written"),
    [
        (["test:3", "--method", "saliency", "--method", "lrp"], "explanation.png"),
        (["test:0-1", "--method", "occlusion", "--target", "true"], "explanation.png"),
        (["test:3", "--method", "grad-cam", "--target", "1-0", "--out", "mine.png"], "mine.png"),
        (["test:3", "--all-classes"], "all-classes.png"),
        (["--maximize"], "maximize.png"),
        (["--maximize", "--layer", "conv", "--target", "2"], "maximize.png"),
        (["--filters", "conv"], "filters.png"),
        (["test:3", "--features", "relu"], "features.png"),
    ],
)
def test_every_view_is_one_command(call, arguments, written):
    code, out, err = call("explain", *arguments)

    assert code == 0, err
    assert out.endswith(f"wrote {written}\n")
    assert Path(written).read_bytes().startswith(b"\x89PNG")


def test_the_proof_is_printed_and_what_does_not_fit_is_named(call, folder):
    code, out, err = call("explain", folder / "two.npy")

    assert code == 0
    assert out.count("completeness holds") >= 4
    assert "two.npy[1]: predicted" in out
    assert "without CAM: cam: the network must end in" in err


def test_the_report_is_written_whole(call):
    code, out, _ = call("report", "test:3", "train:0", "--method", "saliency", "--target", "true")

    assert code == 0
    assert out.startswith("wrote report.html, ")
    assert os.listdir() == ["report.html"]
    assert "train:0" in Path("report.html").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["explain"], "name an image"),
        (["explain", "test:20"], "must lie in test:0 to test:19"),
        (["explain", "nowhere.npy"], "there is no such file"),
        (["explain", "train:0", "--method", "salency"], "Did you mean 'saliency'"),
        (["explain", "train:0", "--method", "cam"], "must end in GlobalAveragePool2D"),
        (["explain", "train:0", "--target", "2"], "a class in 0..1"),
        (["explain", "train:0", "--out", "a.jpg"], "must end in .png"),
        (["explain", "train:0", "--out", "nowhere/a.png"], "there is no folder"),
        (["explain", "train:0", "--all-classes", "--maximize"], "at a time"),
        (["explain", "train:0-1", "--all-classes"], "is of one image"),
        (["explain", "train:0", "--features", "rellu"], "rellu"),
        (["explain", "--filters", "relu"], "has no weights"),
        (["explain", "--maximize", "--target", "true"], "number of a class or filter"),
        (["report", "--out", "a.txt"], "must end in .html"),
        (["report", "nowhere.npy"], "there is no such file"),
        (["report", "--method", "x"], "Unknown|unknown|Choose|not"),
    ],
)
def test_bad_input_takes_one_line_and_writes_nothing(call, arguments, message):
    code, out, err = call(*arguments)

    assert code == 2
    assert err.count("\n") == 1, err
    assert pytest.importorskip("re").search(message, err), err
    assert "wrote" not in out
    assert os.listdir() == []


def test_a_run_that_is_not_there_takes_one_line(capsys, tmp_path):
    for command in ("explain", "report"):
        with pytest.raises(SystemExit) as exit_:
            main([command, str(tmp_path / "no"), "test:0"])

        assert exit_.value.code == 2
        assert capsys.readouterr().err.count("no run is there") == 1
