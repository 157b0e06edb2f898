"""A strict reader of `.npz`, NumPy's ZIP archive of arrays: no pickles, no bombs.

Every size is declared three times: by the archive's directory, by the array's header, and by the file. They
are compared before anything is inflated, so that no small file makes its reader allocate more than it can
hold.
"""

from __future__ import annotations

import os
import re
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from io import BufferedReader

from pellucid import checks
from pellucid.data.inflate import MAX_RATIO
from pellucid.data.npy import AGAIN, read_array
from pellucid.errors import FileFormatError, PellucidError
from pellucid.typing import Array, Arrays

MAX_MEMBERS = 2_000
MAX_BYTES = 4 << 30
"""What the one array of an archive may take."""


def read_npz(path: str | os.PathLike[str], who: str = "read_npz") -> Array:
    """Return the array of an archive that holds exactly one.

    Raises
    ------
    DataError
        If there is no such file, or it cannot be opened.
    FileFormatError
        If it is no such archive, is damaged, or holds several arrays.
    """
    label = f"{who}: {os.fspath(path)}"
    with checks.open_file(who, path) as file, _opened(file, label, MAX_BYTES) as archive:
        names = [member.filename.removesuffix(".npy") for member in archive.infolist()]
        if len(names) != 1:
            listed = ", ".join(names[:12]) + (", …" if len(names) > 12 else "")
            remedy = f" Save the one that is meant alone: np.save('x.npy', np.load({os.fspath(path)!r})[{names[0]!r}])."
            raise FileFormatError(
                f"{label}: must hold one array, it holds {len(names)}: {listed}.{remedy}"
                if names
                else f"{label}: must hold one array, it holds none."
            )
        return _read_member(archive, archive.infolist()[0], label)


def read_archive(file: BufferedReader, label: str, *, accept: re.Pattern[str], max_bytes: int = 1 << 30) -> Arrays:
    """Return the arrays of an archive whose names `accept` matches; any other name raises.

    Raises
    ------
    FileFormatError
        If the file is not such an archive, is damaged, or declares more than `max_bytes` or than it can hold.
    """
    with _opened(file, label, max_bytes) as archive:
        return {
            name: _read_member(archive, member, label)
            for member in archive.infolist()
            for name in [_checked_name(member, accept, label)]
        }


@contextmanager
def _opened(file: BufferedReader, label: str, max_bytes: int) -> Iterator[zipfile.ZipFile]:
    """The archive, whose directory can be believed; whatever zipfile raises meanwhile is a FileFormatError."""
    try:
        with zipfile.ZipFile(file) as archive:
            members = archive.infolist()
            _check_count(file, len(members), label)
            _check_directory(members, os.fstat(file.fileno()).st_size, max_bytes, label)
            yield archive
    except (PellucidError, MemoryError):
        raise
    except Exception as error:  # zipfile meets damage with errors of many kinds
        raise FileFormatError(f"{label}: the archive is damaged: {error or type(error).__name__}. {AGAIN}") from error


def _check_count(file: BufferedReader, count: int, label: str) -> None:
    """Compare with the count in the last 22 bytes: a damaged directory hides members, which zipfile lets pass."""
    file.seek(-22, os.SEEK_END)
    end = file.read(22)
    if end[:4] != b"PK\5\6" or int.from_bytes(end[10:12], "little") != count:
        raise FileFormatError(f"{label}: the archive's directory is damaged, or bytes follow it. {AGAIN}")


def _check_directory(members: list[zipfile.ZipInfo], size: int, max_bytes: int, label: str) -> None:
    names = [member.filename for member in members]
    if len(names) > MAX_MEMBERS or len(set(names)) != len(names):
        raise FileFormatError(f"{label}: an archive may hold {MAX_MEMBERS} arrays of different names. {AGAIN}")
    for member in members:
        if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED) or member.flag_bits & 1:
            raise FileFormatError(
                f"{label}: {member.filename[:80]!r} is not packed as NumPy does. Save it with np.savez."
            )
    total = sum(member.file_size for member in members)
    if total > min(max_bytes, size * MAX_RATIO):
        raise FileFormatError(
            f"{label}: the archive of {size} bytes declares {total}, more than it can hold "
            f"or than the {max_bytes} allowed. {AGAIN}"
        )


def _checked_name(member: zipfile.ZipInfo, accept: re.Pattern[str], label: str) -> str:
    name, _, suffix = member.filename.rpartition(".")
    if suffix != "npy" or not accept.fullmatch(name):
        raise FileFormatError(
            f"{label}: unexpected content {member.filename[:80]!r}. Save the arrays alone: np.savez(path, **params)."
        )
    return name


def _read_member(archive: zipfile.ZipFile, member: zipfile.ZipInfo, label: str) -> Array:
    with archive.open(member) as file:  # its checksum is compared when the last byte is read
        return read_array(file, member.file_size, f"{label}: {member.filename}")
