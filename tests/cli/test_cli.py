"""The command line as a person uses it: what it prints, what it writes, how it refuses."""

from __future__ import annotations

import gzip
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import pellucid as pl
from pellucid.cli import main
from pellucid.kernels import jit
from pellucid.models import RECIPES

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture(scope="session")
def digits(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small directory of IDX files: 600 and 100 of MNIST's images."""
    directory = tmp_path_factory.mktemp("digits")
    (x_train, t_train), (x_test, t_test) = pl.load_mnist(normalize=False, flatten=False)
    for name, x, t in (("train", x_train[:600], t_train[:600]), ("t10k", x_test[:100], t_test[:100])):
        pl.write_idx(directory / f"{name}-images-idx3-ubyte.gz", x[..., 0])
        pl.write_idx(directory / f"{name}-labels-idx1-ubyte.gz", t)
    return directory


@pytest.fixture(scope="session")
def trained(digits: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The model file of a short run."""
    out = tmp_path_factory.mktemp("runs") / "run"
    with pytest.raises(SystemExit):
        main(["train", "--data", str(digits), "--iterations", "1300", "--batch-size", "50", "--out", str(out)])
    return out / "model.safetensors"


def test_train_writes_model_history_and_pictures(trained):
    names = {path.name for path in trained.parent.iterdir()}

    assert names == {
        "model.safetensors",
        "data.json",
        "history.json",
        "history.csv",
        "history-iterations.csv",
        "training.png",
        "samples.png",
        "mistakes.png",
        "confusion.png",
    }
    history = pl.History.load(trained.parent / "history.json")
    assert history.epochs["iteration"] == [1, 601, 1201]
    assert (trained.parent / "training.png").read_bytes().startswith(b"\x89PNG")
    assert json.loads(pl.read_metadata(trained)["loss"])["name"] == "SoftmaxCrossEntropy"


def test_train_prints_a_line_an_evaluation(run, digits):
    code, out, err = run("train", "--data", digits, "--iterations", 700, "--batch-size", 20)

    assert code == 0
    assert out.count("train loss") == 2
    assert "training and evaluation took" in out
    assert "published" not in out  # those figures are of other data
    assert err == ""
    assert Path("runs/two-layer-net/model.safetensors").exists()


def test_the_published_figure_stands_beside_that_of_the_same_data(run):
    code, out, _ = run("train", "--iterations", 1)

    assert code == 0
    assert "published: 0.9785 train, 0.9687 test" in out


def test_a_second_run_does_not_touch_the_first(run, digits):
    for _ in range(2):
        run("train", "--data", digits, "--iterations", 5)

    assert Path("runs/two-layer-net-2/model.safetensors").exists()


def test_seeds_print_mean_and_spread(run, digits):
    code, out, _ = run("train", "--data", digits, "--iterations", 20, "--seeds", 2)

    assert code == 0
    assert "2 seeds: test accuracy mean 0." in out


def test_list_shows_the_models(run):
    code, out, _ = run("train", "--list")

    assert code == 0
    assert "two-layer-net" in out
    assert "published" in out


def test_evaluate_measures_both_parts(run, digits, trained):
    code, out, _ = run("evaluate", trained, "--data", digits)

    assert code == 0
    assert [line.split()[0] for line in out.splitlines()] == ["train", "test"]
    assert "(600 samples)" in out


def test_predict_reads_idx_arrays_and_pictures(run, digits, trained, tmp_path):
    image_module = pytest.importorskip("PIL.Image")
    images = pl.read_idx(digits / "t10k-images-idx3-ubyte.gz")
    np.save("digits.npy", images[:3] / 255.0)
    paper = 255 - np.kron(images[0], np.ones((5, 5), np.uint8))  # dark ink on white paper, larger
    image_module.fromarray(np.pad(paper, 40, constant_values=255)).save("seven.png")

    code, out, _ = run("predict", trained, digits / "t10k-images-idx3-ubyte.gz", "digits.npy", "seven.png")
    lines = [line.split("\t") for line in out.splitlines()]

    assert code == 0
    assert len(lines) == 104
    assert [a[1] for a in lines[:3]] == [a[1] for a in lines[100:103]]
    assert lines[103][1] == "7"


def test_summary_and_gradcheck_take_a_name_or_a_file(run, trained):
    for model in ("two-layer-net", trained):
        code, out, _ = run("summary", model)
        assert code == 0
        assert "39,760 trainable parameters" in out

        code, out, _ = run("gradcheck", model, "--coordinates", 4)
        assert code == 0
        assert "passed" in out


@pytest.mark.parametrize("name", RECIPES)
def test_gradcheck_has_a_verdict_for_every_recipe(run, name):
    code, out, _ = run("gradcheck", name, "--coordinates", 2, "--samples", 2)

    assert (code, out.splitlines()[0].rpartition(": ")[2]) == (0, "passed")
    assert "coordinates checked" in out


def test_data_describes_and_draws(run, digits):
    code, out, _ = run("data", digits, "--picture", "sample.png")

    assert code == 0
    assert "600 images of 28 × 28 × 1, 10 classes" in out
    assert Path("sample.png").exists()


def test_a_run_remembers_its_data_and_says_when_they_have_changed(run, tmp_path):
    rng = np.random.default_rng(0)
    rows = [f"{k + rng.random():.3f};{5 * k + rng.random():.3f};{'abc'[k]}" for k in range(3) for _ in range(20)]
    text = "\n".join(["length;width;kind", *rows]).replace(".", ",")
    Path("flowers.csv").write_text(text)
    options = ["--decimal", ",", "--iterations", 300, "--batch-size", 10, "--out", "mine"]
    code, _, err = run("train", "--data", "flowers.csv", *options)
    assert code == 0, err

    _, first, _ = run("evaluate", "mine/model.safetensors")
    assert "(48 samples)" in first
    code, out, _ = run("predict", "mine/model.safetensors", "flowers.csv", "--decimal", ",", "--top", 1)
    assert [line.split("\t")[1] for line in out.splitlines()] == sorted("abc" * 20)
    Path("flowers.csv").write_text(text + "\n0,5;0,5;a")
    _, _, err = run("evaluate", "mine/model.safetensors")
    assert "has changed since the training" in err
    Path("flowers.csv").unlink()
    code, _, err = run("evaluate", "mine/model.safetensors")
    assert (code, "are not there. Give --data" in err) == (2, True)
    Path("mine/data.json").write_text("{}")
    assert run("evaluate", "mine/model.safetensors")[0] == 2
    Path("mine/data.json").unlink()
    code, _, err = run("evaluate", "mine/model.safetensors")
    assert (code, "Give --data" in err) == (2, True)
    code, _, err = run("evaluate", "mine/model.safetensors", "--data", "mnist")
    assert (code, "the network takes samples of shape (2,)" in err) == (2, True)


def test_pictures_of_own_data_are_no_digits(run, tmp_path):
    image_module = pytest.importorskip("PIL.Image")
    rng, t = np.random.default_rng(0), (np.arange(120) % 2).astype(np.uint8)
    x = np.zeros((120, 28, 28), np.uint8)
    for i, k in enumerate(t):
        size = 9 if k else 4
        row, column = rng.integers(0, 28 - size, 2)
        x[i, row : row + size, column : column + size] = 220
    Path("own").mkdir()
    for name, part in (("train", slice(0, 80)), ("t10k", slice(80, 120))):
        pl.write_idx(f"own/{name}-images-idx3-ubyte", x[part])
        pl.write_idx(f"own/{name}-labels-idx1-ubyte", t[part])
    run("train", "--data", "own", "--iterations", 600, "--batch-size", 20, "--out", "mine")
    np.save("test.npy", x[80:])
    for i in range(80, 120):
        image_module.fromarray(x[i]).save(f"{i:03}.png")

    model = "mine/model.safetensors"
    _, arrays, _ = run("predict", model, "test.npy")
    _, pictures, _ = run("predict", model, *sorted(Path().glob("*.png")))
    _, idx, _ = run("predict", model, "own/t10k-images-idx3-ubyte")
    answers = [[line.split("\t")[1:] for line in out.splitlines()] for out in (arrays, pictures, idx)]
    assert np.mean([int(row[0]) for row in answers[0]] == t[80:]) > 0.8
    assert answers[0] == answers[1] == answers[2]


def _cut(directory: Path, name: str) -> None:
    path = directory / name
    path.write_bytes(gzip.compress(gzip.decompress(path.read_bytes())[:-10]))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["train", "two-layer-nett"], "Did you mean 'two-layer-net'"),
        (["train", "--epochs", "0"], "0 is not in the range 1<=x"),
        (["train", "--batch-size", "700"], "batch_size must be at most the 600 samples"),
        (["train", "--learning-rate", "-1"], "-1.0 is not in the range 0<x"),
        (["train", "--seeds", "0"], "0 is not in the range 1<=x<=10000"),
        (["train", "--epochs", "1", "--iterations", "1"], "not both"),
        (["train", "--epochs", "many"], "not a valid integer"),
        (["train", "--out", "file"], "is a file"),
        (["data", "--picture", "a.jpg"], r"must end in \.png"),
        (["frobnicate"], "No such command"),
    ],
)
def test_bad_arguments_take_one_line_and_write_nothing(run, digits, arguments, message):
    Path("file").touch()
    extra = ["--data", digits] if arguments[0] == "train" else []
    code, out, err = run(*arguments, *extra)

    assert code == 2
    assert pytest.importorskip("re").search(message, err), err
    assert "Traceback" not in out + err
    assert sorted(os.listdir()) == ["file"]


def test_a_run_that_another_process_wrote_meanwhile_is_kept(run, digits, monkeypatch):
    def other(*arguments: object) -> None:
        Path("mine").mkdir()
        Path("mine/model.safetensors").write_text("the other's")

    monkeypatch.setattr("pellucid.cli.train.evaluate", lambda *a, **k: (other(), pl.evaluate(*a, **k))[1])
    code, out, err = run("train", "--data", digits, "--iterations", 20, "--batch-size", 10, "--out", "mine")

    assert (code, err) == (0, "")
    assert "wrote mine-2/" in out
    assert Path("mine/model.safetensors").read_text() == "the other's"
    assert Path("mine-2/model.safetensors").exists()


def test_a_runs_folder_in_place_of_its_file_is_told(run, trained):
    code, _, err = run("evaluate", Path(trained).parent)

    assert code == 2
    assert f"Did you mean {trained}?" in err


def test_a_training_that_fails_announces_nothing_afterwards(run, tmp_path):
    before = list(jit._listeners)
    code, _, _ = run("train", "--data", tmp_path / "nowhere")

    assert code != 0
    assert jit._listeners == before


def test_bad_files_take_one_line(run, digits, trained, tmp_path):
    broken = tmp_path / "broken"
    broken.mkdir()
    for path in digits.iterdir():
        (broken / path.name).write_bytes(path.read_bytes())
    _cut(broken, "t10k-images-idx3-ubyte.gz")
    cut = tmp_path / "cut.safetensors"
    cut.write_bytes(trained.read_bytes()[:-7])
    page = tmp_path / "page.gz"
    page.write_text("<!doctype html>")
    words = tmp_path / "words.npy"
    np.save(words, np.array(["a"]))

    for arguments in (
        ("train", "--data", broken),
        ("train", "--data", tmp_path / "nowhere"),
        ("evaluate", cut),
        ("evaluate", tmp_path / "nowhere.safetensors"),
        ("predict", trained, page),
        ("predict", trained, words),
        ("predict", trained, tmp_path / "nowhere.png"),
        ("summary", tmp_path / "nowhere.safetensors"),
    ):
        code, out, err = run(*arguments)
        assert code == 2, arguments
        assert out == "", arguments
        assert err.count("\n") == 1, err
        assert err.startswith("pellucid: "), err


def test_divergence_has_an_exit_code_of_its_own(run, digits):
    code, _, err = run("train", "--data", digits, "--learning-rate", "1e30", "--iterations", "50")

    assert code == 3
    assert "Lower the learning rate" in err
    assert not Path("runs").exists()


def test_ctrl_c_keeps_the_model(digits, tmp_path):
    command = [sys.executable, "-m", "pellucid", "train", "--data", digits, "--iterations", "10000000", "--out", "run"]
    with subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        while line and "train loss" not in line:
            line = process.stdout.readline()
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)

    assert process.returncode == 130, err
    assert "What was learnt is kept" in out
    assert "Traceback" not in err
    assert pl.load(tmp_path / "run" / "model.safetensors").input_shape == (784,)


# Tables, numbers, several answers


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    """A CSV file of three columns and two classes."""
    folder = tmp_path_factory.mktemp("table")
    rows = np.random.default_rng(0).random((90, 3)).round(3)
    lines = [f"{a},{b},{c},{'yes' if a > b else 'no'}" for a, b, c in rows]
    (folder / "t.csv").write_text("\n".join(["a,b,c,kind", *lines]) + "\n")
    (folder / "numbers.csv").write_text("\n".join(["a,b,c,y", *(f"{a},{b},{c},{a + 10 * b:.3f}" for a, b, c in rows)]))
    return folder


def test_a_run_on_a_table_is_reported_and_explained(run, table, tmp_path):
    data, page = table / "t.csv", tmp_path / "page.html"
    assert run("train", "--data", data, "--epochs", 5, "--batch-size", 16, "--out", "run")[0] == 0
    assert run("report", "run", "--out", page)[0] == 0
    assert "DeepLIFT" in page.read_text()
    assert run("explain", "run", "test:0-1", "--out", "e.png")[0] == 0
    assert (tmp_path / "e.png").stat().st_size > 10_000


def test_only_what_was_written_is_listed(run, table, tmp_path):
    words = ("train", "--data", table / "t.csv", "--epochs", 1, "--batch-size", 16, "--out", "run")
    assert run(*words)[0] == 0
    (tmp_path / "run" / "mine.txt").write_text("of the user's own")
    code, out, _ = run(*words, "--overwrite")
    assert code == 0
    assert "model.safetensors" in out
    assert "mine.txt" not in out


def test_a_network_of_numbers_is_evaluated(run, table, tmp_path):
    data = pl.load_csv(table / "numbers.csv", target="y", task="regression", scale="standard")
    network = pl.Sequential([pl.Affine(1)])
    pl.fit(network, data, epochs=30, batch_size=10, progress=False)
    pl.save(network, tmp_path / "n.safetensors")
    code, out, err = run("evaluate", "n.safetensors", "--data", table / "numbers.csv", "--target", "y")
    assert code == 0, err
    assert "loss" in out
    assert "accuracy" not in out


def test_several_answers_are_predicted_as_probabilities(run, tmp_path):
    x = np.random.default_rng(0).random((40, 3), np.float32)
    network = pl.Sequential([pl.Affine(2)])
    data = pl.Dataset(x, (x[:, :2] > 0.5).astype(float), task="regression")
    pl.fit(network, data, loss="SigmoidCrossEntropy", progress=False)
    pl.save(network, tmp_path / "n.safetensors")
    np.save(tmp_path / "x.npy", x[:1])
    p = pl.predict_proba(network, x[:1])[0]
    code, out, err = run("predict", "n.safetensors", "x.npy")
    assert code == 0, err
    assert f"0: {p[0]:.3f}  1: {p[1]:.3f}" in out


def test_a_few_rows_are_one_batch(run, table):
    assert run("train", "--data", table / "t.csv", "--epochs", 2, "--out", "run")[0] == 0


def test_a_layer_that_is_not_there_is_told_before_anything_is_drawn(run, table, tmp_path):
    assert run("train", "--data", table / "t.csv", "--epochs", 1, "--out", "run")[0] == 0
    code, _, err = run("views", "run", "--layer", "nope", "--out", "v")
    assert code == 2
    assert "unknown layer 'nope'" in err
    assert not (tmp_path / "v").exists()
    assert run("explain", "run", "test:0", "--target", "1-1")[0] == 2


@pytest.mark.parametrize(
    "words",
    [
        ("train", "--out", ""),
        ("train", "--data", ""),
        ("evaluate", ""),
        ("views", "run", "--out", ""),
        ("predict", "m", ""),
        ("data", ""),
    ],
)
def test_an_empty_name_is_no_folder(run, tmp_path, words):
    code, _, err = run(*words)
    assert code == 2
    assert "a name is needed, and it is empty" in err
    assert not list(tmp_path.iterdir())
