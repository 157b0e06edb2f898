"""One node of ONNX with the values that it takes: how translators ask for its inputs and attributes."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias, TypeGuard

import numpy as np

from pellucid import layers
from pellucid.interop.onnx.read.building import Building
from pellucid.interop.onnx.read.file import Op
from pellucid.interop.onnx.read.problems import AcrossSamples, NotHere, Wrong
from pellucid.interop.onnx.read.values import IMAGE, SIGNAL, VOLUME, Flow, Value
from pellucid.layers import Layer, Merge
from pellucid.shown import came
from pellucid.typing import Array, Arrays, Shape

Maker: TypeAlias = "Callable[..., Layer[Any]]"
"""A class of layers, made with options that are known only while a file is read."""


class Call:
    """A node, what it takes, and the graph of ours that it is translated into.

    Attributes
    ----------
    inputs : list of Flow, array or None
        None where an input is left out.
    """

    def __init__(self, op: Op, inputs: Sequence[Value | None], opset: int, building: Building) -> None:
        self.op = op
        self.inputs = list(inputs)
        self.opset = opset
        self.building = building

    # Inputs

    def input(self, place: int) -> Value:
        """Return an input that must be there."""
        value = self.inputs[place] if place < len(self.inputs) else None
        if value is None:
            raise Wrong(f"its input {place} is left out")
        return value

    def has(self, place: int) -> bool:
        """Whether an input is there."""
        return place < len(self.inputs) and self.inputs[place] is not None

    def flow(self, place: int = 0) -> Flow:
        """Return an input that comes from the data."""
        value = self.input(place)
        if not isinstance(value, Flow):
            raise NotHere(f"of a constant as its input {place}, where the data are expected")
        return value

    def constant(self, place: int) -> Array:
        """Return an input that is known while reading."""
        value = self.input(place)
        if isinstance(value, Flow):
            raise NotHere(f"whose input {place} comes from the data and is no constant")
        return value

    def vector(self, place: int, size: int) -> Array:
        """Return a constant (size,)."""
        array = self.constant(place)
        if array.shape != (size,):
            raise Wrong(f"its input {place} must have shape ({size},), got {array.shape}")
        return array

    def integers(self, place: int) -> tuple[int, ...]:
        """Return a constant vector of whole numbers; one number will do."""
        array = self.constant(place)
        if array.dtype.kind not in "iu" or array.ndim > 1 or array.size > 1 << 16:
            raise Wrong(f"its input {place} must be a vector of whole numbers, got {came(array)}")
        return tuple(map(int, array.reshape(-1)))

    def scalar(self, place: int, default: float) -> float:
        """Return a constant of one number, or the default where it is left out."""
        if not self.has(place):
            return default
        array = self.constant(place)
        if array.size != 1 or array.dtype.kind not in "fiub":
            raise Wrong(f"its input {place} must be one number, got {came(array)}")
        return float(array.reshape(-1)[0])

    # Attributes

    def attribute(self, name: str, kind: type | tuple[type, ...], default: Any) -> Any:
        """Return an attribute of a type, or the default where it is not given."""
        value = self.op.attributes.get(name, default)
        if name in self.op.attributes and not isinstance(value, kind):
            raise Wrong(f"its attribute {name} cannot be {came(value)}")
        return value

    def integer(self, name: str, default: int) -> int:
        """Return a whole number."""
        return int(self.attribute(name, int, default))

    def number(self, name: str, default: float) -> float:
        """Return a number."""
        return float(self.attribute(name, (float, int), default))

    def text(self, name: str, default: str) -> str:
        """Return a text."""
        return str(self.attribute(name, str, default))

    def ints(self, name: str, default: tuple[int, ...] | None = None) -> tuple[int, ...] | None:
        """Return whole numbers."""
        value = self.attribute(name, tuple, default)
        if value is not None and not all(isinstance(n, int) for n in value):
            raise Wrong(f"its attribute {name} cannot be {came(value)}")
        return value if value is None else tuple(value)

    def axes(self, place: int, since: int) -> tuple[int, ...] | None:
        """Return the axes: an attribute before opset `since`, an input after it; None where they are not given."""
        if self.opset < since or "axes" in self.op.attributes:
            return self.ints("axes")
        return self.integers(place) if self.has(place) else None

    def place(self, axis: int, rank: int) -> int:
        """Return an axis counted from 0."""
        if not -rank <= axis < rank:
            raise Wrong(f"axis {axis} is none of a tensor with {rank}")
        return axis % rank

    def places(self, axes: Sequence[int], rank: int) -> tuple[int, ...]:
        """Return axes counted from 0, none of them twice."""
        found = tuple(self.place(axis, rank) for axis in axes)
        if len(set(found)) < len(found):
            raise Wrong(f"its axes {came(tuple(axes))} name one twice")
        return found

    # What is built

    def add(
        self,
        operation: Layer[Any] | Merge[Any],
        *flows: Flow,
        order: tuple[int, ...] | None = None,
        rank: int | None = None,
        suffix: str = "",
        arrays: Arrays | None = None,
    ) -> Flow:
        """Put a layer or merge below what is there; its output lies like its first input, if nothing else is said."""
        return self.building.add(
            self.op.name + suffix,
            operation,
            flows,
            order=flows[0].order if order is None else order,
            rank=len(flows[0].shape) if rank is None else rank,
            arrays=arrays,
        )

    def image(self, flow: Flow) -> Flow:
        """Return (N, C, …) with the channels last inside: an image, or a signal as an image of width 1."""
        orders = {3: SIGNAL, 4: IMAGE, 5: VOLUME}
        if len(flow.shape) not in orders:
            raise NotHere(f"for tensors of {len(flow.shape)} axes")
        return self.building.arranged(flow, orders[len(flow.shape)])

    def channels_last(self, flow: Flow) -> Flow:
        """Return (N, C, …) in an order whose last axis is that of the channels."""
        if len(flow.shape) < 2:
            raise Wrong(f"needs a tensor (N, C, …), got {flow.shape}")
        if flow.order and flow.order[-1] == 1:
            return flow
        return self.building.arranged(flow, (*(axis for axis in self.building.axes(flow) if axis != 1), 1))

    def made(self, shape: Shape, dtype: Any) -> None:
        """Ask for the memory of an array that is about to be made of constants."""
        self.building.room -= math.prod(shape) * np.dtype(dtype).itemsize
        if self.building.room < 0:
            raise Wrong(f"an array {shape} is made of constants: more than is read, with what was made before it")


def maker(name: str) -> Maker:
    """Return a class of layers by its name."""
    found: Maker = getattr(layers, name)
    return found


def sample_part(flow: Flow, array: Array, building: Building, *, stretched: bool = True) -> Array:
    """Return a constant, of as many axes as the flow, without that of the batch, along which it must not vary."""
    if building.whole:
        return array
    same = len(array) == 1 and (stretched or flow.shape[0] == 1)
    if not same and not (len(array) == flow.shape[0] and (array == array[:1]).all()):
        raise AcrossSamples("takes constants that differ from sample to sample")
    return np.asarray(array[0])


def is_flow(value: Value | None) -> TypeGuard[Flow]:
    """Whether a value comes from the data."""
    return isinstance(value, Flow)
