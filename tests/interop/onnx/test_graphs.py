"""Whole graphs beside onnxruntime: what the batch becomes, how axes lie, and what is computed while reading."""

from __future__ import annotations

import numpy as np
import pytest

import pellucid as pl
from interop.onnx.graphs import load, model, node, runtime, same, weights

pytest.importorskip("onnxruntime")
from pellucid.layers.door import has_door


@pytest.fixture
def x(rng):
    return rng.standard_normal((2, 3, 8, 6)).astype(np.float32)


@pytest.fixture
def conv(rng):
    return node("Conv", "x w b", "c", pads=[1, 1, 1, 1]), {"w": weights(rng, 4, 3, 3, 3), "b": weights(rng, 4)}


def kinds(network):
    return [type(node.operation).__name__ for node in network.nodes]


# The batch


def test_an_open_batch_stays_open_through_shape_arithmetic(conv, x, tmp_path, rng):
    """As PyTorch exports x.view(x.size(0), -1)."""
    nodes = [
        conv[0],
        node("Shape", "c", "s"),
        node("Gather", "s zero", "n", axis=0),
        node("Unsqueeze", "n axes", "n1"),
        node("Concat", "n1 minus", "target", axis=0),
        node("Reshape", "c target", "flat"),
        node("Gemm", "flat v", "y", transB=1),
    ]
    constants = {"zero": 0, "axes": [0], "minus": [-1], "v": weights(rng, 5, 192), **conv[1]}

    network = same(model(nodes, constants), x, tmp_path)

    assert network(np.concatenate([x, x, x])).shape == (6, 5)
    assert kinds(network) == ["Transpose", "Conv2D", "Transpose", "Reshape", "Affine"]


def test_a_batch_declared_as_one_takes_any_number_of_samples(conv, x, tmp_path):
    network = load(model([conv[0], node("Flatten", "c", "y")], conv[1], shape=(1, 3, 8, 6)), tmp_path)

    both = network(x)

    np.testing.assert_array_equal(both, np.concatenate([network(x[:1]), network(x[1:])]))


def test_a_shape_that_is_written_for_one_sample_serves_all(conv, x, tmp_path):
    nodes = [conv[0], node("Reshape", "c one", "y")]
    network = load(model(nodes, {"one": [1, -1], **conv[1]}), tmp_path)

    np.testing.assert_allclose(network(x)[:1], runtime(model(nodes, {"one": [1, -1], **conv[1]}), x[:1]), atol=1e-5)
    assert network(x).shape == (2, 192)


def test_what_works_along_the_batch_takes_the_whole_tensor_as_one_sample(tmp_path, rng):
    x = rng.standard_normal((4, 5)).astype(np.float32)
    proto = model([node("Softmax", "x", "y", axis=0)], shape=(4, 5))

    network = load(proto, tmp_path)

    assert network.input_shape == (4, 5)
    np.testing.assert_allclose(network(x[None])[0], runtime(proto, x), atol=1e-6)


def test_an_image_network_that_drops_its_batch_of_one_takes_it_in_its_samples(conv, x, tmp_path):
    proto = model([conv[0], node("Squeeze", "c", "y", axes=[0])], conv[1], shape=(1, 3, 8, 6), opset=11)

    network = load(proto, tmp_path)

    assert (network.input_shape, network.output_shape) == ((1, 3, 8, 6), (4, 8, 6))
    np.testing.assert_allclose(network(x[:1][None])[0], runtime(proto, x[:1]), atol=1e-5)


# How axes lie


def test_the_door_makes_images_channels_last_and_outputs_come_as_written(conv, x, tmp_path):
    network = same(model([conv[0], node("Relu", "c", "y")], conv[1]), x, tmp_path)

    assert network.input_shape == (3, 8, 6)
    assert kinds(network) == ["Transpose", "Conv2D", "ReLU", "Transpose"]
    assert network.nodes[0].operation.axes == (1, 2, 0)


def test_grey_pictures_come_by_a_door_too_so_that_they_are_explained_as_pictures(tmp_path, rng):
    nodes = [node("Conv", "x w", "c"), node("Flatten", "c", "f"), node("Gemm", "f v", "y")]
    constants = {"w": weights(rng, 4, 1, 3, 3), "v": weights(rng, 4 * 6 * 4, 5)}
    proto = model(nodes, constants, shape=("N", 1, 8, 6))
    x = rng.standard_normal((2, 1, 8, 6)).astype(np.float32)

    network = same(proto, x, tmp_path)

    assert has_door(network)
    assert pl.explain.saliency(network, x).maps().shape == (2, 8, 6)


def test_a_channels_last_graph_needs_no_transpose(x, tmp_path, rng):
    """As TensorFlow exports: ONNX's two transposes around a convolution cancel ours."""
    nodes = [
        node("Transpose", "x", "t", perm=[0, 3, 1, 2]),
        node("Conv", "t w", "c"),
        node("Transpose", "c", "y", perm=[0, 2, 3, 1]),
    ]
    proto = model(nodes, {"w": weights(rng, 4, 3, 3, 3)}, shape=("N", 8, 6, 3))

    assert kinds(same(proto, x.transpose(0, 2, 3, 1).copy(), tmp_path)) == ["Conv2D"]


def test_nothing_moves_before_a_dense_layer_where_an_image_is_one_pixel(conv, x, tmp_path, rng):
    nodes = [
        conv[0],
        node("GlobalAveragePool", "c", "g"),
        node("Flatten", "g", "f"),
        node("Gemm", "f v b", "y", transB=1),
    ]
    constants = {**conv[1], "v": weights(rng, 4, 4)}

    assert kinds(same(model(nodes, constants), x, tmp_path)) == ["Transpose", "Conv2D", "GlobalAveragePool2D", "Affine"]


def test_channels_are_shuffled_by_one_transpose(x, tmp_path, rng):
    nodes = [
        node("Conv", "x w", "c"),
        node("Reshape", "c split", "s"),
        node("Transpose", "s", "t", perm=[0, 2, 1, 3, 4]),
        node("Reshape", "t join", "j"),
        node("Conv", "j v", "y", group=3),
    ]
    constants = {
        "w": weights(rng, 6, 3, 1, 1),
        "v": weights(rng, 6, 2, 1, 1),
        "split": [0, 2, 3, 8, 6],
        "join": [0, 6, 8, 6],
    }

    network = same(model(nodes, constants), x, tmp_path)

    assert kinds(network) == ["Transpose", "Conv2D", "Reshape", "Transpose", "Reshape", "Conv2D", "Transpose"]


def test_a_gate_of_channels_meets_its_image(conv, x, tmp_path, rng):
    """Squeeze-and-excitation: a vector inside, (N, C, 1, 1) in ONNX."""
    nodes = [
        conv[0],
        node("GlobalAveragePool", "c", "g"),
        node("Conv", "g v", "h"),
        node("Sigmoid", "h", "s"),
        node("Mul", "c s", "y"),
    ]
    same(model(nodes, {**conv[1], "v": weights(rng, 4, 4, 1, 1)}), x, tmp_path)


@pytest.mark.parametrize("shape", [(), (1,), (6,), (8, 1), (3, 1, 1), (1, 3, 8, 6), (3, 8, 6)])
@pytest.mark.parametrize("kind", ["Add", "Sub", "Mul", "Div"])
@pytest.mark.parametrize("swapped", [False, True])
def test_constants_of_any_shape_broadcast(kind, shape, swapped, x, tmp_path, rng):
    nodes = [node("Conv", "x w", "c"), node(kind, "k c" if swapped else "c k", "y")]
    constants = {"k": rng.uniform(1, 2, shape).astype(np.float32), "w": weights(rng, 3, 3, 1, 1)}

    same(model(nodes, constants), x, tmp_path)


def test_a_signal_is_an_image_of_width_one(tmp_path, rng):
    nodes = [
        node("Conv", "x w", "c", pads=[2, 0]),
        node("BatchNormalization", "c s s m s", "n"),
        node("Relu", "n", "r"),
        node("MaxPool", "r", "p", kernel_shape=[2], strides=[2]),
        node("Flatten", "p", "y"),
    ]
    constants = {"w": weights(rng, 4, 3, 3), "s": rng.uniform(1, 2, 4).astype(np.float32), "m": weights(rng, 4)}

    same(model(nodes, constants, shape=("N", 3, 9)), rng.standard_normal((2, 3, 9)).astype(np.float32), tmp_path)


def test_the_mean_over_all_pixels_is_global_pooling(conv, x, tmp_path, rng):
    nodes = [conv[0], node("ReduceMean", "c", "g", axes=[2, 3], keepdims=0), node("Gemm", "g v", "y", transB=1)]

    network = same(model(nodes, {**conv[1], "v": weights(rng, 3, 4)}), x, tmp_path)

    assert kinds(network) == ["Transpose", "Conv2D", "GlobalAveragePool2D", "Affine"]


# What is read


def test_weights_may_be_constant_nodes_initializers_or_inputs_with_a_default(x, tmp_path, rng):
    import onnx

    w = weights(rng, 4, 3, 3, 3)
    tensor = onnx.numpy_helper.from_array(w, "w")
    by_node = model([node("Constant", "", "w", value=tensor), node("Conv", "x w", "y")])
    listed = onnx.helper.make_tensor_value_info("w", 1, w.shape)
    by_input = model([node("Conv", "x w", "y")], {"w": w}, more=[listed])
    plain = model([node("Conv", "x w", "y")], {"w": w})

    outputs = [load(proto, tmp_path)(x) for proto in (by_node, by_input, plain)]

    np.testing.assert_array_equal(outputs[0], outputs[1])
    np.testing.assert_array_equal(outputs[1], outputs[2])


def test_a_matrix_product_and_its_bias_become_one_layer(tmp_path, rng):
    nodes = [node("MatMul", "x w", "m"), node("Add", "m b", "y")]
    x = rng.standard_normal((2, 5)).astype(np.float32)

    network = same(model(nodes, {"w": weights(rng, 5, 3), "b": weights(rng, 3)}, shape=("N", 5)), x, tmp_path)

    assert list(network.params) == ["m.W", "m.b"]


def test_running_statistics_are_buffers_that_go_on_running(conv, x, tmp_path, rng):
    positive = rng.uniform(0.5, 2, 4).astype(np.float32)
    nodes = [conv[0], node("BatchNormalization", "c s b m v", "y", momentum=0.8)]
    network = same(model(nodes, {**conv[1], "s": positive, "m": weights(rng, 4), "v": positive}), x, tmp_path)
    before = network.buffers["y.mean"].copy()

    network.forward(x, train=True)

    assert list(network.buffers) == ["y.mean", "y.variance"]
    assert not np.array_equal(network.buffers["y.mean"], before)


def test_an_imported_network_learns(conv, x, tmp_path, rng):
    nodes = [conv[0], node("Relu", "c", "r"), node("GlobalAveragePool", "r", "g"), node("Flatten", "g", "y")]
    network = load(model(nodes, conv[1]), tmp_path)
    images = rng.standard_normal((40, 3, 8, 6)).astype(np.float32)
    labels = (images.mean(axis=(1, 2, 3)) > 0).astype(int)

    history = pl.fit(network, (images, labels), epochs=20, batch_size=20, progress=False)

    losses = history.iterations["loss"]
    assert np.mean(losses[-3:]) < losses[0]


def test_one_number_is_no_weight_and_stays(tmp_path, rng):
    nodes = [node("Mul", "x scale", "s"), node("MatMul", "s w", "y")]
    network = load(model(nodes, {"scale": np.float32(1 / 255), "w": weights(rng, 5, 3)}, shape=("N", 5)), tmp_path)

    assert not network.layer("s").trainable
    assert network.layer("y").trainable


def test_any_value_of_the_graph_can_be_the_output(conv, x, tmp_path):
    proto = model([conv[0], node("Relu", "c", "r"), node("Flatten", "r", "y")], conv[1])

    network = load(proto, tmp_path, output="r")

    assert network.output_shape == (4, 8, 6)
    assert "y" not in network.names


def test_further_inputs_are_given_as_constants(tmp_path, rng):
    import onnx

    second = onnx.helper.make_tensor_value_info("k", 1, (5,))
    proto = model([node("Add", "x k", "y")], shape=("N", 5), more=[second])

    with pytest.raises(pl.errors.ArgumentError, match="constants for its other inputs: inputs={'k': …}"):
        load(proto, tmp_path)
    network = load(proto, tmp_path, inputs={"k": [1, 2, 3, 4, 5]})
    np.testing.assert_array_equal(network(np.zeros((1, 5))), [[1, 2, 3, 4, 5]])


def test_sizes_that_a_file_leaves_open_are_asked_for(conv, x, tmp_path):
    proto = model([conv[0], node("GlobalAveragePool", "c", "y")], conv[1], shape=("N", 3, "H", "W"))

    with pytest.raises(pl.errors.ArgumentError, match=r"leaves the shape of a sample open: \(3, \?, \?\)"):
        load(proto, tmp_path)
    np.testing.assert_allclose(load(proto, tmp_path, input_shape=(3, 8, 6))(x), runtime(proto, x), atol=1e-5)


def test_a_float64_file_gives_a_float64_network(tmp_path, rng):
    x = rng.standard_normal((2, 5))
    network = load(
        model([node("MatMul", "x w", "y")], {"w": rng.standard_normal((5, 3))}, shape=("N", 5), kind=11), tmp_path
    )

    assert network.dtype == np.float64
    assert network(x).dtype == np.float64


@pytest.mark.parametrize("opset", [7, 9, 10, 11, 12, 13, 17, 18, 21, 24])
def test_the_same_graph_in_many_opsets(opset, x, tmp_path, rng):
    clip = (
        (node("Clip", "b", "l", min=-1.0, max=2.0), {})
        if opset < 11
        else (node("Clip", "b low high", "l"), {"low": np.float32(-1), "high": np.float32(2)})
    )
    squeeze = (
        (node("Squeeze", "p", "q", axes=[2, 3]), {}) if opset < 13 else (node("Squeeze", "p ax", "q"), {"ax": [2, 3]})
    )
    positive = rng.uniform(0.5, 2, 4).astype(np.float32)
    nodes = [
        node("Conv", "x w", "c"),
        node("BatchNormalization", "c s m m s", "b"),
        clip[0],
        node("Dropout", "l", "d"),
        node("GlobalAveragePool", "d", "p"),
        squeeze[0],
        node("Softmax", "q", "y"),
    ]
    constants = {"w": weights(rng, 4, 3, 3, 3), "s": positive, "m": weights(rng, 4), **clip[1], **squeeze[1]}

    same(model(nodes, constants, opset=opset), x, tmp_path)


def test_names_are_those_of_the_nodes_without_their_common_path(conv, tmp_path):
    nodes = [node("Conv", "x w b", "c", name="model/body/conv.1"), node("Relu", "c", "y", name="model/relu")]

    assert load(model(nodes, conv[1]), tmp_path).names[1:3] == ("body_conv_1", "relu")


def test_what_was_read_is_saved_and_copied(conv, x, tmp_path):
    network = load(model([conv[0], node("Relu", "c", "y")], conv[1]), tmp_path)
    pl.save(network, tmp_path / "own.safetensors")

    np.testing.assert_array_equal(pl.load(tmp_path / "own.safetensors")(x), network(x))
    np.testing.assert_array_equal(pl.copy_network(network)(x), network(x))


def test_a_sample_gives_the_same_bits_alone_in_seven_and_in_a_thousand(conv, tmp_path, rng):
    nodes = [
        conv[0],
        node("Relu", "c", "r"),
        node("MaxPool", "r", "p", kernel_shape=[2, 2], strides=[2, 2]),
        node("Flatten", "p", "f"),
        node("Gemm", "f v", "y", transB=1),
    ]
    network = load(model(nodes, {**conv[1], "v": weights(rng, 5, 48)}), tmp_path)
    x = rng.standard_normal((1000, 3, 8, 6)).astype(np.float32)

    outputs, maps = network(x), pl.explain.saliency(network, x, 1).values

    np.testing.assert_array_equal(network(x[:1]), outputs[:1])
    np.testing.assert_array_equal(network(x[3:10]), outputs[3:10])
    np.testing.assert_array_equal(pl.explain.saliency(network, x[:1], 1).values, maps[:1])


@pytest.mark.parametrize("shape", [("N", 3, 8, 6), ("N", 3, 8)])
def test_images_and_signals_are_resized(shape, tmp_path, rng):
    scales = np.array([1, 1, 2, 1.5][: len(shape)], np.float32)
    nodes = [node("Resize", "x - scales", "y", mode="linear")]

    same(model(nodes, {"scales": scales}, shape=shape), rng.random((2, 3, 8, 6)[: len(shape)], np.float32), tmp_path)
