"""Merges place by place: values by hand, samples that broadcast, PyTorch's gradients, what differences are shared."""

from __future__ import annotations

import numpy as np
import pytest

import pellucid as pl
from pellucid.errors import ArgumentError, ShapeError

MERGES = {"add": pl.Add(), "sub": pl.Subtract(), "mul": pl.Multiply(), "div": pl.Divide()}
SHAPES = [((3, 4, 2), (3, 4, 2)), ((3, 4, 2), (2,)), ((1, 1, 2), (3, 4, 1)), ((4,), (3, 1)), ((1,), (1,))]


def test_values_by_hand():
    a, b = np.array([[6.0, 8.0]]), np.array([[2.0]])
    found = {name: merge.forward([a, b])[0].tolist() for name, merge in MERGES.items()}
    assert found == {"add": [[8, 10]], "sub": [[4, 6]], "mul": [[12, 16]], "div": [[3, 4]]}


@pytest.mark.parametrize("shapes", SHAPES, ids=str)
@pytest.mark.parametrize("name", MERGES)
def test_values_and_gradients_agree_with_pytorch(name, shapes, rng):
    torch = pytest.importorskip("torch")
    merge, axes = MERGES[name], max(map(len, shapes))
    xs = [rng.uniform(0.5, 2, (5, *shape)) for shape in shapes]
    y, cache = merge.forward(xs)
    dy = rng.standard_normal(y.shape)
    tensors = [torch.tensor(x, requires_grad=True) for x in xs]
    theirs = getattr(torch, name)(*(t.reshape(5, *[1] * (axes + 1 - t.ndim), *t.shape[1:]) for t in tensors))
    theirs.backward(torch.tensor(dy))
    np.testing.assert_allclose(y, theirs.detach().numpy(), rtol=1e-14)
    assert merge.infer_shape(shapes) == y.shape[1:]
    for dx, tensor in zip(merge.backward(dy, cache), tensors, strict=True):
        np.testing.assert_allclose(dx, tensor.grad.numpy(), rtol=1e-11)


def test_a_sum_that_was_none_of_shapes_that_broadcast_has_its_old_bits(rng):
    xs = [rng.standard_normal((2, 5)).astype(np.float32) for _ in range(4)]
    assert np.array_equal(pl.Add().forward(xs)[0], ((xs[0] + xs[1]) + xs[2]) + xs[3])


@pytest.mark.parametrize("shapes", SHAPES, ids=str)
@pytest.mark.parametrize("name", ["mul", "div"])
def test_a_difference_is_shared_to_the_last_part(name, shapes, rng):
    merge = MERGES[name]
    shapes = (*shapes, shapes[0]) if name == "mul" else shapes
    xs, bases = ([rng.uniform(0.5, 2, (5, *shape)) for shape in shapes] for _ in range(2))
    y, y0 = merge.forward(xs)[0], merge.forward(bases)[0]
    m = rng.standard_normal(y.shape)
    shares = merge.secants(m, xs, bases)
    found = sum(((x - x0) * share).reshape(5, -1).sum(axis=1) for x, x0, share in zip(xs, bases, shares, strict=True))
    np.testing.assert_allclose(found, (m * (y - y0)).reshape(5, -1).sum(axis=1), rtol=1e-10)
    assert [share.shape for share in shares] == [x.shape for x in xs]


def test_a_product_is_shared_evenly_by_hand():
    a, b, zero = np.array([[3.0]]), np.array([[5.0]]), np.zeros((1, 1))
    assert [s.item() for s in pl.Multiply().secants(np.ones((1, 1)), [a, b], [zero, zero])] == [2.5, 1.5]


def test_what_does_not_fit_is_refused():
    with pytest.raises(ShapeError, match=r"Multiply: its inputs must have one shape, .* got \(3,\) and \(4,\)"):
        pl.Multiply().infer_shape([(3,), (4,)])
    with pytest.raises(ArgumentError, match="Subtract: needs two inputs, got 3"):
        pl.Subtract().infer_shape([(3,), (3,), (3,)])


def test_concat_along_each_axis(rng):
    x = rng.standard_normal((2, 3, 4, 5))
    for axis in (-3, -2, -1, 0, 1, 2):
        merge = pl.Concat(axis)
        y, cache = merge.forward([x, 2 * x])
        assert np.array_equal(y, np.concatenate([x, 2 * x], axis=axis + 1 if axis >= 0 else axis))
        assert merge.infer_shape([x.shape[1:]] * 2) == y.shape[1:]
        assert all(np.array_equal(d, e) for d, e in zip(merge.backward(y, cache), [x, 2 * x], strict=True))
    with pytest.raises(ShapeError, match=r"Concat: a sample \(3,\) has no axis 1"):
        pl.Concat(1).infer_shape([(3,), (3,)])


def test_what_a_gated_pixel_sees():
    nodes = {
        "gate": (pl.Sequential([pl.GlobalAveragePool2D(), pl.Sigmoid(), pl.Reshape((1, 1, 2))]), "input"),
        "near": (pl.Conv2D(2, 3, padding="same"), "input"),
        "sum": (pl.Add(), ["near", "input"]),
        "gated": (pl.Multiply(), ["sum", "gate"]),
    }
    network = pl.Graph(nodes, input_shape=(6, 6, 2))
    assert pl.views.receptive_field(network, "sum", (3, 3)).size == (3, 3)
    assert pl.views.receptive_field(network, "gated", (3, 3)).size == (6, 6)
