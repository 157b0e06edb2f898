"""The architecture of a network as text in a model file, and back.

pellucid.format        "1"
pellucid.version       the version of the package that wrote the file
pellucid.architecture  the layers and their options, as `layers.to_spec` gives them
pellucid.input_shape   [28, 28, 1]
pellucid.dtype         float32
pellucid.outputs       what the outputs mean, where the network was trained: the loss, and how many classes
pellucid.buffers       the names of the tensors that are buffers; the others are parameters
pellucid.inputs        how the samples were prepared, and the names of the classes; absent where it is not known
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

import pellucid
from pellucid import checks
from pellucid.errors import ArgumentError, FileFormatError
from pellucid.interop.strict_json import AGAIN, parse_json
from pellucid.layers import LAYERS, Container, from_spec, to_spec
from pellucid.layers.spec import remade
from pellucid.losses import LOSSES, CrossEntropy, Loss, MeanSquaredError, ShareLoss
from pellucid.specs import InputSpec, OutputSpec
from pellucid.typing import Config, Shape

PREFIX = "pellucid."
FORMAT = "1"
MAX_LAYERS = 10_000
MAX_DEPTH = 16  # of containers in containers
MAX_NESTING = 64  # of lists and objects in the description
MAX_SIZE = 1 << 40  # numbers in one sample

_DTYPES = ("float16", "float32", "float64")
_BUILDS_AT_ONCE = ("input_shape", "seed", "dtype")


class Architecture(NamedTuple):
    """What a file says about its network, checked but not built."""

    spec: Config
    input_shape: Shape
    dtype: np.dtype[Any]
    buffers: list[str]
    outputs: OutputSpec | None
    inputs: InputSpec | None


def to_metadata(network: Container[Any]) -> dict[str, str]:
    """Return the entries that describe a built network."""
    architecture = _plain_json(to_spec(network))
    remade(network)  # what a file cannot make again is told before it is written
    return meanings(network.inputs, network.outputs, "save") | {
        "pellucid.format": FORMAT,
        "pellucid.version": pellucid.__version__,
        "pellucid.architecture": architecture,
        "pellucid.input_shape": _plain_json(network.input_shape),
        "pellucid.dtype": network.dtype.name,
        "pellucid.buffers": _plain_json(list(network.buffers)),
    }


def meanings(inputs: InputSpec | None, outputs: OutputSpec | None, who: str) -> dict[str, str]:
    """Return the entries that say what inputs and outputs mean, as far as that is known."""
    said = {} if outputs is None else _outputs_text(outputs, who)
    return said if inputs is None else said | {"pellucid.inputs": _plain_json(inputs.to_config())}


def own_texts(metadata: Mapping[str, str], who: str) -> dict[str, str]:
    """Return a user's texts; ArgumentError where they are none, or have a name that is the package's."""
    for key, value in metadata.items():
        if not isinstance(key, str) or not isinstance(value, str):
            raise ArgumentError(
                f"{who}: metadata must map strings to strings, got {key!r}: {value!r}. Try json.dumps(value)."
            )
        if key.startswith(PREFIX):
            raise ArgumentError(
                f"{who}: metadata names may not begin with {PREFIX!r}, got {key!r}. Choose another name."
            )
        try:
            (key + value).encode()
        except UnicodeEncodeError:
            raise ArgumentError(f"{who}: metadata must be text that UTF-8 can hold, got {key!r}: {value!r}.") from None
    return dict(metadata)


def _plain_json(value: Any) -> str:
    try:
        return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    except (TypeError, ValueError) as error:
        raise ArgumentError(f"save: an option of a layer cannot be written as JSON: {error}.") from None


def from_metadata(metadata: Mapping[str, str], label: str) -> Architecture:
    """Return what the entries describe.

    Raises
    ------
    FileFormatError
        If the file has no architecture, is of a later format, or an entry is not of its form.
    """
    if "pellucid.architecture" not in metadata:
        raise FileFormatError(
            f"{label}: the file holds tensors and no architecture, so another program wrote it. "
            "Build the network and fill it: load_into(network, path)."
        )
    if metadata.get("pellucid.format") != FORMAT:
        raise FileFormatError(
            f"{label}: the file has format {metadata.get('pellucid.format')!r} (Pellucid "
            f"{metadata.get('pellucid.version', 'unknown')}), this one reads {FORMAT!r}. Upgrade Pellucid."
        )
    spec, input_shape = read_spec(metadata, label), _input_shape(metadata, label)
    dtype, buffers = _dtype(metadata, label), _buffers(metadata, label)
    inputs, outputs = read_meanings(metadata, input_shape, label)
    return Architecture(spec, input_shape, dtype, buffers, outputs, inputs)


def read_meanings(
    metadata: Mapping[str, str], input_shape: Shape, label: str
) -> tuple[InputSpec | None, OutputSpec | None]:
    """Return how the samples of a network were prepared and what its outputs mean, as `meanings` put it down."""
    return _inputs(metadata, input_shape, label), _outputs(metadata, label)


def read_spec(metadata: Mapping[str, str], label: str) -> Config:
    """Return the description of the layers, bounded in depth and number."""
    spec = parse_json(metadata["pellucid.architecture"], f"{label}: pellucid.architecture")
    waiting = [(spec, 0, 0)]
    layers = 0
    while waiting:
        value, nesting, depth = waiting.pop()
        if isinstance(value, dict) and "type" in value:
            layers, depth = layers + 1, depth + 1
            _check_layer(value, label)
        if nesting > MAX_NESTING or depth > MAX_DEPTH or layers > MAX_LAYERS:
            raise FileFormatError(
                f"{label}: an architecture may have {MAX_LAYERS} layers in {MAX_DEPTH} levels, "
                f"this one has more. {AGAIN}"
            )
        inside = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
        waiting += [(v, nesting + 1, depth) for v in inside]
    if not isinstance(spec, dict) or not issubclass(LAYERS.get(str(spec.get("type")), object), Container):
        raise FileFormatError(
            f"{label}: the architecture must be a container such as Sequential, got {str(spec)[:80]}. {AGAIN}"
        )
    return spec


def _check_layer(spec: Config, label: str) -> None:
    kind, name = spec["type"], spec.get("name", "")
    if not isinstance(kind, str) or not isinstance(name, str):
        raise FileFormatError(
            f"{label}: a layer's type and name must be strings, got {str([kind, name])[:80]}. {AGAIN}"
        )
    # A container that is given these builds itself at once: it would allocate before anything is compared.
    if issubclass(LAYERS.get(kind, object), Container) and any(key in spec for key in _BUILDS_AT_ONCE):
        raise FileFormatError(f"{label}: {kind} may not have {', '.join(_BUILDS_AT_ONCE)} in a file. {AGAIN}")


def make_network(architecture: Architecture, label: str) -> Container[Any]:
    """Return the network, not built."""
    try:
        network = from_spec(architecture.spec)
    except Exception as error:  # constructors meet values here that no program would write
        raise FileFormatError(f"{label}: the architecture cannot be made: {error} {AGAIN}") from error
    assert isinstance(network, Container)  # noqa: S101  # read_spec has seen to that
    return network


def _input_shape(metadata: Mapping[str, str], label: str) -> Shape:
    shape = parse_json(metadata.get("pellucid.input_shape", ""), f"{label}: pellucid.input_shape")
    sizes = isinstance(shape, list) and len(shape) <= 8 and all(type(n) is int and n > 0 for n in shape)
    if not sizes or math.prod(shape) > MAX_SIZE:
        raise FileFormatError(
            f"{label}: the input shape must be at most 8 sizes of at least 1, got {str(shape)[:80]}. {AGAIN}"
        )
    return tuple(shape)


def _dtype(metadata: Mapping[str, str], label: str) -> np.dtype[Any]:
    name = metadata.get("pellucid.dtype", "")
    if name not in _DTYPES:
        raise FileFormatError(f"{label}: the dtype must be one of {', '.join(_DTYPES)}, got {name[:20]!r}. {AGAIN}")
    return np.dtype(name)


def _outputs_text(outputs: OutputSpec, who: str) -> dict[str, str]:
    """Of a loss of the user's own, which cannot be made again by name, what its outputs mean is kept."""
    loss = outputs.loss
    if type(loss) not in LOSSES.values():
        known = next((kind for kind in type(loss).__mro__ if kind in LOSSES.values()), None)
        if known is None and type(loss).probabilities not in (Loss.probabilities, ShareLoss.probabilities):
            name = type(loss).__name__
            checks.warn(
                f"{who}: the file cannot keep what {name} makes of outputs; give predict_proba loss={name}() later."
            )
            return {}
        loss = (known or (CrossEntropy if isinstance(loss, ShareLoss) else MeanSquaredError))()
    return {"pellucid.outputs": _plain_json(OutputSpec(loss, outputs.classes).to_config())}


def _outputs(metadata: Mapping[str, str], label: str) -> OutputSpec | None:
    if "pellucid.outputs" not in metadata:
        return None
    try:
        return OutputSpec.from_config(parse_json(metadata["pellucid.outputs"], f"{label}: pellucid.outputs"))
    except (ArgumentError, TypeError) as error:
        raise FileFormatError(f"{label}: pellucid.outputs is not sound. {error} {AGAIN}") from None


def _buffers(metadata: Mapping[str, str], label: str) -> list[str]:
    names = parse_json(metadata.get("pellucid.buffers", "[]"), f"{label}: pellucid.buffers")
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise FileFormatError(f"{label}: the buffers must be a list of names, got {str(names)[:80]}. {AGAIN}")
    return names


def _inputs(metadata: Mapping[str, str], input_shape: Shape, label: str) -> InputSpec | None:
    if "pellucid.inputs" not in metadata:
        return None
    config = parse_json(metadata["pellucid.inputs"], f"{label}: pellucid.inputs")
    try:
        inputs = InputSpec.from_config(config)
    except ArgumentError as error:
        raise FileFormatError(f"{label}: pellucid.inputs is not sound. {error} {AGAIN}") from None
    if inputs.size != math.prod(input_shape):
        raise FileFormatError(
            f"{label}: pellucid.inputs says samples of shape {inputs.shape}, and the network takes "
            f"{input_shape}. {AGAIN}"
        )
    return inputs


def expect_names_fit(network: Container[Any], label: str) -> None:
    """Raise FileFormatError unless the outputs have room for the classes, and the names are as many as these.

    A network may have more outputs than the data that it learnt from had classes; one output tells two apart.
    """
    width = max((network.output_shape or (1,))[-1], 2)
    classes = network.outputs.classes if network.outputs is not None else None
    names = network.inputs.class_names if network.inputs is not None else None
    if classes is not None and classes > width:
        raise FileFormatError(f"{label}: {classes} classes cannot be told by {width} outputs. {AGAIN}")
    if names is not None and not (len(names) == classes or (classes is None and len(names) <= width)):
        known = f"{classes} classes" if classes is not None else f"{width} outputs"
        raise FileFormatError(f"{label}: there are {len(names)} class names for {known}. {AGAIN}")
