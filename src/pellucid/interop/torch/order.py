"""In which order a vector holds the numbers of the picture that it was: ours is (H, W, C), PyTorch's (C, H, W)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from pellucid.errors import ArgumentError
from pellucid.layers import Layer
from pellucid.layers.nodes import Operation
from pellucid.typing import Shape


class Order(NamedTuple):
    """What is known of the numbers at one place of a network.

    Attributes
    ----------
    picture : the (H, W, C) that was flattened in our order; None where both orders agree
    first : whether it is a picture (C, H, W), as PyTorch has it
    mixed : whether vectors of different orders were put together
    """

    picture: Shape | None = None
    first: bool = False
    mixed: bool = False


SAME = Order()
"""Both orders agree."""


def order_after(path: str, operation: Operation, before: Sequence[Order], who: str) -> Order:
    """Return the order behind a layer or merge."""
    if not isinstance(operation, Layer):
        return before[0] if set(before) == {before[0]} and operation.facts.elementwise else _together(before)
    given, made = operation.input_shape or (), operation.output_shape or ()
    if type(operation).__name__ == "Transpose":
        return Order(first=operation.config()["axes"] == (2, 0, 1) and not before[0].first)
    if len(given) == 3 and len(made) == 1 and operation.facts.in_order:
        h, w, c = given
        return SAME if before[0].first or h * w == 1 or c == 1 else Order(picture=given)
    if len(given) == 1 and len(made) == 3 and operation.facts.in_order and made[2] > 1 and made[0] * made[1] > 1:
        raise ArgumentError(
            f"{who}: {path} makes a picture {made} of a vector, whose order PyTorch does not have. Fill the network "
            "with load_into."
        )
    if operation.facts.function == "affine" or given != made:
        return SAME
    return before[0]


def _together(before: Sequence[Order]) -> Order:
    return SAME if set(before) == {SAME} else Order(mixed=True)
