"""What a file says besides its graph: how samples were prepared and what outputs mean, for programs and in words."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pellucid
from pellucid.interop.architecture import meanings
from pellucid.layers import Container
from pellucid.outputs import ending
from pellucid.specs import InputSpec
from pellucid.typing import Shape

_KINDS = {
    "digits": "pictures of digits, light on dark and centred",
    "images": "pictures",
    "table": "rows of a table",
    "array": "arrays",
}


def texts(network: Container[Any], *, channels_first: bool, probabilities: bool) -> dict[str, str]:
    """Return the entries: those of our own model files, and a description to read.

    Examples
    --------
    >>> network = pl.Sequential([pl.Affine(2)], input_shape=3)
    >>> texts(network, channels_first=False, probabilities=True)["description"]
    'Gives probabilities of shape (2,) for samples of shape (3,).'
    """
    inputs = network.inputs
    if inputs is not None and channels_first:
        inputs = _turned(inputs, network.input_shape or ())
    given = "probabilities" if probabilities or ending(network) else "scores" if network.outputs else "numbers"
    said = [f"Gives {given} of shape {network.output_shape} for samples of shape {network.input_shape}."]
    if inputs is not None:
        said += _preparation(inputs)
    entries = {"pellucid.version": pellucid.__version__, **meanings(inputs, network.outputs, "save_onnx")}
    return entries | {"description": " ".join(said)}


def _turned(inputs: InputSpec, sample: Shape) -> InputSpec:
    """Return how samples are prepared for a file that takes them channels-first."""
    if len(sample) != 3 or inputs.shape != sample or inputs.layout == "channels-first":
        return inputs
    return inputs.replace(layout="channels-first", shape=(sample[2], *sample[:2]))


def _preparation(spec: InputSpec) -> Iterator[str]:
    yield f"Samples are {_KINDS[spec.kind]}{', channels first' * (spec.layout == 'channels-first')}."
    if spec.columns:
        yield f"Columns: {', '.join(spec.columns)}."
    if spec.scale is not None:
        yield f"White is {spec.scale:g}."
    if spec.mean:
        yield f"From them {_numbers(spec.mean)} is subtracted, and they are divided by {_numbers(spec.deviation)}."
    elif spec.low is not None and spec.high is not None:
        yield f"Their numbers lay between {spec.low:g} and {spec.high:g}."
    if spec.class_names:
        yield f"Classes: {', '.join(spec.class_names)}."


def _numbers(row: tuple[float, ...]) -> str:
    return ", ".join(f"{number:g}" for number in row)
