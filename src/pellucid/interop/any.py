"""A network from a file of any kind that the package reads, told by its content and not by its name."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

from pellucid import checks
from pellucid.checked import checked
from pellucid.files import PathLike
from pellucid.interop.keras.load import load_keras
from pellucid.interop.onnx import load_onnx
from pellucid.interop.safetensors import load
from pellucid.layers import Container

HDF5, ZIP, ONNX = b"\x89HDF\r\n\x1a\n", b"PK\x03\x04", b"\x08"  # of ONNX: field 1, the version of its form


@checked
def load_model(path: PathLike) -> Container[Any]:
    """Return the network in a file of ours, in an ONNX file, or in a `.keras` or `.h5` file.

    Nothing in any of them is executed. `load`, `load_onnx` and `load_keras` have the options of each kind.

    Raises
    ------
    DataError
        If there is no such file, or it cannot be opened.
    FileFormatError
        If it is damaged, or of no such kind.

    Examples
    --------
    >>> pl.save(pl.Sequential([pl.Affine(2)], input_shape=3), "model.safetensors")
    >>> pl.load_model("model.safetensors").output_shape
    (2,)
    """
    read: dict[str, Callable[[PathLike], Container[Any]]] = {"onnx": load_onnx, "keras": load_keras, "pellucid": load}
    return read[kind_of_model(path)](path)


def kind_of_model(path: PathLike) -> str:
    """Return "onnx", "keras" or "pellucid", which also what is no model is taken for: `load` says what is wrong."""
    with checks.open_file("load_model", path) as file:
        start = file.read(9)
    suffix = os.path.splitext(os.fspath(path))[1].lower()
    if start[:8] == HDF5 or (start[:4] == ZIP and suffix != ".npz"):
        return "keras"
    if start[8:] == b"{" and int.from_bytes(start[:8], "little") <= os.path.getsize(path) - 8:
        return "pellucid"  # the length of a header, and the header, as safetensors begins
    if start[:1] == ONNX or suffix == ".onnx":
        return "onnx"
    return "keras" if suffix in (".keras", ".h5", ".hdf5") else "pellucid"
