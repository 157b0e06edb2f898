"""`pellucid trust`."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import click

from pellucid import checks
from pellucid.cli.common import expect_file, write_figure
from pellucid.cli.explain import Desk, files_read
from pellucid.cli.options import data_option
from pellucid.cli.ranges import NAME, SEED, Whole
from pellucid.cli.sources import Source
from pellucid.errors import ArgumentError
from pellucid.explain.catalogue import METHODS
from pellucid.explain.evaluate import trust_card
from pellucid.shown import shown


@click.command("trust")
@click.argument("run", type=NAME)
@click.argument("method")
@click.option("--layer", metavar="NAME", help="The layer of a class activation map.")
@click.option("--images", type=Whole(2), default=32, show_default=True, help="Test images it is checked on.")
@click.option(
    "--seed", type=SEED, default=0, show_default=True, help="Of the images, the controls and the random networks."
)
@data_option
@click.option(
    "--out",
    type=NAME,
    metavar="FILE.png",
    default="trust.png",
    show_default=True,
    help="Where to draw the card.",
)
def trust_command(
    run: Path, method: str, layer: str | None, images: int, seed: int, data_dir: Source, out: Path
) -> None:
    """Check what a METHOD's maps are worth on this network, beside maps that know nothing of it.

    METHOD is one that `pellucid explain` knows, such as saliency, guided or grad-cam. The card says for each check
    whether the method is better than random maps and an edge detector. RUN is a run's directory or a model file.

    \b
    pellucid trust runs/mnist-cnn guided
    pellucid trust runs/mnist-cnn grad-cam --layer conv2d_1_relu --images 64
    """
    path = expect_file(out, ".png", read=files_read(run, data_dir))
    checks.expect_known("trust", "method", method, METHODS)
    chosen = METHODS[method]
    if layer is not None and not chosen.takes_layer:
        raise ArgumentError(f"--layer: {method} looks at no layer. Leave it out.")
    call = chosen if layer is None else partial(chosen, layer=layer)
    desk = Desk.open(run, data_dir, ())
    card = trust_card(desk.network, call, desk.test, images=images, seed=seed)
    click.echo(str(card))
    write_figure(card.plot(), path)
    click.echo(f"wrote {shown(path)}")
