"""The one thread pool: image blocks run here, on Numba or NumPy code that lets go of the interpreter lock.

Two rules keep it simple. *The caller works too*: `parallel_for` hands out block numbers from one counter to the
calling thread and its helpers, so calls from many threads at once cannot deadlock; at worst the caller does all the
blocks itself, as a helper does that calls from inside a block. *BLAS stays single-threaded inside*: while any block
runs, the BLAS libraries are told to use one thread (`blas.single_threaded`), so that it and the pool never fight for
cores.

A kernel splits its work into blocks by the shapes alone, never by the number of threads, and adds partial sums in
block order: so the bits do not depend on how many threads there are.
"""

from __future__ import annotations

import atexit
import contextlib
import itertools
import math
import os
import threading
from collections.abc import Callable, Iterator

import numpy as np

from pellucid import checks
from pellucid.checked import checked, checked_late
from pellucid.errors import ArgumentError
from pellucid.kernels import jit
from pellucid.kernels.addresses import own
from pellucid.kernels.crew import blas, workers
from pellucid.kernels.crew.cores import cores
from pellucid.kernels.crew.workers import Job, Workers
from pellucid.shown import came
from pellucid.typing import Array, DTypeLike

MOST_THREADS = 256
"""More would have nothing to do: no kernel is cut into so many pieces that take time."""


def _threads_at_start() -> int:
    wish = os.environ.get("PELLUCID_NUM_THREADS", "").strip()
    if not wish:
        others = os.environ.get("NUMBA_NUM_THREADS", "").strip()  # as joblib tells the processes that it starts
        return min(cores(), MOST_THREADS, int(others) if others.isdecimal() and int(others) else MOST_THREADS)
    try:
        return _bounded("PELLUCID_NUM_THREADS", int(wish))
    except ValueError:
        raise ArgumentError(
            f"PELLUCID_NUM_THREADS must be a whole number of at least 1, got {came(wish)}. Unset it to use every core."
        ) from None


def _bounded(who: str, threads: int) -> int:
    return min(checks.size(who, "threads", threads), MOST_THREADS)


class _Pool:
    """The number of threads and the helpers (one fewer: the caller is the first thread)."""

    def __init__(self, threads: int = 0) -> None:
        self._threads = threads
        self.workers: Workers | None = None
        self.lock = threading.RLock()  # a signal's handler may compute while this thread hires

    @property
    def threads(self) -> int:
        """How many threads there are; decided when it is first asked for."""
        if not self._threads:
            self._threads = _threads_at_start()
        return self._threads

    def resize(self, threads: int) -> None:
        with self.lock:
            old, self.workers, self._threads = self.workers, None, threads
        if old is not None:
            old.close()

    def hired(self) -> Workers:
        with self.lock:
            if self.workers is None:
                hired = Workers(max(1, self.threads - 1))
                self.workers = self.workers or hired
            return self.workers


_pool = _Pool()


def _forget_pool() -> None:
    """A forked child inherits no threads: give it a pool of its own."""
    global _pool
    if _pool.workers is not None:
        atexit.unregister(_pool.workers.close)
    _pool = _Pool(_pool._threads)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_pool)


@checked_late
def set_num_threads(threads: int) -> None:
    """How many threads the kernels use from now on. 1 means: only the calling thread.

    Examples
    --------
    >>> before = pl.get_num_threads()
    >>> pl.set_num_threads(1)
    >>> pl.get_num_threads()
    1
    >>> pl.set_num_threads(before)
    """
    _pool.resize(_bounded("set_num_threads", threads))


@checked
def get_num_threads() -> int:
    """The threads that kernels use: PELLUCID_NUM_THREADS, or the cores this process may use.

    Examples
    --------
    >>> pl.get_num_threads() >= 1
    True
    """
    return _pool.threads


def parallel_for(block: Callable[[int], None], blocks: int) -> None:
    """Run block(0) … block(blocks − 1), in any order, and return when all are done. Errors are passed on."""
    with blas.single_threaded():
        helpers = min(_pool.threads, blocks) - 1
        if helpers < 1 or workers.is_helper() or jit.busy():
            for index in range(blocks):
                block(index)
            return
        _share(block, blocks, helpers)


def _share(block: Callable[[int], None], blocks: int, helpers: int) -> None:
    numbers: Iterator[int] = itertools.count()  # next() of a count is atomic

    def work() -> None:
        while (index := next(numbers)) < blocks:
            block(index)

    hired = _pool.workers or _pool.hired()
    jobs = [Job(work) for _ in range(helpers)]
    try:
        hired.offer(jobs)
        work()
    except BaseException:
        blocks = 0  # the helpers end with the block they are at
        raise
    finally:
        hired.retract(jobs)


def helpers() -> Workers | None:
    """The pool's helpers, for a compiled task; None where the caller is alone, or a helper itself."""
    if _pool.threads == 1 or workers.is_helper():
        return None
    return _pool.workers or _pool.hired()


def blocks_of(total: int, size: int) -> list[slice]:
    """0…total cut into slices of `size`, the last one shorter."""
    return [slice(start, min(start + size, total)) for start in range(0, total, size)]


_local = threading.local()


@contextlib.contextmanager
def scratch(name: str, shape: tuple[int, ...], dtype: DTypeLike = np.float32) -> Iterator[Array]:
    """An uninitialised array on a cache line, until the block ends; on one thread the same memory for a name each time.

    Fresh memory costs page faults at every step, often more than the arithmetic; a scratch array costs them once.
    It belongs to the call: a signal's handler that computes meanwhile on the same thread finds none, and makes its own.
    """
    size = math.prod(shape) * np.dtype(dtype).itemsize
    store: dict[str, Array] = _local.__dict__
    held = store.pop(name, None)
    if held is None or held.nbytes < size:
        raw = np.empty(size + 64, np.uint8)
        held = raw[-own(raw) % 64 :]
    try:
        yield held[:size].view(dtype).reshape(shape)
    finally:
        store[name] = held
