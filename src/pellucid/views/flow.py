"""A network as one list of operations and what each takes: nested containers opened, shapes known.

Summary, diagram and receptive fields all walk this list; no forward pass is needed for it.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from pellucid.layers import Merge
from pellucid.layers.container import INPUT, network_of
from pellucid.layers.walk import opened
from pellucid.typing import Shape


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

    @property
    def taken(self) -> Any:
        """The shape that a layer takes, or those that a merge takes: what facts are asked about."""
        return self.input_shapes if isinstance(self.operation, Merge) else self.input_shapes[0]


def flow(model: Any) -> tuple[Op, ...]:
    """Return the operations of a built network in the order of its forward pass."""
    network = network_of(model, "flow", built=True)
    found: dict[str, Op] = {}
    shapes: dict[str, Shape] = {INPUT: network.input_shape or ()}
    for path, operation, inputs in opened(network):
        came = tuple(shapes[source] for source in inputs)
        shapes[path] = operation.infer_shape(came) if isinstance(operation, Merge) else operation.infer_shape(came[0])
        found[path] = Op(path, operation, inputs, came, shapes[path])
    return tuple(found.values())
