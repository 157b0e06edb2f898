"""Ctrl-C between two steps, never in the middle of one."""

from __future__ import annotations

import signal
import threading
from types import FrameType, TracebackType
from typing import Any


class Interrupt:
    """A context in which the first Ctrl-C sets `.requested`; the second raises KeyboardInterrupt as usual.

    Where Ctrl-C means something else already (a process that ignores it, a handler of the user's), it keeps its
    meaning. One training inside another, in a callback, is asked to end together with it. Outside the main thread
    Python delivers no signals, and the context does nothing.
    """

    _open: list[Interrupt] = []  # noqa: RUF012  # those of the main thread, which alone enters them
    _usual: Any = signal.default_int_handler
    """Python's handler, or the command line's, which steps aside."""

    def __init__(self) -> None:
        self.requested = False

    def __enter__(self) -> Interrupt:
        if threading.current_thread() is threading.main_thread():
            handler = signal.getsignal(signal.SIGINT)
            ours = getattr(handler, "__module__", "").startswith("pellucid.cli")
            if handler is signal.default_int_handler or ours:
                Interrupt._usual = handler
                signal.signal(signal.SIGINT, _on_signal)
            self._open.append(self)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self in self._open:
            self._open.remove(self)
            if not self._open and signal.getsignal(signal.SIGINT) is _on_signal:
                signal.signal(signal.SIGINT, self._usual)


def _on_signal(number: int, frame: FrameType | None) -> None:
    if all(context.requested for context in Interrupt._open):
        raise KeyboardInterrupt
    for context in Interrupt._open:
        context.requested = True
