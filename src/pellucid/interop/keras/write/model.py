"""How a network becomes the bytes of a `.keras` file: its layers in Keras' order, their description, their weights."""

from __future__ import annotations

import io
import json
import zipfile
from collections import Counter
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from pellucid.interop.hdf5 import encode_hdf5
from pellucid.interop.keras.archive import NAMES
from pellucid.interop.keras.kinds import infer
from pellucid.interop.keras.weights import snake_case
from pellucid.interop.keras.write import Entry, Given, entries_of
from pellucid.layers import Container, Layer
from pellucid.layers.container import INPUT
from pellucid.layers.walk import opened
from pellucid.typing import Config, Shape

KERAS = "3.0.0"
"""The version in whose form the file is written; later ones read it."""

DATE = (1980, 1, 1, 0, 0, 0)
"""The date of every member, so that the same network gives the same bytes."""


class Placed(NamedTuple):
    """A layer of Keras in its model: its name, what it takes, and the shape of its output."""

    name: str
    entry: Entry
    inputs: tuple[str, ...]
    shape: Shape
    trainable: bool


def encode_network(network: Container[Any]) -> bytes:
    """Return the archive; the same network gives the same bytes."""
    layers, output = _placed(network)
    contents = (_model(network, layers, output), {"keras_version": KERAS}, _weights(layers))
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for name, content in zip(NAMES, contents, strict=True):
            data = content if isinstance(content, bytes) else json.dumps(content).encode()
            archive.writestr(zipfile.ZipInfo(name, DATE), data)
    return stream.getvalue()


def _placed(network: Container[Any]) -> tuple[list[Placed], str]:
    """Return the layers of Keras from top to bottom, and the name of the one that gives the output."""
    names, shapes, relu = {INPUT: INPUT}, {INPUT: network.input_shape or ()}, set()
    placed: list[Placed] = []
    taken = {INPUT}
    for path, operation, inputs in opened(network):
        given = Given(operation, path, [shapes[source] for source in inputs], inputs[0] in relu)
        sources = tuple(names[source] for source in inputs)
        *before, last = entries_of(given)
        shapes[path] = infer(operation, given.shapes)
        name = _free(path.replace(".", "_"), taken)
        trainable = not isinstance(operation, Layer) or operation.trainable
        for entry in before:
            own = _free(f"{name}_{snake_case(entry.kind)}", taken)
            placed.append(Placed(own, entry, sources, entry.shape, trainable))
            sources = (own,)
        placed.append(Placed(name, last, sources, shapes[path], trainable))
        names[path] = name
        if operation.facts.function == "relu" or (inputs[0] in relu and operation.facts.in_order):
            relu.add(path)
    output = placed[-1].name if placed else INPUT  # every node leads to it
    return _in_keras_order(placed, output), output


def _in_keras_order(layers: list[Placed], output: str) -> list[Placed]:
    """Sort layers as Keras does, which counts them in this order for the places of their weights.

    Those farthest from the output come first, and of several at one distance the one that is met first on the way back.
    """
    distance, waiting = {output: 0}, [output]
    met: dict[str, int] = {}
    by_name = {layer.name: layer for layer in layers}
    for layer in reversed(layers):
        for source in layer.inputs:
            distance[source] = max(distance.get(source, 0), distance[layer.name] + 1)
    while waiting:
        name = waiting.pop()
        if name in by_name and name not in met:
            met[name] = len(met)
            waiting += reversed(by_name[name].inputs)
    return sorted(layers, key=lambda layer: (-distance[layer.name], met[layer.name]))


def _free(wanted: str, taken: set[str]) -> str:
    name, number = wanted, 1
    while name in taken:
        number += 1
        name = f"{wanted}_{number}"
    taken.add(name)
    return name


# The description


def _model(network: Container[Any], layers: list[Placed], output: str) -> Config:
    shape = [None, *(network.input_shape or ())]
    dtype = network.dtype.name
    door = Entry("InputLayer", {"batch_shape": shape, "dtype": dtype})
    first = Placed(INPUT, door, (), network.input_shape or (), True)
    name = network.name or "network"
    in_a_row = all(below.inputs == (above.name,) for above, below in zip([first, *layers], layers, strict=False))
    shapes = {layer.name: layer.shape for layer in (first, *layers)}
    entries = [_entry(layer, dtype, None if in_a_row else shapes) for layer in (first, *layers)]
    config: Config = {"name": name, "trainable": True, "layers": entries}
    if not in_a_row:
        config |= {"input_layers": [INPUT, 0, 0], "output_layers": [output, 0, 0]}
    return {
        "module": "keras" if in_a_row else "keras.src.models.functional",
        "class_name": "Sequential" if in_a_row else "Functional",
        "config": config,
        "registered_name": None if in_a_row else "Functional",
        "build_config": {"input_shape": shape},
    }


def _entry(layer: Placed, dtype: str, shapes: Mapping[str, Shape] | None) -> Config:
    """One layer, with the call of it where the model is no chain."""
    kind, config = layer.entry.kind, layer.entry.config
    entry: Config = {
        "module": "keras.layers",
        "class_name": kind,
        "config": {"name": layer.name, "dtype": dtype, **config},
        "registered_name": None,
    }
    if layer.entry.variables:
        entry["config"]["trainable"] = layer.trainable
    if shapes is not None:
        tensors = [_tensor(source, shapes[source], dtype) for source in layer.inputs]
        argument = tensors if len(tensors) > 1 else tensors[0] if tensors else None
        entry["name"] = layer.name
        entry["inbound_nodes"] = [{"args": [argument], "kwargs": {}}] if tensors else []
    return entry


def _tensor(source: str, shape: Shape, dtype: str) -> Config:
    config = {"shape": [None, *shape], "dtype": dtype, "keras_history": [source, 0, 0]}
    return {"class_name": "__keras_tensor__", "config": config}


# The weights


def _weights(layers: list[Placed]) -> bytes:
    counted: Counter[str] = Counter()
    members: dict[str, Any] = {}
    for layer in layers:
        key = snake_case(layer.entry.kind)
        place = f"{key}_{counted[key]}" if counted[key] else key
        counted[key] += 1
        members[place] = {"vars": {str(i): np.asarray(array) for i, array in enumerate(layer.entry.variables)}}
    return encode_hdf5({"layers": members, "vars": {}})
