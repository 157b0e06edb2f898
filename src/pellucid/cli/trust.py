"""`pellucid trust`."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import click

from pellucid import checks
from pellucid.cli.common import expect_file, write_figure
from pellucid.cli.desk import Desk, files_read
from pellucid.cli.options import data_and_pictures
from pellucid.cli.prepare import Preparation, preparation_options
from pellucid.cli.progress import told
from pellucid.cli.ranges import NAME, SEED, Whole
from pellucid.cli.sources import Source
from pellucid.errors import ArgumentError
from pellucid.explain.catalogue import METHODS
from pellucid.explain.evaluate import trust_card
from pellucid.report.choose import stack
from pellucid.shown import shown


@click.command("trust")
@click.argument("run", type=NAME)
@click.argument("method")
@click.argument("images", nargs=-1, metavar="[IMAGE]…")
@click.option("--layer", metavar="NAME", help="The layer of a class activation map.")
@click.option("--images", "count", type=Whole(2), default=32, show_default=True, help="Test images it is checked on.")
@click.option(
    "--seed", type=SEED, default=0, show_default=True, help="Of the images, the controls and the random networks."
)
@data_and_pictures
@preparation_options
@click.option(
    "--out",
    type=NAME,
    metavar="FILE.png",
    default="trust.png",
    show_default=True,
    help="Where to draw the card.",
)
def trust_command(
    run: Path,
    method: str,
    images: tuple[str, ...],
    layer: str | None,
    count: int,
    seed: int,
    data_dir: Source,
    preparation: Preparation,
    out: Path,
) -> None:
    """Check what a METHOD's maps are worth on this network, beside maps that know nothing of it.

    METHOD is one that `pellucid explain` knows, such as saliency, guided or grad-cam. The card says for each check
    whether the method is better than random maps and an edge detector. RUN is a run's directory or a model file: ours,
    ONNX, or Keras's. It is checked on test images of the data, or on the IMAGEs named: two at least, files or indices.

    \b
    pellucid trust runs/mnist-cnn guided
    pellucid trust runs/mnist-cnn grad-cam --layer conv2d_1_relu --images 64
    pellucid trust model.onnx grad-cam photos/*.jpg --mean 0.485,0.456,0.406 --std 0.229,0.224,0.225
    """
    path = expect_file(out, ".png", read=files_read(run, data_dir, images, preparation))
    checks.expect_known("trust", "method", method, METHODS)
    chosen = METHODS[method]
    if layer is not None and not chosen.takes_layer:
        raise ArgumentError(f"--layer: {method} looks at no layer. Leave it out.")
    call = chosen if layer is None else partial(chosen, layer=layer)
    desk = Desk.open(run, data_dir, images, preparation, needs_data=not images)
    if images and len(desk.samples) < 2:
        raise ArgumentError("trust: one image says nothing about a method. Name two at least, or leave them out.")
    data = stack(desk.samples) if images else desk.need_test("trust")
    with told(f"{chosen.label}: its checks"):
        card = trust_card(desk.network, call, data, images=count, seed=seed)
    click.echo(str(card))
    write_figure(card.plot(), path)
    click.echo(f"wrote {shown(path)}")
