"""Models of Keras: read as Keras computes them, without Keras; what has no counterpart is refused by name."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import pellucid as pl
from interop import keras_models
from peers import assert_close
from pellucid.errors import ArgumentError, FileFormatError

FILES = Path(__file__).with_name("keras_files")
SUFFIXES = (".keras", ".h5")


def saved_by(package: str, folder: Path) -> None:
    """Let Keras save its models, and open ours, in a process of its own."""
    if importlib.util.find_spec(package) is None:
        pytest.skip(f"could not import '{package}'")
    script = [sys.executable, keras_models.__file__, package, str(folder)]
    done = subprocess.run(script, capture_output=True, text=True, check=False, env={**os.environ, "PYTHONPATH": ""})
    assert done.returncode == 0, done.stderr[-3000:]


def ours(folder: Path) -> dict[str, Any]:
    """Write networks of ours as files of Keras, beside inputs for them."""
    rng = np.random.default_rng(0)
    for name, network in NETWORKS.items():
        network.params.update({key: rng.normal(0, 0.4, array.shape) for key, array in network.params.items()})
        network.buffers.update({key: rng.uniform(0.5, 1.5, array.shape) for key, array in network.buffers.items()})
        np.savez(folder / f"ours-{name}.npz", x=rng.normal(0, 2, (3, *network.input_shape)).astype(np.float32))
        pl.save_keras(network, folder / f"ours-{name}.keras")
    return NETWORKS


def block(filters: int) -> list[Any]:
    return [pl.Conv2D(filters, 3, padding=1), pl.BatchNorm(), pl.ReLU(), pl.Conv2D(filters, 3, padding="same")]


NETWORKS: dict[str, Any] = {
    "m4": pl.Sequential(
        [pl.Conv2D(8, 5), pl.ReLU(), pl.MaxPool2D(), pl.Flatten(), pl.Affine(10), pl.Softmax()], input_shape=(28, 28, 1)
    ),
    "residual": pl.Sequential(
        [
            *block(4),
            pl.MaxPool2D(2),
            pl.Residual(block(4)),
            pl.ReLU(),
            pl.MaxPool2D(3, 2, padding=1),
            pl.Residual(block(6), pl.Conv2D(6, 1)),
            pl.GlobalAveragePool2D(),
            pl.Affine(3, bias=False),
        ],
        input_shape=(12, 11, 3),
    ),
    "graph": pl.Graph(
        {
            "conv": (pl.Conv2D(4, 3, stride=2, padding=((1, 0), (2, 1)), groups=2), "input"),
            "deep": (
                pl.Sequential([pl.DepthwiseConv2D(3, padding="same"), pl.PReLU(), pl.ConvTranspose2D(4, 3, padding=1)]),
                "conv",
            ),
            "sum": (pl.Add(), ["conv", "deep"]),
            "product": (pl.Multiply(), ["conv", "deep"]),
            "difference": (pl.Subtract(), ["sum", "product"]),
            "all": (pl.Concat(), ["sum", "difference", "conv"]),
            "wide": (pl.Concat(axis=1), ["all", "all"]),
            "out": (pl.Flatten(), "wide"),
            "end": (pl.Affine(2), "out"),
        },
        input_shape=(9, 8, 4),
    ),
    "layers": pl.Sequential(
        [
            pl.LayerNorm(),
            pl.GroupNorm(2),
            pl.InstanceNorm(),
            pl.LayerNorm(0),
            pl.LeakyReLU(0.2),
            pl.ELU(0.5),
            pl.SELU(),
            pl.GELU(approximate=False),
            pl.Swish(),
            pl.HardSwish(),
            pl.HardSigmoid(),
            pl.Tanh(),
            pl.Softplus(),
            pl.Exp(),
            pl.Clip(0.0, 6.0),
            pl.Scale(),
            pl.Shift((1,)),
            pl.Softmax(0),
            pl.Sigmoid(),
            pl.SpatialDropout2D(0.1),
            pl.ZeroPad2D(((0, 1), (2, 0))),
            pl.Pad(((-1, -1), (0, -2), (0, 0))),
            pl.Upsample2D(2, mode="bilinear"),
            pl.Resize2D((9, 7), mode="linear"),
            pl.Resize2D((6, 8), rounding="round_prefer_ceil"),
            pl.AveragePool2D(3, 2, padding="same"),
            pl.AveragePool2D(2, 1, padding=1, count_padding=True),
            pl.ConvTranspose2D(3, 3, stride=2, padding="same"),
            pl.ConvTranspose2D(2, 2, stride=3, output_padding=1),
            pl.Transpose((2, 0, 1)),
            pl.Reshape((4, -1)),
            pl.Flatten(),
            pl.Dropout(0.1),
            pl.LogSoftmax(),
        ],
        input_shape=(6, 5, 4),
    ),
}
"""Layers of ours that Keras has counterparts of."""


def assert_reads(path: Path) -> None:
    judged = np.load(path.with_suffix(".npz"))
    assert_close(pl.load_keras(path)(judged["x"]), judged["y"])


@pytest.mark.parametrize("package", ["keras", "tf_keras"])
def test_every_layer_and_model_gives_what_keras_gives_and_keras_opens_ours(package, tmp_path):
    networks = ours(tmp_path) if package == "keras" else {}
    saved_by(package, tmp_path)
    for name, network in networks.items():
        x = np.load(tmp_path / f"ours-{name}.npz")["x"]
        assert_close(network(x), np.load(tmp_path / f"ours-{name}.npy"))
    paths = [path for path in sorted(tmp_path.iterdir()) if path.suffix in SUFFIXES and "ours" not in path.name]
    wrong = {}
    for path in paths:
        try:
            assert_reads(path)
        except (AssertionError, pl.PellucidError) as error:
            wrong[path.name] = str(error)[:300]
    assert not wrong, f"{len(wrong)} of {len(paths)}: {wrong}"
    assert len(paths) > 80


@pytest.mark.parametrize("path", sorted(p for p in FILES.iterdir() if p.suffix in SUFFIXES), ids=lambda path: path.name)
def test_files_of_both_kerases_are_read_without_keras(path, monkeypatch):
    for package in ("keras", "tf_keras", "tensorflow", "h5py"):
        monkeypatch.setitem(sys.modules, package, None)
    assert_reads(path)


def test_names_are_kept_and_an_activation_is_a_layer_of_its_own():
    network = pl.load_keras(FILES / "keras-branches.keras")
    assert isinstance(network, pl.Graph)
    assert [node.name for node in network.nodes][:4] == ["left", "left_activation", "right", "right_norm"]
    assert network.output == "out_activation"
    assert network.node("left_activation").inputs == ("left",)


def test_models_within_models_stay_containers_and_frozen_layers_frozen():
    network = pl.load_keras(FILES / "keras-nested.h5")
    assert isinstance(network, pl.Sequential)
    assert network.layer("body.stem.conv").output_shape == (6, 6, 3)
    assert not network.layer("body.norm").trainable
    assert network.layer("body.stem.conv").trainable


def test_a_layer_that_stands_at_two_places_becomes_two_with_copies_of_its_weights():
    network = pl.load_keras(FILES / "tf_keras-nested.keras")
    one, other = network.layer("body.twice").params["W"], network.layer("body.twice_2").params["W"]
    np.testing.assert_array_equal(one, other)
    assert not np.shares_memory(one, other)


def test_what_was_read_is_saved_and_loaded_as_a_file_of_ours(tmp_path):
    network = pl.load_keras(FILES / "keras-branches.keras")
    pl.save(network, tmp_path / "model.safetensors")
    x = np.load(FILES / "keras-branches.npz")["x"]
    np.testing.assert_array_equal(pl.load(tmp_path / "model.safetensors")(x), network(x))


@pytest.mark.parametrize("name", NETWORKS)
def test_ours_come_back_from_a_file_of_keras(name, tmp_path):
    ours(tmp_path)
    path, network = tmp_path / f"ours-{name}.keras", NETWORKS[name]
    x = np.load(path.with_suffix(".npz"))["x"]
    assert_close(pl.load_keras(path)(x), network(x))


def test_the_same_network_gives_the_same_file(tmp_path):
    for name in ("one", "other"):
        pl.save_keras(NETWORKS["graph"], tmp_path / name)
    assert (tmp_path / "one").read_bytes() == (tmp_path / "other").read_bytes()


@pytest.mark.parametrize(
    ("layer", "told"),
    [
        (pl.GELU(), "GELU 'gelu1': Keras has no counterpart of the tanh form"),
        (pl.MaxPool2D(3, 2, padding=1), "a border around a maximum of numbers below 0"),
        (pl.Clip(-1.0, 1.0), "bounds of -1.0 and 1.0"),
        (pl.Power(3.0), "Power 'power1': Keras has no counterpart of this kind of layer"),
        (pl.HardSigmoid(0.2), "alpha"),
        (pl.ConvTranspose2D(2, 3, groups=2), "groups in a transposed convolution"),
    ],
)
def test_layers_that_keras_has_not_are_named_and_nothing_is_written(layer, told, tmp_path):
    with pytest.raises(ArgumentError, match=told):
        pl.save_keras(pl.Sequential([layer], input_shape=(8, 8, 2)), tmp_path / "model.keras")
    assert not (tmp_path / "model.keras").exists()


# Descriptions that Keras could have written


def rewritten(tmp_path: Path, change: Callable[[Any], Any], name: str = "keras-branches.keras") -> Path:
    """A copy of a file whose description was changed."""
    path = tmp_path / "model.keras"
    with zipfile.ZipFile(FILES / name) as old, zipfile.ZipFile(path, "w") as new:
        for member in old.namelist():
            content = old.read(member)
            if member == "config.json":
                tree = json.loads(content)
                content = json.dumps(change(tree) or tree).encode()
            new.writestr(member, content)
    return path


def layer(tree: Any, name: str) -> Any:
    return next(entry for entry in tree["config"]["layers"] if entry["name"] == name)


def changed_to(name: str, **entry: Any) -> Callable[[Any], None]:
    return lambda tree: layer(tree, name).update(entry)


def option(name: str, **options: Any) -> Callable[[Any], None]:
    return lambda tree: layer(tree, name)["config"].update(options)


def outputs(*names: str) -> Callable[[Any], None]:
    return lambda tree: tree["config"].update(output_layers=[[name, 0, 0] for name in names])


def around(tree: Any) -> None:
    """The first convolution takes what comes of it."""
    tensor = layer(tree, "left")["inbound_nodes"][0]["args"][0]
    tensor["config"]["keras_history"] = ["both", 0, 0]


def unsized(tree: Any) -> None:
    tree["build_config"] = None
    layer(tree, "picture")["config"]["batch_shape"] = [None, None, None, 3]


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (changed_to("left", class_name="Lambda"), r"'left' \(Lambda\): this class .* code, which is never run"),
        (changed_to("left", class_name="Attention"), r"'left' \(Attention\): this class of layers is not read"),
        (changed_to("left", module="os", class_name="Conv2D"), "a layer of 'os', whose code no file holds"),
        (changed_to("left", registered_name="mine>Conv2D"), "a layer of 'mine>Conv2D'"),
        (changed_to("add", class_name="Concatenate", config={"name": "add"}), "the operation Concatenate of keras.ops"),
        (option("left", activation="mish"), "activation='mish' is not read. Known are linear, relu"),
        (option("left", activation={"class_name": "function", "module": "builtins", "config": "f"}), "is not read"),
        (option("left", strides=[0, 1]), "strides must be 2 whole numbers from 1 .* got"),
        (option("left", filters=10**12), "filters must be a whole number from 1 to"),
        (option("out", units=10**7), "'out' would have 10000000 channels"),
        (option("right_norm", axis=[9]), r"axis must be axes of samples with 3 axes, got \[9\]"),
        (option("right_norm", renorm=True), "renorm=True is not read"),
        (changed_to("right", inbound_nodes=[]), "nothing leads to layer 'right', call 0"),
        (around, "takes its own output"),
        (outputs("left", "right"), r"2 outputs \(left, right\).*output="),
        (unsized, "leaves the size of its input open.* input_shape="),
        (lambda tree: tree.update(class_name="MyModel"), "the model is a 'MyModel', whose code no file holds"),
        (lambda tree: {"class_name": "Sequential", "config": {"layers": []}}, "a model must have 1 to"),
    ],
)
def test_what_has_no_counterpart_or_no_sense_is_named(change, told, tmp_path):
    with pytest.raises(FileFormatError, match=told):
        pl.load_keras(rewritten(tmp_path, change))


def test_an_output_can_be_chosen(tmp_path):
    network = pl.load_keras(rewritten(tmp_path, outputs("left", "right")), output="right_norm")
    assert [node.name for node in network.nodes] == ["right", "right_norm"]
    with pytest.raises(FileFormatError, match="there is no layer 'rihgt'. Its layers: picture, "):
        pl.load_keras(FILES / "keras-branches.keras", output="rihgt")


def test_a_size_left_open_can_be_chosen(tmp_path):
    assert pl.load_keras(rewritten(tmp_path, unsized), input_shape=(8, 8, 3)).input_shape == (8, 8, 3)
    with pytest.raises(ArgumentError, match=r"input_shape must be \(8, 8, 3\), as in the file, got \(9, 8, 3\)"):
        pl.load_keras(FILES / "keras-branches.keras", input_shape=(9, 8, 3))


def test_channels_that_come_first_keep_their_place_outside(tmp_path):
    """(C, H, W) goes in, and the layers between two transpositions compute channels-last."""
    path = FILES / "keras-branches.keras"

    def channels_first(tree: Any) -> None:
        layers = [layer(tree, name) for name in ("left", "right", "right_norm")]
        shape = {"batch_shape": [None, 3, 8, 8]}
        layers[0]["config"].update(data_format="channels_first")
        layers[1]["config"].update(data_format="channels_first")
        layers[2]["config"].update(axis=1)
        layer(tree, "picture")["config"].update(shape)
        tree["config"]["output_layers"] = [["add", 0, 0]]

    x = np.load(path.with_suffix(".npz"))["x"]
    theirs = pl.load_keras(path, output=next(n for n in json_names(path) if n.startswith("add")))(x)
    outside = rewritten(tmp_path, lambda tree: (channels_first(tree), rename(tree))[0])
    assert_close(pl.load_keras(outside)(x.transpose(0, 3, 1, 2)), theirs.transpose(0, 3, 1, 2))


def json_names(path: Path) -> list[str]:
    with zipfile.ZipFile(path) as archive:
        return [entry["name"] for entry in json.loads(archive.read("config.json"))["config"]["layers"]]


def rename(tree: Any) -> None:
    tree["config"]["output_layers"] = [
        [next(n["name"] for n in tree["config"]["layers"] if n["class_name"] == "Add"), 0, 0]
    ]


# The archive


def members(**changes: bytes | None) -> dict[str, bytes]:
    with zipfile.ZipFile(FILES / "keras-branches.keras") as archive:
        sound = {name: archive.read(name) for name in archive.namelist()}
    return {name: content for name, content in {**sound, **changes}.items() if content is not None}


def packed(path: Path, content: dict[str, bytes], *more: tuple[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in [*content.items(), *more]:
            archive.writestr(name, data)
    return path


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize(
    ("content", "more", "told"),
    [
        (members(**{"config.json": None}), (), "config.json is missing"),
        (members(**{"model.weights.h5": None}), (("model.weights.json", b"{}"),), "Weights in several files"),
        (members(), (("config.json", b"{}"),), "holds a name twice"),
        ({"archive/data.pkl": b""}, (), "a file of PyTorch, which holds a pickle"),
        (members(**{"config.json": b'{"a": 1, "a": 2}'}), (), "the key 'a' stands twice"),
        (members(**{"config.json": b"[" * 200 + b"]" * 200}), (), "nested too deeply"),
        (members(**{"config.json": bytes(65 << 20)}), (), "has 68157440 bytes, allowed are"),
        (members(**{"model.weights.h5": b"no HDF5 in it"}), (), "is no HDF5 file, it begins with b'no HDF5 '"),
    ],
)
def test_an_archive_of_another_kind_is_named(content, more, told, tmp_path):
    with pytest.raises(FileFormatError, match=told):
        pl.load_keras(packed(tmp_path / "model.keras", content, *more))


def test_other_members_are_never_looked_at(tmp_path):
    path = packed(tmp_path / "model.keras", members(), ("../../escape", b"x"), ("assets/words.txt", b"x"))
    judged = np.load(FILES / "keras-branches.npz")
    assert_close(pl.load_keras(path)(judged["x"]), judged["y"])
    assert [p.name for p in tmp_path.iterdir()] == ["model.keras"]


def test_what_is_neither_is_told_how_to_become_one(tmp_path):
    (tmp_path / "model.keras").write_bytes(b"x" * 100)
    with pytest.raises(
        FileFormatError, match=r"neither a \.keras archive nor an HDF5 file.*model\.save\('model\.keras'\)"
    ):
        pl.load_keras(tmp_path / "model.keras")
