"""An ONNX graph while it is written: its nodes, its constants, and how each value lies in the file.

Samples are channels-last here, (H, W, C), and ONNX convolves channels-first. So every value knows its order: the axes
of the sample in the order in which the file holds them, behind the batch. A layer that needs another one has the value
transposed; all others take it as it lies. An image is transposed once at the door, and the order (C, H, W) goes from
convolution to convolution; `Transpose` itself is another way to count the axes, and writes nothing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from pellucid.typing import Array, Shape

Order = tuple[int, ...]


class Value(NamedTuple):
    """A tensor of the file: (N, *sample), the axes of the sample in some order.

    Examples
    --------
    >>> image = Value("conv2d1", shape=(28, 20, 3), order=(2, 0, 1))
    >>> image.stored, image.axis(-1)
    ((3, 28, 20), 1)
    """

    name: str
    shape: Shape
    """The sample as the network counts its axes."""
    order: Order
    """Which of these axes the file holds first, second, …"""

    @property
    def stored(self) -> Shape:
        """The shape of a sample in the file."""
        return tuple(self.shape[axis] for axis in self.order)

    def axis(self, axis: int) -> int:
        """Return where the file holds an axis of the sample; the batch is axis 0."""
        return 1 + self.order.index(axis % len(self.shape))

    def in_order(self) -> bool:
        """Whether the numbers lie as the network counts them: no axis of several places has changed its place."""
        long = [axis for axis in self.order if self.shape[axis] > 1]
        return long == sorted(long)


def plain_order(shape: Shape) -> Order:
    """The order in which the network counts."""
    return tuple(range(len(shape)))


def channels_first(shape: Shape) -> Order:
    """The order with the last axis in front."""
    return tuple(range(-1 % len(shape), len(shape))) + tuple(range(len(shape) - 1)) if shape else ()


@dataclass
class Node:
    """An operator, what it takes by name, and what it gives: one tensor, whose name is the node's own."""

    operator: str
    inputs: list[str]
    output: str
    attributes: dict[str, Any]


@dataclass
class Draft:
    """Nodes and constants, and the path of the layer that is being written, under which new ones are named."""

    opset: int
    dtype: np.dtype[Any]
    nodes: list[Node] = field(default_factory=list)
    constants: dict[str, Array] = field(default_factory=dict)
    path: str = ""
    _names: set[str] = field(default_factory=set)
    _arranged: dict[tuple[str, Order], Value] = field(default_factory=dict)

    # Names

    def new_name(self, name: str) -> str:
        """Return the name, or where another tensor has it, the name with a number."""
        chosen, number = name, 1
        while chosen in self._names:
            number += 1
            chosen = f"{name}{number}"
        self._names.add(chosen)
        return chosen

    def name_last(self, value: Value) -> Value:
        """Give the node that the layer ends in the name of the layer."""
        last = self.nodes[-1] if self.nodes else None
        if last is None or last.output != value.name or not value.name.startswith(f"{self.path}/"):
            return value
        last.output = self.new_name(self.path)
        return value._replace(name=last.output)

    # Constants

    def constant(self, name: str, array: Any, dtype: Any = None) -> str:
        """Put an array into the file, as `layer.name`; return what it is called."""
        key = self.new_name(f"{self.path}.{name}")
        self.constants[key] = np.array(array, self.dtype if dtype is None else dtype, order="C")
        return key

    def whole(self, name: str, numbers: Any) -> str:
        """Put whole numbers into the file."""
        return self.constant(name, numbers, np.int64)

    def beside(self, x: Value, name: str, array: Array) -> str:
        """Put an array into the file that broadcasts with samples of x as NumPy does, in the order of x."""
        array = array.reshape((1,) * (len(x.shape) - array.ndim) + array.shape).transpose(x.order)
        while array.ndim > 1 and array.shape[0] == 1:
            array = array[0]
        return self.constant(name, array)

    # Nodes

    def add(self, operator: str, inputs: Sequence[str], shape: Shape, order: Order, **attributes: Any) -> Value:
        """Add a node that gives samples of that shape, in that order; attributes that are None are left out."""
        given = {key: value for key, value in attributes.items() if value is not None}
        name = self.new_name(f"{self.path}/{operator.lower()}")
        self.nodes.append(Node(operator, list(inputs), name, given))
        return Value(name, shape, order)

    def each(self, operator: str, x: Value, *constants: str, **attributes: Any) -> Value:
        """Add a node that changes every number by itself."""
        return self.add(operator, [x.name, *constants], x.shape, x.order, **attributes)

    def with_number(self, operator: str, x: Value, name: str, number: float) -> Value:
        """Add a node of a value and a number."""
        return self.each(operator, x, self.constant(name, number))

    def arranged(self, x: Value, order: Order) -> Value:
        """Return the value in another order, which is written once for all that ask for it."""
        if x.order == order:
            return x
        if (x.name, order) not in self._arranged:
            axes = [0, *(x.axis(axis) for axis in order)]
            self._arranged[x.name, order] = self.add("Transpose", [x.name], x.shape, order, perm=axes)
        return self._arranged[x.name, order]

    def plain(self, x: Value) -> Value:
        """Return the value in the order in which the network counts."""
        return self.arranged(x, plain_order(x.shape))

    def channels_first(self, x: Value) -> Value:
        """Return the value with its last axis in front."""
        return self.arranged(x, channels_first(x.shape))

    def reshaped(self, x: Value, shape: Shape) -> Value:
        """Return the same numbers, as the network counts them, in another shape."""
        if x.shape == shape and x.order == plain_order(shape):
            return x
        name = (x if x.in_order() else self.plain(x)).name
        return self.add("Reshape", [name, self.whole("shape", [0, *shape])], shape, plain_order(shape))

    def expanded(self, x: Value, axes: int) -> Value:
        """Return the value with axes of one place before the others, so that its samples have `axes` axes."""
        new = axes - len(x.shape)
        if new == 0:
            return x
        order = (*range(new), *(new + axis for axis in x.order))
        stored = self.whole("shape", [0, *(1,) * new, *x.stored])
        return self.add("Reshape", [x.name, stored], (1,) * new + x.shape, order)

    def together(self, xs: Sequence[Value]) -> list[Value]:
        """Return values with one number of axes and in one order: that of most, or one that is not the plain one."""
        most = max(len(x.shape) for x in xs)
        xs = [self.expanded(x, most) for x in xs]
        count = Counter(x.order for x in xs)
        best = max(count, key=lambda order: (count[order], order != tuple(range(most))))
        return [self.arranged(x, best) for x in xs]

    def reduced(self, operator: str, x: Value, axes: Sequence[int], *, keepdims: bool) -> Value:
        """Add a node that takes some axes of samples together; from opset 18 on it is given them as an input."""
        gone = {axis % len(x.shape) for axis in axes}
        places = sorted(x.axis(axis) for axis in gone)
        if keepdims:
            shape, order = tuple(1 if a in gone else n for a, n in enumerate(x.shape)), x.order
        else:
            kept = [axis for axis in range(len(x.shape)) if axis not in gone]
            shape, order = tuple(x.shape[a] for a in kept), tuple(kept.index(a) for a in x.order if a in kept)
        inputs, attributes = [x.name], {"axes": places}
        if self.opset >= 18:
            inputs, attributes = [x.name, self.whole("axes", places)], {}
        return self.add(operator, inputs, shape, order, keepdims=int(keepdims), **attributes)
