"""The commands on networks that came from elsewhere: told by content, prepared as the options say, and kept so."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

import pellucid as pl
from pellucid.data import InputSpec

pytest.importorskip("onnx")
Image = pytest.importorskip("PIL.Image")

MEAN, STD = (0.5, 0.4, 0.3), (0.2, 0.25, 0.5)
SAID = ("--mean", "0.5,0.4,0.3", "--std", "0.2,0.25,0.5")


@pytest.fixture
def body() -> pl.Sequential:
    layers = [pl.Conv2D(4, 3, name="conv"), pl.ReLU(name="relu"), pl.MaxPool2D(2), pl.Flatten(), pl.Affine(4)]
    return pl.Sequential(layers, input_shape=(16, 12, 3), seed=1)


@pytest.fixture
def files(run, body, tmp_path) -> Path:
    """An ONNX file that says nothing of its pictures, two photographs and an array, in the folder of the commands."""
    pl.save_onnx(body, "model.onnx", layout="channels-first")
    for i in range(2):
        pixels = np.random.default_rng(i).integers(0, 256, (32, 24, 3), np.uint8)
        Image.fromarray(pixels).save(f"photo{i}.png")
    return tmp_path


def scores(body, pixels: np.ndarray) -> np.ndarray:
    return body(((pixels - np.float32(MEAN)) / np.float32(STD))[None])[0]


def test_a_picture_is_predicted_as_the_network_wants_it(run, files, body) -> None:
    spec = InputSpec("images", (16, 12, 3), scale=1.0)
    pixels = pl.data.read_inputs("photo0.png", (16, 12, 3), spec).x[0]
    chances = np.exp(scores(body, pixels)) / np.exp(scores(body, pixels)).sum()
    code, out, err = run("predict", "model.onnx", "photo0.png", *SAID, "--top", 1)
    assert (code, out) == (0, f"photo0.png\t{chances.argmax()}\t{chances.argmax()}: {chances.max():.3f}\n"), err


def test_what_nothing_says_is_asked_for(run, files) -> None:
    code, _, err = run("predict", "model.onnx", "photo0.png")
    assert code == 2
    assert "--pictures images" in err


@pytest.mark.parametrize("method", ["grad-cam", "saliency", "occlusion", "lrp-composite"])
def test_a_method_draws_a_photograph(run, files, method) -> None:
    code, out, err = run("explain", "model.onnx", "photo0.png", "--method", method, *SAID, "--out", "a.png")
    assert (code, Path("a.png").is_file()) == (0, True), err
    assert "photo0.png: predicted" in out


def test_names_come_from_a_file_of_lines_a_list_or_keras_s_own(run, files) -> None:
    names = ["red fox", "grey fox", "cat", "dog"]
    Path("lines.txt").write_text("\n".join(names) + "\n", encoding="utf-8")
    Path("list.json").write_text(json.dumps(names))
    Path("keras.json").write_text(json.dumps({str(k): [f"n{k}", name] for k, name in enumerate(names)}))
    said = {
        file: run("predict", "model.onnx", "photo0.png", *SAID, "--classes", file)[1]
        for file in ("lines.txt", "list.json", "keras.json")
    }
    assert len(set(said.values())) == 1
    assert any(name in said["lines.txt"] for name in names)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a\nb\nc\n", "has 3 names, the network 4 classes"),
        ('{"0": "a", "2": "b"}', "the keys must be the classes 0, 1, 2"),
        ("[1, 2, 3, 4]", "must hold texts"),
        ("[[], [], [], []]", "must hold texts"),
        ('["a", "b"', "is not valid JSON"),
        (b"\xff\xfea", "is no text in UTF-8"),
    ],
)
def test_names_that_do_not_fit_take_one_line(run, files, text, words) -> None:
    Path("names").write_bytes(text if isinstance(text, bytes) else text.encode())
    code, out, err = run("predict", "model.onnx", "photo0.png", *SAID, "--classes", "names")
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert words in err


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--mean", "1,2"), "--mean: pictures here have 3 channels, got 2 numbers"),
        (("--std", "0"), "--std"),
        (("--mean", "a"), "--mean"),
        (("--layout", "NCHW"), "--layout"),
    ],
)
def test_a_preparation_that_cannot_be_takes_one_line(run, files, options, words) -> None:
    code, out, err = run("predict", "model.onnx", "photo0.png", *options)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert words in err


def test_a_card_a_report_and_views_are_made_of_photographs_alone(run, files) -> None:
    code, out, err = run("trust", "model.onnx", "grad-cam", "photo0.png", "photo1.png", *SAID)
    assert (code, "2 images" in out) == (0, True), err
    code, _, err = run("report", "model.onnx", "photo0.png", "--method", "saliency", *SAID)
    assert code == 0, err
    page = Path("report.html").read_text(encoding="utf-8")
    assert "No data are known that it is measured on." in page
    only = [word for view in ("summary", "filters", "feature-maps", "saliency") for word in ("--only", view)]
    code, out, err = run("views", "model.onnx", "photo0.png", *SAID, *only)
    assert (code, out.count("wrote")) == (0, 4), err
    assert "Transpose" in Path("views/summary.txt").read_text(encoding="utf-8")


def test_what_needs_data_says_so(run, files) -> None:
    for arguments in (("trust", "model.onnx", "saliency"), ("explain", "model.onnx", "test:0")):
        code, _, err = run(*arguments, *SAID)
        assert (code, "Give --data" in err) == (2, True)
    code, _, err = run("views", "model.onnx", "photo0.png", *SAID, "--only", "top-samples")
    assert (code, "top-samples: needs data" in err) == (2, True)
    assert "Name two at least" in run("trust", "model.onnx", "saliency", "photo0.png", *SAID)[2]


def test_a_graph_without_a_layer_for_an_operator_is_shown_all_the_same(run, files) -> None:
    import onnx

    proto = onnx.load("model.onnx")
    proto.graph.node[1].op_type = "NonMaxSuppression"
    Path("odd.onnx").write_bytes(proto.SerializeToString())
    code, out, err = run("summary", "odd.onnx")
    assert (code, "NonMaxSuppression" in out, "NonMaxSuppression" in err) == (2, True, True)


def test_saved_as_ours_it_needs_no_options_any_more(run, files) -> None:
    Path("names.txt").write_text("a\nb\nc\nd\n")
    code, out, err = run("export", "model.onnx", "--out", "ours.safetensors", *SAID, "--classes", "names.txt", "--crop")
    assert code == 0, err
    spec = InputSpec(
        "images",
        (3, 16, 12),
        layout="channels-first",
        scale=1.0,
        mean=MEAN,
        deviation=STD,
        class_names=tuple("abcd"),
        sizing="crop",
    )
    assert pl.load("ours.safetensors").inputs == spec
    wanted = run("predict", "model.onnx", "photo0.png", *SAID, "--classes", "names.txt", "--crop")
    assert run("predict", "ours.safetensors", "photo0.png") == wanted


def test_a_name_says_nothing_where_the_content_does(run, files, body) -> None:
    Path("model.onnx").rename("model.bin")
    pl.save(body, "ours.onnx")
    assert pl.load_model("model.bin").input_shape == (3, 16, 12)
    assert pl.load_model("ours.onnx").input_shape == (16, 12, 3)
    Path("no.txt").write_text("nothing")
    with pytest.raises(pl.errors.FileFormatError):
        pl.load_model("no.txt")
