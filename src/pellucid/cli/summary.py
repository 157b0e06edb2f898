"""`pellucid summary`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from pellucid.cli.common import data_for, expect_file, looked_at, model_or_file, write_figure
from pellucid.cli.options import data_option
from pellucid.cli.prepare import Preparation, preparation_options
from pellucid.cli.ranges import COUNT, NAME
from pellucid.cli.sources import Source
from pellucid.errors import ArgumentError, UnsupportedError
from pellucid.files import atomic_write
from pellucid.layers.container import network_of
from pellucid.views import diagram, summary

FORMATS = ("text", "rich", "markdown", "json")


@click.command("summary")
@click.argument("model", default="two-layer-net")
@click.option(
    "--format", "form", type=click.Choice(FORMATS), default="text", show_default=True, help="The table's form."
)
@click.option("--measure", type=COUNT, metavar="N", help="Also how the layers behave on N test images.")
@data_option
@preparation_options
@click.option(
    "--diagram",
    "picture",
    metavar="FILE",
    type=NAME,
    help="Draw the architecture to FILE, .svg or .png.",
)
def summary_command(
    model: str, form: str, measure: int | None, data_dir: Source, picture: Path | None, preparation: Preparation
) -> None:
    """Show the layers of a MODEL (a name from `pellucid train --list`, or a file): shapes, parameters and costs.

    A file is one of ours, ONNX, or Keras's; the nodes of an ONNX file are shown also where there is no layer for them.
    "sees" is the receptive field: the pixels, height x width, that one unit depends on.

    \b
    pellucid summary mnist-cnn --diagram cnn.svg
    pellucid summary runs/two-layer-net/model.safetensors --measure 1000
    """
    if picture is not None:
        expect_file(picture, ".svg", ".png", option="--diagram", read=[model, *data_dir.files()])
    if measure is None and data_dir.path is not None:
        raise ArgumentError("--data: only --measure N looks at data. Add it, or leave --data out.")
    made = _model(model, preparation)
    sample = None
    if measure is not None:
        network = looked_at(network_of(made, "summary", built=True))
        made, sample = network, data_for(model, network, data_dir)[1][:measure]
    table = summary(made) if sample is None else summary(made, sample.x, sample.t)
    if form == "rich":
        from rich.console import Console

        console, rich_table = Console(), table.to_rich()
        # A terminal that is too narrow breaks lines; folded into its width, the table could not be read.
        width = console.measure(rich_table, options=console.options.update(max_width=10_000)).maximum
        Console(width=max(console.width, width)).print(rich_table)
    else:
        click.echo({"markdown": table.to_markdown, "json": table.to_json}.get(form, table.__str__)())
    if picture is not None:
        _draw(made, picture)


def _model(name: str, preparation: Preparation) -> Any:
    """Return the model; of a graph that asks for operators without a layer, its table is shown before the error."""
    try:
        made = model_or_file(name)
    except UnsupportedError as error:
        if error.table is not None:
            click.echo(str(error.table))
        raise
    preparation.apply(network_of(made, "summary"))
    return made


def _draw(model: object, path: Path) -> None:
    if path.suffix.lower() == ".svg":
        atomic_write(path, diagram(model).svg().encode(), who="pellucid")
    else:
        write_figure(diagram(model).plot(), path)
