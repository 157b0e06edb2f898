"""`pellucid explain`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from pellucid.cli.common import class_names, expect_file, load_model, rows_of, shaped_for, write_figure
from pellucid.cli.options import data_beside_target
from pellucid.cli.ranges import NAME
from pellucid.cli.sources import Source, data_of, read_for, tell
from pellucid.data import Dataset
from pellucid.errors import ArgumentError, DataError
from pellucid.explain.catalogue import chosen, explain_by_each
from pellucid.layers import Container
from pellucid.layers.parts import layer_shape
from pellucid.losses import Loss
from pellucid.outputs import hits_numbers, knows_chances
from pellucid.pictures import pixels
from pellucid.pictures.overlay import grounds
from pellucid.plots.sheet import ImagePanels, side_by_side
from pellucid.report import Sample
from pellucid.report.choose import read_samples, read_target, stack
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
    out: Path,
) -> None:
    """Draw what a network's answers rest on, method beside method, each with its proof.

    RUN is a run's directory or a model file. An IMAGE is a file (PNG, JPEG, IDX, .npy) or an index into the data,
    such as test:17 or test:0-9. Without --method, all that are not slow stand side by side. `pellucid views` draws
    every class, filters, feature maps and maximised inputs; `pellucid trust` says what a method is worth.

    \b
    pellucid explain runs/mnist-cnn test:17
    pellucid explain runs/mnist-cnn my-seven.png --target 7-1 --method lrp --method occlusion
    """
    path = expect_file(out, ".png", read=files_read(run, data_dir, images))
    wanted = chosen(methods)
    if layer is not None and not any(method.takes_layer for method in wanted):
        raise ArgumentError(
            f"--layer: {' and '.join(methods)} look{'s' * (len(methods) == 1)} at no layer. Leave it out."
        )
    if not images:
        raise ArgumentError("explain: name an image: a file, or an index into the data such as test:17.")
    desk = Desk.open(run, data_dir, images)
    if layer is not None:
        layer_shape("explain", desk.network, layer)  # an unknown name is told before anything is asked
    target_ = read_target(target, desk.samples, desk.names)
    write_figure(desk.side_by_side(wanted, target_, layer, strict=bool(methods)), path)
    click.echo(f"wrote {shown(path)}")


def model_file(run: Path) -> Path:
    """Return the model file of a run's directory, or the file itself."""
    path = run / "model.safetensors" if run.is_dir() else run
    if not path.is_file():
        raise DataError(f"{run}: no run is there. Give a run's directory or a model file; `pellucid train` makes one.")
    return path


def files_read(run: Path, source: Source, images: Sequence[str] = ()) -> list[str | Path]:
    """Return the files that a command about a run reads."""
    path = run / "model.safetensors" if run.is_dir() else run
    return [*read_for(path, source), *images]


class Desk:
    """What the pictures are made of: a network, its data, and the images that were chosen."""

    def __init__(
        self,
        network: Container[Any],
        loss: Loss | None,
        train: Dataset,
        test: Dataset,
        images: tuple[str, ...],
        source: Source,
    ) -> None:
        self.network, self.loss = network, loss
        self.train, self.test = shaped_for(network, train), shaped_for(network, test)
        self.samples: list[Sample] = read_samples(
            images, self.train, self.test, network.inputs, pictures=source.pictures, table=source.csv
        )
        tell((sample.name, sample.notes) for sample in self.samples)
        self.names = class_names(network)
        if network.inputs is None and test.class_names:
            self.names = list(test.class_names)
        self.classes = len(self.names)

    @classmethod
    def open(cls, run: Path, source: Source, images: tuple[str, ...]) -> Desk:
        """Read everything, before anything is computed."""
        network, loss = load_model(model_file(run))
        return cls(network, loss, *data_of(model_file(run), network, source), images, source)

    def side_by_side(self, wanted: list[Any], target: Any, layer: str | None, strict: bool) -> Any:
        """Return all maps of every image."""
        x = stack(self.samples)
        answers = explain_by_each(self.network, x, target, wanted, names=self.names, layer=layer, strict=strict)
        for method, reason in answers.refused:
            click.echo(f"without {method.label}: {reason}", err=True)
        pictures = pixels.shown_images("explain", x)
        under, blocks = grounds(pictures), []
        inked = pixels.as_bytes(pictures)
        for i, heading in enumerate(self._headings()):
            shown = [Panel("Input", pixels.coloured(inked[i]))]
            for method, said in answers.given:
                shown += panels(method.label, said, i, under[i], self.names)
            blocks.append(ImagePanels(heading, shown))
            click.echo(heading)
            for method, said in answers.given:
                verdict = said[i].caption(0).replace("\n", " · ")
                click.echo(f"  {method.label:22} {verdict}")
        return side_by_side(blocks)

    def _headings(self) -> list[str]:
        rows = rows_of(self.network, stack(self.samples), self.loss)
        if hits_numbers(self.network):
            said = [", ".join(f"{value:.4g}" for value in row) for row in rows]
        elif not knows_chances(self.network, self.loss):  # the scores say which class, and not how surely
            said = [self.names[k] for k in rows.argmax(axis=1)]
        else:
            said = [f"{self.names[k]} ({row[k]:.1%})" for k, row in zip(rows.argmax(axis=1), rows, strict=True)]
        lines = []
        for sample, answer in zip(self.samples, said, strict=True):
            truth = "" if sample.truth is None else f", truth {self.names[sample.truth]}"
            lines.append(shown(f"{sample.name}: predicted {answer}{truth}"))
        return lines
