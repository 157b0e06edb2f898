"""One pass forward and one back for a whole batch: the gradient of what is explained. No parameter gradients."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from pellucid.explain.machinery.rules import fuse_rules
from pellucid.explain.target import Question, Scalar
from pellucid.layers import Rules
from pellucid.typing import Array, IntArray

BATCH = 256
"""Rows that go through a network at once where a method makes many of each sample."""


def forward_backward(question: Question, rules: Rules | None = None) -> tuple[Array, Scalar, Array]:
    """Return the scores y, the number explained, and dx: its gradient, or what `rules` make of it."""
    network, rules = fuse_rules(question.network, rules)
    y, tape = network.forward(question.x)
    scalar = question.scalar(y)
    return y, scalar, network.pull(scalar.gradient(y), tape, rules)


def gradient_of(question: Question, scalar: Scalar, x: Array, rows: IntArray, rules: Rules | None = None) -> Array:
    """Return the gradient at other inputs; row i of x asks what sample `rows[i]` asks."""
    network, rules = fuse_rules(question.network, rules)
    y, tape = network.forward(x)
    return network.pull(scalar.gradient(y, rows), tape, rules)


def values_of(question: Question, scalar: Scalar, x: Array, rows: IntArray) -> Array:
    """Return the number explained at other inputs."""
    return scalar.values(question.network(x), rows)


def blocks(count: int, size: int = BATCH) -> Iterator[slice]:
    """Yield the rows 0..count − 1 in blocks of `size`."""
    for start in range(0, count, size):
        yield slice(start, min(start + size, count))


def copies(count: int, sample: int) -> IntArray:
    """Return `count` rows that all belong to one sample."""
    return np.full(count, sample)
