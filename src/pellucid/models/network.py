"""A feed-forward network of any depth: sigmoid everywhere, trained by mini-batches.

Nielsen, "Neural Networks and Deep Learning", chapters 1 to 3: quadratic or cross-entropy cost, L2 regularisation,
monitoring, save and load.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from pellucid import checks
from pellucid.arrays import numbers
from pellucid.checked import checked
from pellucid.data import Dataset
from pellucid.errors import ArgumentError
from pellucid.initializers import Gaussian, LeCun
from pellucid.interop import load_nielsen, save_nielsen
from pellucid.layers import Affine, Sequential, Sigmoid
from pellucid.losses import CrossEntropy, Loss, Quadratic
from pellucid.optimizers import SGD
from pellucid.training import Callback, History, evaluate, fit
from pellucid.typing import Array, ArrayLike, DTypeLike

COSTS: dict[str, type[Loss]] = {"quadratic": Quadratic, "cross-entropy": CrossEntropy}


class Network:
    """Layers of sigmoid units, such as `Network([784, 30, 10])`.

    Parameters
    ----------
    sizes : sequence of int
        Units of every layer, the inputs first.
    cost : {"quadratic", "cross-entropy"}
        Chapter 1's cost, or chapter 3's.
    weights : {"normal", "scaled"}
        Standard normal, as in chapter 1; or divided by √fan_in, as in chapter 3. Biases are standard normal.
    seed : int, default=0

    Notes
    -----
    Samples are rows: x (N, D), targets class indices (N,) or one-hot (N, K). A single vector (D,) is one sample.

    Examples
    --------
    >>> net = pl.Network([784, 30, 10])
    >>> net.feedforward(np.zeros(784)).shape
    (10,)
    >>> nabla_b, nabla_w = net.backprop(np.zeros(784), 3)
    >>> [w.shape for w in nabla_w]
    [(784, 30), (30, 10)]
    """

    @checked
    def __init__(
        self,
        sizes: Sequence[int],
        *,
        cost: str = "quadratic",
        weights: str = "normal",
        seed: int = 0,
        dtype: DTypeLike = np.float32,
    ) -> None:
        self.sizes = [checks.size("Network", "sizes", n) for n in sizes]
        checks.expect_known("Network", "cost", cost, COSTS)
        checks.expect_known("Network", "weights", weights, ["normal", "scaled"])
        self.cost = COSTS[cost]()
        self.seed = seed
        begin = Gaussian(1.0) if weights == "normal" else LeCun()
        layers = [layer for n in self.sizes[1:] for layer in (Affine(n, weight=begin), Sigmoid())]
        self.network = Sequential(layers, input_shape=(self.sizes[0],), seed=seed, dtype=dtype)
        rng = np.random.default_rng([seed, 1])
        for key, p in self.network.params.items():
            if key.endswith(".b"):
                p[...] = rng.standard_normal(p.shape)

    @checked
    def feedforward(self, x: ArrayLike) -> Array:
        """Return the outputs: (N, K) for x (N, D), (K,) for one sample (D,)."""
        x = numbers("Network", "x", x)
        return self.network(x[None])[0] if x.ndim == 1 else self.network(x)

    @checked
    def backprop(self, x: ArrayLike, y: ArrayLike) -> tuple[list[Array], list[Array]]:
        """Return (∂C/∂b, ∂C/∂w), layer by layer, for one sample (D,) or the mean over a batch (N, D)."""
        x, y = numbers("Network", "x", x), numbers("Network", "y", y)
        if x.ndim == 1:
            x, y = x[None], y[None]
        outputs, tape = self.network.forward(x, train=True)
        _, cache = self.cost.forward(outputs, y)
        _, grads = self.network.backward(self.cost.backward(cache), tape, need_dx=False)
        affine = [name for name, layer in self.network.named_layers() if layer.params]
        return [grads[f"{name}.b"] for name in affine], [grads[f"{name}.W"] for name in affine]

    @checked
    def update_mini_batch(self, batch: tuple[ArrayLike, ArrayLike], eta: float, lmbda: float = 0.0, n: int = 1) -> None:
        """Take one step of gradient descent on a batch (x, y): w ← (1 − ηλ/n) w − η ∂C/∂w,  b ← b − η ∂C/∂b."""
        if not isinstance(batch, (tuple, list)) or len(batch) != 2:
            raise ArgumentError(f"Network: batch must be a pair (x, y), got {type(batch).__name__}.")
        checks.size("Network", "n", n)
        db, dw = self.backprop(*batch)
        affine = [layer for layer in self.network.layers if layer.params]
        for layer, layer_db, layer_dw in zip(affine, db, dw, strict=True):
            layer.params["W"] *= 1 - eta * lmbda / n
            layer.params["W"] -= eta * layer_dw
            layer.params["b"] -= eta * layer_db

    @checked
    def SGD(  # noqa: N802  # the book's name
        self, training_data: Dataset | tuple[Any, Any], epochs: int, mini_batch_size: int, eta: float, *,
        lmbda: float = 0.0, test_data: Dataset | tuple[Any, Any] | None = None, seed: int | None = None,
        monitor_training: bool = False, quiet: bool = False,
    ) -> History:  # fmt: skip
        """Shuffle, train, and after each epoch print `Epoch k: n / N` for the test data.

        `lmbda` is the book's λ: the weights, not the biases, decay by ηλ/n at each step, n being the number of
        training samples. Costs and accuracies of every epoch are in the History; those on all the training data too
        with `monitor_training`.
        """
        train = self._data("training_data", training_data)
        test = None if test_data is None else self._data("test_data", test_data)
        return fit(
            self.network,
            train,
            epochs=epochs,
            batch_size=mini_batch_size,
            loss=self.cost,
            optimizer=SGD(eta, weight_decay=lmbda / len(train)),
            validation=test,
            seed=self.seed if seed is None else seed,
            train_sample=None if monitor_training else 0,
            callbacks=[] if quiet else [_EpochLine(len(test) if test else 0)],
            progress=False,
        )

    def _data(self, name: str, given: Any) -> Dataset:
        if isinstance(given, Dataset):
            return given
        if not isinstance(given, (tuple, list)) or len(given) != 2:
            raise ArgumentError(f"Network: {name} must be a Dataset or a pair (x, t), got {type(given).__name__}.")
        return Dataset(*given, classes=self.sizes[-1])

    @checked
    def evaluate(self, test_data: Dataset | tuple[Any, Any]) -> int:
        """Return the number of samples whose largest output is the true class."""
        measured = evaluate(self.network, self._data("test_data", test_data), loss=self.cost)
        return round((measured.accuracy or 0.0) * measured.samples)

    @checked
    def save(self, path: str | Path) -> None:
        """Write the JSON of the book's second program."""
        save_nielsen(self.network, path, cost=type(self.cost).__name__)

    @classmethod
    @checked
    def load(cls, path: str | Path) -> Network:
        """Read the JSON that `save`, or the book's program, wrote."""
        network, loss = load_nielsen(path)
        inputs = network.input_shape or (0,)
        sizes = [inputs[0], *(layer.params["b"].size for layer in network.layers if layer.params)]
        model = cls(sizes, cost=next(k for k, v in COSTS.items() if v.__name__ == loss), dtype=network.dtype)
        model.network = network
        return model


class _EpochLine(Callback):
    """Prints `Epoch k: n / N`, as the book does."""

    def __init__(self, samples: int) -> None:
        self.samples, self.epoch = samples, 0

    def on_epoch(self, network: Any, row: dict[str, Any]) -> str | None:
        right = (
            f": {round(row['validation_accuracy'] * self.samples)} / {self.samples}" if self.samples else " complete"
        )
        print(f"Epoch {self.epoch}{right}", flush=True)
        self.epoch += 1
        return None
