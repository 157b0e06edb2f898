"""Receptive fields against the gradient: with positive weights it reaches exactly the pixels that a unit sees."""

from __future__ import annotations

import numpy as np
import pytest

import pellucid as pl
from pellucid import views
from pellucid.models import small_resnet
from pellucid.views.flow import flow
from pellucid.views.receptive import fields

NETWORKS = {
    "plain": lambda: [pl.Conv2D(2, 3), pl.ReLU(), pl.Conv2D(2, (3, 5)), pl.AveragePool2D(2)],
    "strided": lambda: [pl.Conv2D(2, 3, stride=2, padding="same"), pl.Conv2D(2, 3, padding=1), pl.AveragePool2D(3, 2)],
    "dilated": lambda: [pl.Conv2D(2, 3, dilation=(2, 3), padding="same"), pl.Conv2D(1, (2, 3), stride=(1, 2))],
    "lopsided": lambda: [pl.Conv2D(2, 2, padding=((0, 2), (1, 0))), pl.ZeroPad2D(((2, 0), (0, 1))), pl.Conv2D(2, 3)],
    "depthwise": lambda: [pl.Conv2D(2, 1), pl.DepthwiseConv2D(3, 2, padding="same"), pl.Conv2D(1, 1)],
    "enlarged": lambda: [pl.AveragePool2D(2), pl.Conv2D(2, 3), pl.Upsample2D(2), pl.Conv2D(2, 3, padding="same")],
    "bilinear": lambda: [pl.AveragePool2D(2), pl.Upsample2D((2, 3), mode="bilinear"), pl.Conv2D(1, 2)],
    "transposed": lambda: [pl.AveragePool2D(2), pl.ConvTranspose2D(2, 3, stride=2, padding=1), pl.Conv2D(1, 3)],
    "residual": lambda: [pl.Residual([pl.Conv2D(3, 3, padding="same"), pl.Conv2D(1, 3, padding="same")]), pl.ReLU()],
    "projected": lambda: [
        pl.Residual([pl.Conv2D(3, 5, stride=2, padding="same")], [pl.Conv2D(3, 1, stride=2)]),
        pl.Conv2D(2, 3),
    ],
    "flattened": lambda: [pl.Conv2D(2, 3), pl.Flatten(), pl.ReLU()],
    "dense": lambda: [pl.Conv2D(2, 3), pl.AveragePool2D(2), pl.Flatten(), pl.Affine(3)],
    "pooled away": lambda: [pl.Conv2D(2, 3), pl.GlobalAveragePool2D(), pl.Affine(2)],
    "graph": lambda: [
        pl.Graph(
            {
                "a": (pl.Conv2D(2, 3, padding="same"), "input"),
                "b": (pl.Conv2D(2, (1, 5), padding="same"), "input"),
                "c": (pl.Conv2D(2, (5, 1), padding="same"), "a"),
                "both": (pl.Concat(), ["b", "c"]),
                "out": (pl.Conv2D(1, 2), "both"),
            }
        )
    ],
}


def support(network, unit):
    """The box of the input pixels whose gradient is not 0."""
    x = np.ones((1, *network.input_shape))
    y, tape = network.forward(x)
    dy = np.zeros_like(y)
    dy[(0, *unit)] = 1
    dx, _ = network.backward(dy, tape, need_grads=False)
    rows, columns = np.nonzero(np.abs(dx[0]).max(axis=2))
    return (rows.min(), columns.min(), rows.max() + 1, columns.max() + 1) if len(rows) else None


@pytest.mark.parametrize("name", NETWORKS)
def test_the_box_of_every_unit_is_the_support_of_its_gradient(name):
    network = pl.Sequential(NETWORKS[name](), input_shape=(12, 11, 1), dtype=np.float64)
    for p in network.params.values():
        p[...] = np.abs(p) + 0.1
    last = flow(network)[-1].path
    boxes = fields(flow(network), network.input_shape)[last]

    for unit in np.ndindex(network.output_shape):
        box = boxes[(slice(None), *unit[: boxes.ndim - 1])]
        seen = support(network, unit)
        if seen is None:
            assert box[2] <= box[0] or box[3] <= box[1]
        else:
            assert tuple(box) == seen, unit


def test_inside_the_image_it_is_the_textbook_rule():
    layers = [(3, 1), (3, 2), (5, 1), (2, 2), (3, 1)]
    network = pl.Sequential([pl.Conv2D(1, k, stride=s) for k, s in layers], input_shape=(64, 64, 1))
    r = jump = 1
    expected = []
    for k, s in layers:
        r += (k - 1) * jump
        jump *= s
        expected.append((r, r))

    assert [row.receptive_field for row in pl.summary(network).rows] == expected


def test_the_field_of_one_unit():
    network = pl.Sequential([pl.Conv2D(4, 3), pl.MaxPool2D(2), pl.Flatten(), pl.Affine(2)], input_shape=(8, 8, 1))

    assert views.receptive_field(network, "maxpool2d1", (1, 2)) == (2, 4, 6, 8)
    assert views.receptive_field(network, "maxpool2d1", (1, 2)).size == (4, 4)
    assert views.receptive_field(network, "flatten1", 4 * (1 * 3 + 2) + 3) == (2, 4, 6, 8)
    assert views.receptive_field(network, "affine1", 1) == (0, 0, 8, 8)
    assert views.receptive_field(small_resnet(), "residual1.branch.conv2d1", (0, 0)) == (0, 0, 3, 3)


def test_vectors_see_entries():
    network = pl.TwoLayerNet(784, 50, 10)

    assert [row.receptive_field for row in pl.summary(network).rows] == [(784, 1)] * 3


def test_a_unit_or_layer_that_is_not_there_is_named():
    network = pl.Sequential([pl.Conv2D(4, 3)], input_shape=(8, 8, 1))

    with pytest.raises(pl.errors.UnknownNameError, match=r"Did you mean 'conv2d1'"):
        views.receptive_field(network, "conv2d", (0, 0))
    with pytest.raises(pl.errors.ArgumentError, match=r"unit must lie within \(6, 6\)"):
        views.receptive_field(network, "conv2d1", (6, 0))
