"""`pellucid evaluate` and `pellucid predict`."""

from __future__ import annotations

from pathlib import Path

import click
import numpy as np

from pellucid.cli.common import data_option, load_data, load_model, shaped_for
from pellucid.cli.ranges import COUNT
from pellucid.data.images import read_images
from pellucid.shown import shown
from pellucid.training import evaluate, predict, predict_proba


@click.command("evaluate")
@click.argument("model", type=click.Path(path_type=Path))
@data_option
def evaluate_command(model: Path, data_dir: Path | None) -> None:
    """Measure a trained MODEL file on the training and test data.

    \b
    pellucid evaluate runs/two-layer-net/model.safetensors
    pellucid evaluate model.safetensors --data my-digits
    """
    network, loss = load_model(model)
    for name, data in zip(("train", "test"), load_data(data_dir), strict=True):
        click.echo(f"{name:6} {evaluate(network, shaped_for(network, data), loss=loss)}")


@click.command("predict")
@click.argument("model", type=click.Path(path_type=Path))
@click.argument("files", nargs=-1, required=True, metavar="FILE…", type=click.Path(path_type=Path))
@click.option("--top", type=COUNT, default=3, show_default=True, help="How many classes to show for each image.")
def predict_command(model: Path, files: tuple[Path, ...], top: int) -> None:
    """Say what a trained MODEL sees in image files.

    A PNG or JPEG holds one image: a digit on paper is turned into MNIST's form (light on dark, centred). An IDX file
    (raw or .gz) or a .npy array holds one or many, taken as they are.

    \b
    pellucid predict runs/two-layer-net/model.safetensors my-seven.png
    pellucid predict model.safetensors t10k-images-idx3-ubyte.gz > answers.txt
    """
    network, loss = load_model(model)
    read = [read_images(path, network.input_shape or ()) for path in files]  # all, before anything is printed
    for path, images in zip(files, read, strict=True):
        numbers = network.outputs is not None and network.outputs.classes is None
        rows = predict(network, images) if numbers else predict_proba(network, images, loss=loss)
        for i, row in enumerate(rows):
            name = shown(path) if len(rows) == 1 else f"{shown(path)}[{i}]"
            if numbers:
                click.echo(f"{name}\t" + "  ".join(f"{value:.6g}" for value in row))
                continue
            best = np.argsort(-row, kind="stable")[:top]
            click.echo(f"{name}\t{best[0]}\t" + "  ".join(f"{k}: {row[k]:.3f}" for k in best))
