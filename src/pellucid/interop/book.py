"""Parameters W1, b1, W2, b2, … by name, as in the book "Deep Learning from Scratch" (Saitoh 2016).

They are read from and written to `.npz`. The book itself pickles them; a pickle can run any program when it
is opened, so it never is here.
"""

from __future__ import annotations

import io
import os
import re
from collections.abc import Callable, Mapping
from typing import Any, cast

import numpy as np

from pellucid import checks
from pellucid.checked import checked
from pellucid.data.archive import read_archive
from pellucid.errors import ArgumentError, FileFormatError
from pellucid.files import PathLike, atomic_write
from pellucid.interop.assemble import assemble
from pellucid.interop.tensors import expect_finite
from pellucid.layers import Affine, Layer, ReLU, Sequential
from pellucid.layers.activation import Activation
from pellucid.typing import Arrays, Shape

_NAME = re.compile(r"([Wb])([1-9]\d{0,3})")

PICKLE_REMEDY = (
    "It is a pickle, which can run any program when it is opened and so is not opened here. Where you trust it, "
    'convert it once: np.savez("params.npz", **pickle.load(open("params.pkl", "rb"))).'
)


@checked
@checks.within_memory
def load_book_params(path: PathLike, *, activation: Callable[[], Activation] = ReLU) -> Sequential:
    """Return Affine, activation, Affine, …, Affine with the arrays W1, b1, W2, b2, … of an `.npz` file.

    The file does not say which activation stood between; give `activation=Sigmoid` for chapters 3 and 4.

    Raises
    ------
    DataError
        If there is no such file, or it cannot be opened.
    FileFormatError
        If the file is not such a dictionary, is damaged, or is a pickle.

    Examples
    --------
    >>> pl.save_book_params(pl.TwoLayerNet(784, 50, 10).network, "params.npz")
    >>> [type(layer).__name__ for layer in pl.load_book_params("params.npz").layers]
    ['Affine', 'ReLU', 'Affine']
    """
    label = f"load_book_params: {os.fspath(path)}"
    with checks.open_file("load_book_params", path) as file:
        if file.peek(1)[:1] == b"\x80":
            raise FileFormatError(f"{label}: {PICKLE_REMEDY}")
        arrays = read_archive(file, label, accept=_NAME)
    widths, arrays = _checked_chain(arrays, label)
    expect_finite(arrays, label, FileFormatError)
    layers = [layer for units in widths[1:] for layer in (Affine(units), activation())][:-1]
    network = Sequential(layers)
    assemble(network, (widths[0],), arrays["affine1.W"].dtype, arrays, label)
    return network


@checked
def save_book_params(network: Sequential, path: PathLike) -> None:
    """Write the parameters of Affine layers as W1, b1, W2, b2, …; layers without any may stand between them.

    Raises
    ------
    StateError
        If the network is not built.
    ArgumentError
        If another layer has parameters, or an Affine has no bias.
    DataError
        If a weight is not finite, or the file cannot be written.

    Examples
    --------
    >>> net = pl.TwoLayerNet(784, 50, 10)
    >>> pl.save_book_params(net.network, "params.npz")
    >>> sorted(np.load("params.npz").files)
    ['W1', 'W2', 'b1', 'b2']
    """
    checks.expect_built(f"save_book_params: {network.label}", network.input_shape)
    layers = [layer for layer in network.layers if layer.params or layer.buffers]
    if not layers or not all(_is_dense(layer) for layer in layers):
        raise ArgumentError(
            "save_book_params: only Affine layers with a bias may have parameters, "
            f"got {[type(a).__name__ for a in layers]}. Use save, which takes every network."
        )
    arrays: Arrays = {
        f"{key}{i}": a.copy() for i, layer in enumerate(layers, start=1) for key, a in layer.params.items()
    }  # copies, as another thread may be training
    for name, array in arrays.items():
        checks.expect_finite("save_book_params", array, name)
    buffer = io.BytesIO()
    np.savez(buffer, **cast(Any, arrays))
    atomic_write(path, buffer.getvalue(), who="save_book_params")


def _is_dense(layer: Layer[Any]) -> bool:
    return layer.facts.function == "affine" and "b" in layer.params


def _checked_chain(arrays: Mapping[str, Any], label: str) -> tuple[Shape, Arrays]:
    """Return the widths (D, K1, K2, …) and the arrays by our names; raise unless they form a chain."""
    count = len(arrays) // 2
    wanted = {f"{key}{i}" for i in range(1, count + 1) for key in "Wb"}
    if not arrays or wanted != set(arrays):
        raise FileFormatError(
            f"{label}: must hold W1, b1, W2, b2, … without a gap, got {', '.join(sorted(arrays))[:80]}."
        )
    dtypes = {str(array.dtype) for array in arrays.values()}
    if len(dtypes) > 1 or arrays["W1"].dtype.kind != "f":
        raise FileFormatError(
            f"{label}: all arrays must have the same floating-point dtype, got {', '.join(sorted(dtypes))}."
        )
    widths: list[int] = []
    named: Arrays = {}
    for i in range(1, count + 1):
        W, b = arrays[f"W{i}"], arrays[f"b{i}"]
        if W.ndim != 2 or min(W.shape) < 1 or b.shape != W.shape[1:] or (widths and widths[-1] != len(W)):
            rows = widths[-1] if widths else "D"
            raise FileFormatError(
                f"{label}: W{i} must have shape ({rows}, K) and b{i} (K,), got {W.shape} and {b.shape}."
            )
        widths = [*(widths or [len(W)]), W.shape[1]]
        named[f"affine{i}.W"], named[f"affine{i}.b"] = W, b
    return tuple(widths), named
