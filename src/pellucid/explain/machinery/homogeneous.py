"""Networks without constants: there the output is a sum of contributions of the inputs alone (Euler)."""

from __future__ import annotations

from typing import Any

from pellucid.explain.machinery.relevance import biases
from pellucid.layers import Merge
from pellucid.layers.parts import AnyContainer
from pellucid.layers.walk import operations


def is_homogeneous(network: AnyContainer) -> bool:
    """Whether f(t·x) = t·f(x) for t > 0: ReLUs, switches and sums, and no constant anywhere."""
    return all(operation.facts.homogeneous or _adds_nothing(operation) for _, operation in operations(network))


def _adds_nothing(operation: Any) -> bool:
    """Whether a linear layer adds no constant to its sums."""
    facts, scaling = operation.facts, None if isinstance(operation, Merge) else operation.channel_affine()
    if scaling is not None:
        return not (scaling.mean.any() or scaling.shift.any())
    return facts.linear and facts.weights is not None and not any(b.any() for b in biases(operation).values())
