"""Words for what takes more than a second, where a person looks on: nobody waits without knowing for what."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import click

AFTER = 1.0  # second


@contextmanager
def told(what: str) -> Iterator[None]:
    """Say on a terminal what is being done if it is not done within a second, and how long it took when it is."""
    if not sys.stderr.isatty():
        yield
        return
    began, late = time.monotonic(), threading.Event()

    def say() -> None:
        late.set()
        click.echo(f"{what} …", err=True)

    timer = threading.Timer(AFTER, say)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
        timer.join()
    if late.is_set():
        click.echo(f"{what}: {time.monotonic() - began:.1f} s", err=True)
