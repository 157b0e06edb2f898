"""Networks as ONNX files: what other programs compute with them is what the networks compute."""

from __future__ import annotations

import json
import sys

import numpy as np
import pytest

import pellucid as pl
from cases import CASES
from interop.onnx_judges import LAYOUTS, assert_equal, by_reference, by_runtime, outside, written
from pellucid.errors import ArgumentError, DataError, MissingDependencyError, StateError, UnknownNameError
from pellucid.interop.onnx.save import NEWEST, OLDEST
from pellucid.interop.onnx.write import network as _writers  # noqa: F401  # with it all writers are registered
from pellucid.interop.onnx.write.writers import WRITERS
from pellucid.layers import LAYERS, Container
from pellucid.layers.merge import MERGES
from pellucid.models import RECIPES, recipe

onnx = pytest.importorskip("onnx")

every_layout = pytest.mark.parametrize("layout", LAYOUTS)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "model.onnx"


def network_of(case):
    layer = case.build()
    return layer if isinstance(layer, Container) else pl.Sequential([layer], input_shape=case.shape)


def learnt(name, seed=0):
    """Return a recipe's network after a few steps: no bias is zero, and BatchNorm has statistics."""
    plan, rng = recipe(name), np.random.default_rng(seed)
    x = rng.random((24, 784) if plan.flat else (24, 28, 28, 1), np.float32)
    data = pl.Dataset(x, np.arange(24) % 10)
    model, _ = plan.train(data, data, iterations=3, batch_size=8)
    return pl.training.network_of(model)


# Every layer, every recipe


def test_every_layer_and_merge_of_the_package_has_a_writer():
    kinds = [kind for name, kind in {**LAYERS, **MERGES}.items() if getattr(pl, name, None) is kind]
    leaves = {kind for kind in kinds if not issubclass(kind, Container) and kind not in (pl.Layer, pl.Merge)}

    assert leaves == set(WRITERS)


@every_layout
@pytest.mark.parametrize("opset", [OLDEST, NEWEST])
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_every_layer_computes_the_same_in_onnxruntime(case, opset, layout, path):
    network = network_of(case)
    one, seven = case.batch(1), case.batch(7)

    model = written(network, path, opset=opset, layout=layout)
    got = by_runtime(model, one, seven, layout=outside(network, layout))

    assert_equal(got[0], network(one))
    assert_equal(got[1], network(seven))


@pytest.mark.parametrize("opset", range(OLDEST + 1, NEWEST))
def test_every_opset_between_is_sound(opset, path):
    network = pl.Sequential(
        [pl.Conv2D(4, 3), pl.LayerNorm(), pl.GELU(), pl.GroupNorm(2), pl.ZeroPad2D(), pl.Flatten(), pl.Affine(3)],
        input_shape=(6, 6, 1),
    )
    x = np.random.default_rng(0).random((7, 6, 6, 1), np.float32)

    (got,) = by_runtime(written(network, path, opset=opset), x)

    assert_equal(got, network(x))


@pytest.mark.parametrize("name", RECIPES)
def test_every_recipe_computes_the_same_in_onnxruntime(name, path):
    network = learnt(name)
    x = np.random.default_rng(1).random((7, *network.input_shape), np.float32)

    for layout in LAYOUTS:
        got = by_runtime(written(network, path, layout=layout), x[:1], x, layout=layout)
        assert_equal(got[0], network(x[:1]))
        assert_equal(got[1], network(x))


def test_a_network_in_float64_is_written_in_float64(path):
    layers = [pl.Conv2D(2, 3), pl.BatchNorm(epsilon=2**-17), pl.ELU(), pl.Flatten(), pl.Affine(2), pl.Softplus()]
    network = pl.Sequential(layers, input_shape=(5, 5, 1), dtype=np.float64)
    x = np.random.default_rng(0).random((3, 5, 5, 1))

    # Before opset 14 the reference evaluator takes the statistics of the batch.
    assert_equal(by_reference(written(network, path, opset=14), x), network(x), tolerance=1e-12)


def test_two_gelus_of_one_input_are_both_there(path):
    nodes = {"tanh": (pl.GELU(), "input"), "erf": (pl.GELU(approximate=False), "input")}
    network = pl.Graph({**nodes, "both": (pl.Concat(), ["tanh", "erf"])}, input_shape=6)
    x = np.random.default_rng(0).standard_normal((7, 6)).astype(np.float32)

    assert_equal(by_runtime(written(network, path), x)[0], network(x))


# How the graph looks


def operators(model):
    return [node.op_type for node in model.graph.node]


def test_images_are_transposed_at_the_door_and_before_the_dense_part_and_nowhere_else(path):
    network = recipe("mnist-cnn").for_mnist()

    assert operators(written(network, path)).count("Transpose") == 2
    assert operators(written(network, path, layout="channels-first")).count("Transpose") == 1


@every_layout
def test_a_transpose_of_the_networks_own_is_only_another_way_to_count(path, layout):
    layers = [pl.Transpose((1, 2, 0)), pl.Conv2D(2, 3), pl.ReLU(), pl.Transpose((2, 0, 1)), pl.Flatten(), pl.Affine(3)]
    network = pl.Sequential(layers, input_shape=(2, 6, 5))
    x = np.random.default_rng(0).random((7, 2, 6, 5), np.float32)

    model = written(network, path, layout=layout)

    assert operators(model) == ["Conv", "Relu", "Reshape", "Gemm"]
    assert_equal(by_runtime(model, x)[0], network(x))


def test_branches_share_the_transposed_image(path):
    network = pl.Graph(
        {
            "left": (pl.Conv2D(2, 3), "input"),
            "right": (pl.Conv2D(3, 3), "input"),
            "both": (pl.Concat(), ["left", "right"]),
            "norm": (pl.BatchNorm(), "both"),
            "pool": (pl.GlobalAveragePool2D(), "norm"),
        },
        input_shape=(5, 5, 2),
    )

    assert operators(written(network, path)).count("Transpose") == 1


def test_a_shortcut_takes_the_order_of_the_branch(path):
    network = pl.Sequential(
        [pl.Residual([pl.Conv2D(2, 3, padding="same")]), pl.Conv2D(1, 3), pl.Flatten()], input_shape=(5, 5, 2)
    )

    assert operators(written(network, path)) == ["Transpose", "Conv", "Add", "Conv", "Reshape"]  # one channel: no turn


def test_layers_and_weights_keep_their_names(path):
    network = pl.Sequential(
        [pl.Residual([pl.Affine(3), pl.ReLU()], name="block"), pl.Affine(2, name="scores")], input_shape=3, name="toy"
    )

    model = written(network, path)

    assert model.graph.name == "toy"
    assert [node.name for node in model.graph.node] == [
        "block.branch.affine1",
        "block.branch.relu1",
        "block.add",
        "scores",
    ]
    assert {weight.name for weight in model.graph.initializer} == set(network.params)
    assert [door.name for door in (*model.graph.input, *model.graph.output)] == ["input", "scores"]


def test_names_that_meet_are_told_apart(path):
    network = pl.Sequential([pl.Tanh(name="input"), pl.Conv2D(1, 1, name="output")], input_shape=(2, 2, 1))
    x = np.random.default_rng(0).random((2, 2, 2, 1), np.float32)

    (got,) = by_runtime(written(network, path), x)

    assert_equal(got, network(x))


def test_the_batch_is_of_any_size_and_the_rest_is_known(path):
    door = written(recipe("lenet").for_mnist(), path, layout="channels-first").graph.input[0]

    sizes = door.type.tensor_type.shape.dim
    assert [size.dim_param or size.dim_value for size in sizes] == ["batch", 1, 28, 28]


def test_the_opset_is_the_one_asked_for_and_the_file_format_as_old_as_it_allows(path):
    model = written(recipe("two-layer-net").for_mnist(), path)

    assert [(opset.domain, opset.version) for opset in model.opset_import] == [("", 13)]
    assert model.ir_version == 7
    assert model.producer_name == "pellucid"


def test_the_same_network_gives_the_same_bytes(tmp_path):
    for name in ("a", "b"):
        pl.save_onnx(recipe("resnet").for_mnist(), tmp_path / name)

    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


# What it gives, and what it says


@pytest.mark.parametrize(("outputs", "loss"), [(3, "SoftmaxCrossEntropy"), (1, "SigmoidCrossEntropy")])
def test_probabilities_are_those_of_predict_proba(outputs, loss, path):
    network = pl.Sequential([pl.Affine(outputs)], input_shape=4)
    x = np.random.default_rng(0).standard_normal((9, 4)).astype(np.float32)
    pl.fit(network, (x, np.arange(9) % max(outputs, 2)), iterations=2, batch_size=3, loss=loss, progress=False)

    (scores,) = by_runtime(written(network, path), x)
    (chances,) = by_runtime(written(network, path, probabilities=True), x)

    assert_equal(scores, network(x))
    assert_equal(chances, pl.predict_proba(network, x))


def test_a_network_that_ends_in_probabilities_is_not_squashed_twice(path):
    network = pl.Sequential([pl.Affine(3), pl.Softmax()], input_shape=4)

    assert operators(written(network, path, probabilities=True)) == ["Gemm", "Softmax"]


def test_what_has_no_probabilities_says_so(path):
    network = pl.Sequential([pl.Affine(3)], input_shape=4)
    network.outputs = pl.specs.OutputSpec(pl.Hinge(), 3)

    with pytest.raises(ArgumentError, match="no probabilities that ONNX could hold. Leave probabilities=True out"):
        pl.save_onnx(network, path, probabilities=True)


def test_the_file_says_how_samples_were_prepared_and_what_the_classes_are(path):
    network = pl.Sequential([pl.Flatten(), pl.Affine(2)], input_shape=(2, 2, 1))
    data = pl.Dataset(np.ones((4, 2, 2, 1), np.float32), [0, 1, 0, 1], class_names=["cat", "dog"])
    pl.fit(network, data, epochs=1, progress=False)

    told = {entry.key: entry.value for entry in written(network, path, metadata={"author": "Ada"}).metadata_props}

    assert told.pop("author") == "Ada"
    assert json.loads(told["pellucid.inputs"])["class_names"] == ["cat", "dog"]
    assert json.loads(told["pellucid.outputs"])["loss"]["name"] == "SoftmaxCrossEntropy"
    assert told["description"] == (
        "Gives scores of shape (2,) for samples of shape (2, 2, 1). Samples are arrays. "
        "Their numbers lay between 1 and 1. Classes: cat, dog."
    )


def test_a_file_that_takes_images_channels_first_says_so(path):
    network = pl.Sequential([pl.Flatten(), pl.Affine(2)], input_shape=(4, 5, 3))
    network.inputs = pl.data.InputSpec(
        "images", (4, 5, 3), scale=255.0, mean=(1.0, 2.0, 3.0), deviation=(4.0, 5.0, 6.0)
    )

    told = {entry.key: entry.value for entry in written(network, path, layout="channels-first").metadata_props}

    expected = network.inputs.replace(layout="channels-first", shape=(3, 4, 5))
    assert pl.data.InputSpec.from_config(json.loads(told["pellucid.inputs"])) == expected
    assert "pictures, channels first. White is 255. From them 1, 2, 3 is subtracted" in told["description"]


# What is refused


class Own(pl.ReLU):
    """A subclass with a function of its own."""

    def function(self, x):
        return np.maximum(x, -1)


class Plain(pl.ReLU):
    """A subclass that computes as its kind does."""


class Closed(pl.Sequential):
    """A container with passes of its own."""

    def forward(self, x, *, train=False, rng=None):
        return super().forward(2 * x, train=train, rng=rng)


def test_a_layer_of_ones_own_is_refused_by_its_name(path):
    network = pl.Sequential([pl.Sequential([Own(name="mine")], name="block")], input_shape=3)

    with pytest.raises(ArgumentError, match="save_onnx: Own 'block.mine' is a kind of your own, which has no form in"):
        pl.save_onnx(network, path)
    assert not path.exists()


def test_a_container_with_passes_of_its_own_is_refused_by_its_name(path):
    network = pl.Sequential([Closed([pl.Affine(2)], name="odd")], input_shape=3)

    with pytest.raises(ArgumentError, match="save_onnx: Closed 'odd' has a forward of its own, which ONNX cannot hold"):
        pl.save_onnx(network, path)


def test_a_subclass_that_computes_as_its_kind_is_written_as_that(path):
    assert operators(written(pl.Sequential([Plain()], input_shape=3), path)) == ["Relu"]


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"opset": 12}, ArgumentError, r"opset must lie in \[13, 26\], got 12"),
        ({"opset": 27}, ArgumentError, r"opset must lie in \[13, 26\], got 27"),
        ({"layout": "channels_first"}, UnknownNameError, "Did you mean 'channels-first'"),
        ({"metadata": {"pellucid.inputs": "x"}}, ArgumentError, "may not begin with 'pellucid.'"),
    ],
)
def test_wrong_options_are_refused(options, error, message, path):
    with pytest.raises(error, match=message):
        pl.save_onnx(pl.Sequential([pl.Affine(2)], input_shape=3), path, **options)
    assert not path.exists()


def test_a_network_that_is_not_built_is_refused(path):
    with pytest.raises(StateError, match="save_onnx: Sequential: not built yet"):
        pl.save_onnx(pl.Sequential([pl.Affine(2)]), path)


def test_weights_that_are_no_numbers_are_refused_unless_they_are_wanted(path):
    network = pl.Sequential([pl.Affine(2)], input_shape=3)
    network.params["affine1.b"] = np.array([0, np.nan])

    with pytest.raises(DataError, match=r"save_onnx: affine1\.b holds 1 NaN or infinite values of 2"):
        pl.save_onnx(network, path)
    assert not path.exists()
    pl.save_onnx(network, path, allow_nonfinite=True)


def test_a_file_that_stands_there_stays_whole(path):
    path.write_bytes(b"before")

    with pytest.raises(ArgumentError):
        pl.save_onnx(pl.Sequential([Own()], input_shape=3), path)

    assert path.read_bytes() == b"before"


def test_what_takes_more_than_a_message_holds_is_refused(path, monkeypatch):
    monkeypatch.setattr("pellucid.interop.onnx.save.LARGEST", 31)

    with pytest.raises(DataError, match="an ONNX file holds at most 2 GB, and the weights take more"):
        pl.save_onnx(pl.Sequential([pl.Affine(2)], input_shape=3), path)


def test_without_onnx_the_error_names_the_extra(path, monkeypatch):
    monkeypatch.setitem(sys.modules, "onnx", None)

    with pytest.raises(MissingDependencyError, match=r"Writing ONNX files needs onnx.*pip install 'pellucid\[onnx\]'"):
        pl.save_onnx(pl.Sequential([pl.Affine(2)], input_shape=3), path)
