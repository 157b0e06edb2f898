"""The command group, and how errors become one line and an exit code."""

from __future__ import annotations

import importlib
import sys
import warnings
from typing import Any

import click

import pellucid
from pellucid.errors import DivergenceError, PellucidError

EXIT_BAD_INPUT, EXIT_DIVERGED, EXIT_INTERRUPTED = 2, 3, 130

COMMANDS = {
    "data": "data",
    "evaluate": "predict",
    "explain": "explain",
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


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(pellucid.__version__, prog_name="pellucid")
def cli() -> None:
    """Train, check and look into neural networks, on the MNIST digits inside or on your own images.

    \b
    pellucid train                     the book's two-layer network, 10,000 iterations
    pellucid train network --seeds 3   Nielsen's network from three seeds, mean and spread
    pellucid evaluate runs/two-layer-net/model.safetensors
    pellucid predict runs/two-layer-net/model.safetensors digit.png

    Exit codes: 0 success, 1 a check failed, 2 bad input, 3 training diverged, 130 interrupted.
    """


def main(arguments: list[str] | None = None) -> None:
    """Run the command line and exit; errors that the package raises on purpose take one line, without a traceback."""
    warnings.showwarning = _one_line
    try:
        code: Any = cli.main(arguments, prog_name="pellucid", standalone_mode=False)
    except click.exceptions.Abort:
        code = EXIT_INTERRUPTED
    except click.ClickException as error:
        error.show()
        code = EXIT_BAD_INPUT
    except DivergenceError as error:
        code = _fail(error, EXIT_DIVERGED)
    except (PellucidError, OSError) as error:
        code = _fail(error, EXIT_BAD_INPUT)
    except KeyboardInterrupt:
        code = EXIT_INTERRUPTED
    sys.exit(code if isinstance(code, int) else 0)


def _fail(error: Exception, code: int) -> int:
    click.secho(f"pellucid: {error}", fg="red", err=True)
    return code


def _one_line(message: Warning | str, *_: Any, **__: Any) -> None:
    click.secho(f"pellucid: warning: {message}", fg="yellow", err=True)
