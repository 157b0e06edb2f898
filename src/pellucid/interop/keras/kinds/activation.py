"""Activations: as layers of their own, and by name within others."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from pellucid import layers
from pellucid.interop.keras.kinds.part import KINDS, Part, Parts, Request, Variables, reads
from pellucid.interop.keras.options import Options
from pellucid.layers import Layer

AnyLayer: TypeAlias = Layer[Any]

OBJECTS = ("ReLU", "LeakyReLU", "ELU", "Softmax", "Activation")
"""Layers that may stand in `activation=`."""


def _hard_sigmoid(options: Options) -> AnyLayer:
    """Keras 2 has clip(0.2x + 0.5, 0, 1), Keras 3 clip(x/6 + 0.5, 0, 1)."""
    return layers.HardSigmoid(0.2 if options.keras < 3 else 1 / 6, 0.5)


FUNCTIONS: Mapping[str, Callable[[Options], AnyLayer]] = {
    "relu": lambda _: layers.ReLU(),
    "relu6": lambda _: layers.Clip(0.0, 6.0),
    "leaky_relu": lambda _: layers.LeakyReLU(0.2),
    "elu": lambda _: layers.ELU(),
    "selu": lambda _: layers.SELU(),
    "gelu": lambda _: layers.GELU(approximate=False),
    "silu": lambda _: layers.Swish(),
    "swish": lambda _: layers.Swish(),
    "sigmoid": lambda _: layers.Sigmoid(),
    "hard_sigmoid": _hard_sigmoid,
    "hard_silu": lambda _: layers.HardSwish(),
    "hard_swish": lambda _: layers.HardSwish(),
    "tanh": lambda _: layers.Tanh(),
    "softplus": lambda _: layers.Softplus(),
    "softmax": lambda _: layers.Softmax(),
    "log_softmax": lambda _: layers.LogSoftmax(),
    "exponential": lambda _: layers.Exp(),
    "exp": lambda _: layers.Exp(),
}


def activated(request: Request, suffix: str = "_activation") -> Parts:
    """Return what `activation=` of a layer asks for: one part, or none."""
    options, value = request.options, request.options.config.get("activation")
    if value in (None, "linear"):
        return []
    if isinstance(value, dict):  # a layer, or a function, that was given as an object
        kind, config = value.get("class_name"), value.get("config")
        if kind == "function" and value.get("module") == "builtins" and config in FUNCTIONS:
            value = config
        elif isinstance(kind, str) and isinstance(config, dict) and kind in OBJECTS:
            inner = Options(kind, {**config, "name": options.name}, options.keras, options.label)
            return [
                part._replace(suffix=suffix + part.suffix)
                for part in KINDS[kind].read(Request(inner, request.shapes, {}))
            ]
    if not isinstance(value, str) or value not in FUNCTIONS:
        options.refuse(f"activation={str(value)[:80]!r}", f"Known are linear, {', '.join(FUNCTIONS)}.")
    return [Part(FUNCTIONS[value](options), suffix=suffix)]


@reads("ReLU")
def _relu(request: Request) -> Parts:
    options = request.options
    if options.number("threshold", 0.0) != 0.0:
        options.refuse("a threshold other than 0")
    slope, highest = options.optional("negative_slope") or 0.0, options.optional("max_value")
    if highest is None:
        return [Part(layers.LeakyReLU(slope) if slope else layers.ReLU())]
    if not slope:
        return [Part(layers.Clip(0.0, highest))]
    return [Part(layers.LeakyReLU(slope)), Part(layers.Clip(high=highest), suffix="_bounded")]


@reads("LeakyReLU")
def _leaky(request: Request) -> Parts:
    """Keras 2 calls the slope alpha."""
    key = "alpha" if "alpha" in request.options.config else "negative_slope"
    return [Part(layers.LeakyReLU(request.options.number(key, 0.3)))]


@reads("PReLU", variables=lambda _: Variables(("alpha",)))
def _prelu(request: Request) -> Parts:
    return [Part(layers.PReLU(request.variables["alpha"].shape), {"slope": request.variables["alpha"]})]


@reads("Softmax")
def _softmax(request: Request) -> Parts:
    (axis,) = request.options.axes("axis", -1, len(request.shape))
    return [Part(layers.Softmax(axis - len(request.shape)))]


@reads("ELU")
def _elu(request: Request) -> Parts:
    return [Part(layers.ELU(request.options.number("alpha", 1.0)))]


@reads("Activation")
def _activation(request: Request) -> Parts:
    return activated(request, "")
