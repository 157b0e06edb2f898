"""`save_keras`: a network as a `.keras` file that Keras 3 opens, without Keras."""

from __future__ import annotations

from typing import Any

from pellucid.checked import checked_late
from pellucid.errors import DataError
from pellucid.files import PathLike, atomic_write
from pellucid.interop.tensors import expect_finite
from pellucid.layers import Container
from pellucid.layers.container import network_of


@checked_late
def save_keras(network: Container[Any] | Any, path: PathLike) -> None:
    """Write a network as a `.keras` file, which Keras 3 opens without custom objects; Keras is not needed.

    A chain becomes a Sequential, anything else a functional model; layers in containers get names such as
    `block_conv2d1`. Padding that Keras has no word for is a ZeroPadding2D before the layer. How samples were prepared,
    and what classes are called, the form cannot hold.

    Parameters
    ----------
    network : a network, or a model that holds one
    path : where to; an existing file is replaced

    Raises
    ------
    StateError
        If the network is not built.
    ArgumentError
        If Keras has no counterpart of a layer, which is named.
    DataError
        If a weight is NaN or infinite, or the file cannot be written.

    Examples
    --------
    >>> network = pl.Sequential([pl.Conv2D(2, 3), pl.ReLU(), pl.Flatten(), pl.Affine(3)], input_shape=(6, 6, 1))
    >>> pl.save_keras(network, "model.keras")
    >>> pl.load_keras("model.keras").names
    ('conv2d1', 'relu1', 'flatten1', 'affine1')
    """
    from pellucid.interop.keras.write.model import encode_network  # loads a writer for each layer

    network = network_of(network, "save_keras", built=True)
    expect_finite({**network.params, **network.buffers}, "save_keras", DataError)
    atomic_write(path, encode_network(network), who="save_keras")
