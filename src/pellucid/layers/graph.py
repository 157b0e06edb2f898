"""Layers with branches: named nodes, each computed from the input or from nodes above it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, cast

import numpy as np

from pellucid import checks
from pellucid.checked import checked, checked_late
from pellucid.errors import ArgumentError, ShapeError
from pellucid.layers.base import Layer
from pellucid.layers.container import AnyLayer, Container, Rules, learns, sample_shape, step_backward, step_forward
from pellucid.layers.fused import fuse_nodes
from pellucid.layers.merge import Merge, merge_backward
from pellucid.layers.nodes import INPUT, Inputs, Node, Operation, read_nodes
from pellucid.layers.sequential import Step, Tape
from pellucid.typing import Array, ArrayLike, Arrays, Config, DTypeLike, Shape


class Graph(Container[Tape]):
    """Layers as a graph without cycles; itself a layer.

    Forward     x_input = x;  x_node = operation(x_a, x_b, …), from the top node to the bottom one;  y = x_output
    Backward    g_output = dy;  g_a = Σ ∂operationᵀ g_node over the nodes that take a, from bottom to top;  dx = g_input

    A layer takes one input, a merge (`Add`, `Concat`) two or more. The nodes are listed so that each stands below what
    it takes: a cycle cannot be written. The tape has a step for every node, under its name.

    Parameters
    ----------
    nodes : mapping of name to (layer or merge, input or inputs), or sequence of (name, layer or merge, inputs)
        Inputs are names of nodes above, or "input".
    output : str, default: the last node
    input_shape, seed, dtype
        As in `Sequential`.

    Examples
    --------
    >>> graph = pl.Graph(
    ...     {
    ...         "conv1": (pl.Conv2D(8, 3, padding="same"), "input"),
    ...         "conv2": (pl.Conv2D(8, 3, padding="same"), "conv1"),
    ...         "sum": (pl.Add(), ["conv1", "conv2"]),
    ...     },
    ...     input_shape=(28, 28, 1),
    ... )
    >>> graph.output_shape
    (28, 28, 8)
    """

    def __init__(
        self,
        nodes: Mapping[str, tuple[Operation, Inputs]] | Sequence[tuple[str, Operation, Inputs]],
        *,
        output: str = "",
        input_shape: Shape | int | None = None,
        seed: int = 0,
        dtype: DTypeLike = np.float32,
        name: str = "",
    ) -> None:
        self._nodes = tuple(read_nodes(nodes))
        self._output = output or (self._nodes[-1].name if self._nodes else INPUT)
        held = [node for node in self._nodes if isinstance(node.operation, Layer)]
        layers = [cast(AnyLayer, node.operation) for node in held]
        super().__init__(layers, names=[node.name for node in held], name=name)
        self._by_name = {node.name: node for node in self._nodes}
        self._check_output()
        self.dtype = checks.float_dtype("Graph", dtype)
        self.seed = checks.seed("Graph", seed)
        if input_shape is not None:
            self.build(sample_shape(self, input_shape), np.random.default_rng(self.seed), self.dtype)

    @property
    def nodes(self) -> tuple[Node, ...]:
        """The nodes, from top to bottom."""
        return self._nodes

    @property
    def output(self) -> str:
        """The node that gives the output."""
        return self._output

    def _check_output(self) -> None:
        if self._output != INPUT:
            checks.expect_known("Graph", "output", self._output, list(self._by_name))
        needed = self._ancestors()
        idle = [node.name for node in self._nodes if node.name not in needed]
        if idle:
            raise ArgumentError(
                f"Graph: node {idle[0]!r} does not lead to the output {self._output!r}. Remove it, or merge it."
            )

    def _ancestors(self) -> set[str]:
        """The names that the output is computed from, its own included."""
        needed = {self._output}
        for node in reversed(self._nodes):
            if node.name in needed:
                needed.update(node.inputs)
        return needed

    @checked
    def node(self, name: str) -> Node:
        """Return the node of that name."""
        checks.expect_known(self.label, "node", name, list(self._by_name))
        return self._by_name[name]

    def infer_shape(self, input_shape: Shape) -> Shape:
        return self._shapes(input_shape)[self._output]

    def _shapes(self, input_shape: Shape) -> dict[str, Shape]:
        """The shape of a sample at every node, by name."""
        shapes = {INPUT: input_shape}
        for node in self._nodes:
            shapes[node.name] = _infer(node.operation, [shapes[name] for name in node.inputs])
        return shapes

    def reach(self, input_shape: Shape) -> Iterator[tuple[AnyLayer, Shape]]:
        shapes = self._shapes(input_shape)
        for node in self._nodes:
            if isinstance(node.operation, Layer):
                yield node.operation, shapes[node.inputs[0]]

    def gather(self) -> None:
        super().gather()
        self._settled: list[Merge[Any]] = []
        for name, shape in self._shapes(self.input_shape or ()).items():
            operation = self._by_name[name].operation if name != INPUT else None
            if isinstance(operation, Merge):
                if operation.output_shape is None:
                    self._settled.append(operation)
                operation.settle(shape)

        self._fused = fuse_nodes(self._nodes, self._output)
        self._last_use = {name: i for i, node in enumerate(self._fused) for name in node.inputs}

    def _forget(self) -> None:
        super()._forget()
        for merge in getattr(self, "_settled", ()):
            merge.output_shape = None

    def __call__(self, x: ArrayLike) -> Array:
        values = {INPUT: self.accept(x)}
        for i, node in enumerate(self._fused):
            xs = [values[name] for name in node.inputs]
            operation = node.operation
            values[node.name] = operation(xs[0]) if isinstance(operation, Layer) else operation.forward(xs)[0]
            for name in set(node.inputs):  # let go of what nobody reads any more
                if self._last_use[name] == i and name != self._output:
                    del values[name]
        return values[self._output]

    @checked_late
    def forward(
        self, x: ArrayLike, *, train: bool = False, rng: np.random.Generator | None = None
    ) -> tuple[Array, Tape]:
        values = {INPUT: self.accept(x)}
        tape = []
        for node in self._nodes:
            xs = [values[name] for name in node.inputs]
            operation = node.operation
            if isinstance(operation, Layer):
                y, cache = step_forward(operation, xs[0], train, rng)
            else:
                y, cache = operation.forward(xs)
            values[node.name] = y
            # A merge has what readers of a tape look at in a layer; see `Merge`.
            tape.append(Step(cast(AnyLayer, operation), cache, y, node.name))
        return values[self._output], tape

    @checked_late
    def backward(
        self,
        dy: Array,
        tape: Tape,
        rules: Rules | None = None,
        *,
        need_dx: bool = True,
        need_grads: bool = True,
    ) -> tuple[Array | None, Arrays]:
        """Walk the nodes backwards; the gradients of a node that is used twice are added."""
        flows, grads = self._walk_back(dy, tape, rules, self._on_the_way(need_dx, need_grads), need_grads)
        if not need_dx:
            return None, grads
        return flows.get(INPUT, dy), grads

    @checked_late
    def output_gradients(self, dy: Array, tape: Tape, rules: Rules | None = None) -> Arrays:
        """Return the gradient of y at the output of every node and at "input", by name."""
        return self._walk_back(dy, tape, rules, self._on_the_way(need_dx=True, need_grads=False), need_grads=False)[0]

    def _on_the_way(self, need_dx: bool, need_grads: bool) -> set[str]:
        """The names at whose output a gradient is needed: those that something sought for stands above."""
        way = {INPUT} if need_dx else set()
        for node in self._nodes:
            if way.intersection(node.inputs) or (
                need_grads and isinstance(node.operation, Layer) and learns(node.operation)
            ):
                way.add(node.name)
        return way

    def _walk_back(
        self, dy: Array, tape: Tape, rules: Rules | None, way: set[str], need_grads: bool
    ) -> tuple[Arrays, Arrays]:
        """Return the gradients at the outputs on the way, and those of the parameters."""
        if len(tape) != len(self._nodes):
            raise ShapeError(f"{self.label}: the tape has {len(tape)} steps, the graph {len(self._nodes)} nodes.")
        flows: Arrays = {self._output: dy}
        grads: dict[str, Arrays] = {}
        for node, step in zip(reversed(self._nodes), reversed(tape), strict=True):
            if node.name not in way:
                continue
            needed = [name in way for name in node.inputs]
            if isinstance(node.operation, Layer):
                dx, grads[node.name] = step_backward(
                    node.operation, flows[node.name], step.cache, rules, needed[0], need_grads
                )
                dxs: Sequence[Array | None] = [dx]
            else:
                dxs = merge_backward(node.operation, flows[node.name], step.cache, rules)
            for name, g, wanted in zip(node.inputs, dxs, needed, strict=True):
                if wanted and g is not None:
                    flows[name] = flows[name] + g if name in flows else g
        return flows, dict(self._in_order(grads))

    def _in_order(self, grads: Mapping[str, Arrays]) -> Iterator[tuple[str, Array]]:
        """Yield the gradients in the order of `params`."""
        for name in self.names:
            for key, gradient in grads.get(name, {}).items():
                yield f"{name}.{key}", gradient

    def config(self) -> Config:
        return {"nodes": [tuple(node) for node in self._nodes], "output": self._output}


def _infer(operation: Operation, shapes: list[Shape]) -> Shape:
    return operation.infer_shape(shapes[0]) if isinstance(operation, Layer) else operation.infer_shape(shapes)
