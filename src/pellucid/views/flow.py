"""A network as one list of operations and what each takes: nested containers opened, shapes known.

Summary, diagram and receptive fields all walk this list; no forward pass is needed for it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from pellucid.layers import Graph, Merge, Residual, Sequential
from pellucid.layers.nodes import INPUT
from pellucid.layers.plain import is_plain
from pellucid.typing import Shape
from pellucid.views.network import network_of


class Op(NamedTuple):
    """One layer that holds no others, or one merge."""

    path: str
    """Its name, after those of the containers that it stands in: "residual1.branch.conv2d1"."""
    operation: Any
    inputs: tuple[str, ...]
    """The paths of what it takes; "input" is the input of the network."""
    input_shapes: tuple[Shape, ...]
    output_shape: Shape

    @property
    def kind(self) -> str:
        """Its type's name."""
        return type(self.operation).__name__


def flow(model: Any) -> tuple[Op, ...]:
    """Return the operations of a built network in the order of its forward pass."""
    network = network_of("flow", model)
    found: dict[str, Op] = {}
    shapes: dict[str, Shape] = {INPUT: network.input_shape or ()}
    for path, operation, inputs in _opened(network, INPUT, "", []):
        came = tuple(shapes[source] for source in inputs)
        shapes[path] = operation.infer_shape(list(came) if isinstance(operation, Merge) else came[0])
        found[path] = Op(path, operation, inputs, came, shapes[path])
    return tuple(found.values())


Step = tuple[str, Any, tuple[str, ...]]


def _opened(container: Any, source: str, prefix: str, end: list[str]) -> Iterator[Step]:
    """Open a container; `end` receives the path of what it gives."""
    if is_plain(container, Residual):
        ends = []
        for side in container.layers:
            last: list[str] = []
            yield from _opened(side, source, f"{prefix}{side.name}.", last)
            ends += last
        sides = (ends[0], source if container.shortcut is None else ends[1])
        yield f"{prefix}{container.add.name}", container.add, sides
        end.append(f"{prefix}{container.add.name}")
    elif is_plain(container, Graph):
        outputs = {INPUT: source}
        for node in container.nodes:
            inputs = tuple(outputs[name] for name in node.inputs)
            given: list[str] = []
            yield from _layer(node.operation, inputs, f"{prefix}{node.name}", given)
            outputs[node.name] = given[0]
        end.append(outputs[container.output])
    elif is_plain(container, Sequential):
        for name, layer in container.named_layers():
            given = []
            yield from _layer(layer, (source,), f"{prefix}{name}", given)
            source = given[0]
        end.append(source)
    else:  # a container with passes of its own: one step, as nothing is known about its inside
        yield from _layer(container, (source,), prefix.rstrip(".") or "network", end)


def _layer(operation: Any, inputs: tuple[str, ...], path: str, end: list[str]) -> Iterator[Step]:
    if is_plain(operation, Sequential, Residual, Graph):
        yield from _opened(operation, inputs[0], f"{path}.", end)
    else:
        yield path, operation, inputs
        end.append(path)
