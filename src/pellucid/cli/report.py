"""`pellucid report`."""

from __future__ import annotations

from pathlib import Path

import click

from pellucid.cli.common import expect_file
from pellucid.cli.desk import Desk, files_read, model_file
from pellucid.cli.options import data_beside_target
from pellucid.cli.prepare import Preparation, preparation_options
from pellucid.cli.progress import told
from pellucid.cli.ranges import NAME
from pellucid.cli.sources import HISTORY, MEMORY, Memory, Source, note
from pellucid.explain.catalogue import chosen
from pellucid.files import atomic_write
from pellucid.report import html_report
from pellucid.report.choose import read_target
from pellucid.shown import shown
from pellucid.training import History


@click.command("report")
@click.argument("run", type=NAME)
@click.argument("images", nargs=-1, metavar="[IMAGE]…")
@click.option("--method", "methods", multiple=True, metavar="NAME", help="A method; may be given several times.")
@click.option(
    "--target", default="predicted", show_default=True, help="'true', a class by its name, or 4-9: why 4 and not 9."
)
@data_beside_target
@preparation_options
@click.option(
    "--out",
    type=NAME,
    metavar="FILE.html",
    default="report.html",
    show_default=True,
    help="Where to write.",
)
def report_command(
    run: Path,
    images: tuple[str, ...],
    methods: tuple[str, ...],
    target: str,
    data_dir: Source,
    preparation: Preparation,
    out: Path,
) -> None:
    """Write one HTML page about a run: network, learning, mistakes, filters, and what its answers rest on.

    RUN is a run's directory or a model file: ours, ONNX, or Keras's. An IMAGE is a file or an index into the data, such
    as test:17; left out, the surest mistakes and the first test images are explained. Without data the page shows the
    network and the IMAGEs alone. It is one file, opens from disk and asks for nothing else.

    \b
    pellucid report runs/mnist-cnn
    pellucid report runs/mnist-cnn test:17 my-seven.png --out seven.html
    """
    expect_file(out, ".html", ".htm", read=files_read(run, data_dir, images, preparation))
    wanted = chosen(methods)
    desk = Desk.open(run, data_dir, images, preparation, needs_data=not images)
    history = history_of(model_file(run))
    page = html_report(
        desk.network,
        desk.test,
        samples=desk.samples,
        history=history,
        name=run.name or run.resolve().name,
        loss=desk.loss,
        methods=wanted,
        target=read_target(target, desk.samples, desk.names),
        during=told,
    )
    atomic_write(out, page.encode(), who="pellucid report")
    click.echo(f"wrote {shown(out)}, {out.stat().st_size / 1e6:.1f} MB")


def history_of(model: Path) -> History | None:
    """Return the history beside a model, unless what stands beside it is another model's."""
    beside, memory = model.parent / HISTORY, model.parent / MEMORY
    if not beside.is_file():
        return None
    if memory.is_file() and not Memory.read(memory).is_of(model):
        note(f"{beside} is of another model than {model}, and left out")
        return None
    return History.load(beside)
