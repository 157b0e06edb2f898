"""`pellucid gradcheck`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
import numpy as np

from pellucid import checks
from pellucid.cli.common import data_for, load_model, model_or_file
from pellucid.cli.options import data_option
from pellucid.cli.ranges import COUNT, SEED
from pellucid.cli.sources import Source
from pellucid.gradcheck import check_gradients
from pellucid.layers import Container
from pellucid.losses import Loss, as_loss
from pellucid.models import RECIPES
from pellucid.training import choose_loss, network_of
from pellucid.typing import Array


@click.command("gradcheck")
@click.argument("model", default="two-layer-net")
@data_option
@click.option("--samples", type=COUNT, default=5, show_default=True, help="Images to check on.")
@click.option(
    "--coordinates", type=COUNT, default=40, show_default=True, help="Single derivatives to check in each array."
)
@click.option("--seed", type=SEED, default=0, show_default=True, help="Of the weights, the images and the directions.")
@click.pass_context
def gradcheck_command(
    context: click.Context, model: str, data_dir: Source, samples: int, coordinates: int, seed: int
) -> None:
    """Check the backpropagation of a MODEL (a name or a file) against numerical gradients, in float64.

    It runs on random images and targets, which have no ties, or on the first images of --data. Exits with 1 unless
    the check passes.

    \b
    pellucid gradcheck two-layer-net
    pellucid gradcheck runs/two-layer-net/model.safetensors --samples 10
    """
    samples = checks.size("gradcheck", "--samples", samples)
    coordinates = checks.size("gradcheck", "--coordinates", coordinates)
    network, loss = _network_and_loss(model, seed)
    if data_dir.path is None:
        x, t = random_batch(network, samples, seed)
    else:
        batch = data_for(model, network, data_dir)[0][:samples]
        x, t = batch.x, batch.t
    report = check_gradients(network, x, t, loss=loss, seed=seed, samples=coordinates)
    click.echo(str(report))
    context.exit(0 if report.passed else 1)


def _network_and_loss(model: str, seed: int) -> tuple[Container[Any], Loss]:
    """Return a recipe's network and loss, or those in a file."""
    if model not in RECIPES and Path(model).is_file():
        network, loss = load_model(Path(model))
        return network, choose_loss(network, loss)
    made = model_or_file(model, seed)
    return network_of(made), as_loss(getattr(made, "cost", None) or RECIPES[model].loss)


def random_batch(network: Container[Any], samples: int, seed: int) -> tuple[Array, Array]:
    """Return inputs (N, …) between 0 and 1, and one-hot targets (N, K), which every loss takes."""
    rng = np.random.default_rng([seed, 5])
    x = rng.random((samples, *(network.input_shape or ())))
    classes = (network.output_shape or (1,))[-1]
    if classes == 1:
        return x, (np.arange(samples) % 2)[:, None]
    return x, np.eye(classes)[np.arange(samples) % classes]
