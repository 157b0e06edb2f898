"""`pellucid views`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import numpy as np

from pellucid import checks, explain, plots, views
from pellucid.cli.common import write_figure
from pellucid.cli.desk import Desk, files_read
from pellucid.cli.options import data_and_pictures
from pellucid.cli.prepare import Preparation, preparation_options
from pellucid.cli.progress import told
from pellucid.cli.ranges import NAME, SEED, Whole
from pellucid.cli.sources import Source
from pellucid.errors import ArgumentError, DataError, PellucidError
from pellucid.files import atomic_write, expect_spared, make_folder, writable, writable_folder
from pellucid.layers import Layer
from pellucid.layers.parts import layer_shape, upto
from pellucid.layers.walk import operations
from pellucid.shown import shown
from pellucid.views.cost import multiply_adds
from pellucid.views.flow import flow
from pellucid.views.top import top_of_units

OF_UNITS = {"maximize-filters", "top-samples"}
OF_LAYERS = {"filters", "feature-maps", "grad-cam", *OF_UNITS}
MAXIMISED, SEARCHED, TOP = 16, 6, 9
"""Units that are maximised, and searched for samples, unless some are named; samples of each."""
STEPS, LEAST_STEPS, FEW, PRODUCTS = 256, 48, 4, 10**11
"""The usual steps up, the fewest, the units that are maximised in any case, and the multiply-adds to be spent."""
HIGHEST = 10
"""Classes that are maximised where there are more than units."""


@click.command("views")
@click.argument("run", type=NAME)
@click.argument("images", nargs=-1, metavar="[IMAGE]…")
@click.option("--only", multiple=True, metavar="VIEW", help="One of the views; may be given several times.")
@click.option("--layer", metavar="NAME", help="The layer looked at, where a view is of one.")
@click.option("--unit", "units", type=Whole(0), multiple=True, help="A filter or unit; may be given again.")
@click.option(
    "--map-scale",
    type=click.Choice(["shared", "each"]),
    default="shared",
    show_default=True,
    help="Of saliency and grad-cam: one scale for a row, or one for each map.",
)
@click.option("--seed", type=SEED, default=0, show_default=True, help="Of maximize and maximize-filters.")
@data_and_pictures
@preparation_options
@click.option(
    "--out",
    type=NAME,
    metavar="DIR",
    default="views",
    show_default=True,
    help="The folder to write to; it is made if there is none.",
)
def views_command(
    run: Path,
    images: tuple[str, ...],
    only: tuple[str, ...],
    layer: str | None,
    units: tuple[int, ...],
    map_scale: str,
    seed: int,
    data_dir: Source,
    preparation: Preparation,
    out: Path,
) -> None:
    """Draw a network from all sides, a file for each view.

    \b
    summary            the layers, their shapes, parameters and costs, as text
    diagram            the architecture
    filters            the weights of a layer's filters
    feature-maps       what every filter of a layer gives for an image
    maximize           the inputs that excite every class most
    maximize-filters   the inputs that excite the filters of a layer most
    top-samples        the test images that excite them most
    occlusion          a grey patch slid over images: probability and predicted class at every place
    saliency           of every class: plain, guided and rectified
    grad-cam           of every class: plain, guided and rectified

    RUN is a run's directory or a model file: ours, ONNX, or Keras's. An IMAGE is a file or an index into the data such
    as test:17; the first test image if left out. Occlusion takes all of them, the other views the first. Of more than
    20 classes the ten that score highest are shown.

    \b
    pellucid views runs/mnist-cnn
    pellucid views runs/mnist-cnn test:17 --only saliency --only grad-cam
    pellucid views runs/mnist-cnn --only maximize-filters --layer conv2d_1 --unit 3 --unit 5
    """
    for name in only:
        checks.expect_known("views", "view", name, VIEWS)
    for option, given, takers in (("--layer", layer, OF_LAYERS), ("--unit", units, OF_UNITS)):
        if given not in (None, ()) and only and not takers & set(only):
            raise ArgumentError(f"{option}: only {', '.join(sorted(takers))} look at one. Leave it out.")
    if not out.parent.is_dir() or (out.exists() and not out.is_dir()):
        raise DataError(f"--out: {out} must be a folder, or a new one inside a folder that is there.")
    writable_folder("--out", out)
    if out.is_dir():
        for name in only or VIEWS:
            writable("--out", _file(out, name))
        expect_spared(
            "--out", [_file(out, name) for name in only or VIEWS], files_read(run, data_dir, images, preparation)
        )
    desk = Desk.open(run, data_dir, images or ("test:0",), preparation)
    if layer is not None:
        layer_shape("views", desk.network, layer)  # an unknown name is told before anything is written
    sight = Sight(desk, layer, units, seed, map_scale)
    made = 0
    for name in dict.fromkeys(only) or VIEWS:
        try:
            with told(name):
                drawn = VIEWS[name](sight)
        except PellucidError as error:
            if only:
                raise
            click.echo(f"without {name}: {error}", err=True)
            continue
        make_folder("--out", out)
        _write(drawn, _file(out, name))
        click.echo(f"wrote {shown(_file(out, name))}")
        made += 1
    if not made:
        raise ArgumentError(f"views: nothing of {run} can be drawn; the reasons stand above.")


def _file(folder: Path, view: str) -> Path:
    return folder / f"{view}.{'txt' if view == 'summary' else 'png'}"


def _write(drawn: Any, path: Path) -> None:
    if isinstance(drawn, str):
        atomic_write(path, drawn.encode() + b"\n", who="pellucid views")
    else:
        write_figure(drawn, path)


@dataclass(frozen=True)
class Sight:
    """The network on its desk, and which part of it is looked at."""

    desk: Desk
    layer: str | None
    units: Sequence[int]
    seed: int
    scale: str

    @property
    def network(self) -> Any:
        """The network."""
        return self.desk.network

    @property
    def image(self) -> Any:
        """The first of the images."""
        return self.desk.samples[0].x

    def weighted(self, pick: int) -> str:
        """Return the layer that was named, or of the convolutions the first (0) or last (−1); else the first dense."""
        if self.layer is not None:
            layer_shape("views", self.network, self.layer)  # or an error that names the nearest
            return self.layer
        weighted = [(path, a) for path, a in operations(self.network) if a.facts.weights]
        convolutions = [path for path, layer in weighted if isinstance(layer, Layer) and layer.takes_images]
        dense = [path for path, layer in weighted if layer.facts.function == "affine"]
        if not convolutions and not dense:
            raise ArgumentError(f"{self.network.label} has no layer with filters.")
        return convolutions[pick] if convolutions else dense[0]

    def best_classes(self) -> list[int]:
        """Return the classes that score highest for the image."""
        scores = self.network(self.image[None])[0]
        return [int(k) for k in np.argsort(-scores, kind="stable")[:HIGHEST]]

    def affordable(self, part: Any, units: list[int]) -> tuple[list[int], int]:
        """Return as many of the units, and the steps up, as a minute or so allows for a network of this size."""
        once = max(1, sum(multiply_adds(op) or 0 for op in flow(part)))
        few = units if len(units) <= FEW or once * len(units) * STEPS <= PRODUCTS else units[:FEW]
        return few, int(np.clip(PRODUCTS // (once * len(few)), LEAST_STEPS, STEPS))

    def chosen(self, layer: str, usual: int) -> list[int]:
        """Return the units that were named, or the first ones of a layer."""
        return list(self.units) or list(range(min(usual, layer_shape("views", self.network, layer)[-1])))


def _filters(sight: Sight) -> Any:
    layer = sight.weighted(0)
    held = dict(operations(sight.network))
    params = getattr(held.get(layer), "params", {})
    if "W" not in params:
        have = [path for path, operation in held.items() if "W" in getattr(operation, "params", {})]
        raise ArgumentError(f"--layer: {layer} has no weights. Take one of {', '.join(have)}.")
    return plots.filter_grid(params["W"], title=f"The filters of {shown(layer)}")


def _feature_maps(sight: Sight) -> Any:
    layer = sight.layer or _activation_after(sight, sight.weighted(0))
    maps = views.feature_maps(sight.network, sight.image)
    checks.expect_known("views", "layer", layer, maps)
    if maps[layer].ndim != 3:
        raise ArgumentError(f"--layer: {layer} gives {maps[layer].shape}, no maps (H, W, C). Name one that does.")
    return plots.feature_maps(maps[layer], title=f"What {shown(layer)} gives for {sight.desk.samples[0].name}")


def _activation_after(sight: Sight, layer: str) -> str:
    """Return the activation that follows a layer, or the layer itself."""
    named = list(operations(sight.network))
    at = [path for path, _ in named].index(layer)
    following = named[at + 1 : at + 2]
    return following[0][0] if following and following[0][1].facts.elementwise else layer


def _maximize(sight: Sight) -> Any:
    desk = sight.desk
    classes = list(range(desk.classes)) if desk.classes <= MAXIMISED else sight.best_classes()
    classes, steps = sight.affordable(sight.network, classes)
    result = explain.maximize(sight.network, classes, steps=steps, seed=sight.seed, data=desk.train)
    return plots.maximized(result, class_names=desk.names)


def _maximize_filters(sight: Sight) -> Any:
    layer = sight.weighted(-1)
    units, steps = sight.affordable(upto(sight.network, layer), sight.chosen(layer, MAXIMISED))
    result = explain.maximize(sight.network, units, layer=layer, steps=steps, seed=sight.seed)
    return plots.maximized(result, columns=8, film=False)


def _top_samples(sight: Sight) -> Any:
    layer, data = sight.weighted(-1), sight.desk.need_test("top-samples")
    kind = "filter" if len(layer_shape("views", sight.network, layer)) == 3 else "unit"
    units = sight.chosen(layer, SEARCHED)
    found = top_of_units("top_samples", sight.network, layer, units, data.x, TOP)
    title = f"What excites {shown(layer)} most, of {len(data):,} test images"
    names = {"labels": data.t, "class_names": sight.desk.names} if data.classes else {}
    return plots.top_samples(found, [f"{kind} {unit}" for unit in units], **names, title=title)


def _occlusion(sight: Sight) -> Any:
    samples = sight.desk.samples
    truth = [sample.truth for sample in samples]
    x = np.stack([sample.x for sample in samples])
    said = explain.occlusion(sight.network, x, "predicted" if None in truth else np.array(truth))
    return plots.occlusion_maps(said, class_names=sight.desk.names)


def _saliency(sight: Sight) -> Any:
    return _every_class(sight, explain.all_classes(sight.network, sight.image))


def _grad_cam(sight: Sight) -> Any:
    return _every_class(sight, explain.all_classes(sight.network, sight.image, explain.grad_cam, layer=sight.layer))


def _every_class(sight: Sight, found: explain.AllClasses) -> Any:
    for form, reason in found.refused.items():
        click.echo(f"without the {form} form: {reason}", err=True)
    return found.plot(class_names=sight.desk.names, scale=sight.scale)


VIEWS: dict[str, Callable[[Sight], Any]] = {
    "summary": lambda sight: str(views.summary(sight.desk.whole)),
    "diagram": lambda sight: views.diagram(sight.desk.whole).plot(),
    "filters": _filters,
    "feature-maps": _feature_maps,
    "maximize": _maximize,
    "maximize-filters": _maximize_filters,
    "top-samples": _top_samples,
    "occlusion": _occlusion,
    "saliency": _saliency,
    "grad-cam": _grad_cam,
}
