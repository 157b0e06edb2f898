"""Which cores there are, and a way to wake a helper on another one than the caller's.

Left to itself, Linux often wakes a thread on the core where it last ran, and where its caller is busy now: the helper
then waits for the caller that waits for it. So a sleeping helper is told to avoid the caller's core; once awake it
may run anywhere again. Elsewhere than on Linux nothing is told.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import sys
from collections.abc import Callable
from functools import cache


def cores() -> int:
    """The cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def send(thread: int) -> None:
    """Keep a thread (by its native identity) away from the core that the caller runs on."""
    here = _current_core()
    if here is None:
        return
    with contextlib.suppress(OSError):  # the thread is gone, or setting is not allowed
        others = os.sched_getaffinity(0) - {here()}
        if others:
            os.sched_setaffinity(thread, others)


def release(thread: int) -> None:
    """Let a thread run on every core of the process again."""
    if _current_core() is not None:
        with contextlib.suppress(OSError):
            os.sched_setaffinity(thread, os.sched_getaffinity(os.getpid()))


@cache
def _current_core() -> Callable[[], int] | None:
    if not sys.platform.startswith("linux"):
        return None
    return getattr(ctypes.PyDLL(None), "sched_getcpu", None)
