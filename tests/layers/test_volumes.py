"""Pooling and transposed convolution of volumes: PyTorch's values and gradients, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest

import pellucid as pl
from pellucid.errors import ArgumentError, ShapeError

WAYS = [
    {"size": 2, "stride": 2, "padding": 0, "ceil": True, "shape": (5, 4, 3)},
    {"size": 3, "stride": 2, "padding": 1, "ceil": True, "shape": (5, 6, 4)},
    {"size": (1, 2, 3), "stride": (2, 1, 2), "padding": (0, 1, 1), "ceil": False, "shape": (4, 5, 6)},
]


def first(a):
    return np.moveaxis(a, -1, 1)


def agree(layer, theirs, x, rng, weights=()):
    """Compare values, dx and the gradients of the weights with those of a function of PyTorch."""
    torch = pytest.importorskip("torch")
    y, cache = layer.forward(x)
    dy = rng.standard_normal(y.shape)
    tensors = [torch.tensor(first(x), requires_grad=True), *(torch.tensor(w, requires_grad=True) for w in weights)]
    other = theirs(torch.nn.functional, *tensors)
    other.backward(torch.tensor(first(dy)))
    dx, grads = layer.backward(dy, cache)
    np.testing.assert_allclose(first(y), other.detach().numpy(), rtol=1e-10, atol=1e-12)
    np.testing.assert_allclose(first(dx), tensors[0].grad.numpy(), rtol=1e-10, atol=1e-12)
    if weights:
        np.testing.assert_allclose(grads["W"].transpose(4, 3, 0, 1, 2), tensors[1].grad.numpy(), rtol=1e-9, atol=1e-11)
        np.testing.assert_allclose(grads["b"], tensors[2].grad.numpy(), rtol=1e-9)


@pytest.mark.parametrize("way", WAYS, ids=str)
@pytest.mark.parametrize("kind", ["max", "average", "counting"])
def test_pooling_agrees_with_pytorch(kind, way, rng):
    size, stride, padding, ceil, shape = way.values()
    x = rng.standard_normal((2, *shape, 3))
    if kind == "max":
        layer = pl.MaxPool3D(size, stride, padding, ceil=ceil)
    else:
        layer = pl.AveragePool3D(size, stride, padding, ceil=ceil, count_padding=kind == "counting")
    layer.build(x.shape[1:], rng, np.float64)

    def theirs(f, a):
        if kind == "max":
            return f.max_pool3d(a, size, stride, padding, ceil_mode=ceil)
        return f.avg_pool3d(a, size, stride, padding, ceil_mode=ceil, count_include_pad=kind == "counting")

    agree(layer, theirs, x, rng)


def test_dilated_maxima_agree_with_pytorch(rng):
    x = rng.standard_normal((2, 5, 6, 4, 2))
    layer = pl.MaxPool3D(2, 1, dilation=(2, 3, 1))
    layer.build(x.shape[1:], rng, np.float64)
    agree(layer, lambda f, a: f.max_pool3d(a, 2, 1, dilation=(2, 3, 1)), x, rng)


@pytest.mark.parametrize("groups", [1, 2])
def test_transposed_convolution_agrees_with_pytorch(groups, rng):
    x = rng.standard_normal((2, 3, 2, 4, 4))
    how = {"stride": (2, 1, 2), "output_padding": (1, 0, 0), "dilation": (1, 2, 1), "groups": groups}
    layer = pl.ConvTranspose3D(6, (3, 2, 2), padding=(1, 0, 1), **how)
    layer.build(x.shape[1:], rng, np.float64)
    layer.params["b"] = rng.standard_normal(6)
    weights = [layer.params["W"].transpose(4, 3, 0, 1, 2).copy(), layer.params["b"].copy()]
    agree(layer, lambda f, a, w, b: f.conv_transpose3d(a, w, b, padding=(1, 0, 1), **how), x, rng, weights)


def test_what_does_not_fit_is_refused():
    with pytest.raises(ShapeError, match=r"MaxPool3D.*must be a volume \(D, H, W, C\), got \(4, 4, 1\)"):
        pl.Sequential([pl.MaxPool3D(2)], input_shape=(4, 4, 1))
    with pytest.raises(ShapeError, match=r"MaxPool3D.*a window of \(5, 5, 5\) does not fit into a volume"):
        pl.Sequential([pl.MaxPool3D(5)], input_shape=(4, 4, 4, 1))
    with pytest.raises(ArgumentError, match="AveragePool3D: padding must be smaller than the window"):
        pl.AveragePool3D(2, padding=2)
    with pytest.raises(ArgumentError, match="ConvTranspose3D: kernel_size must be one size or three"):
        pl.ConvTranspose3D(2, (2, 2))
