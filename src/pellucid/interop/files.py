"""Whole files: written at once or not at all, read within a limit."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import TypeAlias

from pellucid import checks
from pellucid.data.atomic import atomic_write as atomic_file
from pellucid.errors import DataError, FileFormatError

PathLike: TypeAlias = "str | os.PathLike[str]"
Pieces: TypeAlias = "Iterable[bytes | memoryview]"


def atomic_write(path: PathLike, data: bytes | Pieces, *, who: str = "atomic_write") -> None:
    """Write `data`, one piece or several, so that `path` holds all of it or what it held before.

    A link is followed: the file that it names is replaced, and the link stays.

    Raises
    ------
    DataError
        If the folder does not exist, cannot be written to, or the disk is full.
    """
    target = Path(os.path.realpath(path))
    if not target.parent.is_dir():
        raise DataError(
            f"{who}: there is no folder {target.parent}. "
            f"Make it first: Path({str(target.parent)!r}).mkdir(parents=True)."
        )
    with atomic_file(who, target) as file:
        for piece in [data] if isinstance(data, bytes) else data:
            file.write(piece)


def read_bytes(path: PathLike, limit: int, *, who: str = "read_bytes") -> bytes:
    """Return the content of a file of at most `limit` bytes.

    Raises
    ------
    DataError
        If there is no such file, it is a folder, or cannot be opened.
    FileFormatError
        If it is larger than `limit`; nothing has been read then.
    """
    with checks.open_file(who, path) as file:
        size = os.fstat(file.fileno()).st_size
        if size > limit:
            raise FileFormatError(
                f"{who}: {os.fspath(path)} holds {size} bytes, more than the {limit} allowed for such a file."
            )
        return file.read(size)
