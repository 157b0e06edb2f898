"""`pellucid explain`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from pellucid import checks, explain, plots, views
from pellucid.cli.common import data_option, load_data, load_model, shaped_for, write_figure
from pellucid.data import Dataset
from pellucid.errors import ArgumentError, DataError
from pellucid.explain.parts import upto
from pellucid.layers import Container
from pellucid.losses import Loss
from pellucid.report import Panel, Sample, colours
from pellucid.report.choose import read_samples, read_target, stack
from pellucid.report.forms import all_classes
from pellucid.report.methods import ask, chosen
from pellucid.report.panels import panels
from pellucid.report.sheet import Block, sheet, table
from pellucid.training import predict_proba

MODES = ("--all-classes", "--maximize", "--filters", "--features")
MANY = 16  # filters that are maximised unless some are named


@click.command("explain")
@click.argument("run", type=click.Path(path_type=Path))
@click.argument("images", nargs=-1, metavar="[IMAGE]…")
@click.option("--method", "methods", multiple=True, metavar="NAME", help="A method; may be given several times.")
@click.option("--target", default="predicted", show_default=True, help="'true', a class, or 4-9: why 4 and not 9.")
@click.option("--layer", metavar="NAME", help="The layer of the class activation maps, or of --maximize.")
@click.option("--all-classes", is_flag=True, help="Saliency and Grad-CAM in three forms, for every class.")
@click.option("--maximize", is_flag=True, help="The inputs that excite every class, or filter of --layer, most.")
@click.option("--filters", metavar="LAYER", help="The weights of a layer's filters.")
@click.option("--features", metavar="LAYER", help="What every filter of a layer gives for an image.")
@click.option("--seed", default=0, show_default=True, help="Of --maximize.")
@data_option
@click.option("--out", type=click.Path(path_type=Path), metavar="FILE.png", help="Where to write; explanation.png.")
def explain_command(
    run: Path, images: tuple[str, ...], methods: tuple[str, ...], target: str, layer: str | None, all_classes: bool,
    maximize: bool, filters: str | None, features: str | None, seed: int, data_dir: Path | None, out: Path | None,
) -> None:  # fmt: skip
    """Draw what a network's answers rest on.

    RUN is a run's directory or a model file. An IMAGE is a file (PNG, JPEG, IDX, .npy) or an index into the data,
    such as test:17 or test:0-9. Without options, all methods stand side by side, each with its proof.

    \b
    pellucid explain runs/mnist-cnn test:17
    pellucid explain runs/mnist-cnn my-seven.png --target 7-1 --method lrp --method occlusion
    pellucid explain runs/mnist-cnn test:17 --all-classes
    pellucid explain runs/mnist-cnn --maximize
    pellucid explain runs/mnist-cnn --maximize --layer conv2d_2
    pellucid explain runs/mnist-cnn --filters conv2d_1
    pellucid explain runs/mnist-cnn test:17 --features conv2d_1
    """
    modes = [m for m, given in zip(MODES, (all_classes, maximize, filters, features), strict=True) if given]
    if len(modes) > 1:
        raise ArgumentError(f"explain: one of {' and '.join(modes)} at a time.")
    path = _picture_path(out or Path(f"{modes[0].strip('-')}.png" if modes else "explanation.png"))
    wanted = chosen(methods)
    if not images and modes not in (["--maximize"], ["--filters"]):
        raise ArgumentError("explain: name an image: a file, or an index into the data such as test:17.")
    desk = Desk.open(run, data_dir, images)
    draw: dict[str, Callable[[], Any]] = {
        "--all-classes": lambda: desk.every_class(layer),
        "--maximize": lambda: desk.maximised(layer, target, seed),
        "--filters": lambda: desk.filters(filters or ""),
        "--features": lambda: desk.features(features or ""),
    }
    if modes:
        figure = draw[modes[0]]()
    else:
        figure = desk.side_by_side(wanted, read_target(target, desk.samples, desk.classes), layer, bool(methods))
    write_figure(figure, path)
    click.echo(f"wrote {path}")


def _picture_path(path: Path) -> Path:
    if path.suffix.lower() != ".png":
        raise ArgumentError(f"--out: the file must end in .png, got {path.name!r}.")
    if not path.parent.is_dir():
        raise DataError(f"--out: there is no folder {path.parent}.")
    return path


def model_file(run: Path) -> Path:
    """Return the model file of a run's directory, or the file itself."""
    path = run / "model.safetensors" if run.is_dir() else run
    if not path.is_file():
        raise DataError(f"{run}: no run is there. Give a run's directory or a model file; `pellucid train` makes one.")
    return path


class Desk:
    """What the pictures are made of: a network, its data, and the images that were chosen."""

    def __init__(self, network: Container[Any], loss: Loss, train: Dataset, test: Dataset, images: tuple[str, ...]):
        self.network, self.loss = network, loss
        self.train, self.test = shaped_for(network, train), shaped_for(network, test)
        self.samples: list[Sample] = read_samples(images, self.train, self.test)
        self.classes = (network.output_shape or (1,))[-1]
        self.names = [*(test.class_names or map(str, range(self.classes)))]

    @classmethod
    def open(cls, run: Path, data_dir: Path | None, images: tuple[str, ...]) -> Desk:
        """Read everything, before anything is computed."""
        network, loss = load_model(model_file(run))
        return cls(network, loss, *load_data(data_dir), images)

    def side_by_side(self, wanted: list[Any], target: Any, layer: str | None, strict: bool) -> Any:
        """Return all maps of every image."""
        x = stack(self.samples)
        answers = ask(self.network, x, target, wanted, layer=layer, strict=strict)
        for method, reason in answers.refused:
            click.echo(f"without {method.label}: {reason}", err=True)
        pictures = colours.grey(x)
        blocks = []
        for i, heading in enumerate(self._headings()):
            shown = [self._input(pictures[i])]
            for method, said in answers.given:
                shown += panels(method, said, i, pictures[i], self.names)
            blocks.append(Block(heading, shown))
            click.echo(heading)
            for method, said in answers.given:
                verdict = said[i].caption(0).replace("\n", " · ")
                click.echo(f"  {method.label:22} {verdict}")
        return sheet(blocks)

    def _input(self, picture: Any) -> Panel:
        return Panel("Input", colours.colour(picture))

    def _headings(self) -> list[str]:
        chances = predict_proba(self.network, stack(self.samples), loss=self.loss)
        best = chances.argmax(axis=1)
        lines = []
        for sample, row, k in zip(self.samples, chances, best, strict=True):
            truth = "" if sample.truth is None else f", truth {self.names[sample.truth]}"
            lines.append(f"{sample.name}: predicted {self.names[k]} ({row[k]:.1%}){truth}")
        return lines

    def every_class(self, layer: str | None) -> Any:
        """Return saliency and Grad-CAM for every class of one image."""
        x = stack(self._single())
        rows = all_classes(self.network, x, self.names, layer)
        heading = f"{self._headings()[0]} · each row on one scale, in the units of the logit"
        return table(heading, self.names, rows, self._input(colours.grey(x)[0]))

    def maximised(self, layer: str | None, target: str, seed: int) -> Any:
        """Return the inputs that excite the classes most, or the filters of a layer."""
        units = range(self.classes)
        options: dict[str, Any] = {}
        if layer is not None:
            shape = upto(self.network, layer).output_shape or (1,)
            units = range(min(MANY, shape[-1]))
            # One place shows the pattern that a filter looks for; the mean over all fills the image with grey.
            options = {"position": "centre", "jitter": 0} if len(shape) == 3 else {}
        if target != "predicted":
            units = range(*(lambda k: (k, k + 1))(_unit(target)))
        result = explain.maximize(
            self.network, list(units), layer=layer, seed=seed, data=None if layer else self.train, **options
        )
        return plots.maximized(result, class_names=None if layer else self.names)

    def filters(self, layer: str) -> Any:
        """Return the weights of a layer's filters."""
        params = self.network.layer(layer).params
        if "W" not in params:
            have = [a.name for a in self.network.layers if "W" in a.params]
            raise ArgumentError(f"--filters: {layer} has no weights. Take one of {', '.join(have)}.")
        return plots.filter_grid(params["W"], title=f"{layer}: its filters")

    def features(self, layer: str) -> Any:
        """Return what each filter of a layer gives for one image."""
        (sample,) = self._single()
        maps = views.feature_maps(self.network, sample.x)
        if layer not in maps:
            checks.unknown_name("--features", "layer", layer, maps)
        if maps[layer].ndim != 3:
            raise ArgumentError(f"--features: {layer} gives {maps[layer].shape}, no maps (H, W, C).")
        return plots.feature_maps(maps[layer], title=f"{sample.name}: what {layer} gives")

    def _single(self) -> list[Sample]:
        if len(self.samples) != 1:
            raise ArgumentError(f"explain: this picture is of one image, got {len(self.samples)}.")
        return self.samples


def _unit(text: str) -> int:
    if not text.isdecimal():
        raise ArgumentError(f"--target: with --maximize it must be the number of a class or filter, got {text!r}.")
    return int(text)
