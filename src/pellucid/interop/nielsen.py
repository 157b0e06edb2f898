"""The networks of Michael Nielsen, "Neural Networks and Deep Learning" (2015), as his network2.py saves them.

    {"sizes": [784, 30, 10], "weights": [30 rows of 784, 10 rows of 30], "biases": [30 rows of 1, 10 rows of
    1],
     "cost": "CrossEntropyCost"}

His weights are (K, D), for columns of activations; ours (D, K), for rows of samples.
"""

from __future__ import annotations

import json
import os
from typing import Any, NamedTuple

import numpy as np

from pellucid import checks
from pellucid.checked import checked
from pellucid.errors import ArgumentError, FileFormatError
from pellucid.files import PathLike, atomic_write, read_bytes
from pellucid.interop.assemble import assemble
from pellucid.interop.strict_json import AGAIN, parse_json
from pellucid.interop.tensors import expect_finite
from pellucid.layers import Affine, Sequential, Sigmoid
from pellucid.losses import LossLike, as_loss
from pellucid.typing import Array, Arrays, Config, DTypeLike

MAX_BYTES = 256 << 20
"""The largest file that is read; a network of ten million weights takes about as much."""

COSTS = {"CrossEntropyCost": "CrossEntropy", "QuadraticCost": "Quadratic"}


class Nielsen(NamedTuple):
    """A network and the name of the loss that it was trained with."""

    network: Sequential
    loss: str


@checked
@checks.within_memory
def load_nielsen(path: PathLike, *, dtype: DTypeLike = np.float64) -> Nielsen:
    """Return the Sequential of Affine and Sigmoid that a file of network2.py holds, and its loss.

    The numbers are float64 as in his program, unless another dtype is asked for.

    Raises
    ------
    DataError
        If there is no such file, or it cannot be opened.
    FileFormatError
        If the file is not such a network: not JSON, sizes that do not fit, numbers that are not finite.

    Examples
    --------
    >>> pl.Network([4, 3, 2]).save("net.json")
    >>> pl.load_nielsen("net.json").network.output_shape
    (2,)
    """
    label = f"load_nielsen: {os.fspath(path)}"
    fields = parse_json(read_bytes(path, MAX_BYTES, who="load_nielsen"), label)
    if not isinstance(fields, dict) or not {"sizes", "weights", "biases", "cost"} <= fields.keys():
        raise FileFormatError(f"{label}: must be an object with sizes, weights, biases and cost, as network2.py saves.")
    sizes, cost = _checked_sizes(fields["sizes"], label), fields["cost"]
    if not isinstance(cost, str) or cost not in COSTS:
        raise FileFormatError(f"{label}: cost must be one of {', '.join(COSTS)}, got {str(cost)[:40]!r}.")
    arrays = _checked_arrays(fields, sizes, dtype, label)
    expect_finite(arrays, label, FileFormatError)
    network = Sequential([layer for units in sizes[1:] for layer in (Affine(units), Sigmoid())])
    assemble(network, (sizes[0],), dtype, arrays, label)
    return Nielsen(network, COSTS[cost])


@checked
def save_nielsen(network: Sequential, path: PathLike, *, cost: LossLike = "CrossEntropy") -> None:
    """Write a Sequential of Affine and Sigmoid in turn so that network2.py can load it.

    Raises
    ------
    StateError
        If the network is not built.
    ArgumentError
        If it is of another form, or the cost has no counterpart there.
    DataError
        If a weight is not finite, or the file cannot be written.

    Examples
    --------
    >>> pl.save_nielsen(pl.Network([784, 30, 10]).network, "net.json")
    >>> network, loss = pl.load_nielsen("net.json")
    >>> loss
    'CrossEntropy'
    """
    checks.expect_built(f"save_nielsen: {network.label}", network.input_shape)
    layers = network.layers
    affine = [layer for layer in layers[::2] if layer.facts.function == "affine" and "b" in layer.params]
    if not affine or len(affine) * 2 != len(layers) or any(layer.facts.function != "sigmoid" for layer in layers[1::2]):
        raise ArgumentError(
            "save_nielsen: network must be Affine, Sigmoid, Affine, Sigmoid, …, "
            f"got {[type(a).__name__ for a in layers]}. Use save, which takes every network."
        )
    weights = [layer.params["W"].T.copy() for layer in affine]  # copies, as another thread may be training
    biases = [layer.params["b"][:, None].copy() for layer in affine]
    for i, arrays in enumerate(zip(weights, biases, strict=True)):
        for array in arrays:
            checks.expect_finite("save_nielsen", array, affine[i].label)
    fields = {
        "sizes": [weights[0].shape[1], *(len(w) for w in weights)],
        "weights": [w.tolist() for w in weights],
        "biases": [b.tolist() for b in biases],
        "cost": _nielsen_cost(cost),
    }
    atomic_write(path, json.dumps(fields).encode(), who="save_nielsen")


def _nielsen_cost(cost: LossLike) -> str:
    name = type(as_loss(COSTS.get(cost, cost) if isinstance(cost, str) else cost)).__name__
    for theirs, ours in COSTS.items():
        if name == ours:
            return theirs
    raise ArgumentError(f"save_nielsen: cost must be one of {', '.join(COSTS.values())}, got {name}.")


def _checked_sizes(sizes: Any, label: str) -> list[int]:
    if not isinstance(sizes, list) or len(sizes) < 2 or not all(type(n) is int and n > 0 for n in sizes):
        raise FileFormatError(
            f"{label}: sizes must be two or more whole numbers of at least 1, got {str(sizes)[:80]}. {AGAIN}"
        )
    return sizes


def _checked_arrays(fields: Config, sizes: list[int], dtype: DTypeLike, label: str) -> Arrays:
    arrays: Arrays = {}
    for key in ("weights", "biases"):
        _expect_length(fields[key], len(sizes) - 1, f"{label}: {key}", "parts, one for each layer after the first")
        for i, rows in enumerate(fields[key]):
            width = sizes[i] if key == "weights" else 1
            matrix = _matrix(rows, (sizes[i + 1], width), dtype, f"{label}: {key}[{i}]")
            name = f"affine{i + 1}.{'W' if key == 'weights' else 'b'}"
            arrays[name] = np.ascontiguousarray(matrix.T) if key == "weights" else matrix.ravel()
    return arrays


def _matrix(rows: Any, shape: tuple[int, int], dtype: DTypeLike, label: str) -> Array:
    """Return nested lists as an array, after every row and every number has been looked at."""
    count, width = shape
    _expect_length(rows, count, label, "rows")
    for i, row in enumerate(rows):
        _expect_length(row, width, f"{label}: row {i}", "numbers")
        if not all(type(n) in (float, int) for n in row):
            raise FileFormatError(f"{label}: row {i} holds something other than numbers. {AGAIN}")
    with np.errstate(over="ignore"):  # infinity is reported by its place
        return np.array(rows, np.float64).astype(dtype)


def _expect_length(values: Any, count: int, label: str, what: str) -> None:
    if not isinstance(values, list) or len(values) != count:
        got = len(values) if isinstance(values, list) else repr(values)[:40]
        raise FileFormatError(f"{label} must have {count} {what}, got {got}. {AGAIN}")
