"""`pellucid explain`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from pellucid.cli.common import expect_file, write_figure
from pellucid.cli.desk import Desk, files_read
from pellucid.cli.options import data_beside_target
from pellucid.cli.prepare import Preparation, preparation_options
from pellucid.cli.progress import told
from pellucid.cli.ranges import NAME
from pellucid.cli.sources import Source
from pellucid.errors import ArgumentError
from pellucid.explain.catalogue import chosen, explain_by_each
from pellucid.layers.parts import layer_shape
from pellucid.pictures import pixels
from pellucid.pictures.overlay import grounds
from pellucid.plots.sheet import ImagePanels, side_by_side
from pellucid.report.choose import read_target, stack
from pellucid.shown import shown
from pellucid.views.panels import Panel, panels


@click.command("explain")
@click.argument("run", type=NAME)
@click.argument("images", nargs=-1, metavar="IMAGE…")
@click.option("--method", "methods", multiple=True, metavar="NAME", help="A method; may be given several times.")
@click.option(
    "--target", default="predicted", show_default=True, help="'true', a class by its name, or 4-9: why 4 and not 9."
)
@click.option("--layer", metavar="NAME", help="The layer of the class activation maps.")
@data_beside_target
@preparation_options
@click.option(
    "--out",
    type=NAME,
    metavar="FILE.png",
    default="explanation.png",
    show_default=True,
    help="Where to write.",
)
def explain_command(
    run: Path,
    images: tuple[str, ...],
    methods: tuple[str, ...],
    target: str,
    layer: str | None,
    data_dir: Source,
    preparation: Preparation,
    out: Path,
) -> None:
    """Draw what a network's answers rest on, method beside method, each with its proof.

    RUN is a run's directory or a model file: ours, ONNX, or Keras's .keras and .h5. An IMAGE is a file (PNG, JPEG,
    IDX, .npy) or an index into the data, such as test:17 or test:0-9. Without --method, all that are not slow stand
    side by side. `pellucid views` draws every class, filters, feature maps and maximised inputs; `pellucid trust` says
    what a method is worth.

    \b
    pellucid explain runs/mnist-cnn test:17
    pellucid explain runs/mnist-cnn my-seven.png --target 7-1 --method lrp --method occlusion
    pellucid explain model.onnx cat.png --method grad-cam --mean 0.485,0.456,0.406 --std 0.229,0.224,0.225
    """
    path = expect_file(out, ".png", read=files_read(run, data_dir, images, preparation))
    wanted = chosen(methods)
    if layer is not None and not any(method.takes_layer for method in wanted):
        raise ArgumentError(
            f"--layer: {' and '.join(methods)} look{'s' * (len(methods) == 1)} at no layer. Leave it out."
        )
    if not images:
        raise ArgumentError("explain: name an image: a file, or an index into the data such as test:17.")
    desk = Desk.open(run, data_dir, images, preparation)
    if layer is not None:
        layer_shape("explain", desk.network, layer)  # an unknown name is told before anything is asked
    target_ = read_target(target, desk.samples, desk.names)
    write_figure(_side_by_side(desk, wanted, target_, layer, strict=bool(methods)), path)
    click.echo(f"wrote {shown(path)}")


def _side_by_side(desk: Desk, wanted: list[Any], target: Any, layer: str | None, strict: bool) -> Any:
    """Return all maps of every image, and print what each says."""
    answers = explain_by_each(
        desk.network, stack(desk.samples), target, wanted, names=desk.names, layer=layer, strict=strict, during=told
    )
    for method, reason in answers.refused:
        click.echo(f"without {method.label}: {reason}", err=True)
    pictures = desk.pictures()
    under, blocks = grounds(pictures), []
    inked = pixels.as_bytes(pictures)
    for i, heading in enumerate(desk.headings()):
        shown = [Panel("Input", pixels.coloured(inked[i]))]
        for method, said in answers.given:
            shown += panels(method.label, said, i, under[i], desk.names)
        blocks.append(ImagePanels(heading, shown))
        click.echo(heading)
        for method, said in answers.given:
            verdict = said[i].caption(0).replace("\n", " · ")
            click.echo(f"  {method.label:22} {verdict}")
    return side_by_side(blocks)
