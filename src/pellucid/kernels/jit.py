"""The gate to Numba: it is imported when the first compiled kernel is needed, and everything works without it.

The modules in `kernels/compiled` import Numba at the top and are only reached through `load`. A compiled function is
kept on disk beside its source (or in the user's cache directory), so that compiling happens once on a machine;
`on_compile` tells a caller when it does happen, so that a progress line can say why nothing moves.
`PELLUCID_NO_NUMBA=1` closes the gate.
"""

from __future__ import annotations

import importlib
import importlib.util
import os
from collections.abc import Callable
from functools import cache
from types import ModuleType
from typing import Any, TypeVar

from pellucid.kernels import memory

Function = TypeVar("Function", bound=Callable[..., Any])

# "numpy": division by zero gives infinity; a check before each division would keep loops from becoming vector code.
_OPTIONS: dict[str, Any] = {"nogil": True, "error_model": "numpy"}

_listeners: list[Callable[[str], None]] = []


@cache
def available() -> bool:
    """Whether compiled kernels can be used: Numba is installed and not forbidden. Does not import Numba."""
    if os.environ.get("PELLUCID_NO_NUMBA", "") not in ("", "0"):
        return False
    return importlib.util.find_spec("numba") is not None


@cache
def load(name: str) -> ModuleType:
    """The module `kernels.compiled.<name>`, imported at first use."""
    memory.keep_freed_memory()  # what the compiled kernels fill is large, and made anew at every step
    return importlib.import_module(f"pellucid.kernels.compiled.{name}")


def compiled(function: Function) -> Function:
    """`numba.njit`, releasing the interpreter lock, cached on disk or, where nothing can be written, in memory."""
    _listen()
    try:
        return _njit(function, cache=True)
    except RuntimeError:  # "no locator available": neither __pycache__ nor the user's cache can be written
        return _njit(function)


def _njit(function: Function, **options: Any) -> Function:
    numba: Any = importlib.import_module("numba")
    result: Function = numba.njit(**_OPTIONS, **options)(function)
    return result


def callable_by_address(function: Function) -> Any:
    """A compiled function of whole numbers that other compiled code calls by its `address`."""
    numba: Any = importlib.import_module("numba")
    signature, options = numba.void(numba.intp, numba.intp), {"nopython": True, "error_model": "numpy"}
    try:
        return numba.cfunc(signature, cache=True, **options)(function)
    except RuntimeError:
        return numba.cfunc(signature, **options)(function)


def on_compile(callback: Callable[[str], None]) -> Callable[[], None]:
    """Call `callback(name)` whenever a kernel is about to be compiled (not when it comes from the cache).

    Returns a function that ends the subscription.
    """
    _listeners.append(callback)
    return lambda: _listeners.remove(callback) if callback in _listeners else None


@cache
def _listen() -> None:
    """Subscribe, once, to Numba's own announcement that it compiles a function."""
    from numba.core import event

    class Announcer(event.Listener):
        def on_start(self, event: Any) -> None:
            function = event.data["dispatcher"].py_func
            if function.__module__.startswith(__package__ or "pellucid.kernels"):
                for callback in list(_listeners):
                    callback(function.__name__)

        def on_end(self, event: Any) -> None:
            pass

    register: Any = event.register
    register("numba:compile", Announcer())


def inner(function: Function) -> Function:
    """A function that compiled kernels call: it is compiled into them, and so not cached on its own. Python never calls
    it, so it needs no wrappers for that.
    """
    return _njit(function, no_cpython_wrapper=True, no_cfunc_wrapper=True)
