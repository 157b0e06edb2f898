"""What is refused, and in which words: one line that names the file and the node or the tensor."""

from __future__ import annotations

import numpy as np
import pytest

import pellucid as pl
from interop.onnx.graphs import helper, load, model, node, numpy_helper, onnx, weights
from pellucid.errors import DataError, FileFormatError, UnknownNameError, UnsupportedError


def test_all_operators_without_a_layer_are_named_and_shown(tmp_path, rng):
    nodes = [
        node("Conv", "x w", "c"),
        node("NonZero", "c", "a", name="first"),
        node("Einsum", "a", "b", name="second", equation="i->i"),
        node("NonZero", "b", "y", name="third"),
    ]

    with pytest.raises(
        UnsupportedError, match=r"no layer here for Einsum \(second\); NonZero \(first, third\)"
    ) as caught:
        load(model(nodes, {"w": weights(rng, 4, 3, 3, 3)}), tmp_path)

    rows = caught.value.table.rows
    assert [(row.operator, row.known) for row in rows] == [
        ("Conv", True),
        ("NonZero", False),
        ("Einsum", False),
        ("NonZero", False),
    ]
    assert rows[0].output_shape == "N × 4 × 6 × 4"
    assert "not read" in str(caught.value.table)


def test_operators_behind_the_output_do_not_matter(tmp_path):
    proto = model([node("Relu", "x", "r"), node("NonZero", "r", "y")])

    assert load(proto, tmp_path, output="r").output_shape == (3, 8, 6)


def external(tmp_path):
    proto = model([node("Conv", "x w", "y")], {"w": np.ones((4, 3, 3, 3), np.float32)})
    (tmp_path / "secret.bin").write_bytes(bytes(432))
    tensor = proto.graph.initializer[0]
    tensor.ClearField("raw_data")
    tensor.data_location = 1
    tensor.external_data.add(key="location", value="secret.bin")
    return proto


def test_numbers_in_other_files_are_refused(tmp_path):
    with pytest.raises(FileFormatError, match="tensor 'w' lies in another file, and none but the one named is opened"):
        load(external(tmp_path), tmp_path)


def tensor(**fields):
    """A change of the weights."""

    def change(proto):
        for name, value in fields.items():
            if name == "dims":
                del proto.graph.initializer[0].dims[:]
                proto.graph.initializer[0].dims.extend(value)
            else:
                setattr(proto.graph.initializer[0], name, value)

    return change


def attribute(name, value):
    """One more attribute of the convolution."""
    return lambda proto: proto.graph.node[0].attribute.append(helper.make_attribute(name, value))


CONTRADICTIONS = [
    (tensor(dims=[1 << 40, 1 << 40]), "tensor 'w' cannot have shape"),
    (tensor(dims=[4, 3, 3, 4]), r"tensor 'w' has shape \(4, 3, 3, 4\) and holds 108 numbers"),
    (tensor(dims=[-4, 3, 3, 3]), "tensor 'w' cannot have shape"),
    (tensor(data_type=16), "tensor 'w' is of type 16"),
    (tensor(data_type=11), "tensor 'w' has shape"),
    (tensor(name="v"), "Conv 'y' takes 'w', which is nowhere"),
    (lambda p: p.graph.initializer.append(p.graph.initializer[0]), "'w': a name must be there, and stand for one"),
    (lambda p: p.graph.node.append(p.graph.node[0]), "Conv 'y' makes 'y', which is there already"),
    (lambda p: p.graph.node[0].input.__setitem__(0, "y"), "Conv 'y' takes 'y', which stands below it: a cycle"),
    (lambda p: setattr(p.graph.output[0], "name", "z"), "the outputs must be names of the graph"),
    (lambda p: p.graph.node.__delitem__(slice(None)), "a graph has 1 to 100000 nodes, this one 0"),
    (lambda p: setattr(p.opset_import[0], "version", 99), "one opset from 1 to 28 is read here, got .99"),
    (lambda p: setattr(p.graph.node[0], "op_type", ""), "no layer here for"),
    (attribute("strides", [1, 1, 1]), "its strides must be 2"),
    (attribute("pads", 3), "its attribute pads cannot be 3"),
    (attribute("group", 2), "weights .* in 2 groups do not"),
    (attribute("auto_pad", "x"), "no Conv with auto_pad='x'"),
]


@pytest.mark.parametrize(("change", "says"), CONTRADICTIONS)
def test_files_that_contradict_themselves_are_refused(change, says, tmp_path):
    proto = model([node("Conv", "x w", "y")], {"w": np.ones((4, 3, 3, 3), np.float32)})
    change(proto)

    with pytest.raises(FileFormatError, match=says) as caught:
        load(proto, tmp_path)
    assert "model.onnx" in str(caught.value)


@pytest.mark.parametrize("data", [b"", b"no ONNX", bytes(100), b"\x08\x07" * 10])
def test_what_is_no_onnx_file_is_refused(data, tmp_path):
    (tmp_path / "model.onnx").write_bytes(data)

    with pytest.raises(FileFormatError, match="model.onnx"):
        pl.load_onnx(tmp_path / "model.onnx")


def test_a_file_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(DataError, match="there is no file"):
        pl.load_onnx(tmp_path / "model.onnx")


def test_an_unknown_output_offers_the_nearest(tmp_path):
    with pytest.raises(UnknownNameError, match="unknown output 'sores'. Did you mean 'scores'"):
        load(model([node("Relu", "x", "scores")], outputs="scores"), tmp_path, output="sores")


def test_an_output_of_constants_alone_is_refused(tmp_path):
    with pytest.raises(FileFormatError, match="does not follow from the data"):
        load(model([node("Shape", "x", "y")]), tmp_path)


def test_weights_that_are_not_finite_are_refused(tmp_path):
    with pytest.raises(FileFormatError, match="y.W holds 15 NaN or infinite values"):
        load(model([node("MatMul", "x w", "y")], {"w": np.full((5, 3), np.nan, np.float32)}, shape=("N", 5)), tmp_path)


@pytest.mark.parametrize(
    "nodes",
    [
        [node("ConstantOfShape", "big", "c"), node("Add", "x c", "y")],
        [node("Expand", "one big", "c"), node("Add", "x c", "y")],
        [node("Tile", "one big", "c"), node("Add", "x c", "y")],
        [node("Range", "zero limit step", "c"), node("Add", "x c", "y")],
    ],
)
def test_small_files_that_make_large_constants_are_refused(nodes, tmp_path):
    constants = {"big": [1 << 31], "one": np.ones(1, np.float32), "zero": 0, "limit": 1 << 40, "step": 1}

    with pytest.raises(FileFormatError, match="made of constants: more than is read"):
        load(model(nodes, constants, shape=("N", 5)), tmp_path)


def test_small_files_that_make_large_samples_are_refused(tmp_path):
    with pytest.raises(FileFormatError, match="is larger than the 268435456 numbers"):
        load(model([node("Relu", "x", "y")], shape=("N", 1 << 30)), tmp_path)


def test_a_second_constant_of_the_wrong_kind_is_refused(tmp_path):
    with pytest.raises(DataError, match=r"inputs\['x'\] must be an array"):
        load(model([node("Relu", "x", "y")]), tmp_path, inputs={"x": object()})


def test_texts_are_no_numbers(tmp_path):
    proto = model([node("Relu", "x", "y")])
    proto.graph.initializer.append(numpy_helper.from_array(np.array(["a"], object), "names"))

    with pytest.raises(FileFormatError, match="tensor 'names' is of type 8"):
        load(proto, tmp_path)
    assert onnx.TensorProto.STRING == 8


def test_a_small_file_that_makes_a_large_border_is_refused(tmp_path):
    proto = model([node("Concat", "x k", "y", axis=1)], {"k": np.ones((1, 1), np.float32)}, shape=(1, 1 << 27))

    with pytest.raises(FileFormatError, match="made of constants: more than is read"):
        load(proto, tmp_path)
