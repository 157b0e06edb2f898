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
def numpy_library() -> ctypes.CDLL | None:
    """The OpenBLAS that came with NumPy's wheel, if it did."""
    for path in _bundled(np.__file__, "numpy"):
        if (library := _open(path)) is not None:
            return library
    return None


def _controls(library: ctypes.CDLL) -> _OpenBlas | None:
    for prefix in _PREFIXES:
        for suffix in _SUFFIXES:
            setter, getter = (f"{prefix}_{verb}_num_threads{suffix}" for verb in ("set", "get"))
            if hasattr(library, setter) and hasattr(library, getter):
                return _OpenBlas(library, setter, getter)
    return None


@cache
def _openblas() -> _OpenBlas | None:
    """The OpenBLAS that NumPy's matrix products use."""
    library = numpy_library()
    return None if library is None else _controls(library)


class _SingleThreaded:
    """The count belongs to the process, so the first to enter lowers it and the last to leave restores it."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.users = 0
        self.before = 1

    def __enter__(self) -> None:
        blas = _openblas()
        if blas is None:
            return
        with self.lock:
            if self.users == 0:
                self.before = blas.threads
                if self.before != 1:
                    blas.threads = 1
            self.users += 1

    def __exit__(self, *_: object) -> None:
        blas = _openblas()
        if blas is None:
            return
        with self.lock:
            self.users -= 1
            if self.users == 0 and self.before != 1:
                blas.threads = self.before

    def forget(self) -> None:
        """In a forked child no other thread is inside, and none will leave."""
        blas, users = _openblas(), self.users
        self.lock, self.users = threading.Lock(), 0
        if blas is not None and users and self.before != 1:
            blas.threads = self.before


_single_threaded = _SingleThreaded()

if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_single_threaded.forget)


def single_threaded() -> _SingleThreaded:
    """`with single_threaded():` matrix products run on the thread that asks for them; afterwards the count is as it
    was.
    """
    return _single_threaded
