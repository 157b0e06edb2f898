"""Build a network from arrays that are there already, instead of drawing its parameters at random.

The arrays come from a file, and so does the description of the layers: `Affine(units=1000000000)` is a few
bytes, and building it would take gigabytes. So each layer creates its parameters from blanks, which have a
shape and no memory; blanks and arrays are compared, and the arrays take the blanks' place. Nothing that a
description asks for is allocated before the file has shown the numbers for it, loading draws no random
number, and no array is copied.

What a layer makes without an initialiser (`np.zeros`, `np.ones`: biases, running statistics) does take
memory. Such arrays have one number for each channel coming in or going out, and this is what is bounded
before the layer runs: by the numbers that the file holds for that layer, or `FREE` where it holds fewer. A
layer that makes larger arrays gets them from an initialiser (`Constant(1)(shape, rng, dtype)`).
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from pellucid.errors import FileFormatError
from pellucid.initializers import Initializer
from pellucid.interop.compare import OTHER, expect_same_arrays
from pellucid.interop.strict_json import AGAIN
from pellucid.layers import Container, Layer, Parameters
from pellucid.typing import Array, Arrays, DTypeLike, Shape

FREE = 1 << 18
"""Channels that any layer may have, whatever the file holds: at most 2 MiB an array."""


def assemble(network: Container[Any], input_shape: Shape, dtype: DTypeLike, arrays: Arrays, label: str) -> None:
    """Build `network` with `arrays`, called "affine1.W", as its parameters and buffers; they are not copied.

    Raises
    ------
    FileFormatError
        If the layers do not fit each other, or their parameters are not exactly `arrays`.
    """
    leaves = dict(_leaves(network))
    given: dict[str, Arrays] = {path: {} for path in leaves}
    for name, array in arrays.items():
        path, _, key = name.rpartition(".")
        if path not in leaves:
            raise FileFormatError(f"{label}: the architecture has no layer for tensor {name[:80]!r}. {OTHER}")
        given[path][key] = array
    try:
        for path, leaf in leaves.items():
            vars(leaf)["create_params"] = _Adoption(leaf, f"{path}.", given[path], label)  # found before the class's
        network.build(input_shape, np.random.default_rng(0), dtype)
    except FileFormatError:
        raise
    except Exception as error:  # options that no program would write may show only here, in any way
        raise FileFormatError(f"{label}: the architecture does not fit together: {error} {AGAIN}") from error
    finally:
        for leaf in leaves.values():
            vars(leaf).pop("create_params", None)


def _leaves(container: Container[Any], prefix: str = "") -> Iterator[tuple[str, Layer[Any]]]:
    for name, layer in container.named_layers():
        if isinstance(layer, Container):
            yield from _leaves(layer, f"{prefix}{name}.")
        else:
            yield prefix + name, layer


class _Blank(Initializer):
    """Stands in for an initialiser: the shape and dtype asked for, without the memory."""

    def __init__(self, who: str, most: int) -> None:
        self.who = who
        self.most = most

    def __call__(self, shape: Shape, rng: np.random.Generator, dtype: DTypeLike = np.float32) -> Array:
        _expect_covered(self.who, f"an array of shape {shape}", math.prod(shape), self.most)
        return np.broadcast_to(np.zeros((), dtype), shape)

    def draw(self, shape: Shape, rng: np.random.Generator) -> Array:
        return self(shape, rng)


class _Adoption:
    """Stands in for `create_params` of one layer, whose arrays are `given`."""

    def __init__(self, layer: Layer[Any], prefix: str, given: Arrays, label: str) -> None:
        self.layer = layer
        self.prefix = prefix
        self.given = given
        self.label = label

    def __call__(self, input_shape: Shape, rng: np.random.Generator, dtype: DTypeLike) -> None:
        layer, given = self.layer, self.given
        self._create_blanks(input_shape, rng, dtype)
        expect_same_arrays({**layer.params, **layer.buffers}, given, self.label, self.prefix)
        first: dict[int, str] = {}  # a layer may keep one array under two names
        same = {
            key: given[first.setdefault(id(blank), key)]
            for blanks in (layer.params, layer.buffers)
            for key, blank in blanks.items()
        }
        layer.params = Parameters({key: same[key] for key in layer.params})
        layer.buffers = Parameters({key: same[key] for key in layer.buffers})

    def _create_blanks(self, input_shape: Shape, rng: np.random.Generator, dtype: DTypeLike) -> None:
        layer = self.layer
        create = type(layer).create_params
        if create is Layer.create_params:
            return
        most = sum(array.size for array in self.given.values())
        who = f"{self.label}: {layer.label}"
        channels = max(shape[-1] if shape else 1 for shape in (input_shape, layer.output_shape or ()))
        _expect_covered(who, f"{channels} channels", channels, max(most, FREE))
        own = {key: value for key, value in vars(layer).items() if isinstance(value, Initializer)}
        try:
            vars(layer).update({key: _Blank(who, most) for key in own})
            create(layer, input_shape, rng, dtype)
        finally:
            vars(layer).update(own)


def _expect_covered(who: str, what: str, numbers: int, most: int) -> None:
    if numbers > most:
        raise FileFormatError(f"{who} would have {what}, and the file holds {most} numbers for it. {OTHER}")
