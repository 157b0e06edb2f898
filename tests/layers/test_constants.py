"""Scale, Shift and PReLU: values by hand, shapes that broadcast, PyTorch's gradients."""

from __future__ import annotations

import numpy as np
import pytest

import pellucid as pl
from pellucid.errors import ShapeError

KINDS = {"gamma": pl.Scale, "beta": pl.Shift, "slope": pl.PReLU}


def test_values_by_hand():
    x = np.array([[1.0, -2.0]])
    assert pl.Scale.from_arrays([2.0, 3.0])(x).tolist() == [[2, -6]]
    assert pl.Shift.from_arrays([2.0, 3.0])(x).tolist() == [[3, 1]]
    assert pl.PReLU.from_arrays([0.5, 0.25])(x).tolist() == [[1, -0.5]]


@pytest.mark.parametrize("key", KINDS)
def test_an_array_begins_in_every_network_that_it_fits(key):
    layer = KINDS[key].from_arrays(np.array([2.0, 3.0]))
    network = pl.Sequential([layer], input_shape=(4, 5, 2))
    assert network.params[f"{type(layer).__name__.lower()}1.{key}"].tolist() == [2, 3]
    assert network.params[f"{type(layer).__name__.lower()}1.{key}"].dtype == np.float32
    assert pl.copy_network(network).layers[0].params[key].tolist() == [2, 3]


def test_the_output_may_be_larger_than_the_input():
    y = pl.Sequential([pl.Scale.from_arrays(np.ones((2, 3, 1)))], input_shape=(3, 4))(np.zeros((5, 3, 4)))
    assert y.shape == (5, 2, 3, 4)
    field = pl.views.receptive_field(pl.Sequential([pl.Shift((3, 1))], input_shape=(4,)), "shift1", 5)
    assert (field.top, field.bottom) == (1, 2)  # the sixth number of (3, 4) was the second of (4,)


def test_shapes_that_do_not_meet_are_refused():
    with pytest.raises(ShapeError, match=r"Scale.*: x and gamma must have one shape, .* got \(4,\) and \(3,\)"):
        pl.Sequential([pl.Scale(3)], input_shape=4)
    with pytest.raises(ShapeError, match=r"PReLU.*: slope must broadcast to a sample \(4,\), got \(3, 4\)"):
        pl.Sequential([pl.PReLU((3, 4))], input_shape=4)


def test_gradients_agree_with_pytorch(rng):
    torch = pytest.importorskip("torch")
    x, p, dy = rng.standard_normal((5, 2, 3)), rng.standard_normal((4, 1, 3)), rng.standard_normal((5, 4, 2, 3))
    for key, theirs in (("gamma", torch.mul), ("beta", torch.add)):
        layer = KINDS[key].from_arrays(p)
        layer.build((2, 3), rng, np.float64)
        mine, cache = layer.forward(x)
        dx, grads = layer.backward(dy, cache)
        a, b = torch.tensor(x, requires_grad=True), torch.tensor(p, requires_grad=True)
        y = theirs(a[:, None], b)
        y.backward(torch.tensor(dy))
        for ours, other in ((mine, y.detach()), (dx, a.grad), (grads[key], b.grad)):
            np.testing.assert_allclose(ours, other.numpy(), rtol=1e-12)


def test_prelu_agrees_with_pytorch(rng):
    torch = pytest.importorskip("torch")
    x, p, dy = rng.standard_normal((5, 3)), rng.standard_normal(3), rng.standard_normal((5, 3))
    layer = pl.PReLU.from_arrays(p)
    y, cache = layer.forward(x)
    dx, grads = layer.backward(dy, cache)
    a, b = torch.tensor(x, requires_grad=True), torch.tensor(p, requires_grad=True)
    theirs = torch.nn.functional.prelu(a, b)
    theirs.backward(torch.tensor(dy))
    for ours, other in ((y, theirs.detach()), (dx, a.grad), (grads["slope"], b.grad)):
        np.testing.assert_allclose(ours, other.numpy(), rtol=1e-12)


@pytest.mark.parametrize("kind", KINDS.values())
def test_one_number_for_all_has_a_right_gradient(kind, rng):
    layer = kind(())
    layer.build((3, 2), rng, np.float64)
    assert all(p.shape == () for p in layer.params.values())
    assert pl.check_gradients(layer, rng.standard_normal((4, 3, 2))).passed
