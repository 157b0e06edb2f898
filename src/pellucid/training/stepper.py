"""Who takes the training steps: the layers one by one, or one compiled call for many steps of a small dense network.

Both draw the same batches and do the same arithmetic; they differ in the last bits, as any two orders of summation do.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np

from pellucid.data.batches import take
from pellucid.errors import LabelError, ShapeError
from pellucid.kernels import jit
from pellucid.kernels.addresses import own, reads, writes
from pellucid.kernels.crew.blas import single_threaded
from pellucid.kernels.dense import sgemm
from pellucid.kernels.dense.records import Steps
from pellucid.kernels.records import numbers
from pellucid.layers import Container, Layer
from pellucid.layers.walk import layers_in_line
from pellucid.losses import CrossEntropy, Loss, Quadratic, SoftmaxCrossEntropy
from pellucid.optimizers import SGD, Optimizer
from pellucid.typing import Array, IntArray

MOST_UNITS = 2**24
"""The compiled steps hold classes as float32, which counts no further, and a BLAS may count in 32 bits."""

MOST_MULTIPLICATIONS = 8_000_000
"""Of one product. The compiled steps run on one thread; larger products are worth sharing out, as the layers do."""


class LayerSteps:
    """Forward, loss, backward, update: any network, loss and optimiser, one step a call."""

    block = 1

    def __init__(
        self,
        network: Container[Any],
        loss: Loss,
        optimizer: Optimizer,
        x: Array,
        t: Array,
        batch_size: int,
        rng: np.random.Generator,
        change: Callable[[Array], Array] | None = None,
        weights: Array | None = None,
    ) -> None:
        self.change, self.whole, self.weights = change, network, weights
        self.network = network.fused()
        self.loss, self.optimizer, self.rng = loss, optimizer, rng
        self.x, self.t = x, t
        self.out = (np.empty((batch_size, *x.shape[1:]), x.dtype), np.empty((batch_size, *t.shape[1:]), t.dtype))

    def take(self, batches: Sequence[IntArray]) -> list[float]:
        """Take one step; return the loss of its batch, before the update. A loss that is no number updates nothing."""
        x, t = take(self.x, self.t, batches[0], self.out)
        x = self.change(x) if self.change else x
        with single_threaded():  # the bits of any product, in layers of the user's own too, are those of one thread
            y, tape = self.network.forward(x, train=True, rng=self.rng)
            if y.shape != (len(x), *(self.whole.output_shape or ())):
                raise ShapeError(f"fit: the network must give {self.whole.output_shape} for a sample, got {y.shape}.")
            value, cache = self.loss.compute(y, t)
            dy = self.loss.backward(cache)
            if self.weights is not None:
                value, dy = weighted(self.loss, y, t, dy, self.weights[batches[0]])
            if math.isfinite(value):
                _, grads = self.network.backward(dy, tape, need_dx=False)
                self.optimizer.step(self.network.params, grads)
        return [value]


def weighted(loss: Loss, y: Array, t: Array, dy: Array, weights: Array) -> tuple[float, Array]:
    """Return the loss of a batch and its gradient where sample n counts w_n times, from the plain gradient dy (N, K).

    A loss is Σ_n ℓ_n / D, where D is its `divisor`: the weighted one is Σ_n w_n ℓ_n / D_w, and its gradient
    dy_n · w_n · D / D_w. A batch whose samples all weigh 0 has loss 0 and teaches nothing.
    """
    divisor = loss.divisor(t, weights)
    if divisor == 0:
        return 0.0, np.zeros_like(dy)
    value = float(loss.each(y, t) @ weights) / divisor
    return value, dy * (weights * (loss.divisor(t) / divisor)).astype(dy.dtype)[:, None]


class DensePlan(NamedTuple):
    """A dense network as the compiled kernel takes it."""

    affine: list[Layer[Any]]
    kinds: list[int]
    loss: int


class CompiledDenseSteps:
    """Affine layers and activations, plain SGD, float32: `block` steps in one compiled call.

    The loops reach arrays by address. So every call looks at all of them, and holds them: between two calls a callback
    may have done anything. A network that the plan no longer describes, such as one that was frozen in part, goes on
    layer by layer.
    """

    block = 50

    def __init__(self, plan: DensePlan, plain: LayerSteps) -> None:
        self.kernel = jit.load("dense.steps")
        self.plan, self.plain = plan, plain
        self.x = plain.x
        self.t = np.ascontiguousarray(plain.t.reshape(len(plain.t), -1), np.float32)
        self.batch_size = len(plain.out[0])
        self.sizes = np.array([self.x.shape[1], *_units(plan.affine)], np.int64)
        self.kinds = np.array(plan.kinds, np.int64)
        self.work = np.empty(self.batch_size * (self.t.shape[1] + 2 * int(self.sizes.sum())), np.float32)
        self._expect_targets()

    def _expect_targets(self) -> None:
        """One class for each sample, which the loops take as an index, or a row of numbers for its outputs."""
        outputs = int(self.sizes[-1])
        classes = self.plan.loss == self.kernel.SOFTMAX_CROSS_ENTROPY
        reads(self.t, (len(self.x), 1 if classes else outputs), who="fit: targets")
        if classes and not (self.t.min() >= 0 and self.t.max() < outputs):
            raise LabelError(f"fit: classes must lie in 0..{outputs - 1}, got {self.t.min():g} to {self.t.max():g}.")

    def take(self, batches: Sequence[IntArray]) -> list[float]:
        """Take the steps of batches of one size; return their losses, the last not finite where it stopped early."""
        plain = self.plain
        if compiled_plan(plain.whole, plain.loss, plain.optimizer, self.x, self.batch_size) != self.plan:
            return self._layer_by_layer(batches)
        order = np.ascontiguousarray(np.stack(batches), np.int64)
        if order.shape[1] > self.batch_size or order.min() < 0 or order.max() >= len(self.x):
            raise ShapeError(f"fit: batches must be {self.batch_size} indices of {len(self.x)} samples.")
        first = plain.optimizer.iteration
        rates = np.array([plain.optimizer.rate_at(first + i) for i in range(len(batches))], np.float64)
        values = np.full(len(batches), np.nan)
        held = [(a.params["W"], a.params.get("b")) for a in self.plan.affine]
        shapes = list(pairwise(self.sizes.tolist()))
        labels = [a.label for a in self.plan.affine]
        weights = [writes(W, s, who=f"{who}: W") for (W, _), s, who in zip(held, shapes, labels, strict=True)]
        biases = [
            0 if b is None else writes(b, s[1:], who=f"{who}: b")
            for (_, b), s, who in zip(held, shapes, labels, strict=True)
        ]
        (samples, width), (steps, size) = self.t.shape, order.shape
        record = Steps(
            sgemm.address(), self.plan.loss, samples, width, steps, size, len(shapes), len(self.work), x=self.x,
            t=self.t, order=order, sizes=self.sizes, kinds=self.kinds, weights=np.array(weights, np.int64),
            biases=np.array(biases, np.int64), rates=rates, keeps=1 - rates * plain.optimizer.weight_decay,
            values=values, work=self.work,
        )  # fmt: skip
        row = np.array(numbers(record, []), np.int64)
        with single_threaded():
            taken = self.kernel.steps(own(row))
        plain.optimizer.iteration += taken
        return [float(v) for v in values[: taken + 1]]

    def _layer_by_layer(self, batches: Sequence[IntArray]) -> list[float]:
        values: list[float] = []
        for batch in batches:
            values += self.plain.take([batch])
            if not math.isfinite(values[-1]):
                break
        return values


def _units(affine: Sequence[Layer[Any]]) -> list[int]:
    return [(layer.output_shape or (0,))[0] for layer in affine]


def compiled_plan(
    network: Container[Any], loss: Loss, optimizer: Optimizer, x: Array, batch_size: int = 1
) -> DensePlan | None:
    """Return how the compiled kernel would run this training, or None where the layers must."""
    line = layers_in_line(network)
    frozen = not all(layer.trainable for layer in network.walk())
    plain = type(optimizer) is SGD and optimizer.clip_norm is None and x.dtype == network.dtype == np.float32
    if not (plain and not frozen and line and len(x.shape) == 2 and x.flags.c_contiguous and sgemm.available()):
        return None
    kernel = jit.load("dense.steps")
    losses = {
        SoftmaxCrossEntropy: kernel.SOFTMAX_CROSS_ENTROPY,
        Quadratic: kernel.QUADRATIC,
        CrossEntropy: kernel.CROSS_ENTROPY,
    }
    if type(loss) not in losses or loss.config().get("label_smoothing") or loss.config().get("class_weights"):
        return None
    slopes = {"relu": kernel.RELU, "sigmoid": kernel.SIGMOID, "tanh": kernel.TANH}
    affine: list[Layer[Any]] = []
    kinds: list[int] = []
    for layer in line.values():
        function = layer.facts.function
        if function == "affine":
            affine.append(layer)
            kinds.append(kernel.LINEAR)
        elif function in slopes and kinds and kinds[-1] == kernel.LINEAR:
            kinds[-1] = slopes[function]
        else:
            return None
    if not affine or (type(loss) is CrossEntropy and kinds[-1] != kernel.SIGMOID):
        return None  # the kernel takes sigmoid and cross-entropy together
    units = (x.shape[1], *_units(affine))
    if max(units) >= MOST_UNITS or max(d * k for d, k in pairwise(units)) * batch_size > MOST_MULTIPLICATIONS:
        return None
    return DensePlan(affine, kinds, losses[type(loss)])
