"""Files that are written whole or not at all, and read within a limit."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, TypeAlias

from pellucid import checks
from pellucid.errors import DataError, FileFormatError

PathLike: TypeAlias = "str | os.PathLike[str]"
Pieces: TypeAlias = "Iterable[bytes | memoryview]"


@contextmanager
def atomic_file(who: str, path: str | os.PathLike[str]) -> Iterator[BinaryIO]:
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
