"""Products with weights of any number of axes: NumPy's values, PyTorch's gradients."""

from __future__ import annotations

import numpy as np
import pytest

import pellucid as pl
from pellucid.errors import ShapeError

RIGHT = [
    ((4,), (4, 3)),
    ((2, 4), (4, 3)),
    ((2, 4), (4,)),
    ((4,), (5, 4, 3)),
    ((5, 2, 4), (5, 4, 3)),
    ((4,), (4,)),
    ((2, 4), (5, 4, 3)),
]


@pytest.mark.parametrize("left", [False, True], ids=["right", "left"])
@pytest.mark.parametrize(("sample", "weights"), RIGHT, ids=str)
def test_values_and_gradients_agree_with_pytorch(sample, weights, left, rng):
    torch = pytest.importorskip("torch")
    if left:  # the other way round
        sample, weights = sample[:-2] + sample[-2:][::-1], weights[:-2] + weights[-2:][::-1]
    x, W = rng.standard_normal((6, *sample)), rng.standard_normal(weights)
    layer = pl.MatMul.from_arrays(W, left=left)
    layer.build(sample, rng, np.float64)
    y, cache = layer.forward(x)
    a, b = torch.tensor(x, requires_grad=True), torch.tensor(W, requires_grad=True)
    theirs = torch.stack([torch.matmul(b, one) if left else torch.matmul(one, b) for one in a])
    dy = rng.standard_normal(y.shape)
    theirs.backward(torch.tensor(dy))
    dx, grads = layer.backward(dy, cache)
    for ours, other in ((y, theirs.detach()), (dx, a.grad), (grads["W"], b.grad)):
        np.testing.assert_allclose(ours, other.numpy(), rtol=1e-10, atol=1e-12)
    assert layer.output_shape == y.shape[1:]


def test_a_sample_has_the_same_bits_in_any_batch(rng):
    layer = pl.MatMul((64, 32))
    layer.build((64,), rng)
    x = rng.standard_normal((100, 64)).astype(np.float32)
    assert np.array_equal(layer(x), np.concatenate([layer(x[k : k + 1]) for k in range(100)]))


def test_what_does_not_fit_is_refused():
    with pytest.raises(ShapeError, match=r"MatMul.*: a sample \(5,\) and W \(4, 3\) do not fit for the product x W"):
        pl.Sequential([pl.MatMul((4, 3))], input_shape=5)
