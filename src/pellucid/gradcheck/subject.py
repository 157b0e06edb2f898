"""What a gradient check differentiates: a float64 copy of a layer, and one number made of its output."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from pellucid import arrays, checks
from pellucid.errors import ArgumentError, DataError, ShapeError
from pellucid.layers import Layer
from pellucid.layers.spec import remade
from pellucid.losses import Loss
from pellucid.typing import Array, ArrayLike, Arrays, Shape

ROUNDING = 16 * float(np.finfo(np.float64).eps)
"""What rounding does to the value at least, in parts of its size and that of its terms."""


class Subject:
    """A float64 copy of a layer, with the scalar that is differentiated by its input and parameters.

    The scalar is the loss or, without one, Σ dy·y for a random dy.
    """

    def __init__(
        self, layer: Layer[Any], x: ArrayLike, t: ArrayLike | None, loss: Loss | None, train: bool, seed: int
    ) -> None:
        self.x = batch(x)
        self.layer = float64_copy(layer, self.x.shape[1:], seed)
        self.t: Any = t
        self.loss, self.train, self.seed = loss, train, seed
        self.buffers = {key: value.copy() for key, value in self.layer.buffers.items()}
        y, _ = self.forward()
        # Not uniform: behind a softmax or a normalisation, Σ y is a constant and its gradient zero.
        self.dy = np.random.default_rng([seed, 1]).standard_normal(y.shape)
        here = self.value()
        if not np.isfinite(here):
            raise DataError(
                f"check_gradients: {layer.label} gives NaN or infinite values for this x. Use smaller ones."
            )
        terms = float(np.abs(y).max(initial=0) if loss else np.linalg.norm(self.dy * y))
        floor = ROUNDING * (abs(here) + terms or float(np.finfo(np.float64).tiny))
        self.rounding = max(floor, self._measured_rounding(here))
        """What rounding does to the value."""

    def arrays(self) -> Iterator[tuple[str, Array]]:
        """Yield whatever has a gradient, with its name."""
        yield "x", self.x
        yield from ((name, array) for name, array in self.layer.params.items() if array.size)

    def forward(self) -> tuple[Array, Any]:
        """Run the layer with the same random numbers and the same buffers each time."""
        for key, value in self.buffers.items():
            self.layer.buffers[key] = value
        return self.layer.forward(self.x, train=self.train, rng=np.random.default_rng([self.seed, 2]))

    def value(self) -> float:
        """Return the scalar."""
        y, _ = self.forward()
        return float(np.vdot(self.dy, y)) if self.loss is None else float(self.loss.forward(y, self.t)[0])

    def upstream(self, y: Array) -> Array:
        """Return ∂value/∂y."""
        if self.loss is None:
            return self.dy.copy()
        _, cache = self.loss.forward(y, self.t)
        return np.asarray(self.loss.backward(cache))

    def gradients(self) -> Arrays:
        """Return what backward says, by name, at the point where the arrays lie now."""
        y, cache = self.forward()
        dx, grads = self.layer.backward(self.upstream(y), cache)
        return grads if dx is None else {"x": dx, **grads}

    def _measured_rounding(self, here: float) -> float:
        """Return four times what the value changes by when every number moves by a few of its last digits.

        It is more than the size of the value suggests where differences of large numbers are magnified: behind a
        normalisation of values that are nearly all the same.
        """
        rng = np.random.default_rng([self.seed, 4])
        kept = [(array, array.copy()) for _, array in self.arrays()]
        changes = []
        try:
            for _ in range(3):
                for array, values in kept:
                    array[...] = values * (1 + 2 * np.finfo(np.float64).eps * rng.standard_normal(array.shape))
                changes.append(abs(self.value() - here))
        finally:
            for array, values in kept:
                array[...] = values
        return 4 * float(np.nanmax(changes))


def batch(x: ArrayLike) -> Array:
    """Return a float64 copy of a batch (N, …)."""
    x = arrays.as_array("check_gradients", "x", x)
    if x.dtype.kind not in "fiub":
        raise ArgumentError(f"check_gradients: x must hold real numbers, got {x.dtype}.")
    if x.ndim == 0 or x.size == 0:
        raise ShapeError(f"check_gradients: x must be a batch (N, ...) of N ≥ 1, got shape {x.shape}.")
    x = np.array(x, np.float64)
    checks.expect_finite("check_gradients", x)
    return x


def float64_copy(layer: Layer[Any], input_shape: Shape, seed: int) -> Layer[Any]:
    """Return an independent float64 copy of a layer; one that is not built yet is built for `input_shape`."""
    twin = remade(layer)
    twin.build(layer.input_shape or input_shape, np.random.default_rng(seed), np.float64)
    if layer.input_shape is not None:
        for mine, theirs in ((twin.params, layer.params), (twin.buffers, layer.buffers)):
            for key, value in theirs.items():
                mine[key] = value
    twin.trainable = True  # a frozen layer's backward would not be asked
    return twin
