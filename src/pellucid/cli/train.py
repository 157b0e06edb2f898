"""`pellucid train`."""

from __future__ import annotations

import json
import os
import statistics
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import numpy as np

from pellucid import plots
from pellucid.cli.clock import seconds_since_start
from pellucid.cli.common import load_data, write_figure
from pellucid.cli.options import data_option
from pellucid.cli.ranges import COUNT, NAME, RATE, SEED, Whole
from pellucid.cli.sources import HISTORY, MEMORY, Source
from pellucid.data import Dataset
from pellucid.errors import ArgumentError, DataError, MissingDependencyError
from pellucid.files import expect_spared, make_folder, writable, writable_folder
from pellucid.interop import save
from pellucid.kernels import jit
from pellucid.losses import as_loss, loss_config
from pellucid.models import RECIPES, Recipe, SimpleCNN, recipe
from pellucid.shown import shown
from pellucid.training import Evaluation, History, evaluate, network_of, predict_proba
from pellucid.training.progress import reporter

MODEL = "model.safetensors"
RECORDS = (MEMORY, HISTORY, "history.csv", "history-iterations.csv")
PICTURES = ("training.png", "samples.png", "confusion.png", "mistakes.png", "filters.png", "feature-maps.png")
"""What a run may hold; which pictures there are depends on the model."""


@click.command("train")
@click.argument("model", default="two-layer-net", metavar="[MODEL]")
@data_option
@click.option("--epochs", type=COUNT, help="Passes over the training data.")
@click.option("--iterations", type=COUNT, help="Steps, in place of epochs.")
@click.option("--batch-size", type=COUNT, help="Samples a step.")
@click.option("--learning-rate", type=RATE, help="In place of the recipe's.")
@click.option("--seed", type=SEED, default=0, show_default=True, help="Weights, batches and dropout follow from it.")
@click.option(
    "--seeds",
    type=Whole(1, 10_000),
    default=1,
    show_default=True,
    help="Train from this many seeds; print mean and spread.",
)
@click.option("--out", type=NAME, metavar="DIR", help="Where to write; runs/MODEL if left out.")
@click.option("--overwrite", is_flag=True, help="Write into a directory that holds a run already.")
@click.option("--list", "list_models", is_flag=True, help="List the models, with the figures published for them.")
@click.pass_context
def train_command(
    context: click.Context, /, model: str, data_dir: Source, out: Path | None, overwrite: bool, list_models: bool,
    seed: int, seeds: int, **settings: Any,
) -> None:  # fmt: skip
    """Train a model and write it, its history and its pictures to a directory.

    \b
    pellucid train                           the book's two-layer network, 10,000 iterations
    pellucid train network --epochs 5        Nielsen's network [784, 30, 10], five epochs
    pellucid train --seeds 5                 five seeds: mean and spread of the test accuracy
    pellucid train --data my-digits --out runs/mine
    """
    if list_models:
        for chosen in RECIPES.values():
            click.echo(f"{chosen.name:16} {chosen.title}\n{'':16} published: {chosen.published}")
        return
    chosen = recipe(model)
    directory = _directory(out, model, overwrite, data_dir)
    results = []
    with ExitStack() as announced:
        announced.callback(jit.on_compile(_Announcement()))
        with ThreadPoolExecutor(1) as pool:
            loading = pool.submit(chosen.warm_up)  # kernels load while the data are read
            train, test = load_data(data_dir)
            loading.result()
        _expect_fit(chosen, train)
        if chosen.flat:
            train, test = train.flattened(), test.flattened()
        for s in range(seed, seed + seeds):
            results.append(
                _train_once(chosen, train, test, s, settings, show_seed=seeds > 1, own_data=not data_dir.is_mnist)
            )
            if results[-1].history.stopped == "interrupted":
                break
    if len(results) > 1:
        _print_spread(results)
    _write(directory, chosen, results[0], test, data_dir, overwrite=overwrite)
    if results[-1].history.stopped == "interrupted":
        context.exit(130)


@dataclass(frozen=True)
class _Result:
    model: Any
    history: History
    test: Evaluation
    seconds: float


class _Announcement:
    """Says once that kernels are being compiled, so that a pause explains itself."""

    def __init__(self) -> None:
        self.said = False

    def __call__(self, kernel: str) -> None:
        if not self.said:
            click.echo("compiling kernels (once on this machine)…")
        self.said = True


def _expect_fit(chosen: Recipe, train: Dataset) -> None:
    """Refuse data that the model cannot learn from, before anything is done."""
    if np.all(train.t == train.t[0]):
        raise DataError("train: all training samples are of one class: there is nothing to tell apart.")
    if not chosen.flat and len(train.sample_shape) != 3:
        raise ArgumentError(
            f"train: {chosen.name} takes images, the samples have shape {train.sample_shape}. Take two-layer-net."
        )


def _directory(out: Path | None, model: str, overwrite: bool, source: Source) -> Path:
    """Return where the run goes, after making sure that it can be written there: nothing is trained in vain.

    What is no run's stays as it is: the folder must be new, empty, or that of a run which may be overwritten.
    """
    directory = out or Path("runs") / model
    if out is None and not overwrite:
        directory = _still_free(directory)
    writable_folder("train: --out", directory)
    if not _is_free(directory):
        if not (directory / MODEL).exists():
            raise ArgumentError(f"train: {directory} holds files that are no run's. Choose a new or empty --out.")
        if not overwrite:
            raise ArgumentError(f"train: {directory} holds a run already. Choose another --out, or add --overwrite.")
        files = [directory / name for name in (MODEL, *RECORDS, *PICTURES)]
        for file in files:
            writable("train: --out", file)
        expect_spared("train: --out", files, source.files())
    return directory


def _is_free(directory: Path) -> bool:
    return not os.path.lexists(directory) or (directory.is_dir() and not any(directory.iterdir()))


def _train_once(
    chosen: Recipe,
    train: Dataset,
    test: Dataset,
    seed: int,
    settings: dict[str, Any],
    *,
    show_seed: bool,
    own_data: bool,
) -> _Result:
    click.echo(f"{chosen.title}, {len(train):,} training samples" + (f", seed {seed}" if show_seed else ""))
    shown = reporter(True, chosen.watch)
    begun = time.perf_counter()
    model, history = chosen.train(train, test, seed=seed, callbacks=[shown] if shown else [], **settings)
    seconds = time.perf_counter() - begun
    measured = evaluate(model, test, loss=chosen.loss)
    click.echo(f"test: {measured}  after {len(history):,} iterations")
    if chosen.watch == "nothing":
        click.echo(f"{seconds_since_start():.1f} s since the process began")
    if not own_data:  # the published figures are of MNIST
        click.echo(f"published: {chosen.published}")
    click.secho(f"training and evaluation took {seconds:.1f} s", bold=True)
    return _Result(model, history, measured, seconds)


def _print_spread(results: list[_Result]) -> None:
    accuracies = [r.test.accuracy or 0.0 for r in results]
    click.secho(
        f"{len(results)} seeds: test accuracy mean {statistics.mean(accuracies):.4f}, "
        f"sd {statistics.stdev(accuracies):.4f}, from {min(accuracies):.4f} to {max(accuracies):.4f}; "
        f"{statistics.mean(r.seconds for r in results):.1f} s each",
        bold=True,
    )
    peaks = [max((a for a in r.history.epochs["validation_accuracy"] if a is not None), default=0.0) for r in results]
    click.echo(f"peak accuracy while training, not a result to quote: {', '.join(f'{p:.4f}' for p in peaks)}")


def _still_free(directory: Path) -> Path:
    """Return the directory, or the next name that is free where something lies there, perhaps written meanwhile."""
    free, number = directory, 1
    while not _is_free(free):
        number += 1
        free = directory.with_name(f"{directory.name}-{number}")
    return free


def _write(directory: Path, chosen: Recipe, result: _Result, test: Dataset, source: Source, *, overwrite: bool) -> None:
    if not overwrite:
        directory = _still_free(directory)
    metadata = {
        "loss": json.dumps(loss_config(as_loss(chosen.loss))),
        "recipe": chosen.name,
        "training": json.dumps({**result.history.settings, "test_accuracy": result.test.accuracy}),
    }
    _save(result.model, directory, metadata)
    for name in PICTURES:  # of a run that lay here
        (directory / name).unlink(missing_ok=True)
    try:
        source.remember(directory, directory / MODEL)
        result.history.save(directory / HISTORY)
        result.history.save(directory / "history.csv")
        _draw(directory, chosen, result, test)
    except MissingDependencyError as error:
        click.secho(f"no pictures: {error}", fg="yellow", err=True)
    except (DataError, OSError) as error:
        raise DataError(f"{error} The model itself is saved: {directory / MODEL}.") from error
    click.echo(f"wrote {shown(directory)}/")
    for name in sorted((MODEL, *RECORDS, *PICTURES)):
        if (directory / name).exists():
            click.echo(f"  {name}")


def _save(model: Any, directory: Path, metadata: dict[str, str]) -> None:
    """Save the model first of all; where that fails after all, beside other temporary files rather than nowhere."""
    try:
        make_folder("train", directory)
        save(model, directory / MODEL, metadata=metadata)
    except DataError as error:
        with suppress(OSError):
            directory.rmdir()  # unless something else lies in it
        refuge = Path(tempfile.mkdtemp(prefix="pellucid-"))
        try:
            save(model, refuge / MODEL, metadata=metadata)
        except DataError:
            refuge.rmdir()
            raise error from None
        raise DataError(f"{error} The model was saved as {refuge / MODEL} instead.") from error


def _draw(directory: Path, chosen: Recipe, result: _Result, test: Dataset) -> None:
    probabilities = predict_proba(result.model, test.x, loss=chosen.loss)
    predicted = probabilities.argmax(axis=1)
    write_figure(result.history.plot(), directory / "training.png")
    pictures = test.inputs is None or test.inputs.kind != "table"
    if pictures:
        write_figure(plots.sample_grid(test.x[:50], test.t[:50]), directory / "samples.png")
    write_figure(plots.confusion_matrix(test.t, predicted, test.class_names), directory / "confusion.png")
    if pictures and np.any(predicted != test.t):
        write_figure(plots.mistakes(test.x, test.t, probabilities), directory / "mistakes.png")
    first = network_of(result.model).layers[0]
    weights = first.filter_weights()
    if weights is not None and weights.ndim == 4:
        write_figure(plots.filter_grid(weights), directory / "filters.png")
    if isinstance(result.model, SimpleCNN):
        maps = result.model.feature_maps(test.x[0])
        write_figure(plots.convolution_and_pooling(test.x[0], *maps), directory / "feature-maps.png")
