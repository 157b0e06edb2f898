"""The command group, and how errors become one line and an exit code."""

from __future__ import annotations

import importlib
import signal
import sys
import threading
import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import click

import pellucid
from pellucid.cli.streams import any_text
from pellucid.errors import DivergenceError, PellucidError
from pellucid.shown import bounded, shown

EXIT_BAD_INPUT, EXIT_DIVERGED, EXIT_INTERRUPTED = 2, 3, 130
LONGEST = 200  # signs of an argument in a message

COMMANDS = {
    "data": "data",
    "evaluate": "predict",
    "explain": "explain",
    "export": "export",
    "gradcheck": "gradcheck",
    "predict": "predict",
    "report": "report",
    "summary": "summary",
    "train": "train",
    "trust": "trust",
    "views": "views",
}
"""The module of `pellucid.cli` that holds each command, under the name `…_command`."""


class LazyGroup(click.Group):
    """Commands whose modules load when they are called, or when all are listed."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names, without loading anything."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Load a command; None where there is none of that name."""
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(f"pellucid.cli.{COMMANDS[cmd_name]}")
        command: click.Command = getattr(module, f"{cmd_name}_command")
        return command

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command; a signal that stops it becomes one line and an exit code."""
        try:
            with _stoppable():
                return super().invoke(ctx)
        except KeyboardInterrupt as stop:
            ctx.exit(_fail(f"{str(stop) or 'interrupted'}.", getattr(stop, "code", EXIT_INTERRUPTED)))


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(pellucid.__version__, prog_name="pellucid")
def cli() -> None:
    """Train, check and look into neural networks, on the MNIST digits inside or on your own images.

    \b
    pellucid train                     the book's two-layer network, 10,000 iterations
    pellucid train network --seeds 3   Nielsen's network from three seeds, mean and spread
    pellucid evaluate runs/two-layer-net/model.safetensors
    pellucid predict runs/two-layer-net/model.safetensors digit.png

    Exit codes: 0 success, 1 a check failed, 2 bad input, 3 training diverged, 130 interrupted, 143 terminated.
    """


class Stopped(KeyboardInterrupt):
    """A signal that asks this process to end, Ctrl-C or SIGTERM: what holds back the one holds back the other."""

    def __init__(self, number: int) -> None:
        self.code = 128 + number
        super().__init__("interrupted" if number == signal.SIGINT else "terminated")


def main(arguments: list[str] | None = None) -> None:
    """Run the command line and exit; errors that the package raises on purpose take one line, without a traceback."""
    try:
        with any_text():
            warnings.showwarning = _one_line
            code = _run(arguments)
    except OSError as error:  # its disk is full
        code = _fail(_words(error), EXIT_BAD_INPUT)
    sys.exit(code)


def _run(arguments: list[str] | None) -> int:
    given = sys.argv[1:] if arguments is None else arguments
    try:
        result = cli.main(given, prog_name="pellucid", standalone_mode=False)
        return result if isinstance(result, int) else 0
    except (click.exceptions.Abort, KeyboardInterrupt):
        return _fail("interrupted.", EXIT_INTERRUPTED)
    except click.exceptions.NoArgsIsHelpError as error:
        error.show()
        return EXIT_BAD_INPUT
    except (click.ClickException, PellucidError, OSError, MemoryError) as error:
        code = EXIT_DIVERGED if isinstance(error, DivergenceError) else EXIT_BAD_INPUT
        return _fail(_brief(_words(error), given), code)


def _brief(message: str, arguments: Iterable[str]) -> str:
    """Cut short the arguments that a message repeats; what it says itself stays whole, such as where a file lies."""
    for argument in arguments:
        for text in (argument, *argument.split("=", 1)):
            if len(text) > LONGEST:
                message = message.replace(text, bounded(text, LONGEST))
    return message


@contextmanager
def _stoppable() -> Iterator[None]:
    """Let Ctrl-C and SIGTERM unwind what is under way, so that no temporary file stays; training has its own way."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    came: list[Stopped] = []

    def stop(number: int, _: object) -> None:
        came.append(Stopped(number))
        raise came[-1]

    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    except Exception:
        if came:  # what it struck made another error of it, as a class body does of any in `__set_name__`
            raise came[-1] from None
        raise
    finally:
        for number, handler in before.items():
            signal.signal(number, handler or signal.SIG_DFL)  # None: not of Python's making


def _words(error: Exception) -> str:
    if isinstance(error, click.UsageError):
        command = error.ctx.command_path if error.ctx else "pellucid"
        return f"{error.format_message()} See {command} --help."
    if isinstance(error, click.ClickException):
        return error.format_message()
    if isinstance(error, MemoryError):
        return f"not enough memory. {error}"
    if isinstance(error, OSError):
        return f"{error.filename}: {error.strerror}." if error.filename else f"{error.strerror or error}."
    return str(error)


def _fail(message: str, code: int) -> int:
    click.secho(f"pellucid: {shown(message)}", fg="red", err=True)
    return code


def _one_line(message: Warning | str, *_: Any, **__: Any) -> None:
    click.secho(f"pellucid: warning: {shown(message)}", fg="yellow", err=True)
