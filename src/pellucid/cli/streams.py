"""Standard output and error as a command writes to them: any text, whatever the encoding and the reader.

An encoding that lacks a sign gets its nearest, or a question mark. A reader that has gone (`| head -1`) ends nothing:
the work is done and its files are written, as if all had been read.
"""

from __future__ import annotations

import codecs
import io
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

NEAREST = {"─": "-", "×": "x", "·": ".", "…": "~", "–": "-", "−": "-", "±": "~", "✓": "+", "✗": "!", "“": '"', "”": '"'}


def _nearest(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    return "".join(NEAREST.get(sign, "?") for sign in error.object[error.start : error.end]), error.end


codecs.register_error("pellucid.nearest", _nearest)


@contextmanager
def any_text() -> Iterator[None]:
    """Let both streams take any text, and their readers go, until the block ends; what was written is flushed then."""
    before = sys.stdout, sys.stderr
    sys.stdout, sys.stderr = map(_lenient, before)
    try:
        yield
        for stream in (sys.stdout, sys.stderr):
            if stream is not None:
                stream.flush()
    finally:
        sys.stdout, sys.stderr = before


def _lenient(stream: Any) -> Any:
    if not isinstance(stream, io.TextIOWrapper):  # a notebook's, or none at all
        return stream
    with suppress(BrokenPipeError):
        stream.flush()
    return _Text(stream)


class _Text(io.TextIOWrapper):
    """Text of which only what the stream's encoding can say is written."""

    def __init__(self, stream: io.TextIOWrapper) -> None:
        self._ascii = codecs.lookup(stream.encoding).name == "ascii"
        super().__init__(
            io.BufferedWriter(_Outlet(getattr(stream.buffer, "raw", stream.buffer))),
            "utf-8" if self._ascii else stream.encoding,  # click takes ASCII for a mistake and would write UTF-8
            "pellucid.nearest",
            line_buffering=stream.line_buffering or stream.write_through,
        )

    def write(self, text: str) -> int:
        return super().write(text.encode("ascii", "pellucid.nearest").decode() if self._ascii else text)


class _Outlet(io.RawIOBase):
    """The file of a stream; once it has failed, what is written vanishes. That its reader has gone is no failure."""

    def __init__(self, file: Any) -> None:
        self._file = file
        self._open = True

    def writable(self) -> bool:
        return True

    def fileno(self) -> int:
        return int(self._file.fileno())

    def isatty(self) -> bool:
        return bool(self._file.isatty())

    def write(self, data: Any) -> int:
        if self._open:
            try:
                return int(self._file.write(data))
            except OSError as error:
                self._open = False
                if not isinstance(error, BrokenPipeError):
                    raise OSError(error.errno, error.strerror, "standard output") from error
        return len(data)
