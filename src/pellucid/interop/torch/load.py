"""`load_torch`: the weights of a PyTorch module, as safetensors, into a network of ours."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

import numpy as np

from pellucid import checks
from pellucid.checked import checked
from pellucid.errors import FileFormatError
from pellucid.files import PathLike
from pellucid.interop.tensors import expect_finite
from pellucid.interop.torch.layout import Leaf, leaves
from pellucid.interop.torch.match import Module
from pellucid.interop.torch.state import pair_up, read_state
from pellucid.interop.torch.table import Matches, Row
from pellucid.layers import Container
from pellucid.layers.container import network_of
from pellucid.typing import Arrays


@checked
@checks.within_memory
def load_torch(network: Container[Any] | Any, path: PathLike, *, names: Mapping[str, str] | None = None) -> Matches:
    """Fill a built network with a state dictionary of PyTorch; after an error the network is as it was.

    A module and a layer belong together where their names agree (a dot being as good as an underscore), else by order
    and shape: see the page "Keras and PyTorch". Kernels are transposed; behind a Flatten, the rows of an affine layer
    are brought from PyTorch's order (C, H, W) to ours. `num_batches_tracked` is left out.

    Parameters
    ----------
    network : a network, or a model that holds one
    path : a safetensors file, as safetensors.torch.save_file(module.state_dict(), path) writes it
    names : mapping of their names to ours, optional
        Of modules ("fc": "affine1") or tensors, where order and shape do not tell.

    Returns
    -------
    Matches : which tensor went where, from which shape to which, and how; print it

    Raises
    ------
    DataError
        If there is no such file, or it cannot be opened.
    FileFormatError
        If it is damaged or a pickle, or its tensors are not those of the network.
    ArgumentError
        If a layer of the network has no counterpart in PyTorch.

    Examples
    --------
    >>> network = pl.Sequential([pl.Conv2D(2, 3), pl.ReLU(), pl.Flatten(), pl.Affine(10)], input_shape=(5, 5, 1))
    >>> pl.save_torch(network, "state.safetensors")
    >>> print(pl.load_torch(network, "state.safetensors"))
    PyTorch         shape         Pellucid   shape         how
    conv2d1.weight  (2, 1, 3, 3)  conv2d1.W  (3, 3, 1, 2)  transpose(2, 3, 1, 0)
    conv2d1.bias    (2,)          conv2d1.b  (2,)          as it is
    affine1.weight  (10, 18)      affine1.W  (18, 10)      transpose(1, 0), rows of (3, 3, 2) from (C, H, W)
    affine1.bias    (10,)         affine1.b  (10,)         as it is
    """
    network = network_of(network, "load_torch", built=True)
    label = f"load_torch: {os.fspath(path)}"
    ours = leaves(network, "load_torch")
    theirs, tensors = read_state(path, "load_torch")
    pairs = pair_up(ours, theirs, names or {}, label)
    expect_finite(tensors, label, FileFormatError)
    rows, arrays = _moved(ours, theirs, pairs, tensors)
    held = {**network.params, **network.buffers}
    for name, array in arrays.items():
        held[name][...] = array
    return Matches(rows)


def _moved(
    ours: list[Leaf], theirs: Mapping[str, Module], pairs: Mapping[str, str], tensors: Arrays
) -> tuple[list[Row], Arrays]:
    rows: list[Row] = []
    arrays: Arrays = {}
    for leaf in ours:
        module = theirs[pairs[leaf.path]]
        for key, move in leaf.moves.items():
            ours_is, theirs_is = f"{leaf.path}.{move.key}", f"{module.name}.{key}".removeprefix(".")
            tensor = tensors.get(theirs_is)
            if tensor is None:  # a normalisation without factors of its own
                arrays[ours_is] = np.full(move.shape, 1.0 if key == "weight" else 0.0)
                rows.append(Row("", ours_is, (), move.shape, f"all {1 if key == 'weight' else 0}"))
                continue
            arrays[ours_is] = move.read(tensor)
            rows.append(Row(theirs_is, ours_is, tensor.shape, move.shape, str(move)))
    return rows, arrays
