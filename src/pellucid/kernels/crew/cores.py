"""Which cores there are, and a way to keep helpers off the core of their caller.

Linux likes to wake a thread on the core of the one that woke it. A helper that had to wait for the interpreter lock is
woken by its caller, who is about to run a kernel there: the helper would sit behind it while another core stands idle.
So helpers are told which core to avoid. Elsewhere than on Linux nothing is told.
"""

from __future__ import annotations

import contextlib
import ctypes
import math
import os
import sys
from collections.abc import Callable, Iterable
from functools import cache

from pellucid.kernels.crew import quota


def cores() -> int:
    """The cores that this process may use, by its affinity and by its share of their time (`quota`), to the nearest."""
    seen = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    share = _share()
    return seen if share >= seen else max(1, math.floor(share + 0.5))


@cache
def _share() -> float:
    return quota.quota()


def _current_core() -> Callable[[], int]:
    if sys.platform.startswith("linux"):
        with contextlib.suppress(AttributeError, OSError):
            here: Callable[[], int] = ctypes.PyDLL(None).sched_getcpu
            return here
    return lambda: -1


current_core = _current_core()
"""The core that the calling thread runs on; −1 where nobody can tell."""


def keep_off(core: int, threads: Iterable[int | None]) -> None:
    """Let threads, by their native identity, run on any core of the caller's but this one."""
    with contextlib.suppress(OSError, AttributeError):  # a thread has ended, setting is not allowed, or unknown here
        others = os.sched_getaffinity(0) - {core}
        for thread in threads:
            if others and thread is not None:
                os.sched_setaffinity(thread, others)
