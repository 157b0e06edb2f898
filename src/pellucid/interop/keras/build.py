"""A container of ours from what a model of Keras says, and the arrays that belong into it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

from pellucid.errors import FileFormatError, PellucidError
from pellucid.interop.keras.kinds import KINDS, Part, Parts, Request, activated, infer, shape_after, with_number
from pellucid.interop.keras.options import Options
from pellucid.interop.keras.topology import Call, Topology
from pellucid.interop.keras.weights import Tree
from pellucid.interop.strict_json import AGAIN
from pellucid.layers import Container, Graph, Layer, Sequential, Transpose
from pellucid.layers.nodes import INPUT, Operation
from pellucid.typing import Arrays, Shape

CHANNELS_LAST, CHANNELS_FIRST = "_channels_last", "_channels_first"
"""What the names of transpositions end in."""


class Built:
    """The nodes of a container, put down one after the other."""

    def __init__(self, label: str, shape: Shape) -> None:
        self.label = label
        self.nodes: list[tuple[str, Operation, tuple[str, ...]]] = []
        self.shapes: dict[str, Shape] = {INPUT: shape}
        self.arrays: Arrays = {}
        self.turned: dict[str, tuple[str, Shape]] = {}
        """What was brought to channels-first, what it was before, and the axes of that transposition."""

    def put(self, name: str, operation: Operation, inputs: tuple[str, ...], arrays: Any) -> str:
        """Put a node down and return its name."""
        name = self._free(name)
        shapes = [self.shapes[source] for source in inputs]
        self.shapes[name] = infer(operation, shapes)
        self.nodes.append((name, operation, inputs))
        self.arrays |= {f"{name}.{key}": array for key, array in arrays.items()}
        return name

    def _free(self, wanted: str) -> str:
        wanted = wanted.replace("/", "_").replace(".", "_") or "layer"
        name, number = wanted, 1
        while name in self.shapes:
            number += 1
            name = f"{wanted}_{number}"
        return name

    def put_part(self, name: str, part: Part, inputs: tuple[str, ...]) -> str:
        """Put a part of a layer down; one that undoes the transposition before it is left out, and so is that."""
        axes = part.operation.config()["axes"] if part.suffix in (CHANNELS_LAST, CHANNELS_FIRST) else ()
        source, back = self.turned.get(inputs[0], ("", ()))
        if part.suffix == CHANNELS_LAST and [back[a] for a in axes if back] == list(range(len(axes))):
            return source
        made = self.put(name + part.suffix, part.operation, inputs, part.arrays)
        if part.suffix == CHANNELS_FIRST:
            self.turned[made] = inputs[0], axes
        return made

    def container(self, output: str) -> Container[Any]:
        """Return the nodes that lead to the output as a chain, or as a graph where they branch."""
        needed = {output}
        for name, _, inputs in reversed(self.nodes):
            needed.update(inputs if name in needed else ())
        nodes = [node for node in self.nodes if node[0] in needed]
        names = [name for name, _, _ in nodes]
        chain = all(isinstance(operation, Layer) for _, operation, _ in nodes)
        if chain and all(inputs == (source,) for (_, _, inputs), source in zip(nodes, [INPUT, *names], strict=False)):
            return Sequential([cast(Layer[Any], layer) for _, layer, _ in nodes], names=names)
        return Graph(nodes, output=output)


def build(
    model: Topology, tree: Tree, shape: Shape, label: str, output: str | None = None
) -> tuple[Container[Any], Arrays]:
    """Return a container, not built, and its arrays by name."""
    made = Built(label, shape)
    if len(model.inputs) != 1:
        raise FileFormatError(
            f"{label}: the model has {len(model.inputs)} inputs ({', '.join(model.inputs)[:200]}); networks here have "
            "one. Save a model of one of its branches."
        )
    end = _output(model, output, label)
    names: dict[Call, str] = {(model.inputs[0], 0): INPUT}
    for call in _in_order(model, end, names, label):
        inputs = tuple(names[source] for source in model.calls[call])
        names[call] = _put(made, model, tree, model.layers[call[0]], inputs, model.numbers.get(call))
    return made.container(names[end]), made.arrays


def _output(model: Topology, wanted: str | None, label: str) -> Call:
    if wanted is not None:
        first = next((call for call in model.calls if call[0] == wanted), None)
        if first is None:
            raise FileFormatError(f"{label}: there is no layer {wanted[:80]!r}. Its layers: {', '.join(model.layers)}.")
        return first
    if len(model.outputs) != 1:
        listed = ", ".join(name for name, _ in model.outputs)[:200]
        raise FileFormatError(
            f"{label}: the model has {len(model.outputs)} outputs ({listed}); networks here have one. Choose it: "
            "output='the layer'."
        )
    return model.outputs[0]


def _in_order(model: Topology, end: Call, known: dict[Call, str], label: str) -> list[Call]:
    """Return the calls that lead to the output, each after what it takes."""
    order: list[Call] = []
    done, open_, waiting = set(known), set(), [end]
    while waiting:
        call = waiting[-1]
        if call in done:
            waiting.pop()
            continue
        if call not in model.calls:
            raise FileFormatError(f"{label}: nothing leads to layer {call[0][:80]!r}, call {call[1]}. {AGAIN}")
        missing = [source for source in model.calls[call] if source not in done]
        if call in open_ and missing:
            raise FileFormatError(f"{label}: layer {call[0][:80]!r} takes its own output. {AGAIN}")
        open_.add(call)
        waiting += reversed(missing)
        if not missing:
            done.add(call)
            order.append(call)
    return order


def _put(
    made: Built,
    model: Topology,
    tree: Tree,
    options: Options,
    inputs: tuple[str, ...],
    numbers: list[float | None] | None,
) -> str:
    """Put down what a layer becomes; return the node that gives its output."""
    try:
        if options.name in model.models:
            return _put_model(made, model.models[options.name], cast(Tree, tree[options.name]), options, inputs)
        shapes = [made.shapes[source] for source in inputs]
        variables = cast(Arrays, tree[options.name])
        for part in with_number(options, numbers) if numbers else _parts(options, shapes, variables):
            _freeze(part.operation, options)
            inputs = (made.put_part(options.name, part, inputs),)
        return inputs[0]
    except (FileFormatError, MemoryError):
        raise
    except (PellucidError, ArithmeticError, ValueError, TypeError, LookupError) as error:
        raise FileFormatError(f"{options.who}: cannot be made: {error} {AGAIN}") from error


def _put_model(made: Built, model: Topology, tree: Tree, options: Options, inputs: tuple[str, ...]) -> str:
    _expect_inputs(options, len(inputs), merges=False)
    inner, arrays = build(model, tree, made.shapes[inputs[0]], made.label)
    _freeze(inner, options)
    return made.put(options.name, inner, inputs, arrays)


def _freeze(operation: Operation, options: Options) -> None:
    if isinstance(operation, Layer) and options.config.get("trainable", True) is False:
        operation.trainable = False


def _expect_inputs(options: Options, count: int, *, merges: bool) -> None:
    if count == 0 or (count > 1) != merges:
        raise FileFormatError(
            f"{options.who}: takes {'several inputs' if merges else 'one input'}, got {count}. {AGAIN}"
        )


# One layer


def _parts(options: Options, shapes: Sequence[Shape], variables: Arrays) -> Parts:
    kind = KINDS[options.kind]
    _expect_inputs(options, len(shapes), merges=kind.merges)
    request = Request(options, shapes, variables)
    return _turned(request, _moved(request), activates=options.kind != "Activation")


def _moved(request: Request) -> int | None:
    """The axis that must come last for our layer, where it does not."""
    options, rank = request.options, len(request.shape)
    if rank > 1 and "data_format" in options.config and options.channels_first:
        return 0
    if options.kind in ("BatchNormalization", "GroupNormalization", "LayerNormalization") and rank > 1:
        axes = options.axes("axis", -1, rank)
        return axes[0] if len(axes) == 1 and axes[0] != rank - 1 else None
    return None


def _turned(request: Request, axis: int | None, *, activates: bool) -> Parts:
    """The parts of a layer and of its activation, between two transpositions where its channels come first."""
    options, read = request.options, KINDS[request.options.kind].read
    if axis is None:
        parts = read(request)
        return parts + (_activated(request, parts) if activates else [])
    order = (*(a for a in range(len(request.shape)) if a != axis), axis)
    turned = Options(
        options.kind, {**options.config, "data_format": "channels_last", "axis": -1}, options.keras, options.label
    )
    shape = tuple(request.shape[a] for a in order)
    parts = [
        Part(Transpose(order), suffix=CHANNELS_LAST),
        *read(request._replace(options=turned, shapes=[shape])),
    ]
    after = _activated(request, parts) if activates else []
    if len(shape_after(parts, [request.shape])) != len(order):
        return parts + after
    back = Part(Transpose(tuple(order.index(a) for a in range(len(order)))), suffix=CHANNELS_FIRST)
    anywhere = all(part.operation.facts.elementwise for part in after)
    return [*parts, *after, back] if anywhere else [*parts, back, *after]


def _activated(request: Request, parts: Parts) -> Parts:
    return activated(request._replace(shapes=[shape_after(parts, request.shapes)]))
