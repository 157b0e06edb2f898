"""What several commands need: which data, and which model."""

from __future__ import annotations

import io
import math
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from pellucid import checks, interop
from pellucid.cli.prepare import Preparation
from pellucid.cli.sources import Source, data_of
from pellucid.data import Dataset
from pellucid.errors import ArgumentError, DataError, PellucidError
from pellucid.files import atomic_write, expect_spared, writable, writable_folder
from pellucid.interop import read_metadata
from pellucid.interop.any import kind_of_model
from pellucid.interop.strict_json import parse_json
from pellucid.layers import Container
from pellucid.layers.door import behind_door, with_flat_scores
from pellucid.losses import LOSSES, Loss, as_loss
from pellucid.models import RECIPES, recipe
from pellucid.outputs import both, hits_numbers, knows_chances
from pellucid.training import predict, predict_proba
from pellucid.typing import Array


def load_data(source: Source | None) -> tuple[Dataset, Dataset]:
    """Return (train, test) as images scaled to 0–1: the named data, or MNIST."""
    return (source or Source()).load()


def data_for(model: str, network: Container[Any], source: Source) -> tuple[Dataset, Dataset]:
    """Return (train, test) for a recipe's network, or the network in a file, which says how they are prepared."""
    train, test = load_data(source) if model in RECIPES else data_of(Path(model), network, source)
    return shaped_for(network, train), shaped_for(network, test)


def shaped_for(network: Container[Any], data: Dataset) -> Dataset:
    """Return the data in the shape that the network takes: as they are, flattened, or as images."""
    shape = network.input_shape
    if shape is None or data.sample_shape == shape:
        return data
    if math.prod(shape) != math.prod(data.sample_shape):
        raise DataError(
            f"the network takes samples of shape {shape}, those of the data have {data.sample_shape}. "
            "Give the data that it learnt from: --data."
        )
    return data.flattened() if len(shape) == 1 else data.as_images(shape)


def load_model(path: Path, preparation: Preparation | None = None) -> tuple[Container[Any], Loss | None]:
    """Return the network in a file and the loss it was trained with, as far as the file says so.

    Its inputs are prepared as the file says, and as the options say over it.
    """
    network = interop.load_model(path)
    if preparation is not None:
        preparation.apply(network)
    if kind_of_model(path) != "pellucid":
        return network, None
    try:
        stated = parse_json(read_metadata(path).get("loss", "null"), "loss")
        loss = as_loss(stated) if stated else None
    except (PellucidError, ValueError, TypeError, KeyError, AttributeError):
        raise ArgumentError(f"{path}: its loss is not one of {', '.join(sorted(LOSSES))}.") from None
    return network, loss


def looked_at(network: Container[Any]) -> Container[Any]:
    """Return what commands look at: the network behind its door, where channels come last, its scores a vector."""
    return with_flat_scores(behind_door(network))


def rows_of(network: Container[Any], x: Array, loss: Loss | None) -> Array:
    """Return what a network says of samples: numbers, probabilities of classes, or scores where it knows no more."""
    if hits_numbers(network):
        return predict(network, x)
    return predict_proba(network, x, loss=loss) if knows_chances(network, loss) else both(predict(network, x))


def class_names(network: Container[Any]) -> list[str]:
    """Return what the outputs are called: as in the training data, else by their numbers."""
    outputs = (network.output_shape or (1,))[-1]
    if hits_numbers(network):
        return [str(k) for k in range(outputs)]
    named = network.inputs.class_names if network.inputs is not None else None
    known = list(named or ())
    return known + [str(k) for k in range(len(known), max(outputs, 2))]


def model_or_file(name: str, seed: int = 0) -> Any:
    """Return a fresh model by its recipe's name, or the network in a file."""
    if name in RECIPES:
        return recipe(name).for_mnist(seed)
    if Path(name).exists():
        return interop.load_model(Path(name))
    if Path(name).suffix:
        raise ArgumentError(f"{name}: there is no such model file.")
    checks.unknown_name("pellucid", "model", name, RECIPES)


def expect_file(path: Path, *suffixes: str, option: str = "--out", read: Iterable[str | Path] = ()) -> Path:
    """Return the path if a file of such a name can be written there, and is none that is read; before the work."""
    if path.suffix.lower() not in suffixes:
        raise ArgumentError(f"{option}: the file must end in {' or '.join(suffixes)}, got {path.name!r}.")
    writable_folder(option, writable(option, path).parent)
    expect_spared(option, [path], read)
    return path


def write_figure(figure: Any, path: Path) -> None:
    """Write a Matplotlib figure as PNG, whole or not at all."""
    picture = io.BytesIO()
    figure.savefig(picture, format="png", dpi=150)
    atomic_write(path, [picture.getvalue()], who="pellucid")
