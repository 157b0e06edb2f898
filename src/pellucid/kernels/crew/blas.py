"""How many threads NumPy's BLAS uses: one, while the package's own pool is at work.

NumPy's wheels carry an OpenBLAS, whose thread count is set through its own C symbols. (The package threadpoolctl
does the same for every library that is loaded; for the one that NumPy uses, this file is enough.)
Where the BLAS is another one (MKL, Accelerate, a system library) nothing is found and nothing is set:
then the products are right, and at worst two thread pools share the cores.
"""

from __future__ import annotations

import ctypes
import glob
import os
import threading
from functools import cache

import numpy as np

_PREFIXES = ("scipy_openblas", "openblas")
_SUFFIXES = ("64_", "", "_64_")


class _OpenBlas:
    """One loaded OpenBLAS with its thread count."""

    def __init__(self, library: ctypes.CDLL, setter: str, getter: str) -> None:
        self._set, self._get = getattr(library, setter), getattr(library, getter)
        self._set.argtypes, self._set.restype = [ctypes.c_int], None
        self._get.argtypes, self._get.restype = [], ctypes.c_int

    @property
    def threads(self) -> int:
        """How many threads its products use."""
        return int(self._get())

    @threads.setter
    def threads(self, count: int) -> None:
        self._set(count)


def _bundled(package_file: str, name: str) -> list[str]:
    """The OpenBLAS files beside a package of a wheel: numpy.libs/, or numpy/.dylibs/ on macOS."""
    root = os.path.dirname(package_file)
    places = (os.path.join(os.path.dirname(root), f"{name}.libs"), os.path.join(root, ".dylibs"))
    return sorted(found for place in places for found in glob.glob(os.path.join(place, "*openblas*")))


def _open(path: str) -> ctypes.CDLL | None:
    """The library if this process has it loaded already (a copy of our own would be of no use)."""
    mode = getattr(os, "RTLD_NOLOAD", 0) | getattr(os, "RTLD_NOW", 0)
    try:
        return ctypes.CDLL(path, mode=mode)
    except OSError:
        return None


@cache
def library() -> ctypes.CDLL | None:
    """The OpenBLAS that came with NumPy's wheel, if it did."""
    opened = (_open(path) for path in _bundled(np.__file__, "numpy"))
    return next((found for found in opened if found is not None), None)


def _controls(library: ctypes.CDLL) -> _OpenBlas | None:
    for prefix in _PREFIXES:
        for suffix in _SUFFIXES:
            setter, getter = (f"{prefix}_{verb}_num_threads{suffix}" for verb in ("set", "get"))
            if hasattr(library, setter) and hasattr(library, getter):
                return _OpenBlas(library, setter, getter)
    return None


@cache
def _openblas() -> _OpenBlas | None:
    """The OpenBLAS that matrix products use, NumPy's and the compiled steps'."""
    found = library()
    return None if found is None else _controls(found)


def controlled() -> bool:
    """Whether the threads of the library's products can be counted and set: only then are bits sure to be the same."""
    return _openblas() is not None


class _SingleThreaded:
    """The count belongs to the process, so the first to enter lowers it and the last to leave restores it.

    A signal's handler or `__del__` may enter and leave between any two lines here, on the thread that is between them.
    So the lock is re-entrant, those inside are a list that changes in one step, and each part does right whatever
    happened before it.
    """

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.inside: list[int] = []  # the thread of each that has entered
        self.before = 1  # the count to put back; 1 where it was not lowered

    def __enter__(self) -> None:
        blas = _openblas()
        self.inside.append(threading.get_ident())  # from now on nobody puts the count back
        if blas is None:
            return
        with self.lock:
            count = blas.threads
            if count != 1:
                self.before = count
                blas.threads = 1

    def __exit__(self, *_: object) -> None:
        blas = _openblas()
        self.inside.remove(threading.get_ident())
        if blas is not None:
            self._restore(blas)

    def _restore(self, blas: _OpenBlas) -> None:
        with self.lock:
            before = self.before
            if before != 1 and not self.inside:
                blas.threads = before
                self.before = 1

    def forget(self) -> None:
        """In a forked child only the thread that forked is still inside."""
        blas, self.lock = _openblas(), threading.RLock()
        self.inside = [thread for thread in self.inside if thread == threading.get_ident()]
        if blas is not None:
            self._restore(blas)


_single_threaded = _SingleThreaded()

if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_single_threaded.forget)


def single_threaded() -> _SingleThreaded:
    """`with single_threaded():` matrix products run on the thread that asks for them; afterwards the count is as it
    was.
    """
    return _single_threaded
