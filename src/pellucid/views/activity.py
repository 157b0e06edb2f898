"""How the layers of a network behave on data: dead units, sizes of what they give, and gradients."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from pellucid import checks
from pellucid.arrays import as_array
from pellucid.layers import Container
from pellucid.losses import LossLike, MeanSquaredError, SoftmaxCrossEntropy, as_loss
from pellucid.typing import Array, Arrays
from pellucid.views.flow import Op
from pellucid.views.tape import outputs

BATCH = 256


class Activity(NamedTuple):
    """One layer on the data.

    dead is the share of a ReLU's units, or of its channels, that gave 0 for every sample, everywhere; mean and sd are
    over all outputs; norm is the mean length of one sample's output; weight_norm and gradient_norm are of all
    parameters of the layer together, the latter for the mean loss. None where it does not apply.
    """

    dead: float | None
    mean: float
    sd: float
    norm: float
    weight_norm: float | None
    gradient_norm: float | None


@dataclass
class _Sums:
    """Running sums over batches, in float64."""

    count: int = 0
    total: float = 0.0
    squares: float = 0.0
    lengths: float = 0.0
    alive: Any = False

    def add(self, y: Array) -> None:
        flat = y.reshape(len(y), -1).astype(np.float64)
        self.count += flat.size
        self.total += float(flat.sum())
        squares = (flat**2).sum(axis=1)
        self.squares += float(squares.sum())
        self.lengths += float(np.sqrt(squares).sum())
        self.alive = self.alive | (y > 0).any(axis=tuple(range(y.ndim - 1)) if y.ndim == 4 else 0)


def activities(
    network: Container[Any], ops: tuple[Op, ...], x: Array, t: Any = None, loss: LossLike | None = None
) -> dict[str, Activity]:
    """Return how every operation behaves on x (N, …), a batch at a time, in evaluation mode."""
    checks.expect_batch("summary", x, network.input_shape or ())
    criterion = None
    if t is not None:
        t = as_array("summary", "t", t)
        usual = SoftmaxCrossEntropy() if _are_classes(t) else MeanSquaredError()
        criterion = as_loss(usual if loss is None else loss)
        t = criterion.targets(t, len(x), (network.output_shape or (1,))[-1])
    sums = {op.path: _Sums() for op in ops}
    grads: Arrays = {}
    for start in range(0, len(x), BATCH):
        y, tape = network.forward(x[start : start + BATCH])
        for path, output in outputs(network, tape).items():
            if path in sums:
                sums[path].add(output)
        if criterion is not None:
            _, cache = criterion.forward(y, t[start : start + BATCH])
            share = len(y) / len(x)
            for key, g in network.backward(criterion.backward(cache), tape, need_dx=False)[1].items():
                grads[key] = grads.get(key, 0) + share * g.astype(np.float64)
    return {op.path: _activity(op, sums[op.path], len(x), grads) for op in ops}


def _are_classes(t: Array) -> bool:
    return t.dtype.kind in "iu" or (t.ndim == 2 and bool((t.sum(axis=1) == 1).all()))


def _activity(op: Op, sums: _Sums, samples: int, grads: Arrays) -> Activity:
    mean = sums.total / max(sums.count, 1)
    own = [grads[f"{op.path}.{key}"] for key in op.operation.params if f"{op.path}.{key}" in grads]
    return Activity(
        dead=float(1 - np.mean(sums.alive)) if op.operation.facts.function == "relu" else None,
        mean=mean,
        sd=math.sqrt(max(sums.squares / max(sums.count, 1) - mean**2, 0.0)),
        norm=sums.lengths / max(samples, 1),
        weight_norm=_norm(op.operation.params.values()) if op.operation.params else None,
        gradient_norm=_norm(own) if own else None,
    )


def _norm(arrays: Any) -> float:
    return math.sqrt(sum(float(np.vdot(a.astype(np.float64), a.astype(np.float64))) for a in arrays))
