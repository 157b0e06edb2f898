"""How many samples go through a network at once, so that memory stays bounded whatever the network's size."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence

import numpy as np

from pellucid.layers.parts import AnyContainer
from pellucid.layers.walk import operations
from pellucid.typing import Array

BATCH = 256
"""Rows that go through a network at once where a method makes many of each sample, and memory allows it."""

BUDGET = 1 << 29
"""Bytes that the maps of all layers may take."""
PICTURES = 1 << 26
"""Bytes that changed copies of a sample may take."""


def rows_at_once(network: AnyContainer, most: int, *, tape: bool = True) -> int:
    """Return how many samples may pass together.

    A tape keeps the output of every layer, and the way back makes as many gradients; without one, no more than a few
    outputs live at a time.
    """
    sizes = [math.prod(operation.output_shape or ()) for _, operation in operations(network)]
    sizes.append(math.prod(network.input_shape or ()))
    numbers = 2 * sum(sizes) if tape else 4 * max(sizes)
    return max(1, min(most, BUDGET // int(numbers * network.dtype.itemsize)))


def samples_at_once(x: Array) -> int:
    """Return how many copies of a sample of x are made at once, each changed in its own way."""
    return max(1, min(BATCH, PICTURES // int(x[0].nbytes)))


def blocks(count: int, size: int) -> Iterator[slice]:
    """Yield the rows 0..count − 1 in blocks of `size`."""
    for start in range(0, count, size):
        yield slice(start, min(start + size, count))


def by_blocks(compute: Callable[[slice], Array], count: int, size: int) -> Array:
    """Return what is computed of all rows, block by block."""
    return joined([compute(rows) for rows in blocks(count, size)])


def joined(parts: Sequence[Array]) -> Array:
    """Return the parts of a batch as one array; a single part as it is."""
    return parts[0] if len(parts) == 1 else np.concatenate(parts)


def outputs_of(network: AnyContainer, x: Array, most: int = BATCH) -> Array:
    """Return a network's outputs for x, as many rows at once as there is room for."""
    return by_blocks(lambda rows: network(x[rows]), len(x), rows_at_once(network, most, tape=False))
