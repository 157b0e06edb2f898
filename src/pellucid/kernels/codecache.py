"""Compiled code on the disk: Numba's cache, which here may be full, forbidden or damaged without harm.

Code whose file is damaged, as `cachefile` sees by a digest, is compiled anew; whatever else goes wrong with
reading or writing costs one warning, and the time to compile.
"""

from __future__ import annotations

import contextlib
import importlib
import warnings
from collections.abc import Callable
from typing import Any


def careful(numbas: Any) -> Any:
    """Numba's cache of a function, made careful."""
    if hasattr(numbas, "_cache_file"):
        cachefile = importlib.import_module("pellucid.kernels.cachefile")
        numbas._cache_file = cachefile.SealedFiles.like(numbas._cache_file)
        numbas._index_key = lambda signature, codegen: (signature, codegen.magic_tuple())
    return _Careful(numbas)


class _Careful:
    """Stands around Numba's cache, and has its attributes."""

    def __init__(self, inner: Any) -> None:
        self._inner = inner

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

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
