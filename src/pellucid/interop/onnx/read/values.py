"""What a name of an ONNX graph stands for while it is read: a constant array, or a `Flow` through our graph.

A flow knows the shape that ONNX writes and the order in which its axes lie inside. An image (N, C, H, W) lies
channels-last, in the order (2, 3, 1); where ONNX transposes it, only the order changes, and nothing is computed.
Axis 0 is the batch, which is never named in an order, unless the whole tensor is one sample of ours.

An axis of size 1 may be left out of the order, and an axis of size 1 that ONNX does not have may stand in it, as
`EXTRA`: what global pooling gives, (N, C, 1, 1), lies as the vector (C,); a signal (N, C, L) as the image (L, 1, C).
"""

from __future__ import annotations

from typing import NamedTuple, TypeAlias

from pellucid.typing import Array, Shape

EXTRA = -1
IMAGE = (2, 3, 1)
SIGNAL = (2, EXTRA, 1)
VOLUME = (2, 3, 4, 1)


class Flow(NamedTuple):
    """What a node of our graph gives: its name, the shape in ONNX, and the axes in the order in which they lie."""

    node: str
    shape: Shape
    order: tuple[int, ...]

    @property
    def inner(self) -> Shape:
        """The shape of a sample inside.

        >>> Flow("conv1", (1, 8, 5, 4), IMAGE).inner
        (5, 4, 8)
        """
        return tuple(1 if axis == EXTRA else self.shape[axis] for axis in self.order)

    @property
    def solid(self) -> tuple[int, ...]:
        """The axes of more than one number, in the order in which they lie."""
        return tuple(axis for axis in self.order if axis != EXTRA and self.shape[axis] > 1)


Value: TypeAlias = "Flow | Array"
