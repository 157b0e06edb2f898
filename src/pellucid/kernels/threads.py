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
import ctypes
import itertools
import math
import os
import sys
import threading
from collections.abc import Callable, Iterator

import numpy as np

from pellucid.kernels import blas, workers
from pellucid.kernels.elsewhere import cores
from pellucid.kernels.workers import Job, Workers
from pellucid.typing import Array, DTypeLike


def _threads_at_start() -> int:
    wish = os.environ.get("PELLUCID_NUM_THREADS", "")
    return int(wish) if wish.isdigit() and int(wish) > 0 else cores()


class _Pool:
    """The number of threads and the helpers (one fewer: the caller is the first thread)."""

    def __init__(self, threads: int) -> None:
        self.threads = threads
        self.workers: Workers | None = None
        self.lock = threading.Lock()

    def resize(self, threads: int) -> None:
        with self.lock:
            old, self.workers, self.threads = self.workers, None, threads
        if old is not None:
            old.close()

    def hired(self) -> Workers:
        with self.lock:
            if self.workers is None:
                self.workers = Workers(max(1, self.threads - 1))
            return self.workers


_pool = _Pool(_threads_at_start())


def _forget_pool() -> None:
    """A forked child inherits no threads: give it a pool of its own."""
    global _pool
    if _pool.workers is not None:
        atexit.unregister(_pool.workers.close)
    _pool = _Pool(_pool.threads)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_pool)


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
    if threads < 1:
        raise ValueError(f"set_num_threads: threads must be at least 1, got {threads!r}.")
    _pool.resize(int(threads))


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
        if helpers < 1 or workers.is_helper():
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


def scratch(name: str, shape: tuple[int, ...], dtype: DTypeLike = np.float32) -> Array:
    """An uninitialised array of this thread's own, the same memory at every call with this name.

    Fresh memory costs page faults at every step, often more than the arithmetic; a scratch array costs them once.
    It holds garbage at the start and must not be returned to a caller.
    """
    size = math.prod(shape) * np.dtype(dtype).itemsize
    return _held(name, size)[0][:size].view(dtype).reshape(shape)


def scratch_address(name: str, floats: int) -> int:
    """The address of such an array of `floats` float32, on a cache line, for compiled kernels."""
    return _held(name, 4 * floats)[1]


def _held(name: str, size: int) -> tuple[Array, int]:
    """The thread's bytes under a name, and their address; made larger where they are too few."""
    store: dict[str, tuple[Array, int]] = _local.__dict__
    held = store.get(name)
    if held is None or held[0].nbytes < size:
        raw = np.empty(size + 64, np.uint8)
        start = -raw.ctypes.data % 64
        held = store[name] = raw[start:], raw.ctypes.data + start
    return held


def address(array: Array | None) -> int:
    """Where an array begins in memory; 0 for None. Compiled kernels take addresses: so every array is of one type to
    them, read-only or not, and none is compiled for twice. The caller keeps the array alive.
    """
    return 0 if array is None else _address(array)


def _slowly(array: Array) -> int:
    return array.ctypes.data


def _from_struct(array: Array) -> int:
    """The field `data` of NumPy's C struct of an array, which follows what every Python object begins with: a quarter
    of the time of `array.ctypes.data`.
    """
    return ctypes.c_size_t.from_address(id(array) + object.__basicsize__).value


def _quickest() -> Callable[[Array], int]:
    known = sys.implementation.name == "cpython" and all(
        _from_struct(a) == _slowly(a) for a in (np.zeros(3), np.ones(2)[1:])
    )
    return _from_struct if known else _slowly


_address = _quickest()


def stride(array: Array | None) -> int:
    """Bytes from one item of the first axis to the next; 0 for None."""
    return 0 if array is None else array.strides[0]
