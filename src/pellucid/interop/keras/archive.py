"""A `.keras` file: a ZIP archive of the description, the weights and a word on who wrote it.

    metadata.json       {"keras_version": "3.15.1", …}
    config.json         the model as nested objects
    model.weights.h5    the variables

Only these three are ever read, into memory and never to the disk, up to the sizes that the archive declares and its
own size allows.
"""

from __future__ import annotations

import os
import zipfile
from io import BufferedReader
from typing import NamedTuple

from pellucid.data.inflate import MAX_RATIO
from pellucid.errors import FileFormatError, PellucidError
from pellucid.interop.hdf5.reader import MAGIC
from pellucid.interop.strict_json import AGAIN

NAMES = ("config.json", "metadata.json", "model.weights.h5")
MAX_TEXT = 64 << 20
MAX_MEMBERS = 1_000


class Archive(NamedTuple):
    """The three members."""

    config: bytes
    metadata: bytes
    weights: bytes


def read_archive(file: BufferedReader, label: str) -> Archive:
    """Return the members of an archive of Keras.

    Raises
    ------
    FileFormatError
        If one is missing or twice there, is packed or locked in another way than Keras does, or declares more than
        the archive can hold; whatever zipfile raises is one too.
    """
    size = os.fstat(file.fileno()).st_size
    try:
        with zipfile.ZipFile(file) as archive:
            members = archive.infolist()
            _check(members, size, label)
            by_name = {member.filename: member for member in members}
            _expect_hdf5(archive, by_name["model.weights.h5"], label)
            return Archive(*(archive.read(by_name[name]) for name in NAMES))
    except (PellucidError, MemoryError):
        raise
    except Exception as error:  # zipfile meets damage with errors of many kinds
        raise FileFormatError(f"{label}: the archive is damaged: {error or type(error).__name__}. {AGAIN}") from error


def _expect_hdf5(archive: zipfile.ZipFile, member: zipfile.ZipInfo, label: str) -> None:
    """Look at the first bytes before all are inflated."""
    with archive.open(member) as weights:
        start = weights.read(len(MAGIC))
    if start != MAGIC:
        raise FileFormatError(f"{label}: {member.filename} is no HDF5 file, it begins with {start!r}. {AGAIN}")


def _check(members: list[zipfile.ZipInfo], size: int, label: str) -> None:
    names = [member.filename for member in members]
    if "data.pkl" in {name.rpartition("/")[2] for name in names}:
        raise FileFormatError(f"{label}: it is a file of PyTorch, which holds a pickle. See load_torch.")
    missing = [name for name in NAMES if name not in names]
    if missing:
        sharded = " Weights in several files are not read; save the model in one." if "config.json" in names else ""
        raise FileFormatError(
            f"{label}: a file of Keras must hold {', '.join(NAMES)}; {missing[0]} is missing.{sharded}"
        )
    if len(set(names)) != len(names) or len(names) > MAX_MEMBERS:
        raise FileFormatError(f"{label}: the archive holds a name twice, or too many. {AGAIN}")
    for member in members:
        if member.filename not in NAMES:  # assets, such as vocabularies, which no layer that is read has
            continue
        if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED) or member.flag_bits & 1:
            raise FileFormatError(f"{label}: {member.filename} is locked, or packed in another way than Keras does.")
        if member.filename.endswith(".json") and member.file_size > MAX_TEXT:
            raise FileFormatError(f"{label}: {member.filename} has {member.file_size} bytes, allowed are {MAX_TEXT}.")
    total = sum(member.file_size for member in members if member.filename in NAMES)
    if total > size * MAX_RATIO:
        raise FileFormatError(f"{label}: the archive of {size} bytes declares {total}, more than it can hold. {AGAIN}")
