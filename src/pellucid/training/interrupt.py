"""Ctrl-C between two steps, never in the middle of one."""

from __future__ import annotations

import signal
import threading
from types import FrameType, TracebackType


class Interrupt:
    """A context in which the first Ctrl-C sets `.requested`; the second raises KeyboardInterrupt as usual.

    Where Ctrl-C means something else already (a process that ignores it, a handler of the user's), it keeps its
    meaning. One training inside another, in a callback, is asked to end together with it. Outside the main thread
    Python delivers no signals, and the context does nothing.
    """

    _open: list[Interrupt] = []  # noqa: RUF012  # those of the main thread, which alone enters them

    def __init__(self) -> None:
        self.requested = False

    def __enter__(self) -> Interrupt:
        if threading.current_thread() is threading.main_thread():
            if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
                signal.signal(signal.SIGINT, _on_signal)
            self._open.append(self)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self in self._open:
            self._open.remove(self)
            if not self._open and signal.getsignal(signal.SIGINT) is _on_signal:
                signal.signal(signal.SIGINT, signal.default_int_handler)


def _on_signal(number: int, frame: FrameType | None) -> None:
    if all(context.requested for context in Interrupt._open):
        raise KeyboardInterrupt
    for context in Interrupt._open:
        context.requested = True
