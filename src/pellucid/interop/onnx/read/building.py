"""The graph of ours that grows while the nodes of ONNX are read: layers, their arrays, and how values are arranged."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from typing import Any

import numpy as np

from pellucid.interop.onnx.read.problems import AcrossSamples, NotHere, Wrong
from pellucid.interop.onnx.read.values import EXTRA, IMAGE, Flow
from pellucid.layers import Layer, Merge, Reshape, Transpose
from pellucid.layers.container import INPUT
from pellucid.typing import Array, Arrays

LARGEST = 1 << 28
"""Numbers that one sample may have anywhere in a graph."""

FOLDED = 1 << 28
"""Bytes that may be made of constants while a file is read, beside those that it holds."""


class Building:
    """Nodes of ours in order, and the arrays of their parameters by name ("conv1.W").

    Attributes
    ----------
    whole : bool
        Whether the whole tensor is one sample, the batch of ONNX being one of its axes.
    """

    def __init__(self, dtype: np.dtype[Any], *, whole: bool) -> None:
        self.dtype = dtype
        self.whole = whole
        self.nodes: list[tuple[str, Any, list[str]]] = []
        self.arrays: Arrays = {}
        self.room = FOLDED
        self._taken = {INPUT}
        self._arranged: dict[tuple[Flow, tuple[int, ...]], Flow] = {}

    def add(
        self,
        name: str,
        operation: Layer[Any] | Merge[Any],
        flows: Sequence[Flow],
        *,
        order: tuple[int, ...],
        rank: int,
        arrays: Arrays | None = None,
    ) -> Flow:
        """Put a layer or merge below what is there; its output lies in `order` and has `rank` axes in ONNX."""
        shapes = [flow.inner for flow in flows]
        inner = operation.infer_shape(shapes[0]) if isinstance(operation, Layer) else operation.infer_shape(shapes)
        if not all(inner):
            raise Wrong(f"it would give the empty shape {inner}")
        if math.prod(inner) > LARGEST:
            raise Wrong(f"it would give {inner} numbers for one sample, and {LARGEST} are the most that is read")
        name = self.unique(name)
        self.nodes.append((name, operation, [flow.node for flow in flows]))
        self.arrays.update({f"{name}.{key}": self.own(array) for key, array in (arrays or {}).items()})
        shape = [1] * rank
        if not self.whole:
            shape[0] = flows[0].shape[0]
        for axis, size in zip(order, inner, strict=True):
            if axis != EXTRA:
                shape[axis] = size
        return Flow(name, tuple(shape), order)

    def own(self, array: Array) -> Array:
        """A copy, as a layer holds it: several nodes of a file may take one tensor, and training changes them apart."""
        return np.array(array, self.dtype, order="C")

    def unique(self, name: str) -> str:
        """Return a name that no node has yet, made of the signs that a name may have here."""
        plain = re.sub(r"[^\w+:-]+", "_", name).strip("_")[:100] or "node"
        free, number = plain, 1
        while free in self._taken:
            number += 1
            free = f"{plain}_{number}"
        self._taken.add(free)
        return free

    # How values are arranged

    def axes(self, flow: Flow) -> tuple[int, ...]:
        """All axes that may lie inside, in the order that ONNX writes."""
        return tuple(range(0 if self.whole else 1, len(flow.shape)))

    def written(self, flow: Flow) -> Flow:
        """Return the value as ONNX writes it."""
        return self.arranged(flow, self.axes(flow))

    def door(self, flow: Flow) -> Flow:
        """Return images channels-last, by a Transpose also of one channel: explanations know a door by it."""
        if self.whole:
            return self.arranged(flow, IMAGE)
        door = self.add(f"{flow.node}_transpose", Transpose((1, 2, 0)), [flow], order=IMAGE, rank=4)
        self._arranged[flow, IMAGE] = door
        return door

    def arranged(self, flow: Flow, order: tuple[int, ...]) -> Flow:
        """Return the value in this order; axes that the order leaves out must have size 1."""
        if flow.order == order:
            return flow
        target = flow._replace(order=order)
        if sorted(target.solid) != sorted(flow.solid):
            raise NotHere(f"for a tensor {flow.shape} whose batch goes through the graph as an axis of its own")
        if (flow, order) not in self._arranged:
            self._arranged[flow, order] = self._turned(flow, target)
        return self._arranged[flow, order]

    def _turned(self, flow: Flow, target: Flow) -> Flow:
        if flow.solid != target.solid:
            same = EXTRA not in flow.order and sorted(target.order) == sorted(flow.order)
            wanted = target.order if same else target.solid
            first = [flow.order.index(axis) for axis in wanted]
            axes = (*first, *(i for i in range(len(flow.order)) if i not in first))
            order = tuple(flow.order[i] for i in axes)
            flow = self.add(f"{flow.node}_transpose", Transpose(axes), [flow], order=order, rank=len(flow.shape))
        return self.reshaped(flow, target)

    def reshaped(self, flow: Flow, target: Flow) -> Flow:
        """Return the numbers as they lie in the shapes of `target`."""
        node = flow.node
        if flow.inner != target.inner:
            rank = len(target.inner)
            node = self.add(
                f"{flow.node}_reshape", Reshape(target.inner), [flow], order=(EXTRA,) * rank, rank=len(flow.shape)
            ).node
        return target._replace(node=node)

    def together(self, flows: Sequence[Flow]) -> list[Flow]:
        """Return values of equal rank in one order, that of the largest."""
        largest = max(flows, key=lambda flow: (math.prod(flow.inner), len(flow.order)))
        if all(flow.order == largest.order for flow in flows):
            return list(flows)
        missing = tuple(axis for axis in self.axes(largest) if axis not in largest.order)
        order = largest.order
        if any(flow.shape[axis] > 1 for flow in flows for axis in missing):
            order = (*missing, *order)
        return [self.arranged(flow, order) for flow in flows]

    def axis(self, flow: Flow, axis: int) -> int:
        """Return where an axis of ONNX lies inside, −1 at the end; the value must be in an order that has it."""
        if axis == 0 and not self.whole:
            raise AcrossSamples("works along the batch")
        place = flow.order.index(axis)
        return -1 if place == len(flow.order) - 1 else place

    def complete(self, flow: Flow, needed: Sequence[int]) -> Flow:
        """Return the value in an order that has the axes needed."""
        if 0 in needed and not self.whole:
            raise AcrossSamples("works along the batch")
        missing = tuple(axis for axis in needed if axis not in flow.order)
        return self.arranged(flow, (*missing, *flow.order)) if missing else flow
