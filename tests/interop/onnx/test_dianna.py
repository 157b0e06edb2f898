"""A network that somebody trained and published: the MNIST CNN in the package `dianna`, of the digits 0 and 1."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import numpy as np
import pytest

import pellucid as pl
from interop.onnx.graphs import runtime

pytest.importorskip("onnx")


@pytest.fixture(scope="module")
def folder():
    spec = importlib.util.find_spec("dianna")
    if spec is None or spec.origin is None:
        pytest.skip("dianna is not installed")
    return Path(spec.origin).parent  # nothing of it is imported


@pytest.fixture(scope="module")
def network(folder):
    return pl.load_onnx(folder / "models" / "mnist_model_tf.onnx")


@pytest.fixture(scope="module")
def images(folder):
    with np.load(folder / "data" / "binary-mnist.npz") as held:
        return held["X_test"].reshape(-1, 28, 28, 1) / np.float32(255), held["y_test"]


def test_it_tells_its_images_apart(network, images):
    x, t = images

    assert (network(x).argmax(axis=1) == t).mean() >= 0.99


def test_its_outputs_are_those_of_onnxruntime(folder, network, images):
    import onnx

    proto = onnx.load(folder / "models" / "mnist_model_tf.onnx")
    proto.graph.node[0].input[0] = proto.graph.input[0].name = "x"

    np.testing.assert_allclose(network(images[0][:20]), runtime(proto, images[0][:20]), atol=1e-5)


def test_it_becomes_a_chain_without_a_transpose(network):
    kinds = [type(node.operation).__name__ for node in network.nodes]

    assert kinds == ["Conv2D", "ReLU", "Conv2D", "ReLU", "MaxPool2D", "Reshape", "Affine", "ReLU", "Affine", "Softmax"]


def test_it_is_explained(network, images):
    said = pl.explain.grad_cam(network, images[0][:2], images[1][:2].astype(int), layer="conv2d_1_Relu")

    assert said.maps().shape == (2, 24, 24)
    assert said.maps().any(axis=(1, 2)).all()
