"""Passes forward and back for a whole batch: the gradient of what is explained. No parameter gradients."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

import numpy as np

from pellucid.explain.machinery.room import BATCH, blocks, by_blocks, joined, outputs_of, rows_at_once
from pellucid.explain.machinery.rules import fuse_rules
from pellucid.explain.target import Question, Scalar
from pellucid.layers import Rules
from pellucid.layers.parts import AnyContainer
from pellucid.typing import Array, IntArray


class Pass(NamedTuple):
    """A pass forward of some samples: which, the tape, and the gradient of the number explained by their scores."""

    rows: slice
    tape: Any
    dy: Array


def passes(
    question: Question, network: AnyContainer, x: Array, *, room: float = 1.0
) -> tuple[Array, Scalar, Iterable[Pass]]:
    """Return the scores of all samples, the number explained, and the passes on whose tapes to walk back.

    One pass where there is room for the tape of all: then nothing is computed twice. What is explained of one sample
    may depend on all scores, so several passes begin when these are known.
    """
    size = max(1, int(rows_at_once(network, len(x)) * room))
    if len(x) <= size:
        y, tape = network.forward(x)
        scalar = question.scalar(y)
        return y, scalar, [Pass(slice(0, len(x)), tape, scalar.gradient(y))]
    y = outputs_of(network, x)
    scalar = question.scalar(y)
    return y, scalar, _several(network, x, scalar, size)


def _several(network: AnyContainer, x: Array, scalar: Scalar, size: int) -> Iterator[Pass]:
    for rows in blocks(len(x), size):
        y, tape = network.forward(x[rows])
        yield Pass(rows, tape, scalar.gradient(y, np.arange(len(x))[rows]))


def forward_backward(question: Question, rules: Rules | None = None) -> tuple[Array, Scalar, Array]:
    """Return the scores y, the number explained, and dx: its gradient, or what `rules` make of it."""
    network, rules = fuse_rules(question.network, rules)
    y, scalar, made = passes(question, network, question.x)
    return y, scalar, joined([network.pull(dy, tape, rules) for _, tape, dy in made])


def gradient_of(question: Question, scalar: Scalar, x: Array, rows: IntArray, rules: Rules | None = None) -> Array:
    """Return the gradient at other inputs; row i of x asks what sample `rows[i]` asks."""
    network, rules = fuse_rules(question.network, rules)

    def gradient(block: slice) -> Array:
        y, tape = network.forward(x[block])
        return network.pull(scalar.gradient(y, rows[block]), tape, rules)

    return by_blocks(gradient, len(x), rows_at_once(network, BATCH))


def values_of(question: Question, scalar: Scalar, x: Array, rows: IntArray) -> Array:
    """Return the number explained at other inputs."""
    return scalar.values(outputs_of(question.network, x), rows)


def copies(count: int, sample: int) -> IntArray:
    """Return `count` rows that all belong to one sample."""
    return np.full(count, sample)
