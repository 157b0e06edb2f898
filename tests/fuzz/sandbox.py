"""Attempts by number, in child processes with limits: a crash or an endless loop is a result like any other."""

from __future__ import annotations

import multiprocessing
import multiprocessing.connection
import os
import resource
import signal
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from pellucid.errors import LONGEST, PellucidError

GROWTH = 1 << 30  # bytes of address space that attempts may take beyond what the imports took
SECONDS = 10  # for one attempt
STUCK = 90  # after so long without a word a child is ended: compiled code hears no signal
LIFE = 2000  # attempts of one child, so that what each leaves behind does not add up
FORK = multiprocessing.get_context("fork")


class Failure(NamedTuple):
    """An attempt that ended otherwise than by a right result or one of the package's errors."""

    number: int
    kind: str
    where: str
    program: str

    def __str__(self) -> str:
        return f"#{self.number} {self.kind}\n    at {self.where}\n    {self.program}"


class Overtime(BaseException):
    """An attempt took too long. No `except Exception` of the package's may swallow it."""


def judge(number: int, program: str, act: Callable[[], object], seconds: float = SECONDS) -> Failure | None:
    """Run one attempt under the clock; return what is wrong with how it ended."""

    def late(*_: Any) -> None:
        raise Overtime

    signal.signal(signal.SIGALRM, late)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        act()
    except PellucidError as error:
        message = str(error)
        one = len(message.splitlines()) == 1 and message.strip() and len(message) <= LONGEST
        return None if one else Failure(number, "message that is not one line", repr(message)[:300], program)
    except (KeyboardInterrupt, SystemExit):
        raise
    except BaseException as error:
        what = type(error).__name__ if isinstance(error, Overtime) else f"{type(error).__name__}: {str(error)[:150]}"
        return Failure(number, what, places(error), program)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
    return None


def places(error: BaseException) -> str:
    """The package's lines on the way to the error, the innermost last."""
    frames = [f for f in traceback.extract_tb(error.__traceback__) if "pellucid" in f.filename]
    return " > ".join(f"{f.filename.split('pellucid/')[-1]}:{f.lineno}" for f in frames[-4:]) or "outside"


def survey(
    attempt: Callable[[int], Failure | None], numbers: range, folder: Path, describe: Callable[[int], str]
) -> list[Failure]:
    """Try every number, half of them in each of two children, which work in folders of their own."""
    crews = [_Crew(attempt, numbers[k::2], folder / str(k), describe) for k in range(2)]
    while any(crew.tend() for crew in crews):
        multiprocessing.connection.wait([c.pipe for c in crews if c.child is not None], timeout=1)
    return sorted(failure for crew in crews for failure in crew.failures)


class _Crew:
    """One child after the other for a part of the numbers."""

    def __init__(
        self, attempt: Callable[[int], Failure | None], numbers: range, folder: Path, describe: Callable[[int], str]
    ) -> None:
        self.attempt, self.left, self.folder, self.describe = attempt, list(numbers), folder, describe
        self.failures: list[Failure] = []
        self.child: Any = None
        self.start()

    def start(self) -> None:
        """Fork a child for the numbers that are left."""
        if not self.left:
            self.child = None
            return
        self.pipe, theirs = FORK.Pipe(duplex=False)
        self.child = FORK.Process(target=_serve, args=(self.attempt, self.left[:LIFE], self.folder, theirs))
        self.child.start()
        theirs.close()
        self.heard = time.monotonic()

    def tend(self) -> bool:
        """Take what the child says; replace one that died or is stuck. False when all is done."""
        if self.child is None:
            return False
        try:
            while self.pipe.poll():
                number, failure = self.pipe.recv()
                self.heard = time.monotonic()
                self.left.remove(number)
                if failure:
                    self.failures.append(failure)
        except EOFError:
            self.child.join()
            if self.child.exitcode:
                self.lost(f"died with {self.child.exitcode}")
            self.start()
            return self.child is not None
        if time.monotonic() - self.heard > STUCK:
            self.child.kill()
            self.child.join()
            self.lost("stuck")
            self.start()
        return True

    def lost(self, kind: str) -> None:
        """Put down the attempt that the child did not survive."""
        if self.left:
            number = self.left.pop(0)
            self.failures.append(Failure(number, kind, "unknown", self.describe(number)))


def _serve(attempt: Callable[[int], Failure | None], numbers: list[int], folder: Path, pipe: Any) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    os.chdir(folder)
    silence = os.open(os.devnull, os.O_WRONLY)
    os.dup2(silence, 1)
    os.dup2(silence, 2)
    limit_memory()
    for number in numbers:
        pipe.send((number, attempt(number)))
    pipe.close()
    os._exit(0)  # at once: threads that an attempt left behind may wait for ever


def limit_memory() -> None:
    """Let this process take little more address space than it has."""
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    bound = pages * resource.getpagesize() + GROWTH
    resource.setrlimit(resource.RLIMIT_AS, (bound, bound))
