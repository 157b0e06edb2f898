"""Who takes the training steps: the layers one by one, or one compiled call for many steps of a small dense network.

Both draw the same batches and do the same arithmetic; they differ in the last bits, as any two orders of summation do.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from pellucid.data.batches import take
from pellucid.kernels import jit, sgemm
from pellucid.layers import Affine, Container, ReLU, Sequential, Sigmoid, Tanh
from pellucid.losses import CrossEntropy, Loss, Quadratic, SoftmaxCrossEntropy
from pellucid.optimizers import SGD, Optimizer
from pellucid.typing import Array, IntArray


class LayerSteps:
    """Forward, loss, backward, update: any network, loss and optimiser, one step a call."""

    block = 1

    def __init__(
        self, network: Container[Any], loss: Loss, optimizer: Optimizer, x: Array, t: Array, batch_size: int,
        rng: np.random.Generator, change: Callable[[Array], Array] | None = None,
    ) -> None:  # fmt: skip
        self.change = change
        self.network = network.fused() if isinstance(network, Sequential) else network
        self.loss, self.optimizer, self.rng = loss, optimizer, rng
        self.x, self.t = x, t
        self.out = (np.empty((batch_size, *x.shape[1:]), x.dtype), np.empty((batch_size, *t.shape[1:]), t.dtype))

    def take(self, batches: Sequence[IntArray]) -> list[float]:
        """Take one step; return the loss of its batch, before the update. A loss that is no number updates nothing."""
        x, t = take(self.x, self.t, batches[0], self.out)
        x = self.change(x) if self.change else x
        y, tape = self.network.forward(x, train=True, rng=self.rng)
        value, cache = self.loss.compute(y, t)
        if math.isfinite(value):
            _, grads = self.network.backward(self.loss.backward(cache), tape, need_dx=False)
            self.optimizer.step(self.network.params, grads)
        return [value]


class DensePlan(NamedTuple):
    """A dense network as the compiled kernel takes it."""

    affine: list[Affine]
    kinds: list[int]
    loss: int


class CompiledDenseSteps:
    """Affine layers and activations, plain SGD, float32: `block` steps in one compiled call."""

    block = 50

    def __init__(self, plan: DensePlan, optimizer: Optimizer, x: Array, t: Array, batch_size: int) -> None:
        self.kernel = jit.load("dense")
        self.optimizer, self.loss = optimizer, plan.loss
        self.x = x
        self.t = np.ascontiguousarray(t.reshape(len(t), -1), np.float32)
        # The addresses stay good: parameters are written in place, never replaced, and `plan` keeps them alive.
        self.plan = plan
        self.weights = np.array([a.params["W"].ctypes.data for a in plan.affine], np.int64)
        self.biases = np.array([a.params["b"].ctypes.data if a.bias else 0 for a in plan.affine], np.int64)
        self.sizes = np.array([x.shape[1], *(a.units for a in plan.affine)], np.int64)
        self.kinds = np.array(plan.kinds, np.int64)
        self.work = np.empty(batch_size * (self.t.shape[1] + 2 * int(self.sizes.sum())), np.float32)

    def take(self, batches: Sequence[IntArray]) -> list[float]:
        """Take the steps of batches of one size; return their losses, the last not finite where it stopped early."""
        first = self.optimizer.iteration
        rates = np.array([self.optimizer.schedule(first + i) for i in range(len(batches))])
        values = np.full(len(batches), np.nan)
        taken = self.kernel.steps(
            sgemm.address(), self.x.ctypes.data, self.t.ctypes.data, self.t.shape[1], np.stack(batches), self.sizes,
            self.kinds, self.loss, self.weights, self.biases, rates, self.optimizer.weight_decay, values,
            self.work.ctypes.data,
        )  # fmt: skip
        self.optimizer.iteration += taken
        return [float(v) for v in values[: taken + 1]]


def compiled_plan(network: Container[Any], loss: Loss, optimizer: Optimizer, x: Array) -> DensePlan | None:
    """Return how the compiled kernel would run this training, or None where the layers must."""
    frozen = not all(layer.trainable for layer in network.walk())
    plain = type(optimizer) is SGD and optimizer.clip_norm is None and x.dtype == network.dtype == np.float32
    if not (
        plain
        and not frozen
        and type(network) is Sequential
        and len(x.shape) == 2
        and x.flags.c_contiguous
        and sgemm.available()
    ):
        return None
    kernel = jit.load("dense")
    losses = {
        SoftmaxCrossEntropy: kernel.SOFTMAX_CROSS_ENTROPY,
        Quadratic: kernel.QUADRATIC,
        CrossEntropy: kernel.CROSS_ENTROPY,
    }
    if type(loss) not in losses or loss.config().get("label_smoothing") or loss.config().get("class_weights"):
        return None
    slopes: dict[type[Any], int] = {ReLU: kernel.RELU, Sigmoid: kernel.SIGMOID, Tanh: kernel.TANH}
    affine: list[Affine] = []
    kinds: list[int] = []
    for layer in network.layers:
        if type(layer) is Affine:
            affine.append(layer)
            kinds.append(kernel.LINEAR)
        elif type(layer) in slopes and kinds and kinds[-1] == kernel.LINEAR:
            kinds[-1] = slopes[type(layer)]
        else:
            return None
    if type(loss) is CrossEntropy and kinds[-1:] != [kernel.SIGMOID]:
        return None  # the kernel takes the two together
    return DensePlan(affine, kinds, losses[type(loss)]) if affine else None
