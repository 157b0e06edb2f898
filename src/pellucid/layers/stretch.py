"""Neighbouring layers that a single sample goes through in one compiled call (`kernels.single.plan`).

A stretch has no parameters of its own: it reads those of its layers at each call, and gives what they give.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import numpy as np

from pellucid.kernels import jit
from pellucid.kernels.geometry import Window
from pellucid.kernels.single import plan as single
from pellucid.layers.activation import ReLU
from pellucid.layers.affine import Affine
from pellucid.layers.base import Layer
from pellucid.layers.conv import Conv2D
from pellucid.layers.dropout import Dropout, SpatialDropout2D
from pellucid.layers.fused import _ConvReLU, _ConvReLUMaxPool
from pellucid.layers.parameters import Parameters
from pellucid.layers.shape import Flatten
from pellucid.typing import Array, Shape

Part: TypeAlias = Callable[[Array], Array]

_IDENTITIES = (Dropout, SpatialDropout2D, Flatten)  # of the numbers, not of their shape


class Stretch:
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


def stretches(layers: Sequence[Layer[Any]], shape: Shape) -> list[Part]:
    """Return the layers with stretches in place of neighbours, wherever that pays; samples of `shape` come in."""
    parts: list[Part] = []
    together: list[Layer[Any]] = []
    steps: list[single.Step] = []

    def end() -> None:
        parts.extend([Stretch(together, steps, shape)] if single.worthwhile(steps) else together)
        together.clear()
        steps.clear()

    for layer in layers:
        known = _then(steps, layer, shape)
        if known is None:
            end()
            parts.append(layer)
        else:
            steps[:] = known
            together.append(layer)
        shape = layer.infer_shape(shape)
    end()
    return parts


def _then(steps: Sequence[single.Step], layer: Layer[Any], shape: Shape) -> list[single.Step] | None:
    """The steps with those of one more layer; None where it has none."""
    if type(layer) in _IDENTITIES:
        return [*steps]
    if type(layer) is Affine:
        return [*steps, single.Product(shape[0], layer.units)]
    if type(layer) is ReLU and steps and isinstance(steps[-1], single.Product):
        return [*steps[:-1], steps[-1]._replace(relu=True)]
    conv = layer.conv if isinstance(layer, (_ConvReLU, _ConvReLUMaxPool)) else layer
    if type(conv) is Conv2D:
        geometry = conv.geometry(shape)
        window = Window(conv.kernel_size, geometry["stride"], geometry["padding"], geometry["dilation"])
        pooled = isinstance(layer, _ConvReLUMaxPool)
        step = single.Convolution(shape, conv.params["W"].shape, window, layer is not conv, pooled)
        return [*steps, step] if step.kernel else None
    return None
