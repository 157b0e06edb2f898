"""Compiled code on the disk: Numba's cache, which here may be full, forbidden or damaged without harm.

Numba reads back what a file holds and calls it. So a digest stands beside the code, and code that does not fit it is
compiled anew; whatever else goes wrong with reading or writing costs one warning, and the time to compile.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib
import pickle
import warnings
from collections.abc import Callable
from typing import Any


def careful(numbas: Any) -> Any:
    """Numba's cache of a function, made careful."""
    if hasattr(numbas, "_impl"):
        numbas._impl = _WithDigest(numbas._impl)
    return _Careful(numbas)


class _Around:
    """What stands around an object of Numba's, and has its attributes."""

    def __init__(self, inner: Any) -> None:
        self._inner = inner

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)


class _WithDigest(_Around):
    def reduce(self, code: Any) -> tuple[bytes, bytes]:
        serialize: Any = importlib.import_module("numba.core.serialize")
        body: bytes = serialize.dumps(self._inner.reduce(code))
        return hashlib.sha256(body).digest(), body

    def rebuild(self, context: Any, kept: Any) -> Any:
        if not (len(kept) == 2 and isinstance(kept[1], bytes)):  # as Numba alone writes it
            return None
        digest, body = kept
        if hashlib.sha256(body).digest() != digest:
            raise ValueError("the digest is another")
        return self._inner.rebuild(context, pickle.loads(body))  # noqa: S301  # code of our own, and as it was written


class _Careful(_Around):
    def load_overload(self, signature: Any, context: Any) -> Any:
        try:
            return _surely(lambda: self._inner.load_overload(signature, context))
        except _FailedTwice as error:
            _lost(f"read ({error}); they are compiled anew")
            with contextlib.suppress(Exception):
                self._inner.flush()
            return None

    def save_overload(self, signature: Any, code: Any) -> None:
        try:
            _surely(lambda: self._inner.save_overload(signature, code))
        except _FailedTwice as error:
            _lost(f"kept on the disk ({error}); every process compiles anew")


class _FailedTwice(Exception):
    pass


def _surely(work: Callable[[], Any]) -> Any:
    """What the work returns. A damaged file may raise anything, and does so again; what is raised once came from
    elsewhere, from a signal's handler, and is passed on.
    """
    try:
        return work()
    except Exception as error:  # noqa: BLE001
        first = error
    try:
        work()
    except Exception as error:
        raise _FailedTwice(f"{type(error).__name__}: {error}") from error
    raise first


def not_kept() -> None:
    """There is no directory that could be written."""
    _lost("kept on the disk: no directory can be written; every process compiles anew")


def _lost(why: str) -> None:
    if not _said:  # once in a process
        _said.append(why)
        warnings.warn(
            f"pellucid: compiled kernels could not be {why}. NUMBA_CACHE_DIR names another directory for them.",
            RuntimeWarning,
            stacklevel=2,
        )


_said: list[str] = []
