"""From the nodes of an ONNX file to a `Graph` of ours.

A graph is read in one of three ways, the first that fits:

1. The batch is open: every node keeps axis 0 as it is. A number that hardly occurs stands for it meanwhile, so that a
   shape that holds it is known to hold the batch.
2. The batch is 1, as many files declare it; where every node keeps axis 0, ours takes any batch.
3. A node works along axis 0. Then the whole tensor is one sample of ours.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import numpy as np

from pellucid.errors import FileFormatError, UnsupportedError
from pellucid.interop.assemble import assemble
from pellucid.interop.onnx.read.building import LARGEST, Building
from pellucid.interop.onnx.read.call import Call
from pellucid.interop.onnx.read.file import Op, described
from pellucid.interop.onnx.read.problems import REPORTED, AcrossSamples, NotHere
from pellucid.interop.onnx.read.question import Question
from pellucid.interop.onnx.read.registry import operators
from pellucid.interop.onnx.read.tidy import tidied
from pellucid.interop.onnx.read.values import Flow, Value
from pellucid.interop.tensors import expect_finite
from pellucid.layers import Graph
from pellucid.layers.container import INPUT
from pellucid.shown import came
from pellucid.typing import Shape

PROBE = 7919
"""Stands for an open batch: a prime that no shape is likely to hold."""

IMAGES = {
    "Conv",
    "ConvTranspose",
    "MaxPool",
    "AveragePool",
    "GlobalAveragePool",
    "GlobalMaxPool",
    "BatchNormalization",
    "InstanceNormalization",
    "LRN",
    "Resize",
    "Upsample",
}
"""What takes (N, C, H, W): an input of four axes is made channels-last at once where one of them follows."""

MOVES = {"Transpose", "Reshape", "Squeeze", "Unsqueeze"}
"""What may bring an input to that form; then it is left as it is until a node needs it."""


def convert(question: Question) -> Graph:
    """Return the network, built.

    Raises
    ------
    UnsupportedError
        If a node does what there is no layer for.
    FileFormatError
        If the file contradicts itself.
    """
    refused: _Refused | None = None
    for batch, whole in _ways(question.sizes):
        try:
            return _Reading(question, batch, whole=whole).graph()
        except _Refused as error:
            refused = refused or error
    raise FileFormatError(f"{question.model.label}: {refused}.")


def _ways(sizes: tuple[int | None, ...]) -> Iterator[tuple[int, bool]]:
    """Yield (batch, whether the whole tensor is one sample)."""
    batch = sizes[0] if sizes else 1
    if len(sizes) > 1:
        yield from [(PROBE, False), (1, False)] if batch is None else [(batch, False)]
    yield batch or 1, True


def _common(names: list[str]) -> int:
    """The length of the path that all names begin with: "model/block1/conv" and "model/head" share "model/".

    >>> _common(["model/block1/conv", "model/head"])
    6
    """
    paths = [name.split("/")[:-1] for name in names]
    first, last = min(paths), max(paths)
    shared = next((i for i, (a, b) in enumerate(zip(first, last, strict=False)) if a != b), min(len(first), len(last)))
    return sum(len(part) + 1 for part in first[:shared])


class _Refused(Exception):
    """A way of reading does not fit; the message says which node."""


class _Reading:
    """One way through the nodes."""

    def __init__(self, question: Question, batch: int, *, whole: bool) -> None:
        self.question = question
        self.building = Building(question.dtype, whole=whole)
        self.shape: Shape = (batch, *(n or 1 for n in question.sizes[1:])) if question.sizes else ()
        self.flow = Flow(INPUT, self.shape, tuple(range(0 if whole else 1, len(self.shape))))
        self.values: dict[str, Value | None] = dict(question.constants)
        self.values[question.data] = self.flow
        self.prefix = _common([op.name for op in question.ops])

    def graph(self) -> Graph:
        """Return the network that the nodes become."""
        label = self.question.model.label
        if math.prod(self.shape[1:]) > LARGEST:
            raise FileFormatError(
                f"{label}: a sample {self.shape[1:]} is larger than the {LARGEST} numbers that are read."
            )
        self._open_door()
        for op in self.question.ops:
            self._read(op)
        value = self.values.get(self.question.output)
        if not isinstance(value, Flow):
            raise FileFormatError(f"{label}: the output {came(self.question.output)} does not follow from the data.")
        try:
            return self._assembled(self.building.written(value).node)
        except NotHere as problem:
            raise UnsupportedError(f"{label}: there is no output {problem} here.") from problem

    def _open_door(self) -> None:
        ops, name = self.question.ops, self.question.data
        images = any(op.kind in IMAGES for op in ops)
        moved = any(op.kind in MOVES for op in ops if name in op.inputs)
        if len(self.shape) == 4 and images and not moved and not (self.building.whole and self.shape[0] > 1):
            self.values[name] = self.building.door(self.flow)

    def _read(self, op: Op) -> None:
        inputs = [self.values[name] if name else None for name in op.inputs]
        translate, fold = (table.get(op.kind) for table in operators())
        try:
            call = Call(op._replace(name=op.name[self.prefix :]), inputs, self.question.model.opset, self.building)
            constant = not any(isinstance(value, Flow) for value in inputs)
            use = fold if constant and fold is not None else translate
            if use is None:
                raise NotHere("of constants alone" if constant else "of what comes from the data")
            with np.errstate(all="ignore"):
                made = use(call)
        except AcrossSamples as problem:
            raise _Refused(f"{described(op)} {problem}, which is not read here") from problem
        except REPORTED as problem:
            raise self._error(op, problem) from problem
        self._keep(op, made)

    def _error(self, op: Op, problem: Exception) -> FileFormatError:
        who = f"{self.question.model.label}: {described(op)}"
        if isinstance(problem, NotHere):
            return UnsupportedError(f"{who}: there is no {op.kind} {problem} here.")
        return FileFormatError(f"{who}: {problem}{'' if str(problem).endswith('.') else '.'}")

    def _keep(self, op: Op, made: Value | Sequence[Value | None]) -> None:
        values = [made] if isinstance(made, (Flow, np.ndarray)) else list(made)
        for name, value in zip(op.outputs, values, strict=False):
            if name:
                self.values[name] = value
        for name in op.outputs[len(values) :]:
            self.values.setdefault(name, None)

    def _assembled(self, output: str) -> Graph:
        question, building = self.question, self.building
        label = question.model.label
        nodes, arrays, output = tidied(building.nodes, building.arrays, output)
        expect_finite(arrays, label, FileFormatError)
        network = Graph(nodes, output=output)
        assemble(network, self.shape[0 if building.whole else 1 :], question.dtype, arrays, label)
        return network
