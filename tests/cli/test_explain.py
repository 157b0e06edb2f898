"""`pellucid explain`, `views`, `trust` and `report` as a person uses them."""

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
        input_shape=(8, 8, 1),
        seed=0,
    )
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
    ],
)
def test_methods_stand_side_by_side(call, arguments, written):
    code, out, err = call("explain", *arguments)

    assert code == 0, err
    assert out.endswith(f"wrote {written}\n")
    assert Path(written).read_bytes().startswith(b"\x89PNG")


EVERY = [
    "summary.txt", "diagram.png", "filters.png", "feature-maps.png", "maximize.png", "maximize-filters.png",
    "top-samples.png", "occlusion.png", "saliency.png", "grad-cam.png",
]  # fmt: skip


def test_all_views_are_one_command(call):
    code, out, err = call("views", "--out", "pictures")

    assert (code, err) == (0, "")
    assert out.splitlines() == [f"wrote pictures/{name}" for name in EVERY]
    assert sorted(os.listdir("pictures")) == sorted(EVERY)
    for name in EVERY[1:]:
        assert Path("pictures", name).read_bytes().startswith(b"\x89PNG")
    assert "248 trainable parameters" in Path("pictures/summary.txt").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", EVERY)
def test_every_view_is_one_command(call, name):
    code, out, err = call("views", "test:3", "--only", Path(name).stem)

    assert (code, out, err) == (0, f"wrote views/{name}\n", "")
    assert os.listdir("views") == [name]


@pytest.mark.parametrize(
    "arguments",
    [
        ["--only", "maximize-filters", "--layer", "conv", "--unit", "2"],
        ["--only", "maximize-filters", "--layer", "scores", "--seed", "1"],
        ["--only", "top-samples", "--layer", "relu", "--unit", "0", "--unit", "2"],
        ["--only", "filters", "--layer", "conv"],
        ["test:3", "--only", "feature-maps", "--layer", "conv"],
        ["test:0-1", "train:3", "--only", "occlusion"],
        ["test:3", "--only", "grad-cam", "--only", "saliency", "--layer", "conv"],
    ],
)
def test_the_layer_the_units_and_the_images_are_a_choice(call, arguments):
    code, out, err = call("views", *arguments)

    assert (code, err) == (0, "")
    assert out.count("wrote views/") == arguments.count("--only")


def test_views_that_a_network_does_not_allow_are_named_and_the_others_drawn(folder, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    layers = [pl.Flatten(), pl.Affine(5, name="hidden"), pl.Tanh(name="tanh"), pl.Affine(2, name="scores")]
    pl.save(pl.Sequential(layers, input_shape=(8, 8, 1)), Path("dense.safetensors"))
    with pytest.raises(SystemExit) as exit_:
        main(["views", "dense.safetensors", "--data", str(folder)])
    out, err = capsys.readouterr()

    assert not exit_.value.code
    left_out = ["feature-maps", "guided form", "rectified form", "grad-cam"]
    assert all(f"without {name}" in err or f"without the {name}" in err for name in left_out)
    assert sorted(os.listdir("views")) == sorted(set(EVERY) - {"feature-maps.png", "grad-cam.png"})
    assert out.count("wrote") == 8


def test_the_trust_card_is_one_command(call):
    code, out, err = call("trust", "guided", "--images", "6")

    assert (code, err) == (0, "")
    assert out.startswith("Guided saliency: passes ")
    assert "later layers" in out
    assert out.endswith("wrote trust.png\n")
    assert Path("trust.png").read_bytes().startswith(b"\x89PNG")
    code, out, _ = call("trust", "grad-cam", "--images", "4", "--layer", "conv", "--out", "cam.png")
    assert code == 0
    assert "Grad-CAM(layer='conv')" in out


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
        (["explain", "nowhere.npy"], "there is no file"),
        (["explain", "train:0", "--method", "salency"], "Did you mean 'saliency'"),
        (["explain", "train:0", "--method", "cam"], "must end in GlobalAveragePool2D"),
        (["explain", "train:0", "--target", "2"], "a class in 0..1"),
        (["explain", "train:0", "--method", "saliency", "--layer", "conv"], "--layer: saliency looks at no layer"),
        (
            ["explain", "train:0", "--method", "lrp", "--method", "saliency", "--layer", "x"],
            "lrp and saliency look at no",
        ),
        (["explain", "train:0", "--layer", "nonsense"], "unknown layer 'nonsense'"),
        (["explain", "train:0", "--encoding", ""], "--encoding: a name is needed, and it is empty"),
        (["views", "--only", "summary", "--layer", "conv"], "--layer: only feature-maps, filters, grad-cam"),
        (["views", "--only", "filters", "--unit", "1"], "--unit: only maximize-filters, top-samples"),
        (["explain", "train:0", "--out", "a.jpg"], "must end in .png"),
        (["explain", "train:0", "--out", "nowhere/a.png"], "there is no folder"),
        (["views", "--only", "filter"], "Did you mean 'filters'"),
        (["views", "test:20"], "must lie in test:0 to test:19"),
        (["views", "--only", "feature-maps", "--layer", "rellu"], "Did you mean 'relu'"),
        (["views", "--only", "feature-maps", "--layer", "scores"], r"--layer: scores gives \(2,\), no maps"),
        (["views", "--only", "filters", "--layer", "relu"], "relu has no weights. Take one of conv, scores"),
        (
            ["views", "--only", "maximize-filters", "--layer", "conv", "--unit", "3"],
            r"target must lie in 0\.\.2, got 3",
        ),
        (["views", "--only", "top-samples", "--unit", "7"], r"unit must lie in 0\.\.2 of conv"),
        (["views", "--only", "grad-cam", "--layer", "scores"], "which is no image"),
        (["views", "--out", "nowhere/deep"], "must be a folder"),
        (["trust", "salency"], "Did you mean 'saliency'"),
        (["trust", "saliency", "--layer", "conv"], "saliency looks at no layer"),
        (["trust", "saliency", "--out", "card.jpg"], "must end in .png"),
        (["report", "--out", "a.txt"], "must end in .html"),
        (["report", "nowhere.npy"], "there is no file"),
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
    for command, argument in (("explain", "test:0"), ("report", "test:0"), ("views", "test:0"), ("trust", "lrp")):
        with pytest.raises(SystemExit) as exit_:
            main([command, str(tmp_path / "no"), argument])

        assert exit_.value.code == 2
        assert capsys.readouterr().err.count("no run is there") == 1
