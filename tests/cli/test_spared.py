"""Files that are no run's, and files that are read, are never lost; records of another model are noticed."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import pellucid as pl

Run = Callable[..., tuple[int, str, str]]
SHORT = ["--iterations", "20", "--batch-size", "5"]


@pytest.fixture(autouse=True)
def table(run: Run) -> None:
    """The folder in which commands run holds a table."""
    write_table("t.csv", 0)


def write_table(path: str, seed: int) -> None:
    x = np.random.default_rng(seed).random((40, 2))
    Path(path).write_text("\n".join(["a,b,kind", *(f"{a:.4f},{b:.4f},{int(a > b)}" for a, b in x)]) + "\n")


def contents() -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in Path().rglob("*") if path.is_file()}


@pytest.mark.parametrize("extra", [[], ["--overwrite"]], ids=["", "overwrite"])
@pytest.mark.parametrize("name", ["samples.png", "data.json", "history.csv", "notes.txt", ".hidden"])
def test_a_folder_of_other_files_is_no_place_for_a_run(run, name, extra):
    Path("mine").mkdir()
    Path("mine", name).write_text("of my own")
    before = contents()
    code, out, err = run("train", "--data", "t.csv", *SHORT, "--out", "mine", *extra)

    assert (code, out, err.count("\n")) == (2, "", 1), err
    assert "mine holds files that are no run's" in err
    assert contents() == before


def test_an_empty_folder_is_a_place_for_a_run_and_the_usual_one_is_free(run):
    Path("empty").mkdir()
    Path("runs/two-layer-net").mkdir(parents=True)
    Path("runs/two-layer-net/samples.png").write_text("of my own")

    assert run("train", "--data", "t.csv", *SHORT, "--out", "empty")[0] == 0
    assert "wrote runs/two-layer-net-2/" in run("train", "--data", "t.csv", *SHORT)[1]
    assert os.listdir("runs/two-layer-net") == ["samples.png"]


@pytest.mark.parametrize("way", ["itself", "a link to it", "it through a link", "the test file", "a hard link"])
def test_a_run_never_overwrites_its_data(run, way):
    assert run("train", "--data", "t.csv", *SHORT, "--out", "run")[0] == 0
    inside = Path("run/history.csv")
    inside.unlink()
    write_table("d.csv", 1)
    if way == "itself":
        os.replace("d.csv", inside)
        words = ["--data", inside]
    elif way == "a hard link":
        os.link("d.csv", inside)
        words = ["--data", "d.csv"]
    else:
        inside.symlink_to("../d.csv")
        words = {
            "a link to it": ["--data", "d.csv"],
            "it through a link": ["--data", inside],
            "the test file": ["--data", "t.csv", "--test", "d.csv"],
        }[way]
    before = contents()
    code, out, err = run("train", *words, *SHORT, "--out", "run", "--overwrite")

    assert (code, out, err.count("\n")) == (2, "", 1), err
    assert "run/history.csv" in err
    assert "is read here, and would be lost" in err
    assert contents() == before


def test_no_command_writes_over_what_it_reads(run):
    image = pytest.importorskip("PIL.Image")
    rng = np.random.default_rng(0)
    Path("idx").mkdir()
    for name in ("train", "t10k"):
        pl.write_idx(f"idx/{name}-images-idx3-ubyte", rng.integers(0, 255, (10, 8, 8)).astype(np.uint8))
        pl.write_idx(f"idx/{name}-labels-idx1-ubyte", (np.arange(10) % 2).astype(np.uint8))
    data, _ = pl.load_directory("idx", flatten=False)
    network = pl.Sequential([pl.Flatten(), pl.Affine(2)], input_shape=(8, 8, 1))
    pl.fit(network, data, batch_size=5, progress=False)
    pl.save(network, "m.safetensors")
    image.fromarray(np.zeros((8, 8), np.uint8)).save("in.png")
    for name, target in (("m.png", "m.safetensors"), ("t.html", "idx/t10k-labels-idx1-ubyte"), ("l.png", "in.png")):
        Path(name).symlink_to(target)
    Path("views").mkdir()
    os.link("idx/train-images-idx3-ubyte", "views/saliency.png")
    os.link("idx/train-labels-idx1-ubyte", "d.png")
    before = contents()

    for words in (
        ["explain", "m.safetensors", "in.png", "--method", "saliency", "--data", "idx", "--out", "in.png"],
        ["explain", "m.safetensors", "in.png", "--method", "saliency", "--data", "idx", "--out", "l.png"],
        ["explain", "m.safetensors", "l.png", "--method", "saliency", "--data", "idx", "--out", "in.png"],
        ["explain", "m.safetensors", "in.png", "--method", "saliency", "--data", "idx", "--out", "m.png"],
        ["report", "m.safetensors", "test:0", "--data", "idx", "--out", "t.html"],
        ["views", "m.safetensors", "--only", "saliency", "--data", "idx"],
        ["trust", "m.safetensors", "saliency", "--images", "2", "--data", "idx", "--out", "d.png"],
        ["summary", "m.safetensors", "--diagram", "m.png"],
        ["data", "idx", "--picture", "d.png"],
    ):
        code, out, err = run(*words)

        assert (code, out, err.count("\n")) == (2, "", 1), (words, err)
        assert "is read here, and would be lost" in err
    assert contents() == before


def test_no_command_writes_over_the_data_that_a_run_remembers(run):
    write_table("d.png", 1)
    assert run("train", "--data", "d.png", *SHORT, "--out", "run")[0] == 0
    before = contents()

    for words in (["explain", "run", "test:0", "--method", "saliency"], ["trust", "run", "saliency"]):
        assert run(*words, "--out", "d.png")[0] == 2
    assert contents() == before


# Records of another model


def test_records_of_another_model_are_noticed(run, monkeypatch):
    assert run("train", "--data", "t.csv", *SHORT, "--out", "run")[0] == 0
    write_table("d.csv", 1)

    def stopped(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:  # between the model and its records
        patched.setattr("pellucid.cli.sources.Source.remember", stopped)
        assert run("train", "--data", "d.csv", *SHORT, "--out", "run", "--overwrite")[0] == 130
    code, out, err = run("evaluate", "run/model.safetensors")
    assert (code, out) == (2, "")
    assert "data.json: is of another model than run/model.safetensors" in err
    code, _, err = run("report", "run", "--data", "d.csv", "--method", "saliency")
    assert code == 0, err
    assert "history.json is of another model" in err
    assert run("train", "--data", "d.csv", *SHORT, "--out", "run", "--overwrite")[0] == 0
    assert run("evaluate", "run/model.safetensors")[0] == 0


def test_a_memory_that_says_nothing_of_its_model_is_heeded(run):
    assert run("train", "--data", "t.csv", *SHORT, "--out", "run")[0] == 0
    memory = json.loads(Path("run/data.json").read_text())
    del memory["model"]
    Path("run/data.json").write_text(json.dumps(memory))

    assert run("evaluate", "run/model.safetensors")[0] == 0


@pytest.mark.skipif(os.name != "posix", reason="names are bytes there")
def test_names_that_are_no_utf8_are_names(run):
    folder = os.fsdecode(b"d\xff")
    os.mkdir(folder)
    os.replace("t.csv", f"{folder}/t.csv")
    Path(f"{folder}/new.csv").write_text("a,b\n0.5,0.25\n")
    out = f"{folder}/run"
    code, _, err = run("train", "--data", f"{folder}/t.csv", "--test", f"{folder}/t.csv", *SHORT, "--out", out)
    assert (code, err) == (0, "")
    assert Path(f"{out}/history.json").exists()
    os.rename(out, f"{folder}/r\udcff")
    out = f"{folder}/r\udcff"

    for words in (
        ["evaluate", f"{out}/model.safetensors"],
        ["predict", f"{out}/model.safetensors", f"{folder}/new.csv"],
        ["explain", out, f"{folder}/new.csv", "--method", "saliency", "--out", f"{folder}/e.png"],
        ["report", out, "--method", "saliency", "--out", f"{folder}/r.html"],
        ["report", out, f"{folder}/new.csv", "--method", "saliency", "--out", f"{folder}/r.html"],
        ["views", out, f"{folder}/new.csv", "--out", f"{folder}/views"],
        ["trust", out, "saliency", "--images", "4", "--out", f"{folder}/t.png"],
        ["summary", f"{out}/model.safetensors", "--diagram", f"{folder}/s.svg"],
    ):
        code, _, err = run(*words)
        assert (code, "Traceback" in err) == (0, False), (words, err)
