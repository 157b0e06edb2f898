"""Checksums inside the file, so that a changed bit is found wherever it is.

Two, as the text of a file is read without its tensors: `pellucid.sha256.tensors` is over the bytes of the
tensors in the order of their names, `pellucid.sha256.header` over their names, dtypes and shapes and all
the other text. They are over the content, not its spelling: a program that writes the same content again
keeps them valid. A checksum finds accidents; whoever changes a file on purpose changes the checksum too.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping

from pellucid.errors import FileFormatError
from pellucid.interop.header import CODES, Header, TensorInfo
from pellucid.interop.strict_json import AGAIN
from pellucid.interop.tensors import as_bytes
from pellucid.typing import Array

TENSORS = "pellucid.sha256.tensors"
HEADER = "pellucid.sha256.header"


def seal(metadata: Mapping[str, str], arrays: Mapping[str, Array]) -> dict[str, str]:
    """Return the metadata with both checksums."""
    sealed = {**metadata, TENSORS: _tensors_digest(arrays)}
    return {**sealed, HEADER: _header_digest(sealed, arrays)}


def verify_header(header: Header, label: str) -> None:
    """Raise FileFormatError where the header has changed; files of other writers carry no checksum."""
    if (TENSORS in header.metadata) != (HEADER in header.metadata):
        raise FileFormatError(f"{label}: one of the two checksums is missing. {AGAIN}")
    if HEADER in header.metadata and header.metadata[HEADER] != _header_digest(header.metadata, header.tensors):
        raise FileFormatError(f"{label}: the header does not have its checksum. {AGAIN}")


def verify_tensors(header: Header, arrays: Mapping[str, Array], label: str) -> None:
    """Raise FileFormatError where the tensors have changed."""
    if TENSORS in header.metadata and header.metadata[TENSORS] != _tensors_digest(arrays):
        raise FileFormatError(f"{label}: the tensors do not have their checksum. {AGAIN}")


def _header_digest(metadata: Mapping[str, str], tensors: Mapping[str, Array | TensorInfo]) -> str:
    text = sorted(item for item in metadata.items() if item[0] != HEADER)
    table = sorted((name, CODES[t.dtype.newbyteorder("<")], t.shape) for name, t in tensors.items())
    return hashlib.sha256(json.dumps([text, table]).encode()).hexdigest()


def _tensors_digest(arrays: Mapping[str, Array]) -> str:
    digest = hashlib.sha256()
    for name in sorted(arrays):
        array = arrays[name]
        digest.update(as_bytes(array.astype(array.dtype.newbyteorder("<"), copy=False)))
    return digest.hexdigest()
