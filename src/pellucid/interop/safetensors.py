"""Networks in files: weights as safetensors, the architecture as text beside them, nothing to execute.

    save(network, "mnist.safetensors", metadata={"loss": "SoftmaxCrossEntropy"})
    network = load("mnist.safetensors")

A file names layers of `layers.LAYERS` and their options. Loading imports nothing that the file names,
allocates nothing that the file's own size does not cover, and finds any changed bit by the checksums of
`seal`. `header` reads the format, `architecture` the description, `assemble` puts the two together.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any, Protocol

from pellucid import checks
from pellucid.checked import checked, checked_late
from pellucid.errors import ArgumentError, DataError, FileFormatError
from pellucid.files import PathLike, atomic_write
from pellucid.interop.architecture import (
    PREFIX,
    expect_names_fit,
    from_metadata,
    make_network,
    own_texts,
    to_metadata,
)
from pellucid.interop.assemble import assemble
from pellucid.interop.compare import OTHER, expect_same_architecture, expect_same_arrays
from pellucid.interop.header import Header, encode_header, read_header
from pellucid.interop.seal import seal, verify_header, verify_tensors
from pellucid.interop.tensors import as_stored, expect_finite, pieces, read_tensors
from pellucid.layers import Container, to_spec
from pellucid.layers.container import network_of
from pellucid.typing import Arrays

LEAVE = "Where that is wanted, give allow_nonfinite=True."


class Model(Protocol):
    """What holds a network, such as `models.TwoLayerNet`."""

    @property
    def network(self) -> Container[Any]: ...  # noqa: D102


@checked_late
def save(
    network: Container[Any] | Model,
    path: PathLike,
    *,
    metadata: Mapping[str, str] | None = None,
    allow_nonfinite: bool = False,
) -> None:
    """Write a network's parameters, buffers and architecture to one file, whole or not at all.

    The same network and metadata give the same bytes.

    Parameters
    ----------
    network : a container, or an object that holds one in `.network`
    path : where to; an existing file is replaced
    metadata : texts of your own, such as the loss, the class names or a summary of the training
        `read_metadata` gives them back. Names that begin with "pellucid." are taken.
    allow_nonfinite : whether NaN and infinite weights may be saved

    Raises
    ------
    StateError
        If the network is not built.
    ArgumentError
        If the metadata are not strings.
    DataError
        If a weight is NaN or infinite, or the file cannot be written.

    Examples
    --------
    >>> network = pl.Sequential([pl.Affine(2)], input_shape=3)
    >>> pl.save(network, "model.safetensors", metadata={"title": "a first try"})
    >>> np.array_equal(pl.load("model.safetensors").params["affine1.W"], network.params["affine1.W"])
    True
    """
    network = network_of(network, "save", built=True)
    own = own_texts(metadata or {}, "save")
    if twice := network.params.keys() & network.buffers.keys():
        raise ArgumentError(f"save: {min(twice)} names a parameter and a buffer. Rename one of them in its layer.")
    arrays = as_stored({**network.params, **network.buffers}, "save")
    if not allow_nonfinite:
        expect_finite(arrays, "save", DataError, LEAVE)
    start, order = encode_header(arrays, seal({**own, **to_metadata(network)}, arrays))
    atomic_write(path, pieces(start, arrays, order), who="save")


@checked
@checks.within_memory
def load(path: PathLike, *, allow_nonfinite: bool = False) -> Container[Any]:
    """Return the network that `save` wrote, bit for bit.

    Raises
    ------
    DataError
        If there is no such file, or it cannot be opened.
    FileFormatError
        If the file is damaged, of another format or without an architecture, or holds NaN or infinite
        weights and `allow_nonfinite` is false.

    Examples
    --------
    >>> pl.save(pl.Sequential([pl.Affine(2)], input_shape=3), "model.safetensors")
    >>> pl.load("model.safetensors").output_shape
    (2,)
    >>> pl.load("modle.safetensors")
    Traceback (most recent call last):
        ...
    pellucid.errors.DataError: load: there is no file modle.safetensors. Did you mean model.safetensors?
    """
    label = f"load: {os.fspath(path)}"
    with checks.open_file("load", path) as file:
        header = read_header(file, label)
        verify_header(header, label)
        architecture = from_metadata(header.metadata, label)
        network = make_network(architecture, label)
        arrays = _checked_tensors(file, header, label, allow_nonfinite)
    assemble(network, architecture.input_shape, architecture.dtype, arrays, label)
    network.outputs = architecture.outputs
    if set(architecture.buffers) != set(network.buffers):
        raise FileFormatError(f"{label}: its list of buffers is not that of the architecture. {OTHER}")
    network.inputs = architecture.inputs
    expect_names_fit(network, label)
    return network


@checked
@checks.within_memory
def load_into(network: Container[Any] | Model, path: PathLike, *, allow_nonfinite: bool = False) -> None:
    """Fill a built network with the parameters and buffers of a file; after an error it is as it was.

    The file must be of the same architecture: the same layers, names and options; how weights were initialised
    and which layers are trained does not matter. What inputs and outputs mean comes from the file too. Files of
    other programs have no architecture, and need only hold the same names, shapes and dtypes.

    Raises
    ------
    StateError
        If the network is not built.
    DataError
        If there is no such file, or it cannot be opened.
    FileFormatError
        As for `load`, and if the file is of another architecture.

    Examples
    --------
    >>> pl.save(pl.Sequential([pl.Affine(2)], input_shape=3, seed=1), "model.safetensors")
    >>> network = pl.Sequential([pl.Affine(2)], input_shape=3, seed=2)
    >>> held = network.params["affine1.W"]
    >>> pl.load_into(network, "model.safetensors")
    >>> held is network.params["affine1.W"]  # the arrays stay, their numbers change
    True
    """
    network = network_of(network, "load_into", built=True)
    label = f"load_into: {os.fspath(path)}"
    own: Arrays = {**network.params, **network.buffers}
    with checks.open_file("load_into", path) as file:
        header = read_header(file, label)
        verify_header(header, label)
        architecture = None
        if "pellucid.architecture" in header.metadata:
            architecture = from_metadata(header.metadata, label)
            expect_same_architecture(to_spec(network), architecture.spec, label)
        expect_same_arrays(own, header.tensors, label)
        arrays = _checked_tensors(file, header, label, allow_nonfinite)
    for name, array in own.items():
        array[...] = arrays[name]
    if architecture is not None:
        network.inputs, network.outputs = architecture.inputs, architecture.outputs


@checked
@checks.within_memory
def read_metadata(path: PathLike) -> dict[str, str]:
    """Return the texts that `save` was given as `metadata`; the weights are not read.

    Raises
    ------
    DataError
        If there is no such file, or it cannot be opened.
    FileFormatError
        If the file is not safetensors, or its header is damaged.

    Examples
    --------
    >>> pl.save(pl.Sequential([pl.Affine(2)], input_shape=3), "model.safetensors", metadata={"author": "Ada"})
    >>> pl.read_metadata("model.safetensors")["author"]
    'Ada'
    """
    label = f"read_metadata: {os.fspath(path)}"
    with checks.open_file("read_metadata", path) as file:
        header = read_header(file, label)
    verify_header(header, label)
    return {key: value for key, value in header.metadata.items() if not key.startswith(PREFIX)}


def _checked_tensors(file: Any, header: Header, label: str, allow_nonfinite: bool) -> Arrays:
    arrays = read_tensors(file, header, label)
    verify_tensors(header, arrays, label)
    if not allow_nonfinite:
        expect_finite(arrays, label, FileFormatError, LEAVE)
    return arrays
