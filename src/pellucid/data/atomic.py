"""Files that are written whole or not at all."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from pellucid.errors import DataError


@contextmanager
def atomic_write(who: str, path: str | os.PathLike[str]) -> Iterator[BinaryIO]:
    """A file to write to, which takes the place of `path` only when the block ends without an error.

    The bytes go to a temporary file in the same folder, are flushed to the disk, and one rename puts them in
    place: a reader sees the old file or the new one, never half of it. After an error `path` is as it was and
    no temporary file is left.

    Raises
    ------
    DataError
        If the folder does not exist, cannot be written to, or the disk is full.
    """
    target = Path(path)
    temporary = target.with_name(f".{target.name}.{os.urandom(4).hex()}.part")
    try:
        with temporary.open("xb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, target)
        _sync_folder(target.parent)
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise DataError(
            f"{who}: {target} cannot be written: {reason}. Choose a folder that can be written to."
        ) from error
    finally:
        temporary.unlink(missing_ok=True)


def _sync_folder(folder: Path) -> None:
    if os.name != "posix":  # elsewhere a folder cannot be opened, and the rename is durable by itself
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
