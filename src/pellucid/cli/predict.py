"""`pellucid evaluate` and `pellucid predict`."""

from __future__ import annotations

from pathlib import Path

import click
import numpy as np

from pellucid.cli.common import class_names, load_model, looked_at, rows_of, shaped_for
from pellucid.cli.options import data_option, table_option
from pellucid.cli.prepare import Preparation, preparation_options
from pellucid.cli.ranges import COUNT, NAME
from pellucid.cli.sources import Source, data_of, tell
from pellucid.data import CsvOptions, read_inputs
from pellucid.data.incoming import as_written
from pellucid.layers.door import with_flat_scores
from pellucid.outputs import answers, hits_numbers
from pellucid.shown import shown
from pellucid.training import evaluate


@click.command("evaluate")
@click.argument("model", type=NAME)
@data_option
@preparation_options
def evaluate_command(model: Path, data_dir: Source, preparation: Preparation) -> None:
    """Measure a trained MODEL file on the training and test data: those that its run remembers, or --data.

    \b
    pellucid evaluate runs/two-layer-net/model.safetensors
    pellucid evaluate model.safetensors --data my-digits
    """
    network, loss = load_model(model, preparation)
    network = looked_at(network)
    parts = [shaped_for(network, data) for data in data_of(model, network, data_dir)]
    for name, data in zip(("train", "test"), parts, strict=True):
        click.echo(f"{name:6} {evaluate(network, data, loss=loss)}")


@click.command("predict")
@click.argument("model", type=NAME)
@click.argument("files", nargs=-1, required=True, metavar="FILE…", type=NAME)
@click.option("--top", type=COUNT, default=3, show_default=True, help="How many classes to show for each image.")
@table_option
@preparation_options
def predict_command(
    model: Path,
    files: tuple[Path, ...],
    top: int,
    table: CsvOptions,
    pictures: str | None,
    preparation: Preparation,
) -> None:
    """Say what a trained MODEL sees in files: pictures, IDX files, .npy arrays, CSV tables.

    MODEL is a file of ours, ONNX, or Keras's .keras and .h5. The files are prepared as its training samples were, which
    it says, or the options below. A network of digits turns a PNG or JPEG of a digit on paper into MNIST's form (light
    on dark, centred); other networks get pictures in their size. An IDX file (raw or .gz), an array or a table holds
    one sample or many.

    \b
    pellucid predict runs/two-layer-net/model.safetensors my-seven.png
    pellucid predict model.safetensors t10k-images-idx3-ubyte.gz > answers.txt
    pellucid predict model.safetensors new-flowers.csv
    """
    network, loss = load_model(model, preparation)
    network = with_flat_scores(network)
    shape = network.input_shape or ()
    read = [
        read_inputs(path, shape, network.inputs, pictures=pictures, table=as_written(path, table)) for path in files
    ]
    tell([(str(path), incoming.notes) for path, incoming in zip(files, read, strict=True)])
    names = class_names(network)
    several = answers(network)
    numbers = hits_numbers(network)
    for path, incoming in zip(files, read, strict=True):
        rows = rows_of(network, incoming.x, loss)
        for i, row in enumerate(rows):
            name = shown(path) if len(rows) == 1 else f"{shown(path)}[{i}]"
            if several:
                click.echo(f"{name}\t" + "  ".join(f"{shown(names[k])}: {p:.3f}" for k, p in enumerate(row)))
                continue
            if numbers:
                click.echo(f"{name}\t" + "  ".join(f"{value:.6g}" for value in row))
                continue
            best = np.argsort(-row, kind="stable")[:top]
            chances = "  ".join(f"{shown(names[k])}: {row[k]:.3f}" for k in best)
            click.echo(f"{name}\t{shown(names[best[0]])}\t{chances}")
