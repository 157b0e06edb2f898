"""What a file says besides its graph: how samples were prepared and what outputs mean, for programs and in words."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pellucid
from pellucid.interop.architecture import meanings
from pellucid.layers import Container
from pellucid.outputs import ending
from pellucid.specs import InputSpec

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
    'Takes samples of shape (3,). Gives probabilities of shape (2,).'
    """
    entries = {"pellucid.version": pellucid.__version__, **meanings(network, "save_onnx")}
    return entries | {"description": " ".join(_description(network, channels_first, probabilities))}


def _description(network: Container[Any], channels_first: bool, probabilities: bool) -> Iterator[str]:
    order = ", turned channels-first in this file" if channels_first and len(network.input_shape or ()) > 2 else ""
    yield f"Takes samples of shape {network.input_shape}{order}."
    spec = network.inputs
    if spec is not None:
        yield from _preparation(spec)
    given = "probabilities" if probabilities or ending(network) else "scores" if network.outputs else "numbers"
    yield f"Gives {given} of shape {network.output_shape}."
    if spec is not None and spec.class_names:
        yield f"Classes: {', '.join(spec.class_names)}."


def _preparation(spec: InputSpec) -> Iterator[str]:
    yield f"They were {_KINDS[spec.kind]}."
    if spec.columns:
        yield f"Columns: {', '.join(spec.columns)}."
    if spec.mean:
        yield "Of each column its mean was subtracted, and it was divided by its deviation: pellucid.inputs has both."
    elif spec.low is not None and spec.high is not None:
        yield f"Their numbers lay between {spec.low:g} and {spec.high:g}."
