"""The one door through which files are written, whole or not at all; and files that are read within a limit.

Only a regular file is ever replaced: never a folder, a pipe, a socket or a device. A link is followed, and the file
that it names is replaced. The new file has the old one's permissions and, where the system lets us, its owner.
"""

from __future__ import annotations

import os
import re
import stat
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO, TypeAlias

from pellucid import checks
from pellucid.errors import DataError, FileFormatError

if sys.platform != "win32":
    import fcntl

PathLike: TypeAlias = "str | os.PathLike[str]"
Pieces: TypeAlias = "Iterable[bytes | memoryview]"

_KINDS = {stat.S_IFDIR: "a folder", stat.S_IFIFO: "a pipe", stat.S_IFSOCK: "a socket"}
_LONGEST = 240  # bytes of a name that fit into the temporary one


@contextmanager
def atomic_file(who: str, path: PathLike) -> Iterator[BinaryIO]:
    """A file to write to, which takes the place of `path` only when the block ends without an error.

    The bytes go to a temporary file in the same folder, are flushed to the disk, and one rename puts them in
    place: a reader sees the old file or the new one, never half of it. After an error `path` is as it was and
    no temporary file is left. A process that is killed leaves one; the next that writes `path` removes it.

    Raises
    ------
    DataError
        If `path` is something other than a regular file, the folder does not exist, cannot be written to, or
        the disk is full.
    """
    target = writable(who, path)
    part: Path | None = None
    try:
        _remove_abandoned(target)
        part, file = _part(target)
        with file:
            yield file
            file.flush()
            os.fsync(file.fileno())
            writable(who, path)  # a pipe may have come there meanwhile
            if sys.platform == "win32":  # which renames no open file; elsewhere the lock is held to the end
                file.close()
            os.replace(part, target)
        _sync_folder(target.parent)
    except OSError as error:
        raise _unwritable(who, path, error) from error
    finally:
        if part is not None:
            part.unlink(missing_ok=True)


def atomic_write(path: PathLike, data: bytes | Pieces, *, who: str = "atomic_write") -> None:
    """Write `data`, one piece or several, so that `path` holds all of it or what it held before: `atomic_file`."""
    with atomic_file(who, path) as file:
        for piece in [data] if isinstance(data, bytes) else data:
            file.write(piece)


def writable(who: str, path: PathLike) -> Path:
    """Return the file that `path` means, links followed; DataError where it cannot be written or replaced.

    Asked before the work whose result the file is to hold.
    """
    if os.fspath(path).endswith("/"):  # which `realpath` forgets
        raise DataError(f"{who}: {os.fspath(path)} names a folder; a file is needed.")
    try:
        target, mode = Path(os.path.realpath(path)), _mode(path)
        if mode is not None and not stat.S_ISREG(mode):
            kind = _KINDS.get(stat.S_IFMT(mode), "a device")
            raise DataError(
                f"{who}: {os.fspath(path)} cannot be written: it is {kind}, and only files are ever replaced. "
                "Choose another name."
            )
        if not target.parent.is_dir():
            raise DataError(
                f"{who}: there is no folder {target.parent}. "
                f"Make it first: Path({str(target.parent)!r}).mkdir(parents=True)."
            )
        protected = mode is not None and not os.access(target, os.W_OK)
        if protected or not os.access(target.parent, os.W_OK | os.X_OK):
            raise PermissionError(0, "it is write-protected" if protected else "its folder cannot be written to")
    except (OSError, ValueError) as error:  # ValueError: a name with a null byte
        if isinstance(error, DataError):
            raise
        raise _unwritable(who, path, error) from error
    return target


def writable_folder(who: str, path: PathLike) -> Path:
    """Return the folder `path`; DataError unless files can be written there, or it can be made."""
    folder = Path(path)
    there, new = Path(os.path.realpath(folder)), []
    while not os.path.lexists(there):
        new.append(there.name)
        there = there.parent
    if not there.is_dir():
        raise DataError(f"{who}: {folder} must be a folder, and {there} is a file. Choose another name.")
    import tempfile

    try:
        for name in new:  # it may be too long
            with suppress(FileNotFoundError):
                os.lstat(there / name)
        with tempfile.TemporaryFile(dir=there) as probe:  # permissions alone say nothing of a full disk
            probe.write(bytes(1 << 16))
    except OSError as error:
        raise _unwritable(who, folder, error) from error
    return folder


def expect_spared(who: str, outputs: Iterable[PathLike], inputs: Iterable[PathLike]) -> None:
    """Raise DataError where a file that is to be written is one that is read, under whatever name, through any link."""
    read = [path for path in inputs if os.path.isfile(path)]
    for output in outputs:
        for path in read if os.path.exists(output) else ():
            if os.path.samefile(output, path):
                same = "" if os.fspath(output) == os.fspath(path) else f", which is {os.fspath(path)},"
                raise DataError(f"{who}: {os.fspath(output)}{same} is read here, and would be lost. Choose another.")


def make_folder(who: str, path: PathLike) -> None:
    """Make a folder, and those above it, where there is none."""
    try:
        Path(path).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise _unwritable(who, path, error) from error


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


def _unwritable(who: str, path: PathLike, error: Exception) -> DataError:
    reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return DataError(f"{who}: {os.fspath(path)} cannot be written: {reason}. Choose a folder that can be written to.")


def _mode(path: PathLike) -> int | None:
    try:
        return os.stat(path).st_mode
    except (FileNotFoundError, NotADirectoryError):
        return None


# The temporary file


def _part(target: Path) -> tuple[Path, BinaryIO]:
    """Open a new file beside the target, which its lock shows to be in use for as long as it is open."""
    old = target.stat() if target.exists() else None
    permissions = 0o666 if old is None else stat.S_IMODE(old.st_mode) & 0o777
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
    while True:
        part = target.with_name(f".{_short(target.name)}.{os.urandom(4).hex()}.part")
        file = os.fdopen(os.open(part, flags, permissions), "wb")
        if _locked(file.fileno(), wait=True) and not os.fstat(file.fileno()).st_nlink:
            file.close()  # taken for abandoned between its making and its lock
            continue
        if old is not None:
            _give(file.fileno(), old)
        return part, file


def _give(descriptor: int, old: os.stat_result) -> None:
    """Give a file another's owner, group and permissions, as far as the system allows."""
    if sys.platform != "win32":
        for user, group in ((old.st_uid, -1), (-1, old.st_gid)):
            with suppress(OSError):
                os.fchown(descriptor, user, group)
        os.fchmod(descriptor, stat.S_IMODE(old.st_mode) & 0o777)


def _remove_abandoned(target: Path) -> None:
    """Remove the temporary files of this target whose writers are dead."""
    ours = re.compile(re.escape(f".{_short(target.name)}.") + r"[0-9a-f]{8}\.part")
    with suppress(OSError), os.scandir(target.parent) as entries:
        for entry in entries:
            if ours.fullmatch(entry.name) and entry.is_file(follow_symlinks=False):
                _remove_unless_held(entry.path)


def _remove_unless_held(path: str) -> None:
    with suppress(OSError):
        if sys.platform == "win32":
            os.unlink(path)  # refused while it is open
            return
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
        try:
            if _locked(descriptor, wait=False):
                os.unlink(path)
        finally:
            os.close(descriptor)


def _locked(descriptor: int, *, wait: bool) -> bool:
    """Lock a file until it is closed; False where another holds it, or the file system knows no locks."""
    if sys.platform == "win32":
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def _short(name: str) -> str:
    return os.fsdecode(os.fsencode(name)[:_LONGEST])


def _sync_folder(folder: Path) -> None:
    if os.name == "posix":  # elsewhere a folder cannot be opened, and the rename is durable by itself
        with suppress(OSError):  # the file is in its place: there is nothing left to refuse
            descriptor = os.open(folder, os.O_RDONLY)
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
