"""A fused network is the same network: same outputs, same gradients, same arrays."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

import pellucid as pl
from pellucid.kernels import jit
from pellucid.layers.fused import fuse

NETWORKS: dict[str, Callable[[], list[pl.Layer]]] = {
    "relu": lambda: [pl.Conv2D(20, 3), pl.ReLU(), pl.Flatten(), pl.Affine(3)],
    "relu and pooling": lambda: [pl.Conv2D(20, 3), pl.ReLU(), pl.MaxPool2D(2), pl.Flatten(), pl.Affine(3)],
    "winograd, pooled": lambda: [
        pl.Conv2D(16, 3),
        pl.ReLU(),
        pl.Conv2D(20, 3, padding="same"),
        pl.ReLU(),
        pl.MaxPool2D(2),
        pl.Flatten(),
        pl.Affine(3),
    ],
    "no bias, stride 2": lambda: [pl.Conv2D(5, 3, stride=2, bias=False), pl.ReLU(), pl.Flatten(), pl.Affine(3)],
    "another pooling": lambda: [pl.Conv2D(5, 3), pl.ReLU(), pl.MaxPool2D(3, 2), pl.Flatten(), pl.Affine(3)],
    "nothing to fuse": lambda: [pl.Conv2D(5, 3), pl.Tanh(), pl.Flatten(), pl.Affine(3)],
}


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", NETWORKS)
def test_outputs_and_gradients_are_those_of_the_layers_one_by_one(name, dtype, rng):
    network = pl.Sequential(NETWORKS[name](), input_shape=(13, 15, 2), dtype=dtype)
    fused = network.fused()
    x, dy = rng.standard_normal((5, 13, 15, 2)).astype(dtype), rng.standard_normal((5, 3)).astype(dtype)
    y, tape = network.forward(x, train=True)
    fused_y, fused_tape = fused.forward(x, train=True)
    dx, grads = network.backward(dy, tape)
    fused_dx, fused_grads = fused.backward(dy, fused_tape)
    tolerance = {"rtol": 1e-4, "atol": 1e-4} if dtype == np.float32 else {"rtol": 1e-10, "atol": 1e-10}

    np.testing.assert_allclose(fused_y, y, **tolerance)
    np.testing.assert_allclose(network(x), y, **tolerance)
    np.testing.assert_allclose(fused_dx, dx, **tolerance)
    assert set(fused_grads) == set(network.params) == set(grads)
    for key, gradient in grads.items():
        np.testing.assert_allclose(fused_grads[key], gradient, **tolerance, err_msg=key)


@pytest.mark.parametrize("name", NETWORKS)
def test_gradients_of_fused_layers_pass_the_check(name, rng):
    network = pl.Sequential(NETWORKS[name](), input_shape=(9, 8, 2), dtype=np.float64)
    x, dy = rng.standard_normal((3, 9, 8, 2)), rng.standard_normal((3, 3))
    fused = network.fused()
    _, tape = fused.forward(x)
    dx, _ = fused.backward(dy, tape)
    direction = rng.standard_normal(x.shape)
    h = 1e-6
    slope = (np.vdot(dy, fused(x + h * direction)) - np.vdot(dy, fused(x - h * direction))) / (2 * h)

    assert np.vdot(dx, direction) == pytest.approx(slope, rel=1e-6)


def test_the_arrays_are_shared():
    network = pl.Sequential(NETWORKS["relu and pooling"](), input_shape=(9, 9, 1))

    assert all(network.fused().params[k] is p for k, p in network.params.items())


def test_only_what_a_kernel_does_at_once_is_taken_together():
    kinds = [[type(a).__name__ for _, a in fuse(enumerate(make()))] for make in NETWORKS.values()]

    assert kinds[0] == ["ConvReLU", "Flatten", "Affine"]
    assert kinds[1] == ["ConvReLUMaxPool", "Flatten", "Affine"]
    assert kinds[4] == ["ConvReLU", "MaxPool2D", "Flatten", "Affine"]
    assert kinds[5] == ["Conv2D", "Tanh", "Flatten", "Affine"]


def test_fused_layers_are_not_in_the_registry():
    assert not any(name.startswith(("_", "ConvReLU", "Fused")) for name in pl.layers.LAYERS)


def test_the_kernels_explain_themselves():
    from pellucid.models import mnist_cnn

    report = pl.explain_kernels(mnist_cnn(), batch_size=128)
    rows = {r.layer: r for r in report.rows}

    assert rows["conv2d_1"].flops == 2 * 128 * 26 * 26 * 32 * 9
    assert rows["conv2d_2"].flops == 2 * 128 * 24 * 24 * 64 * 9 * 32
    assert rows["dense_1"].flops == 2 * 128 * 9216 * 128
    said = "ReLU and pooling in the same pass" if jit.available() else "; then ReLU and pooling"
    assert said in str(report)
    assert "conv2d_2" in str(report)
