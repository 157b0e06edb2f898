"""`pellucid gradcheck`."""

from __future__ import annotations

from pathlib import Path

import click

from pellucid.cli.common import data_option, load_data, model_or_file, shaped_for
from pellucid.cli.ranges import COUNT, SEED
from pellucid.gradcheck import check_gradients
from pellucid.losses import SoftmaxCrossEntropy
from pellucid.training import network_of


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
    context: click.Context, model: str, data_dir: Path | None, samples: int, coordinates: int, seed: int
) -> None:
    """Check the backpropagation of a MODEL (a name or a file) against numerical gradients, in float64.

    Exits with 1 if the check fails.

    \b
    pellucid gradcheck two-layer-net
    pellucid gradcheck runs/two-layer-net/model.safetensors --samples 10
    """
    made = model_or_file(model, seed)
    network = network_of(made)
    train, _ = load_data(data_dir)
    batch = shaped_for(network, train[:samples])
    cost = getattr(made, "cost", None) or SoftmaxCrossEntropy()
    report = check_gradients(network, batch.x, batch.t, loss=cost, seed=seed, samples=coordinates)
    click.echo(str(report))
    context.exit(0 if report.passed else 1)
