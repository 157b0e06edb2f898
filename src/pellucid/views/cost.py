"""What a layer costs for one sample: multiply-adds, and memory for what it gives."""

from __future__ import annotations

import math

from pellucid.views.flow import Op


def multiply_adds(op: Op) -> int | None:
    """Return the products of an operation that are summed, for one sample; None where the layer does not say."""
    count: int | None = op.operation.multiply_adds(op.taken)
    return count


def activation_numbers(op: Op) -> int:
    """Return the numbers that the output of an operation takes in memory; another shape alone takes none."""
    facts = op.operation.facts
    reshaped = facts.in_order and not op.operation.stochastic  # dropout keeps the shape, and in training a mask
    return 0 if reshaped else math.prod(op.output_shape)
