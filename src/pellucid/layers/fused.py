"""Neighbours that are faster together: a layer that does what several do.

A fused layer keeps the contract and shares the parameters of the layer that it begins with, so a network of fused
layers is the same network: it gives the same outputs and the same gradients, and only the tape is shorter.
`Sequential` computes predictions with it, and training its steps; explanations read the tape of the plain layers.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any, ClassVar

from pellucid.layers.base import Layer
from pellucid.layers.facts import KernelUse
from pellucid.layers.nodes import Node
from pellucid.layers.parameters import Parameters
from pellucid.typing import Shape

MOST = 4
"""Layers that a layer may look at behind itself."""


class Fused(Layer[Any]):
    """A layer and those behind it in one pass; it has the parameters of the first, which `fuse_with` made it of.

    Examples
    --------
    >>> network = pl.Sequential([pl.Conv2D(4, 3), pl.ReLU(), pl.MaxPool2D(2)], input_shape=(8, 8, 1))
    >>> (together,) = network.fused().layers
    >>> isinstance(together, pl.layers.Fused), together.params is network.layer("conv2d1").params
    (True, True)
    """

    in_files = False
    gated: ClassVar[bool] = False
    """Whether it ends in a ReLU, or in a max-pooling of one: its backward holds dy back where the ReLU does."""

    def __init__(self, first: Layer[Any]) -> None:
        self.name, self.first = first.name, first

    @property
    def params(self) -> Parameters:  # type: ignore[override]  # as the first layer's are at each call
        """The parameters of the first layer."""
        return self.first.params

    @property
    def buffers(self) -> Parameters:  # type: ignore[override]
        """Its buffers."""
        return self.first.buffers

    @property
    def trainable(self) -> bool:  # type: ignore[override]
        """Whether it is trained."""
        return self.first.trainable

    def kernel_use(self, batch_size: int) -> KernelUse:
        use = self.first.kernel_use(batch_size)
        return use._replace(reason=f"{use.reason}; what follows in the same pass")

    def infer_shape(self, input_shape: Shape) -> Shape:
        return self.first.infer_shape(input_shape)


def fuse(layers: Iterable[tuple[str, Layer[Any]]]) -> list[tuple[str, Layer[Any]]]:
    """Return the named layers with neighbours taken together wherever the first of them knows how."""
    fused: list[tuple[str, Layer[Any]]] = []
    rest = list(layers)
    while rest:
        (name, layer), rest = rest[0], rest[1:]
        together, count = layer.fuse_with([following for _, following in rest[:MOST]]) or (layer, 0)
        fused.append((name, together))
        rest = rest[count:]
    return fused


def fuse_nodes(nodes: Sequence[Node], output: str) -> tuple[Node, ...]:
    """Return the nodes of a graph with neighbours taken together; a group has the name of its last node.

    Only what nobody else takes disappears within a group.
    """
    takers = Counter([output, *(source for node in nodes for source in node.inputs)])
    alone = {
        node.inputs[0]: node for node in nodes if isinstance(node.operation, Layer) and takers[node.inputs[0]] == 1
    }
    fused: list[Node] = []
    inside: set[str] = set()
    for node in nodes:
        if node.name in inside:
            continue
        chain = [node]
        while len(chain) <= MOST and chain[-1].name in alone:
            chain.append(alone[chain[-1].name])
        operation, count = node.operation, 0
        if isinstance(operation, Layer):
            operation, count = operation.fuse_with([n.operation for n in chain[1:]]) or (operation, 0)  # type: ignore[misc]
        inside.update(n.name for n in chain[1 : count + 1])
        fused.append(Node(chain[count].name, operation, node.inputs))
    return tuple(fused)
