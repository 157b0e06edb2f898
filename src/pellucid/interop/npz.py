"""A strict reader of `.npz`, NumPy's ZIP archive of arrays: no pickles, no bombs.

Every size is declared three times: by the archive's directory, by the array's header, and by the file. They
are compared before anything is inflated, so that no small file makes its reader allocate more than it can
hold.
"""

from __future__ import annotations

import math
import os
import re
import struct
import zipfile
import zlib
from io import BufferedReader

import numpy as np

from pellucid.data.npy import read_npy_header
from pellucid.errors import FileFormatError
from pellucid.interop.strict_json import AGAIN
from pellucid.typing import Array, Arrays

MAX_MEMBERS = 2_000
MAX_RATIO = 1032
"""Deflate makes at most this many bytes of one."""


def read_npz(file: BufferedReader, label: str, *, accept: re.Pattern[str], max_bytes: int = 1 << 30) -> Arrays:
    """Return the arrays of an archive whose names `accept` matches; any other name raises.

    Raises
    ------
    FileFormatError
        If the file is not such an archive, is damaged, or declares more than `max_bytes` or than it can hold.
    """
    try:
        with zipfile.ZipFile(file) as archive:
            members = archive.infolist()
            _check_count(file, len(members), label)
            _check_directory(members, os.fstat(file.fileno()).st_size, max_bytes, label)
            return {
                name: _read_member(archive, m, label) for m in members for name in [_checked_name(m, accept, label)]
            }
    except FileFormatError:
        raise
    except (
        zipfile.BadZipFile,
        zlib.error,
        struct.error,
        EOFError,
        OSError,
        RuntimeError,
        ValueError,
    ) as error:
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
    who = f"{label}: {member.filename}"
    with archive.open(member) as file:
        shape, fortran, dtype = read_npy_header(file, who)
        nbytes = math.prod(shape) * dtype.itemsize
        if nbytes > member.file_size:
            raise FileFormatError(
                f"{who}: shape {shape} of {dtype} takes {nbytes} bytes, "
                f"the archive declares {member.file_size}. {AGAIN}"
            )
        data = file.read(nbytes + 1)  # to the end, where the checksum is compared
    if len(data) != nbytes:
        raise FileFormatError(
            f"{who}: shape {shape} of {dtype} takes {nbytes} bytes, {len(data)} are there or more. {AGAIN}"
        )
    array = np.frombuffer(data, dtype).reshape(shape, order="F" if fortran else "C")
    return np.array(array, dtype.newbyteorder("="), order="C")
