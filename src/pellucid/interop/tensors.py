"""The tensors of a file as arrays, and back."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from io import BufferedReader

import numpy as np

from pellucid.errors import ArgumentError, DataError, FileFormatError
from pellucid.interop.header import CODES, Header
from pellucid.interop.strict_json import AGAIN
from pellucid.typing import Array, Arrays


def read_tensors(file: BufferedReader, header: Header, label: str) -> Arrays:
    """Return the tensors as new arrays, read straight into their memory, which the header has bounded."""
    arrays = {}
    for name, info in header.tensors.items():
        array = np.empty(info.shape, info.dtype)
        if file.readinto(as_bytes(array)) != array.nbytes:
            raise FileFormatError(f"{label}: the file is cut short within tensor {name[:80]!r}. {AGAIN}")
        if info.dtype.kind == "b" and array.size and array.view(np.uint8).max() > 1:
            raise FileFormatError(f"{label}: tensor {name[:80]!r} holds bytes other than 0 and 1 as booleans. {AGAIN}")
        arrays[name] = array.astype(info.dtype.newbyteorder("="), copy=False)
    return arrays


def as_stored(arrays: Mapping[str, Array], who: str) -> Arrays:
    """Return copies of the arrays as a file holds them, little-endian and contiguous.

    Copies, as another thread may be training: what is checked, summed and written must be the same numbers.
    """
    stored = {}
    for name, array in arrays.items():
        dtype = array.dtype.newbyteorder("<")
        if dtype not in CODES:
            raise ArgumentError(
                f"{who}: {name} is {array.dtype}, which safetensors cannot hold. Use float32 or float64."
            )
        stored[name] = np.array(array, dtype, order="C")
    return stored


def as_bytes(array: Array) -> memoryview:
    """Return the memory of a contiguous array, not copied; memoryview.cast refuses empty arrays."""
    return array.reshape(-1).view(np.uint8).data


def pieces(start: bytes, arrays: Mapping[str, Array], order: list[str]) -> Iterator[bytes | memoryview]:
    """Yield a file part by part, so that it is never in memory as a whole."""
    yield start
    for name in order:
        yield as_bytes(arrays[name])


def expect_finite(
    arrays: Mapping[str, Array], who: str, error: type[DataError] | type[FileFormatError], remedy: str = ""
) -> None:
    """Raise `error`, naming the array, where there is NaN or infinity."""
    for name, array in arrays.items():
        bad = 0 if array.dtype.kind != "f" else array.size - int(np.count_nonzero(np.isfinite(array)))
        if bad:
            raise error(
                f"{who}: {name[:80]} holds {bad} NaN or infinite values of {array.size}: its training diverged. "
                + (remedy or "Train again, with a smaller learning rate.")
            )
