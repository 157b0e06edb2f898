"""Windows over volumes (D, H, W): what the three-dimensional layers share, in plain NumPy, one tap after another."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple, TypeAlias

import numpy as np

from pellucid import checks
from pellucid.errors import ArgumentError, ShapeError
from pellucid.layers.window import count
from pellucid.shown import came
from pellucid.typing import Array, Shape

Triple: TypeAlias = tuple[int, int, int]
Border: TypeAlias = tuple[tuple[int, int], ...]


def triple(who: str, name: str, value: Any) -> Triple:
    """`3` or `(3, 3, 5)` as three sizes."""
    sizes = value if isinstance(value, (tuple, list)) else (value,) * 3
    if len(sizes) != 3:
        raise ArgumentError(f"{who}: {name} must be one size or three (depth, height, width), got {came(value)}.")
    first, second, third = (checks.size(who, name, n) for n in sizes)
    return first, second, third


def border(who: str, value: Any) -> Border:
    """`1`, `(1, 0, 2)` or three pairs (before, after) as three pairs."""
    sides = value if isinstance(value, (tuple, list)) else (value,) * 3
    if len(sides) != 3:
        raise ArgumentError(f"{who}: padding must be a number, three, or three pairs, got {came(value)}.")
    pairs = [side if isinstance(side, (tuple, list)) else (side, side) for side in sides]
    return tuple((count(who, "padding", before), count(who, "padding", after)) for before, after in pairs)


def volume_shape(label: str, input_shape: Shape) -> Triple:
    """Return (D, H, W); raise ShapeError where samples are no volumes."""
    if len(input_shape) != 4:
        raise ShapeError(f"{label}: an input sample must be a volume (D, H, W, C), got {input_shape}.")
    return input_shape[0], input_shape[1], input_shape[2]


class Cube(NamedTuple):
    """A window that slides along three axes."""

    size: Triple
    stride: Triple
    padding: Border
    dilation: Triple

    def extent(self, axis: int) -> int:
        """How many places it spans along an axis, holes included."""
        return (self.size[axis] - 1) * self.dilation[axis] + 1

    def outputs(self, space: Sequence[int], *, ceil: bool = False) -> Shape:
        """Return how many windows there are; with `ceil` those that begin in the volume or before it."""
        found = []
        for axis, n in enumerate(space):
            (before, after), stride = self.padding[axis], self.stride[axis]
            room = n + before + after - self.extent(axis)
            steps = -(-room // stride) if ceil else room // stride
            if ceil and steps * stride >= n + before:
                steps -= 1
            found.append(steps + 1)
        return tuple(found)

    def framed(self, x: Array, outputs: Sequence[int], value: float) -> Array:
        """Return x with its padding, as far as the windows see."""
        widths = []
        for axis, n in enumerate(outputs):
            seen, before = (n - 1) * self.stride[axis] + self.extent(axis), self.padding[axis][0]
            widths.append((before, max(seen - before - x.shape[axis + 1], 0)))
        return np.pad(x, ((0, 0), *widths, (0, 0)), constant_values=value)

    def taps(self, outputs: Sequence[int]) -> Iterator[tuple[Triple, tuple[slice, ...]]]:
        """Yield each tap and where the windows have it in a framed volume."""
        for tap in np.ndindex(*self.size):
            begins = [u * d for u, d in zip(tap, self.dilation, strict=True)]
            ends = [b + (n - 1) * s + 1 for b, n, s in zip(begins, outputs, self.stride, strict=True)]
            yield tap, (slice(None), *map(slice, begins, ends, self.stride))

    def inside(self, framed: Array, space: Sequence[int]) -> Array:
        """Return the volume without its padding."""
        cut = (slice(b, b + n) for (b, _), n in zip(self.padding, space, strict=True))
        return framed[(slice(None), *cut)]
