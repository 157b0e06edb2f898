"""The helper threads of the pool: they wait awake for a moment before they sleep.

A job is offered to helpers by ringing a bell, a number in memory that goes up. A helper that has nothing to do
watches the bell for some milliseconds, with the interpreter lock released, and only then sleeps. A training step
calls a kernel every few hundred microseconds, so between its kernels the helpers stay awake (`crew.waiting` says
what a sleeper costs). Where Numba is missing, or there are more threads than cores, helpers sleep at once.
"""

from __future__ import annotations

import atexit
import contextlib
import threading
from collections import deque
from collections.abc import Callable
from typing import TypeAlias

import numpy as np

from pellucid.kernels import jit
from pellucid.kernels.crew import cores as elsewhere
from pellucid.kernels.crew.cores import cores

# A look takes about 20 ns: watch for some 3 ms.
LOOKS = 100_000

LINE = 8  # numbers in a cache line

Watch: TypeAlias = Callable[[int, int, int, int, int, int], bool]


class Job:
    """Work that one helper may do beside the caller."""

    def __init__(self, work: Callable[[], None]) -> None:
        self.work = work
        self.done = np.zeros(1, np.int64)
        self.address = self.done.ctypes.data
        self.error: BaseException | None = None
        self.begun = self.cancelled = self.ended = False
        self.running = threading.Lock()
        self.running.acquire()

    def run(self) -> None:
        self.begun = True
        try:
            if not self.cancelled:
                self.work()
        except BaseException as error:  # noqa: BLE001  # handed to the caller
            self.error = error
        del self.work  # and the arrays that it holds: a helper keeps its last job until the next
        self.ended = True
        self.running.release()


_here = threading.local()


def is_helper() -> bool:
    """Whether the calling thread is a helper of a pool."""
    return getattr(_here, "helper", False)


class Workers:
    """Helper threads, started when first needed; daemons, so that they never keep a process from ending."""

    def __init__(self, helpers: int) -> None:
        self.helpers = helpers
        self.jobs: deque[Job] = deque()
        self.bell = np.zeros(4 * LINE, np.int64)
        self.address = self.bell.ctypes.data
        self.door = (self.address + 127) // 64 * 64  # two lines: the task that is offered, and who is inside
        self.asleep = 0
        self.caller = 0  # the thread that made the last offer
        self.avoided = -1  # the core that helpers keep off
        self.sleepers = threading.Condition()
        self.threads: list[threading.Thread] = []
        self.started = self.closed = False
        self.watch: Watch = jit.load("crew.waiting").watch if jit.available() else lambda *_: False

    @property
    def looks(self) -> int:
        """How often a helper looks before it sleeps: once only where there are more threads than cores."""
        return LOOKS if self.helpers < cores() else 1

    def offer(self, jobs: list[Job]) -> None:
        """Ask helpers to do the jobs; `retract` must follow."""
        if not self.threads:
            self._start()
        self._make_way()
        self.jobs.extend(jobs)
        self._ring(len(jobs))

    def wake(self) -> int:
        """See to it that helpers watch the door, and return its address: compiled code puts a task there."""
        if not self.threads:
            self._start()
        self._make_way()
        if self.asleep:
            self._ring(self.helpers)
        return self.door

    def _ring(self, helpers: int) -> None:
        self.bell[0] += 1
        if self.asleep:
            with self.sleepers:
                self.sleepers.notify(helpers)

    def retract(self, jobs: list[Job]) -> None:
        """Take back the jobs that no helper has begun, wait for the others, and pass on an error of theirs.

        Ctrl-C, or what else a signal's handler raises, is passed on too, but not before the helpers are done: they hold
        addresses of the caller's arrays.
        """
        interrupt = None
        while True:
            try:
                for job in jobs:
                    self._settle(job)
                break
            except BaseException as error:  # noqa: BLE001  # only handlers raise here
                interrupt = error
        if interrupt is not None:
            raise interrupt
        for job in jobs:
            if job.error is not None:
                raise job.error

    def _settle(self, job: Job) -> None:
        job.cancelled = True  # a helper says `begun` and then looks at this: one of the two sees the other
        with contextlib.suppress(ValueError):
            self.jobs.remove(job)
        if job.begun and not job.ended:
            self.watch(job.address, 0, 0, self.looks, 0, 0)
            if not job.ended:
                job.running.acquire()

    def close(self) -> None:
        """Let the helpers end, and wait for them: compiled code must not go away under a thread that runs it."""
        self.closed = True
        with self.sleepers:
            self.bell[0] += 1
            self.sleepers.notify_all()
        for thread in self.threads:
            if thread is not threading.current_thread():
                thread.join(1)
        atexit.unregister(self.close)

    def _start(self) -> None:
        with self.sleepers:
            if self.started or self.closed:  # perhaps by a signal's handler: of each seat there is one helper
                return
            self.started = True
            for seat in range(1, self.helpers + 1):
                thread = threading.Thread(target=self._serve, args=(seat,), name="pellucid-kernel", daemon=True)
                try:
                    thread.start()
                except RuntimeError:  # the system allows no more: go on with those that there are
                    break
                self.threads.append(thread)
            atexit.register(self.close)

    def _serve(self, seat: int) -> None:
        _here.helper = True
        looks = self.looks
        while not self.closed:
            seen, done = int(self.bell[0]), 0
            with contextlib.suppress(IndexError):
                job = self.jobs.popleft()
                job.run()
                done = job.address
            # The job is said to be done from inside `watch`: by then this thread no longer holds the lock, which
            # the caller needs to go on.
            if not self.watch(self.address, seen, done, looks, self.door, seat):
                self._sleep(seen)

    def _sleep(self, seen: int) -> None:
        with self.sleepers:
            self.asleep += 1
            while int(self.bell[0]) == seen:
                self.sleepers.wait()
            self.asleep -= 1

    def _make_way(self) -> None:
        """Keep the helpers off the caller's core, unless callers take turns and would chase them to and fro."""
        core, caller = elsewhere.current_core(), threading.get_ident()
        if core != self.avoided and caller == self.caller:
            self.avoided = core
            elsewhere.keep_off(core, [thread.native_id for thread in self.threads])
        self.caller = caller
