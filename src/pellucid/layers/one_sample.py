"""Neighbouring layers that a single sample goes through in one compiled call (`kernels.single.plan`).

A program has no parameters of its own: it reads those of its layers at each call, and gives what they give.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import numpy as np

from pellucid.errors import ShapeError
from pellucid.kernels import jit
from pellucid.kernels.single import plan as single
from pellucid.layers.base import Layer
from pellucid.layers.parameters import Parameters
from pellucid.typing import Array, Shape

Part: TypeAlias = Callable[[Array], Array]


class OneSample:
    """y = layer_k(… layer_1(x)) in evaluation mode, for x (1, …)."""

    def __init__(self, layers: Sequence[Layer[Any]], steps: Sequence[single.Step], shape: Shape) -> None:
        self.layers = tuple(layers)
        self.steps = tuple(steps)
        self.weighted = [layer for layer in layers if layer.params]
        self.planned = [_planned(step) for step in steps]  # by the steps: what the program reads and writes
        first = steps[0]
        self.x_size = math.prod(first.x_shape) if isinstance(first, single.Convolution) else first.length
        self.shape = 1, *shape

    def __call__(self, x: Array) -> Array:
        params = [layer.params for layer in self.weighted]
        # The compiled loops see addresses only: arrays of other kinds go the way where they are looked at.
        if (
            jit.available()  # not so in a signal's handler that came while kernels are compiled
            and len(x) == 1
            and x.size == self.x_size
            and x.dtype == np.float32
            and all(map(_as_planned, params, self.planned))
        ):
            weights = [(p["W"], p.get("b")) for p in params]
            return single.run(self.steps, np.ascontiguousarray(x), weights).reshape(self.shape)
        for layer in self.layers:
            x = layer(x)
        return x


def _planned(step: single.Step) -> tuple[Shape, Shape]:
    """The shapes of a step's weights and bias."""
    return (step.w_shape, step.w_shape[3:]) if isinstance(step, single.Convolution) else (step[:2], step[1:2])


def _as_planned(params: Parameters, shapes: tuple[Shape, Shape]) -> bool:
    W, b = params["W"], params.get("b")
    plain = W.shape == shapes[0] and W.dtype == np.float32
    return plain and (b is None or (b.shape == shapes[1] and b.dtype == np.float32))


def taken_together(layers: Sequence[Layer[Any]], shape: Shape) -> list[Part]:
    """Return the layers with programs in place of neighbours, wherever that pays; samples of `shape` come in."""
    parts: list[Part] = []
    together: list[Layer[Any]] = []
    steps: list[single.Step] = []

    def end() -> None:
        parts.extend([OneSample(together, steps, shape)] if single.worthwhile(steps) else together)
        together.clear()
        steps.clear()

    for layer in layers:
        known = layer.one_sample(steps, shape)
        if known is None:
            end()
            parts.append(layer)
        else:
            if known:
                _expect_joined(layer, known, shape)
            steps[:] = known
            together.append(layer)
        shape = layer.infer_shape(shape)
    end()
    return parts


def _expect_joined(layer: Layer[Any], steps: Sequence[single.Step], shape: Shape) -> None:
    """Raise ShapeError where the steps do not hand on as many numbers as the layers: a program sees addresses only."""
    given = [math.prod(step.y_shape) for step in steps]
    taken = [step.numbers for step in steps[1:]]
    wanted = math.prod(layer.infer_shape(shape))
    if given != [*taken, wanted]:
        raise ShapeError(
            f"{layer.label}: one_sample must return steps that hand on {[*taken, wanted]} numbers, got {given}."
        )
