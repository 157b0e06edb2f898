"""`save_torch`: the weights of a network of ours as a state dictionary of PyTorch."""

from __future__ import annotations

import os
from typing import Any

from pellucid import checks
from pellucid.checked import checked
from pellucid.errors import DataError
from pellucid.files import PathLike, atomic_write
from pellucid.interop.header import encode_header
from pellucid.interop.tensors import as_stored, expect_finite, pieces
from pellucid.interop.torch.layout import leaves
from pellucid.interop.torch.match import IGNORED
from pellucid.interop.torch.state import pair_up, read_state
from pellucid.layers import Container
from pellucid.layers.container import network_of


@checked
@checks.within_memory
def save_torch(network: Container[Any] | Any, path: PathLike, *, like: PathLike | None = None) -> None:
    """Write the weights of a network as a state dictionary that `module.load_state_dict` takes.

    The arrays have PyTorch's layouts, as `load_torch` reads them. In Python there:
    `module.load_state_dict(safetensors.torch.load_file(path))`.

    Parameters
    ----------
    network : a network, or a model that holds one
    path : where to; an existing file is replaced
    like : a state dictionary of the module, optional
        Whose names the tensors have then, matched as `load_torch` does; left out, they have ours: `conv2d1.weight`.

    Raises
    ------
    ArgumentError
        If a layer has no counterpart in PyTorch.
    DataError
        If a weight is NaN or infinite, or a file cannot be read or written.
    FileFormatError
        If the tensors of `like` are not those of the network.

    Examples
    --------
    >>> network = pl.Sequential([pl.Affine(2)], input_shape=3)
    >>> pl.save_torch(network, "state.safetensors")
    """
    network = network_of(network, "save_torch", built=True)
    ours = leaves(network, "save_torch")
    pairs, wanted, more = {leaf.path: leaf.path for leaf in ours}, None, {}
    if like is not None:
        theirs, wanted = read_state(like, "save_torch")
        pairs = pair_up(ours, theirs, {}, f"save_torch: {os.fspath(like)}")
        more = {name: tensor for name, tensor in wanted.items() if name.endswith(IGNORED)}
    held = {**network.params, **network.buffers}
    arrays = {
        f"{pairs[leaf.path]}.{key}".removeprefix("."): move.write(held[f"{leaf.path}.{move.key}"])
        for leaf in ours
        for key, move in leaf.moves.items()
    }
    if wanted is not None:  # kernels of sequences have three axes there, and a normalisation may have no factors
        arrays = {name: arrays[name].reshape(tensor.shape) for name, tensor in wanted.items() if name in arrays}
    stored = as_stored({**arrays, **more}, "save_torch")
    expect_finite(stored, "save_torch", DataError)
    start, order = encode_header(stored, {"format": "pt"})
    atomic_write(path, pieces(start, stored, order), who="save_torch")
