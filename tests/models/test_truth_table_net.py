"""The smallest network learns its table, and its loss only falls."""

from __future__ import annotations

import numpy as np
import pytest

import pellucid as pl


@pytest.mark.parametrize("seed", range(5))
def test_the_loss_falls_at_every_step_and_the_table_is_learnt(seed):
    net = pl.TruthTableNet(*pl.TRUTH_TABLE, seed=seed)
    losses = net.train(1500)

    assert len(losses) == 1501
    assert (np.diff(losses) < 0).all()
    np.testing.assert_allclose(net.feedforward(), pl.TRUTH_TABLE[1], atol=0.05)


def test_its_gradients_are_those_of_the_tutorial():
    net = pl.TruthTableNet(*pl.TRUTH_TABLE)
    x, t = pl.TRUTH_TABLE
    w1, w2 = (p.copy() for p in net.network.params.values())
    hidden = 1 / (1 + np.exp(-x @ w1))
    output = 1 / (1 + np.exp(-hidden @ w2))
    delta = 2 * (t - output) * output * (1 - output)
    d2 = hidden.T @ delta
    d1 = x.T @ ((delta @ w2.T) * hidden * (1 - hidden))
    net.step()

    np.testing.assert_allclose(net.network.params["affine1.W"], w1 + d1, rtol=1e-12)
    np.testing.assert_allclose(net.network.params["affine2.W"], w2 + d2, rtol=1e-12)
