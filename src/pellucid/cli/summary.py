"""`pellucid summary`."""

from __future__ import annotations

import click

from pellucid.cli.common import model_or_file
from pellucid.summary import summary


@click.command("summary")
@click.argument("model", default="two-layer-net")
def summary_command(model: str) -> None:
    """Show the layers of a MODEL (a name from `pellucid train --list`, or a file): shapes and parameters.

    \b
    pellucid summary two-layer-net
    pellucid summary runs/two-layer-net/model.safetensors
    """
    click.echo(str(summary(model_or_file(model))))
