"""Images brought to any size: ONNX's reference for every mode, PyTorch, and what is refused."""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np
import pytest

import pellucid as pl
from peers import first, last
from pellucid.errors import ArgumentError, ShapeError, UnknownNameError
from pellucid.layers.interpolation import COORDINATES, ROUNDINGS

X = np.random.default_rng(4).standard_normal((2, 5, 4, 2))
SIZES = [(3, 7), (10, 2), (1, 1)]
HOW: list[dict[str, Any]] = [
    *({"mode": "nearest", "coordinates": c, "rounding": r} for c, r in product(COORDINATES, ROUNDINGS)),
    *({"mode": m, "coordinates": c} for m, c in product(("linear", "cubic"), COORDINATES)),
    *({"mode": m, "antialias": True} for m in ("linear", "cubic")),
    *({"mode": m, "antialias": True, "exclude_outside": True} for m in ("linear", "cubic")),
    {"mode": "cubic", "coefficient": -0.5, "exclude_outside": True},
]


def by_onnx(x, layer):
    """What ONNX's reference gives, asked for the size or for the scales."""
    helper = pytest.importorskip("onnx.helper")
    from onnx import TensorProto
    from onnx.reference import ReferenceEvaluator

    attributes = {
        "mode": layer.mode,
        "coordinate_transformation_mode": layer.coordinates,
        "nearest_mode": layer.rounding,
        "antialias": int(layer.antialias),
        "exclude_outside": int(layer.exclude_outside),
        "cubic_coeff_a": layer.coefficient,
        "extrapolation_value": layer.extrapolation,
    }
    (top, bottom), (left, right) = layer.crop
    given = {"x": first(x), "roi": np.array([0, 0, top, left, 1, 1, bottom, right], np.float32)}
    if layer.scales:
        given["scales"] = np.array([1, 1, *layer.scales], np.float32)
    else:
        given["sizes"] = np.array([*x.shape[:1], x.shape[3], *layer.image_size])
    kinds = {"x": TensorProto.DOUBLE, "roi": TensorProto.FLOAT, "scales": TensorProto.FLOAT, "sizes": TensorProto.INT64}
    node = helper.make_node("Resize", [n if n in given else "" for n in kinds], ["y"], **attributes)
    infos = [helper.make_tensor_value_info(n, kinds[n], a.shape) for n, a in given.items()]
    graph = helper.make_graph([node], "one", infos, [helper.make_tensor_value_info("y", kinds["x"], None)])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 19)])
    return last(ReferenceEvaluator(model).run(None, given)[0])


def built(layer, shape=X.shape[1:]):
    layer.build(shape, np.random.default_rng(0), np.float64)
    return layer


@pytest.mark.parametrize("how", HOW, ids=lambda how: "-".join(map(str, how.values())))
def test_every_way_is_that_of_onnx(how):
    for size in SIZES:
        layer = built(pl.Resize2D(size, **how))
        np.testing.assert_allclose(layer(X), by_onnx(X, layer), rtol=1e-5, atol=1e-5, err_msg=str(size))


@pytest.mark.parametrize("coordinates", COORDINATES)
def test_scales_that_give_no_whole_size_are_those_of_onnx(coordinates):
    layer = built(pl.Resize2D((3, 7), mode="linear", coordinates=coordinates, scales=(0.625, 1.875)))
    np.testing.assert_allclose(layer(X), by_onnx(X, layer), rtol=1e-5, atol=1e-5)


def test_a_crop_is_that_of_onnx():
    crop = ((0.25, 1.25), (0.5, 0.75))
    layer = built(pl.Resize2D(4, mode="linear", coordinates="tf_crop_and_resize", crop=crop, extrapolation=9))
    y = layer(X)
    np.testing.assert_allclose(y, by_onnx(X, layer), rtol=1e-5, atol=1e-5)
    assert (y[:, -1] == 9).all()


@pytest.mark.parametrize("corners", [False, True])
@pytest.mark.parametrize("mode", ["bilinear", "bicubic"])
def test_values_and_gradients_agree_with_pytorch(mode, corners, rng):
    torch = pytest.importorskip("torch")
    coordinates = "align_corners" if corners else "half_pixel"
    layer = built(pl.Resize2D((8, 3), mode={"bilinear": "linear"}.get(mode, "cubic"), coordinates=coordinates))
    y, cache = layer.forward(X)
    dy = rng.standard_normal(y.shape)
    tensor = torch.tensor(first(X), requires_grad=True)
    theirs = torch.nn.functional.interpolate(tensor, (8, 3), mode=mode, align_corners=corners)
    theirs.backward(torch.tensor(first(dy)))
    np.testing.assert_allclose(first(y), theirs.detach().numpy(), rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(first(layer.backward(dy, cache)[0]), tensor.grad.numpy(), rtol=1e-9, atol=1e-12)


def test_it_enlarges_as_upsample_does():
    for mode, ours in (("nearest", "nearest"), ("bilinear", "linear")):
        one, other = built(pl.Upsample2D((2, 3), mode=mode)), built(pl.Resize2D((10, 12), mode=ours))
        np.testing.assert_allclose(one(X), other(X), rtol=1e-12, atol=1e-14)


def test_what_does_not_fit_is_refused():
    with pytest.raises(UnknownNameError, match="Resize2D: unknown mode 'bilinear'. Did you mean 'linear'"):
        pl.Resize2D(3, mode="bilinear")
    with pytest.raises(ArgumentError, match="Resize2D: scales must be two numbers above 0"):
        pl.Resize2D(3, scales=(1.0, 0.0))
    with pytest.raises(ShapeError, match="Resize2D.*an input sample must be an image"):
        pl.Sequential([pl.Resize2D(3)], input_shape=4)
