"""Layers as plain data and back: what a model file holds, and how a network is copied.

Only the names registered in `LAYERS` are accepted, and nothing is imported or executed.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any, TypeVar

import numpy as np

from pellucid import checks
from pellucid.checked import checked, checked_late
from pellucid.errors import ArgumentError
from pellucid.initializers import Initializer, initializer_config
from pellucid.layers.base import LAYERS, Layer
from pellucid.layers.container import AnyLayer, Container
from pellucid.layers.merge import MERGES, AnyMerge, Merge
from pellucid.shown import came
from pellucid.typing import Config, DTypeLike

ContainerT = TypeVar("ContainerT", bound=Container[Any])


@checked
def to_spec(layer: AnyLayer | AnyMerge) -> Config:
    """Return a layer's (or merge's) type, name and options, fit for JSON; whether it is trained, where it is not.

    Examples
    --------
    >>> pl.layers.to_spec(pl.Dropout(0.5))
    {'type': 'Dropout', 'name': '', 'drop_probability': 0.5}
    """
    names: dict[int, str] = {}
    if isinstance(layer, Container):
        for container in (layer, *(a for a in layer.walk() if isinstance(a, Container))):
            names.update((id(inside), name) for name, inside in container.named_layers())
    return _to_spec(layer, names)


def remade(layer: AnyLayer) -> AnyLayer:
    """Return another layer made from its spec, not built; ArgumentError where that is not the same layer."""
    spec = to_spec(layer)
    try:
        twin = from_spec(spec)
    except ArgumentError as error:
        raise ArgumentError(
            f"{layer.label}: cannot be made again from what its layers' config() returns. {error} It returns every "
            "argument of its layer."
        ) from error
    _expect_alike(layer, twin)
    return twin


def _expect_alike(layer: AnyLayer, twin: AnyLayer) -> None:
    kind = type(layer)
    if isinstance(layer, Container) and isinstance(twin, Container):
        for inner, copied in zip(layer.layers, twin.layers, strict=True):
            _expect_alike(inner, copied)
        return
    for name in inspect.signature(kind).parameters.keys() - {"name"}:  # which containers count anew
        if isinstance(getattr(kind, name, None), property):  # an argument `size` is not the number of parameters
            continue
        given, kept = getattr(layer, name, None), getattr(twin, name, None)
        if isinstance(given, (bool, int, float, str)) and given != kept:
            raise ArgumentError(
                f"{kind.__name__}.config must return every argument of {kind.__name__}: a copy of a layer with "
                f"{name}={given!r} has {name}={kept!r}."
            )


def _expect_known(kind: type[Any]) -> None:
    """Raise ArgumentError for a class that a file could not name."""
    name = kind.__name__
    known = LAYERS.get(name) or MERGES.get(name)
    if known is not kind and known is not None:
        raise ArgumentError(
            f"{name}: another class of that name is known ({known.__module__}), which copies and files would take for "
            f"this one ({kind.__module__}). Rename yours, or make the layer anew where you defined the class again."
        )


def _to_spec(layer: AnyLayer | AnyMerge, names: Mapping[int, str]) -> Config:
    """The same, for a layer that its container calls `names[id(layer)]`."""
    _expect_known(type(layer))
    spec: Config = {"type": type(layer).__name__, "name": names.get(id(layer), layer.name)}
    if isinstance(layer, Layer) and not isinstance(layer, Container) and not layer.trainable:
        spec["trainable"] = False
    return {**spec, **{k: _plain(v, names) for k, v in layer.config().items()}}


@checked_late
def from_spec(spec: Config) -> AnyLayer:
    """Return the layer of a spec, not yet built; raise ArgumentError where the spec does not make one.

    Examples
    --------
    >>> pl.layers.from_spec({"type": "Dropout", "drop_probability": 0.5}).config()
    {'drop_probability': 0.5}
    >>> pl.layers.from_spec({"type": "Dropuot"})
    Traceback (most recent call last):
        ...
    pellucid.errors.UnknownNameError: Layer: unknown type 'Dropuot'. Did you mean 'Dropout'? Known: ...
    """
    layer: AnyLayer = _made(spec, LAYERS)
    for inside in layer.walk() if isinstance(layer, Container) else ():
        kind = type(inside).__name__.lower()  # a name such as affine1 was counted, and may be counted anew elsewhere
        inside._counted = inside.name.startswith(kind) and inside.name[len(kind) :].isdecimal()
    return layer


def _made(spec: Config, kinds: Mapping[str, type[Any]]) -> Any:
    """Call the class of a spec, one of `kinds`, with its options."""
    if not isinstance(spec, dict) or not isinstance(spec.get("type"), str):
        raise ArgumentError(f"A layer's description must be an object with a type, got {came(spec)}.")
    options = dict(spec)
    kind, trainable = options.pop("type"), options.pop("trainable", True)
    checks.expect_known("Layer", "type", kind, kinds)
    try:
        made = kinds[kind](**{k: _restored(v) for k, v in options.items()})
        if trainable is not True:
            made.trainable = trainable
        return made
    except (TypeError, ValueError, AttributeError) as error:
        raise ArgumentError(f"{kind}: {error}") from None


@checked_late
def copy_network(network: ContainerT, dtype: DTypeLike | None = None) -> ContainerT:
    """Return an independent network with the same parameters and buffers, in another dtype if one is given.

    Examples
    --------
    >>> network = pl.Sequential([pl.Affine(2)], input_shape=3)
    >>> other = pl.copy_network(network, np.float64)
    >>> other.params["affine1.W"].dtype, np.array_equal(other.params["affine1.W"], network.params["affine1.W"])
    (dtype('float64'), True)
    """
    twin: Any = remade(network)
    twin.dtype = network.dtype if dtype is None else checks.float_dtype("copy_network", dtype)
    if hasattr(network, "seed"):  # what a network that is not built yet will be built from
        twin.seed = network.seed
    twin.inputs, twin.outputs = network.inputs, network.outputs
    if network.input_shape is not None:
        twin.build(network.input_shape, np.random.default_rng(0), twin.dtype)
        twin.params.update(network.params)
        twin.buffers.update(network.buffers)
    return twin  # type: ignore[no-any-return]


def _plain(value: Any, names: Mapping[int, str]) -> Any:
    """Turn an option into numbers, strings, lists and objects."""
    if isinstance(value, (Layer, Merge)):
        return _to_spec(value, names)
    if isinstance(value, Initializer):
        return {"initializer": initializer_config(value)}
    if isinstance(value, (list, tuple)):
        return [_plain(v, names) for v in value]
    if isinstance(value, dict):
        return {k: _plain(v, names) for k, v in value.items()}
    return value


def _restored(value: Any) -> Any:
    """Turn what `_plain` made into the option again."""
    if isinstance(value, dict) and "type" in value:
        return _made(value, {**LAYERS, **MERGES})
    if isinstance(value, dict) and set(value) == {"initializer"}:
        return value["initializer"]
    if isinstance(value, list):
        return tuple(_restored(v) for v in value)
    if isinstance(value, dict):
        return {k: _restored(v) for k, v in value.items()}
    return value
