"""Slices, indices, borders and means: NumPy's own, gradients by PyTorch, what is refused."""

from __future__ import annotations

import numpy as np
import pytest

import pellucid as pl
from pellucid.errors import ArgumentError, ShapeError

X = np.arange(48.0).reshape(2, 4, 3, 2)

SAME = {
    "slice": (pl.Slice((1,), (3,)), X[:, 1:3]),
    "slice to the end": (pl.Slice((-3,), (2**62,), axes=(-3,)), X[:, -3:]),
    "slice back": (pl.Slice((9, -1), (-99, 0), (-1, -2)), X[:, ::-1, -1:0:-2]),
    "take": (pl.Take((3, 0, 0)), X[:, [3, 0, 0]]),
    "take one": (pl.Take(-1, 1), X[:, :, -1]),
    "take a table": (pl.Take(((0, 1), (2, -1)), 0), X[:, [[0, 1], [2, -1]]]),
    "pad": (pl.Pad(((1, 0), (0, 2), (0, 0)), value=7), np.pad(X, ((0, 0), (1, 0), (0, 2), (0, 0)), constant_values=7)),
    "crop": (pl.Pad(((-1, -2), (0, 0), (0, 0))), X[:, 1:-2]),
    "crop and pad": (pl.Pad(((-1, 1), (0, 0), (0, 0)), "edge"), X[:, [1, 2, 3, 3]]),
    "mean": (pl.Mean((0, -1)), X.mean((1, 3), keepdims=True)),
    "mean away": (pl.Mean(1, keepdims=False), X.mean(2)),
}
SAME |= {
    mode: (pl.Pad(((2, 3), (0, 0), (1, 0)), mode), np.pad(X, ((0, 0), (2, 3), (0, 0), (1, 0)), mode=mode))
    for mode in ("reflect", "edge", "wrap")
}


@pytest.mark.parametrize("name", SAME)
def test_numbers_are_those_of_numpy(name):
    layer, right = SAME[name]
    network = pl.Sequential([layer], input_shape=X.shape[1:], dtype=np.float64)
    assert np.array_equal(network(X), right)
    assert network.output_shape == right.shape[1:]


@pytest.mark.parametrize("mode", ["reflect", "replicate", "circular"])
def test_gradients_of_borders_agree_with_pytorch(mode, rng):
    torch = pytest.importorskip("torch")
    layer = pl.Pad(((2, 1), (1, 2), (0, 0)), {"replicate": "edge", "circular": "wrap"}.get(mode, mode))
    y, cache = layer.forward(X)
    dy = rng.standard_normal(y.shape)
    tensor = torch.tensor(X.transpose(0, 3, 1, 2), requires_grad=True)
    torch.nn.functional.pad(tensor, (1, 2, 2, 1), mode).backward(torch.tensor(dy.transpose(0, 3, 1, 2)))
    np.testing.assert_allclose(layer.backward(dy, cache)[0].transpose(0, 3, 1, 2), tensor.grad.numpy(), rtol=1e-12)


def test_an_index_that_is_taken_twice_gets_both_gradients():
    layer = pl.Take((1, 1, 0))
    _, cache = layer.forward(np.zeros((1, 3)))
    assert layer.backward(np.array([[1.0, 10.0, 100.0]]), cache)[0].tolist() == [[100, 11, 0]]


def test_what_does_not_fit_is_refused():
    for layer, message in (
        (pl.Slice((2,), (2,)), r"Slice 'slice1': of a sample \(2, 3\) nothing is left"),
        (pl.Slice((0,), (1,), axes=(2,)), r"Slice 'slice1': a sample \(2, 3\) has no axis 2"),
        (pl.Take(3), r"Take 'take1': axis 0 of a sample \(2, 3\) has no place 3"),
        (pl.Pad(((1, 1),)), r"Pad 'pad1': a sample must have 1 axes, got \(2, 3\)"),
        (pl.Pad(((-1, -1), (0, 0))), "Pad 'pad1': cuts away all of axis 0, which has 2 places"),
        (pl.Mean((0, -2)), r"Mean 'mean1': a sample \(2, 3\) has not the axes \(0, -2\), each once"),
    ):
        with pytest.raises(ShapeError, match=message):
            pl.Sequential([layer], input_shape=(2, 3))
    with pytest.raises(ArgumentError, match="Take: indices must be whole numbers, got 0.5"):
        pl.Take(0.5)
    with pytest.raises(ArgumentError, match=r"Slice: starts, stops, steps and axes must have one length"):
        pl.Slice((1,), (2, 3))
    with pytest.raises(ArgumentError, match=r"Pad: widths must hold \(before, after\) for each axis"):
        pl.Pad((1, 2))


def test_receptive_fields_are_exact_through_what_picks_and_pads():
    layers = [pl.Pad(((1, 1), (1, 1), (0, 0)), "reflect"), pl.Conv2D(2, 3), pl.Slice((2,), (5,)), pl.Take((0, 2), 1)]
    network = pl.Sequential(layers, input_shape=(6, 6, 1))
    field = pl.views.receptive_field(network, "take1", (0, 1))
    assert (field.top, field.left, field.bottom, field.right) == (1, 1, 4, 4)


def test_lrp_goes_through_a_border_of_zeros_and_names_one_of_ones(rng):
    x = rng.random((2, 4, 4, 1))
    for value in (0, 1):
        layers = [pl.Pad(((1, 1), (1, 1), (0, 0)), value=value), pl.Conv2D(2, 3), pl.Mean((0, 1)), pl.Flatten()]
        network = pl.Sequential(layers, input_shape=(4, 4, 1), dtype=np.float64)
        if value:
            with pytest.raises(ArgumentError, match="lrp: Pad 'pad1' is linear and does not say by which parameters"):
                pl.explain.lrp(network, x, 0)
        else:
            assert pl.explain.lrp(network, x, 0).proof.holds.all()


class Louder(pl.Pad):
    """A border with a pass of its own."""

    def forward(self, x, *, train=False, rng=None):
        y, cache = super().forward(x)
        return 2 * y, cache


def test_facts_that_follow_from_options_are_of_the_passes_too():
    assert pl.Pad(((1, 1),)).facts.weights == ()
    assert pl.Pad(((1, 1),), value=1).facts.weights is None
    assert Louder(((1, 1),)).facts == pl.layers.facts.UNKNOWN
    pl.layers.LAYERS.pop("Louder", None)
