r"""The files of Numba's cache, each behind a digest of its own.

    pellucid 1\n   SHA-256 of the rest with the file's name, 32 bytes   what Numba writes

Numba unpickles what a file holds and calls it. A pickle can run anything and take all memory, so nothing of a file is
looked at whose digest is not right: neither of the index, which says where the code for a signature lies, nor of code.

Numba looks for code by the bytes of its function and of what the function holds, and begins anew when the function's
own file changes. But a function made by another one holds compiled functions, whose bytes are others in every process,
so that its code would never be found again; and helpers lie in other files, so that one that changed would go
unnoticed. Here a function has one name, which no other has (`kernels.jit`), and all code is made anew when any file
that loops are made of changes.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import os
import pickle
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

from numba.core.caching import IndexDataCacheFile

PLANS = ("plan.py", "kernel.py", "matmul.py", "rows.py")
"""Files beside loops that no loop is made of."""
MAGIC = b"pellucid 1\n"
DIGEST = 32


class SealedFiles(IndexDataCacheFile):  # type: ignore[misc]  # Numba has no types
    """Index and code of one function; damaged files raise ValueError, files of another writer are not there."""

    @classmethod
    def like(cls, files: Any) -> SealedFiles:
        """The files that `files` would read and write."""
        made = cls.__new__(cls)
        vars(made).update(vars(files))
        made._source_stamp = _loops()
        return made

    @contextlib.contextmanager
    def _open_for_write(self, filepath: str) -> Iterator[io.BytesIO]:
        content = io.BytesIO()
        yield content
        with super()._open_for_write(filepath) as file:
            file.write(MAGIC + _digest(filepath, content.getvalue()) + content.getvalue())

    def _load_index(self) -> dict[Any, str]:
        content = _unsealed(self._index_path)
        if content is None:
            return {}
        stream = io.BytesIO(content)
        if pickle.load(stream) != self._version:  # noqa: S301  # as it was written
            return {}
        stamp, overloads = pickle.load(stream)  # noqa: S301
        return overloads if stamp == self._source_stamp else {}

    def _load_data(self, name: str) -> Any:
        content = _unsealed(self._data_path(name))
        if content is None:
            raise FileNotFoundError(name)  # which Numba takes for code that was removed
        return pickle.loads(content)  # noqa: S301


@cache
def _loops() -> bytes:
    """A digest of name, size and time of change of every file that loops are made of."""
    home, total = Path(__file__).parent, hashlib.sha256()
    for file in sorted(file for file in home.glob("*/*.py") if file.name not in PLANS):
        state = file.stat()
        total.update(f"{file.relative_to(home).as_posix()} {state.st_size} {state.st_mtime_ns}\n".encode())
    return total.digest()


def _digest(path: str, content: bytes) -> bytes:
    return hashlib.sha256(os.path.basename(path).encode() + b"\0" + content).digest()


def _unsealed(path: str) -> bytes | None:
    """What a file holds; None where there is none of ours."""
    try:
        with open(path, "rb") as file:
            if file.read(len(MAGIC)) != MAGIC:
                return None
            digest, content = file.read(DIGEST), file.read()
    except FileNotFoundError:
        return None
    if _digest(path, content) != digest:
        raise ValueError("the digest is another")
    return content
