"""Networks that leave as ONNX and come back: outputs, explanations, names and meanings are what they were."""

from __future__ import annotations

import numpy as np
import pytest

import pellucid as pl
from cases import CASES
from interop.onnx_judges import LAYOUTS, assert_equal, first, last, outside
from interop.test_onnx_out import learnt, network_of
from pellucid.interop.onnx.save import NEWEST, OLDEST
from pellucid.models import RECIPES

pytest.importorskip("onnx")

NOT_READ = "average-pool-3d-dilated"
"""It is a convolution of volumes before opset 19, and there is no layer for these."""
READ = [case for case in CASES if not case.id.startswith(NOT_READ)]
EXPLAINED = {
    "saliency": pl.explain.saliency,
    "integrated gradients": lambda network, x, t: pl.explain.integrated_gradients(
        network, x, t, steps=8, tolerance=None
    ),
    "Grad-CAM": pl.explain.grad_cam,
}


def images(network, samples=3):
    return np.random.default_rng(1).random((samples, *network.input_shape), np.float32)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "model.onnx"


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("case", READ, ids=lambda case: case.id)
def test_every_layer_comes_back_with_its_outputs(case, layout, path):
    network = network_of(case)
    x = case.batch(4)

    for opset in (OLDEST, NEWEST):
        pl.save_onnx(network, path, opset=opset, layout=layout)
        outer = outside(network, layout)
        assert_equal(last(pl.load_onnx(path)(first(x, outer)), outer), network(x), tolerance=1e-6)


@pytest.mark.parametrize("name", RECIPES)
def test_every_recipe_comes_back_with_its_outputs(name, path):
    network = learnt(name)
    x = images(network)

    for layout in LAYOUTS:
        pl.save_onnx(network, path, layout=layout)
        assert_equal(pl.load_onnx(path)(first(x, layout)), network(x), tolerance=1e-6)


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("method", EXPLAINED)
@pytest.mark.parametrize("name", ["lenet", "resnet"])
def test_explanations_come_back_too(name, method, layout, path):
    network, explain = learnt(name), EXPLAINED[method]
    x, t = images(network), [3, 1, 4]
    expected = explain(network, x, t).values

    pl.save_onnx(network, path, layout=layout)
    x = first(x, layout)
    got = explain(pl.load_onnx(path), x, t)

    np.testing.assert_allclose(last(got.values, got.layout), expected, rtol=0, atol=1e-6 * np.abs(expected).max())


def test_layers_come_back_by_their_names_and_with_what_they_learnt(path):
    network = learnt("lenet")
    pl.save_onnx(network, path)

    imported = pl.load_onnx(path)

    weighted = [name for name, layer in network.named_layers() if layer.params]
    assert [node.name for node in imported.nodes if node.operation.params] == weighted
    for name in weighted:
        np.testing.assert_array_equal(imported.layer(name).params["W"], network.layer(name).params["W"])


@pytest.mark.parametrize("layout", LAYOUTS)
def test_what_inputs_and_outputs_mean_comes_back(layout, path):
    network = pl.Sequential([pl.Conv2D(2, 3), pl.GlobalAveragePool2D()], input_shape=(6, 5, 1))
    x = np.random.default_rng(0).random((4, 6, 5, 1), np.float32)
    pl.fit(network, pl.Dataset(x, [0, 1, 0, 1], class_names=["cat", "dog"]), epochs=1, progress=False)

    pl.save_onnx(network, path, layout=layout)
    imported = pl.load_onnx(path)

    turned = {"layout": layout, "shape": (1, 6, 5)} if layout == "channels-first" else {}
    assert imported.inputs == network.inputs.replace(**turned)
    assert imported.outputs.to_config() == network.outputs.to_config()
