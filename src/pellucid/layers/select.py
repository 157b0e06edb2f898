"""Layers that pick numbers out along the axes of a sample, or put more of them there: slices, indices, borders.

Each is a list of places for some axes: y[…, k, …] = x[…, places[k], …], and a constant where the place is −1.
"""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from pellucid import checks
from pellucid.errors import ArgumentError, ShapeError
from pellucid.layers.base import Layer
from pellucid.layers.facts import Facts, Sight, Sources
from pellucid.layers.shape import ShapeCache
from pellucid.shown import came
from pellucid.typing import Array, Arrays, Config, IntArray, Shape


class _Select(Layer[ShapeCache]):
    """y is x at the places of each axis, dx the sum of dy over the places that each number went to."""

    facts = Facts(linear=True, weights=(), keeps_range=True, homogeneous=True)
    value: float = 0.0
    """What stands where no number of x does."""

    @abstractmethod
    def places(self, input_shape: Shape) -> dict[int, IntArray]:
        """Return the places in x of what stands along each axis that changes; −1 for the constant."""

    def window(self, input_shape: Shape) -> Sight:
        index = np.arange(math.prod(input_shape)).reshape(input_shape)
        for axis, places in self.places(input_shape).items():
            index = _taken(index, places, axis, -1)
        return Sources(index.reshape(self.infer_shape(input_shape)))

    def multiply_adds(self, input_shape: Shape) -> int:
        return 0

    def infer_shape(self, input_shape: Shape) -> Shape:
        places = self.places(input_shape)
        return tuple(len(places[axis]) if axis in places else n for axis, n in enumerate(input_shape))

    def forward(
        self, x: Array, *, train: bool = False, rng: np.random.Generator | None = None
    ) -> tuple[Array, ShapeCache]:
        x = self.as_batch(x)
        y = x
        for axis, places in self.places(x.shape[1:]).items():
            y = _taken(y, places, axis + 1, self.value)
        return y.reshape(len(x), *self.infer_shape(x.shape[1:])), ShapeCache(x.shape)

    def backward(
        self, dy: Array, cache: ShapeCache, *, need_dx: bool = True, need_grads: bool = True
    ) -> tuple[Array | None, Arrays]:
        if not need_dx:
            return None, {}
        shape = cache.x_shape[1:]
        every = self.places(shape)
        dx = dy.reshape(len(dy), *(len(every[axis]) if axis in every else n for axis, n in enumerate(shape)))
        for axis, places in reversed(every.items()):
            dx = _given_back(dx, places, axis + 1, shape[axis])
        return dx, {}

    def axis_of(self, input_shape: Shape, axis: int) -> int:
        """Return an axis counted from 0; raise ShapeError where a sample does not have it."""
        if not -len(input_shape) <= axis < len(input_shape):
            raise ShapeError(f"{self.label}: a sample {input_shape} has no axis {axis}.")
        return axis % len(input_shape)


def _taken(x: Array, places: IntArray, axis: int, value: float) -> Array:
    y = np.take(x, places, axis=axis)
    if (places < 0).any():
        np.moveaxis(y, axis, 0)[places < 0] = value
    return y


def _given_back(dy: Array, places: IntArray, axis: int, length: int) -> Array:
    """The sum of dy at each of `length` places along an axis."""
    dx = np.zeros((*dy.shape[:axis], length, *dy.shape[axis + 1 :]), dy.dtype)
    inside = places >= 0
    ins, outs = np.moveaxis(dx, axis, 0), np.moveaxis(dy, axis, 0)[inside]
    if len(np.unique(places[inside])) == len(outs):
        ins[places[inside]] = outs
    else:
        np.add.at(ins, places[inside], outs)
    return dx


class Slice(_Select):
    """A part of each sample: y = x[start:stop:step] along some axes, as Python counts.

    Forward     y[n, …, k, …] = x[n, …, start + k·step, …]
    Backward    dx = dy at its places, 0 elsewhere

    Parameters
    ----------
    starts, stops : tuple of int
        Negative ones count from the end; what lies beyond an end is cut to it.
    steps : tuple of int, default: 1 each
        Negative ones go backwards.
    axes : tuple of int, default: 0, 1, …
        The axes of a sample that they are for.

    Examples
    --------
    >>> pl.Slice((1,), (3,))(np.array([[1.0, 2.0, 3.0, 4.0]]))
    array([[2., 3.]])
    """

    def __init__(
        self, starts: Shape, stops: Shape, steps: Shape | None = None, axes: Shape | None = None, *, name: str = ""
    ) -> None:
        super().__init__(name=name)
        self.starts, self.stops = tuple(map(int, starts)), tuple(map(int, stops))
        self.steps = (1,) * len(self.starts) if steps is None else tuple(map(int, steps))
        self.axes = tuple(checks.axis("Slice", "axes", a) for a in (range(len(self.starts)) if axes is None else axes))
        if len({len(given) for given in (self.starts, self.stops, self.steps, self.axes)}) > 1 or 0 in self.steps:
            raise ArgumentError(
                f"Slice: starts, stops, steps and axes must have one length, and no step be 0, got {came(starts)}, "
                f"{came(stops)}, {came(steps)} and {came(axes)}."
            )

    def places(self, input_shape: Shape) -> dict[int, IntArray]:
        found = dict(self._spans(input_shape))
        if not all(map(len, found.values())) or len(found) < len(self.axes):
            raise ShapeError(f"{self.label}: of a sample {input_shape} nothing is left, or an axis is cut twice.")
        return found

    def _spans(self, input_shape: Shape) -> Iterator[tuple[int, IntArray]]:
        for axis, start, stop, step in zip(self.axes, self.starts, self.stops, self.steps, strict=True):
            own = self.axis_of(input_shape, axis)
            yield own, np.arange(input_shape[own])[slice(start, stop, step)]

    def config(self) -> Config:
        return {"starts": self.starts, "stops": self.stops, "steps": self.steps, "axes": self.axes}


class Take(_Select):
    """Some of the numbers along one axis, by their indices.

    Forward     y[n, …, k, …] = x[n, …, indices[k], …]
    Backward    dx = the sum of dy over the places that each number went to

    Parameters
    ----------
    indices : int, or tuple of int, nested as deeply as y has axes for them
        Negative ones count from the end. One int takes one place, and the axis is gone.
    axis : int, default=0
        Of a sample.

    Examples
    --------
    >>> x = np.array([[1.0, 2.0, 3.0, 4.0]])
    >>> pl.Take((3, 0, 0))(x).tolist(), pl.Take(-1)(x).tolist()
    ([[4.0, 1.0, 1.0]], [4.0])
    """

    def __init__(self, indices: int | Sequence[Any], axis: int = 0, *, name: str = "") -> None:
        super().__init__(name=name)
        index = np.asarray(indices)
        if index.dtype.kind not in "iu" or not index.size:
            raise ArgumentError(f"Take: indices must be whole numbers, got {came(indices)}.")
        self.indices = _as_tuples(index.tolist())
        self.axis = checks.axis("Take", "axis", axis)

    def places(self, input_shape: Shape) -> dict[int, IntArray]:
        axis, index = self.axis_of(input_shape, self.axis), np.asarray(self.indices).reshape(-1)
        n = input_shape[axis]
        if index.min() < -n or index.max() >= n:
            raise ShapeError(f"{self.label}: axis {axis} of a sample {input_shape} has no place {self.indices}.")
        return {axis: index % n}

    def infer_shape(self, input_shape: Shape) -> Shape:
        axis = self.axis_of(input_shape, self.axis)
        self.places(input_shape)
        return *input_shape[:axis], *np.shape(self.indices), *input_shape[axis + 1 :]

    def config(self) -> Config:
        return {"indices": self.indices, "axis": self.axis}


def _as_tuples(nested: Any) -> Any:
    return tuple(map(_as_tuples, nested)) if isinstance(nested, list) else nested


_MODES = ("constant", "edge", "reflect", "wrap")


class Pad(_Select):
    """A border along the axes of each sample; where a width is negative, so much is cut off.

    Forward     y[n, …, before + k, …] = x[n, …, k, …]; in the border `value`, or what the mode takes from x
    Backward    dx = dy at its place, and the sum of dy over the places of the border that repeat it

    Parameters
    ----------
    widths : tuple of (before, after)
        One pair for each axis of a sample.
    mode : "constant", "reflect" (about the outermost number), "edge" or "wrap", default="constant"
    value : float, default=0
        The border of "constant".

    Examples
    --------
    >>> x = np.array([[1.0, 2.0, 3.0]])
    >>> pl.Pad(((2, -1),))(x).tolist(), pl.Pad(((2, 1),), "reflect")(x).tolist()
    ([[0.0, 0.0, 1.0, 2.0]], [[3.0, 2.0, 1.0, 2.0, 3.0, 2.0]])
    """

    def __init__(self, widths: Sequence[Any], mode: str = "constant", value: float = 0.0, *, name: str = "") -> None:
        super().__init__(name=name)
        try:
            self.widths = tuple((int(before), int(after)) for before, after in widths)
        except (TypeError, ValueError):
            raise ArgumentError(
                f"Pad: widths must hold (before, after) for each axis of a sample, got {came(widths)}."
            ) from None
        checks.expect_known("Pad", "mode", mode, _MODES)
        self.mode = mode
        self.value = checks.number("Pad", "value", value)

    @property
    def facts(self) -> Facts:  # type: ignore[override]
        """A border of numbers other than 0 is added to a sum of none of its parameters."""
        plain = self.mode != "constant" or self.value == 0
        return _Select.facts if plain else Facts(linear=True)

    def places(self, input_shape: Shape) -> dict[int, IntArray]:
        if len(input_shape) != len(self.widths):
            raise ShapeError(f"{self.label}: a sample must have {len(self.widths)} axes, got {input_shape}.")
        return {axis: self._line(axis, n) for axis, n in enumerate(input_shape) if any(self.widths[axis])}

    def _line(self, axis: int, n: int) -> IntArray:
        before, after = self.widths[axis]
        kept = np.arange(n)[max(-before, 0) : n - max(-after, 0)]
        border = max(before, 0), max(after, 0)
        if not len(kept):
            raise ShapeError(f"{self.label}: cuts away all of axis {axis}, which has {n} places.")
        checks.expect_memory(self.label, (len(kept) + sum(border),))
        if self.mode == "constant":
            return np.pad(kept, border, constant_values=-1)
        return np.pad(kept, border, mode=self.mode)  # type: ignore[call-overload, no-any-return]

    def config(self) -> Config:
        return {"widths": self.widths, "mode": self.mode, "value": self.value}
