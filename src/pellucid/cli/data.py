"""`pellucid data`."""

from __future__ import annotations

from pathlib import Path

import click

from pellucid import plots
from pellucid.cli.common import expect_file, load_data, write_figure
from pellucid.cli.ranges import NAME
from pellucid.cli.sources import Source
from pellucid.shown import shown


@click.command("data")
@click.argument("directory", required=False, type=NAME)
@click.option("--picture", metavar="FILE.png", type=NAME, help="Draw the first hundred samples.")
def data_command(directory: Path | None, picture: Path | None) -> None:
    """Check and describe a DIRECTORY of IDX files, or MNIST: counts, shapes, classes.

    \b
    pellucid data
    pellucid data my-digits --picture sample.png
    """
    source = Source(directory)
    if picture is not None:
        expect_file(picture, ".png", option="--picture", read=source.files())
    parts = load_data(source)
    for name, data in zip(("train", "test"), parts, strict=True):
        kind = "rows" if len(data.sample_shape) == 1 else "images"
        click.echo(
            f"{name:6} {len(data):,} {kind} of {' × '.join(map(str, data.sample_shape))}, {data.classes} classes"
        )
        click.echo(f"       a class: {', '.join(f'{k}: {n:,}' for k, n in enumerate(data.class_counts()))}")
    if picture is not None:
        write_figure(plots.sample_grid(parts[0].x[:100], parts[0].t[:100]), picture)
        click.echo(f"wrote {shown(picture)}")
