"""The gate to Numba: it is imported when the first compiled kernel is needed, and everything works without it.

The modules that hold loops import Numba at the top and are only reached through `load`. A compiled function is
kept on disk beside its source (or in the user's cache directory), so that compiling happens once on a machine;
`on_compile` tells a caller when it does happen, so that a progress line can say why nothing moves.
`PELLUCID_NO_NUMBA=1` closes the gate.
"""

from __future__ import annotations

import contextlib
import importlib
import importlib.util
import os
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from functools import cache, cached_property, wraps
from types import ModuleType
from typing import Any, TypeVar

from pellucid.kernels import codecache, keep

Function = TypeVar("Function", bound=Callable[..., Any])

# "numpy": division by zero gives infinity; a check before each division would keep loops from becoming vector code.
_OPTIONS: dict[str, Any] = {"nogil": True, "error_model": "numpy"}

_listeners: list[Callable[[str], None]] = []


_loading: set[int] = set()
"""The threads that import or compile just now."""


_forking: set[int] = set()
"""The threads that are about to fork."""


@contextlib.contextmanager
def _busy() -> Iterator[None]:
    me = threading.get_ident()
    nested = me in _loading
    _loading.add(me)
    while not nested and _forking - {me}:  # of a fork and us one sees the other; we stand back
        _loading.discard(me)
        time.sleep(0.001)
        _loading.add(me)
    try:
        yield
    finally:
        if not nested:
            _loading.discard(me)


def busy() -> bool:
    """Whether this thread was interrupted, by a signal's handler say, while it imported or compiled. Then half of a
    module is there, and the code in hand must do without compiled kernels.
    """
    return threading.get_ident() in _loading


def _wait_for_others() -> None:
    """Let other threads import and compile to the end, and none begin, before the process forks: a child would wait for
    their locks.
    """
    me, until = threading.get_ident(), time.monotonic() + 60
    _forking.add(me)
    while _loading - {me} and time.monotonic() < until:
        time.sleep(0.001)


def _forked(*, child: bool) -> None:
    me = threading.get_ident()
    _forking.discard(me)
    if child:
        _loading.intersection_update([me])
        _forking.clear()


# Who asks last is told of a fork first. What Numba imports asks too, and takes locks that an import under way needs: so
# these two ask before us.
for _name in ("logging", "concurrent.futures.thread"):
    importlib.import_module(_name)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(
        before=_wait_for_others,
        after_in_parent=lambda: _forked(child=False),
        after_in_child=lambda: _forked(child=True),
    )


def available() -> bool:
    """Whether compiled kernels can be used: Numba is installed, works, and is not forbidden."""
    return not busy() and _usable()


@cache
def _usable() -> bool:
    if os.environ.get("PELLUCID_NO_NUMBA", "") not in ("", "0") or importlib.util.find_spec("numba") is None:
        return False
    try:
        load("vectors.memory")
    except Exception as error:  # noqa: BLE001  # with a NumPy too new for it, say, importing Numba may raise anything
        warnings.warn(
            f"pellucid: Numba is installed and cannot be imported ({type(error).__name__}: {error}). The kernels are "
            "NumPy's, and slower. PELLUCID_NO_NUMBA=1 says that this is meant.",
            RuntimeWarning,
            stacklevel=2,
        )
        return False
    return True


@cache
def load(name: str) -> ModuleType:
    """The module `kernels.<name>` that imports Numba, at first use."""
    keep.keep_freed_memory()  # what the compiled kernels fill is large, and made anew at every step
    with _busy():
        return importlib.import_module(f"pellucid.kernels.{name}")


def compiled(function: Function) -> Function:
    """`numba.njit`, releasing the interpreter lock, cached on disk or, where nothing can be written, in memory."""
    _will_announce(function)
    try:
        dispatcher: Any = _njit(function, cache=True)
        dispatcher._cache = codecache.careful(dispatcher._cache)
    except RuntimeError:  # "no locator available": neither __pycache__ nor the user's cache can be written
        codecache.not_kept()
        dispatcher = _njit(function)
    ready = False

    @wraps(function)
    def call(*arguments: Any) -> Any:
        nonlocal ready
        if ready:
            return dispatcher(*arguments)
        with _busy():
            result = dispatcher(*arguments)
        ready = True
        return result

    return call  # type: ignore[return-value]


def _njit(function: Function, **options: Any) -> Function:
    numba: Any = importlib.import_module("numba")
    result: Function = numba.njit(**_OPTIONS, **options)(function)
    return result


_compiling = threading.RLock()


class ByAddress:
    """A compiled function of three whole numbers that other compiled code calls by its address, without Python."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self.function = function
        self.code: Any = None

    @cached_property
    def address(self) -> int:
        """Where it is; it is compiled, or read from the disk, when this is first asked for."""
        # Code that a second thread took the place of would be gone, and its address with it. Who waits here is busy,
        # too, so that a fork does not come between.
        with _busy(), _compiling:
            if self.code is None:
                self.code = self._compiled()
        return int(self.code.address)

    def _compiled(self) -> Any:
        numba: Any = importlib.import_module("numba")
        ccallback: Any = importlib.import_module("numba.core.ccallback")
        options = {"nopython": True, "error_model": "numpy"}
        code = ccallback.CFunc(self.function, ((numba.intp,) * 3, numba.void), locals={}, options=options)
        try:
            code.enable_caching()
            code._cache = codecache.careful(code._cache)
        except RuntimeError:  # as in `compiled`
            codecache.not_kept()
        code.compile()
        return code


def by_address(function: Callable[..., Any], name: str = "") -> ByAddress:
    """Make a `ByAddress` of function(address of its arguments, piece of the work, address of scratch memory).

    One that another function made gets a `name` that no other in its module has: Numba keeps it on disk under it, and
    tells it apart from its likes by it.
    """
    function.__name__, function.__qualname__ = name or function.__name__, name or function.__qualname__
    _will_announce(function)
    return ByAddress(function)


def on_compile(callback: Callable[[str], None]) -> Callable[[], None]:
    """Call `callback(name)` whenever a kernel is about to be compiled (not when it comes from the cache).

    Returns a function that ends the subscription.
    """
    _listeners.append(callback)
    return lambda: _listeners.remove(callback) if callback in _listeners else None


def _will_announce(function: Callable[..., Any]) -> None:
    """Announce it when it is compiled; what it calls is compiled with it and has no announcement of its own."""
    _awaited.add((function.__module__, function.__qualname__))
    _listen()


_awaited: set[tuple[str, str]] = set()


@cache
def _listen() -> None:
    """Subscribe, once, to Numba's own announcement that it works on a function."""
    from numba.core import event

    class Announcer(event.Listener):
        def on_start(self, event: Any) -> None:
            function = event.data["module"], event.data["qualname"]
            if function in _awaited:
                _awaited.remove(function)
                for callback in list(_listeners):
                    callback(function[1])

        def on_end(self, event: Any) -> None:
            pass

    register: Any = event.register
    register("numba:run_pass", Announcer())


def inner(function: Function) -> Function:
    """A function that compiled kernels call: it is compiled into them, and so not cached on its own. Python never calls
    it, so it needs no wrappers for that.
    """
    return _njit(_renamed(function), no_cpython_wrapper=True, no_cfunc_wrapper=True)


_names: set[tuple[str, str]] = set()


def _renamed(function: Function) -> Function:
    """Name a function that another function made by what it holds: `transform_image` of M = 4 and of M = 2.

    Cached kernels carry copies of the functions that they call, under their names. Of two with one name, compiled by
    two processes, a third process would take the first for both.
    """
    held = [cell.cell_contents for cell in function.__closure__ or ()]
    function.__qualname__ += "".join(f"_{getattr(value, '__qualname__', value)}" for value in held)
    name = function.__module__, function.__qualname__
    if name in _names:
        raise RuntimeError(f"Two functions are called {name[1]} in {name[0]}: cached kernels would mix them up.")
    _names.add(name)
    return function
