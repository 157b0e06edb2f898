"""The smallest network: two layers of sigmoid units without biases, learning a truth table."""

from __future__ import annotations

import numpy as np

from pellucid.arrays import numbers
from pellucid.checked import checked
from pellucid.errors import ShapeError
from pellucid.initializers import Uniform
from pellucid.layers import Affine, Sequential, Sigmoid
from pellucid.losses import SumOfSquares
from pellucid.optimizers import SGD
from pellucid.typing import Array, ArrayLike

TRUTH_TABLE: tuple[Array, Array] = (
    np.array([[0, 0, 1], [0, 1, 1], [1, 0, 1], [1, 1, 1]], float),
    np.array([[0], [1], [1], [0]], float),
)
"""Exclusive or of the first two inputs; the third is always 1 and serves as the bias that the layers lack."""


class TruthTableNet:
    """x → sigmoid(x W1) → sigmoid(· W2), trained on every row at once to lessen Σ (y − t)².

    Parameters
    ----------
    x : array (N, D)
    t : array (N, K)
    hidden_size : int, default=4
    seed : int, default=0
        Weights begin uniform in 0…1.

    Examples
    --------
    >>> net = pl.TruthTableNet(*pl.TRUTH_TABLE)
    >>> errors = net.train(2000)
    >>> net.feedforward().round().ravel().tolist()
    [0.0, 1.0, 1.0, 0.0]
    """

    @checked
    def __init__(self, x: ArrayLike, t: ArrayLike, hidden_size: int = 4, *, seed: int = 0) -> None:
        self.x, self.t = numbers("TruthTableNet", "x", x, float), numbers("TruthTableNet", "t", t, float)
        if self.x.ndim != 2 or self.t.ndim != 2 or len(self.x) != len(self.t):
            raise ShapeError(
                f"TruthTableNet: x and t must be rows of one table, (N, D) and (N, K), got {self.x.shape} and "
                f"{self.t.shape}."
            )
        begin = Uniform(1.0, low=0.0)
        self.network = Sequential(
            [
                Affine(hidden_size, bias=False, weight=begin),
                Sigmoid(),
                Affine(self.t.shape[1], bias=False, weight=begin),
                Sigmoid(),
            ],
            input_shape=self.x.shape[1:],
            seed=seed,
            dtype=np.float64,
        )
        self.cost = SumOfSquares()
        # The tutorial descends along the gradient of Σ (y − t)², twice that of SumOfSquares, at rate 1.
        self.optimizer = SGD(2.0)

    @checked
    def feedforward(self, x: ArrayLike | None = None) -> Array:
        """Return the outputs for x, or for the table itself."""
        return self.network(self.x if x is None else x)

    @checked
    def train(self, iterations: int = 1500) -> list[float]:
        """Take that many steps on the whole table; return Σ (y − t)² before each, and after the last."""
        losses = [self.step() for _ in range(iterations)]
        return [*losses, 2 * self.cost.forward(self.feedforward(), self.t)[0]]

    def step(self) -> float:
        """Forward, backward, update; return Σ (y − t)² before it."""
        y, tape = self.network.forward(self.x, train=True)
        half, cache = self.cost.forward(y, self.t)
        _, grads = self.network.backward(self.cost.backward(cache), tape, need_dx=False)
        self.optimizer.step(self.network.params, grads)
        return 2 * half
