"""How a file of Keras becomes a network: what `load_keras` does with it once it is open."""

from __future__ import annotations

import os
from io import BufferedReader
from typing import Any

import numpy as np

from pellucid import checks
from pellucid.errors import ArgumentError, FileFormatError
from pellucid.interop.assemble import assemble
from pellucid.interop.hdf5 import Group, open_hdf5
from pellucid.interop.hdf5.reader import MAGIC
from pellucid.interop.keras.archive import read_archive
from pellucid.interop.keras.build import build
from pellucid.interop.keras.topology import Reader, Topology
from pellucid.interop.keras.weights import Tree, from_archive, from_whole
from pellucid.interop.strict_json import AGAIN, parse_json
from pellucid.interop.tensors import expect_finite
from pellucid.layers import Container
from pellucid.typing import Arrays, Shape

MAX_BYTES = 8 << 30
"""Of a file, which is held in memory while it is read."""


def read_network(
    file: BufferedReader, label: str, input_shape: Shape | int | None, output: str | None
) -> Container[Any]:
    """Return the network that a file holds; the options are those of `load_keras`."""
    model, tree = _read(file, label)
    shape = _input_shape(model, input_shape, label)
    network, arrays = build(model, tree, shape, label, output)
    arrays = _in_one_dtype(arrays)
    expect_finite(arrays, label, FileFormatError)
    dtype = next(iter(arrays.values())).dtype if arrays else np.dtype(np.float32)
    assemble(network, shape, dtype, arrays, label)
    return network


def _read(file: BufferedReader, label: str) -> tuple[Topology, Tree]:
    start = file.peek(8)[:8]
    size = os.fstat(file.fileno()).st_size
    if size > MAX_BYTES:
        raise FileFormatError(f"{label}: the file has {size} bytes, at most {MAX_BYTES} are read.")
    if start == MAGIC:
        return _read_whole(open_hdf5(file.read(size), label), label)
    if start[:4] == b"PK\3\4":
        archive = read_archive(file, label)
        told = parse_json(archive.metadata, f"{label}: metadata.json")
        reader = Reader(label, _version(told.get("keras_version") if isinstance(told, dict) else None, 3))
        model = reader.model(parse_json(archive.config, f"{label}: config.json"))
        return model, from_archive(model, open_hdf5(archive.weights, f"{label}: model.weights.h5"))
    raise FileFormatError(
        f"{label}: is neither a .keras archive nor an HDF5 file. Where Keras opens it: model.save('model.keras')."
    )


def _read_whole(file: Group, label: str) -> tuple[Topology, Tree]:
    """Read an `.h5` file of a whole model."""
    if "model_config" not in file.attributes:
        raise FileFormatError(
            f"{label}: the file holds weights and no description of the model. In Keras, save the whole: "
            "model.save('model.keras')."
        )
    weights, text = file.group("model_weights"), file.attributes["model_config"]
    told = weights.attributes.get("keras_version", file.attributes.get("keras_version"))
    if not isinstance(text, str):
        raise FileFormatError(f"{label}: model_config must be a text. {AGAIN}")
    model = Reader(label, _version(told, 1)).model(parse_json(text, f"{label}: model_config"))
    return model, from_whole(model, weights)


def _version(told: Any, unknown: int) -> int:
    """The first number of a version such as "3.15.1"; tf_keras has TensorFlow's, 2.16 and later."""
    number = str(told).partition(".")[0]
    return int(number) if number in ("1", "2", "3") else unknown


def _input_shape(model: Topology, given: Shape | int | None, label: str) -> Shape:
    if given is not None:
        shape = checks.shape("load_keras", "input_shape", given)
        if model.input_shape not in (None, shape):
            raise ArgumentError(f"load_keras: input_shape must be {model.input_shape}, as in the file, got {shape}.")
        return shape
    if model.input_shape is None:
        raise FileFormatError(
            f"{label}: the model leaves the size of its input open. Choose it: input_shape=(224, 224, 3)."
        )
    return model.input_shape


def _in_one_dtype(arrays: Arrays) -> Arrays:
    """Arrays in float64 where all are; else in float32. Counts among them, copies of what is shared."""
    double = bool(arrays) and all(array.dtype == np.float64 for array in arrays.values())
    return {name: np.array(array, np.float64 if double else np.float32) for name, array in arrays.items()}
