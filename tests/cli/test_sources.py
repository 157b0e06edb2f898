"""Which data a command works on: the same numbers, options that are heeded or refused, columns by their names."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import pellucid as pl

Run = Callable[..., tuple[int, str, str]]


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
    code, trained, err = run(
        "train", "--data", "train.csv", "--test", "test.csv", "--iterations", 600, "--batch-size", 50, "--out", "run"
    )
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


UNHEEDED = [(option, data) for option in TABLES for data in (None, "mnist", "idx")]
UNHEEDED += [(["--no-digits"], data) for data in (None, "mnist", "t.csv")]


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize(("option", "data"), UNHEEDED, ids=lambda words: "".join(words or "none"))
def test_an_option_that_says_nothing_of_these_data_is_refused(run, places, command, option, data):
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


# The same pixels in another type of number


@pytest.fixture
def typed(tmp_path):
    """A network of uint8 images, and one of floats from 0 to 16; the same pixels in folders of other types."""
    rng = np.random.default_rng(2)
    x = rng.integers(0, 128, (30, 8, 8))
    x[np.tile(np.arange(15) % 2, 2) == 1] += 127
    for kind in ("uint8", "int32", "int16", "float32"):
        (tmp_path / kind).mkdir()
        write_idx_folder(tmp_path / kind, x.astype(kind))
    for kind, made in (("sixteen", x / 16), ("unit", x / 255), ("bytes", x // 16)):
        (tmp_path / kind).mkdir()
        write_idx_folder(tmp_path / kind, made.astype(np.uint8 if kind == "bytes" else np.float32))
    for kind in ("uint8", "sixteen"):
        data, _ = pl.load_directory(tmp_path / kind, flatten=False)
        network = pl.Sequential([pl.Flatten(), pl.Affine(2)], input_shape=(8, 8, 1))
        pl.fit(network, data, epochs=5, batch_size=5, progress=False)
        pl.save(network, tmp_path / f"{kind}.safetensors")
    return tmp_path


@pytest.mark.parametrize("kind", ["int32", "int16", "unit"])
@pytest.mark.parametrize(
    "words",
    [
        ["evaluate", "uint8.safetensors"],
        ["explain", "uint8.safetensors", "test:0", "--method", "saliency"],
        ["trust", "uint8.safetensors", "saliency", "--images", "4"],
        ["summary", "uint8.safetensors", "--measure", "5"],
    ],
    ids=lambda words: words[0],
)
def test_the_same_pixels_in_another_type_are_the_same_samples(run, typed, words, kind):
    code, out, err = run(*words, "--data", "uint8")
    assert code == 0, err

    assert run(*words, "--data", kind)[:2] == (0, out)


def test_pixels_that_are_not_what_was_learnt_are_refused_by_name(run, typed):
    for model, kind in (("uint8", "float32"), ("uint8", "sixteen"), ("sixteen", "uint8")):
        code, out, err = run("evaluate", f"{model}.safetensors", "--data", kind)

        assert (code, out, err.count("\n")) == (2, "", 1), err
        assert f"{kind}/train-images-idx3-ubyte: " in err


def test_evaluate_brings_bytes_to_the_form_that_predict_brings_them_to(run, typed):
    code, out, err = run("evaluate", "sixteen.safetensors", "--data", "bytes")
    assert code == 0, err
    _, lines, _ = run("predict", "sixteen.safetensors", "bytes/t10k-images-idx3-ubyte", "--top", 1)
    right = np.mean([int(line.split("\t")[1]) == i % 2 for i, line in enumerate(lines.splitlines())])

    assert float(accuracy(out.splitlines()[1])) == pytest.approx(right, abs=1e-4)


def test_a_network_of_columns_takes_no_folder_of_images(run, places):
    x = np.random.default_rng(3).random((20, 64))
    header = ",".join([*(f"c{i}" for i in range(64)), "kind"])
    write_table(str(places / "wide.csv"), 16 * x - 2, np.arange(20) % 2, header)
    network = pl.Sequential([pl.Affine(2)])
    pl.fit(network, pl.load_csv(places / "wide.csv", "kind", scale="standard"), batch_size=5, progress=False)
    pl.save(network, places / "wide.safetensors")
    code, _, err = run("evaluate", "wide.safetensors", "--data", "idx")

    assert (code, "are columns of a table" in err) == (2, True)


# Numbers to hit, and classes that are called by numbers


def test_a_network_of_numbers_is_explained_and_viewed(run, tmp_path):
    x = np.random.default_rng(4).random((40, 2))
    write_table("r.csv", x, x[:, 0] + 10 * x[:, 1], "a,b,y")
    Path("new.csv").write_text("a,b\n0.5,0.25\n")
    data = pl.load_csv("r.csv", "y", task="regression", scale="standard")
    network = pl.Sequential([pl.Affine(1)])
    pl.fit(network, data, epochs=20, batch_size=10, progress=False)
    pl.save(network, "r.safetensors")
    options = ["--data", "r.csv", "--target-column", "y"]
    value = float(pl.predict(network, data.inputs.standardised(np.array([[0.5, 0.25]])))[0, 0])

    for image in ("test:0", "new.csv"):
        code, out, err = run("explain", "r.safetensors", image, *options, "--method", "saliency")
        assert code == 0, err
    assert out.startswith(f"new.csv: predicted {value:.4g}\n")
    code, out, err = run("views", "r.safetensors", *options)
    assert code == 0, err
    assert "wrote views/saliency.png" in out
    for words, message in (
        (["report", "r.safetensors", "test:0"], "report: the data must have classes"),
        (["explain", "r.safetensors", "test:0", "--target", "1"], "a class in 0..0, got '1'"),
        (["explain", "r.safetensors", "test:0", "--target", "true"], "the class of test:0 is not known"),
    ):
        code, out, err = run(*words, *options)
        assert (code, message in err.splitlines()[-1], "Traceback" in err) == (2, True, False), err


def test_explain_takes_a_class_by_its_name_and_says_it(run):
    rng = np.random.default_rng(5)
    write_table("t.csv", rng.random((80, 2)), 1 + np.arange(80) % 4)
    assert run("train", "--data", "t.csv", "--iterations", 5, "--batch-size", 5, "--out", "run")[0] == 0
    explain = ["explain", "run", "test:0", "--method", "saliency", "--target"]

    assert "logit of class 4 =" in run(*explain, "4")[1]
    assert "logit of class 1 =" in run(*explain, "1")[1]
    assert "logit 4 − logit 1 =" in run(*explain, "4-1")[1]
    code, _, err = run(*explain, "0")
    assert (code, "a class (1, 2, 3, 4)" in err) == (2, True)
    code, _, err = run("report", "run", "test:0", "--method", "saliency", "--target", "4")
    assert code == 0, err
    assert "explained: logit of class 4" in Path("report.html").read_text()


# Columns by name or number


def columns_of(path: str) -> tuple[str, ...]:
    network = pl.load(Path(path) / "model.safetensors")
    assert network.inputs is not None
    return network.inputs.columns


@pytest.mark.parametrize(
    ("header", "options", "kept"),
    [
        ("10,20,1,0", ["--index-col", "1", "--target", "0"], ("10", "20")),
        ("10,20,1,0", ["--index-col", "2", "--target", "0"], ("10", "20")),
        ("10,20,1,0", ["--index-col", "-2", "--target", "3"], ("10", "20")),
        ("10,20,-2,0", ["--index-col", "-2", "--target", "0"], ("10", "20")),
        ("a,b,c,d", ["--index-col", "1", "--target", "-1"], ("a", "c")),
        (None, ["--index-col", "1", "--target", "3"], ("0", "2")),
    ],
)
def test_a_column_is_looked_for_among_the_names_first(run, header, options, kept):
    x = np.random.default_rng(6).random((40, 3))
    write_table("t.csv", x, np.arange(40) % 2, header or "")
    if header is None:
        Path("t.csv").write_text(Path("t.csv").read_text().lstrip())
    words = [*options, "--header" if header else "--no-header"]
    code, _, err = run("train", "--data", "t.csv", *words, "--iterations", 2, "--batch-size", 5, "--out", "run")
    assert code == 0, err
    assert columns_of("run") == kept

    assert run("evaluate", "run/model.safetensors")[0] == 0  # as the run remembers it
    code, out, err = run("predict", "run/model.safetensors", "t.csv", *words)
    assert (code, out.count("\n")) == (0, 40), err


@pytest.mark.parametrize("text", ["--3", "²", "9" * 5000, "٣", "+1", "1_0", ""])
@pytest.mark.parametrize("option", ["--target", "--index-col"])
def test_what_is_no_column_takes_one_line(run, option, text):
    write_table("t.csv", np.random.default_rng(7).random((20, 2)), np.arange(20) % 2)
    code, out, err = run("train", "--data", "t.csv", f"{option}={text}", "--out", "run")

    assert (code, out, err.count("\n"), "Traceback" in err) == (2, "", 1, False), err
    assert len(err) < 600
    assert not Path("run").exists()
