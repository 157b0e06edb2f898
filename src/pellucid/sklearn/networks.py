"""From an estimator's parameters to a network: of a form of the house, a recipe's, one's own layers, or a ready one."""

from __future__ import annotations

import copy
import math
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from pellucid import checks
from pellucid.errors import ArgumentError, ShapeError
from pellucid.layers import (
    LAYERS,
    Affine,
    Container,
    Conv2D,
    Dropout,
    Flatten,
    Layer,
    MaxPool2D,
    Sequential,
    copy_network,
)
from pellucid.layers.activation import Activation
from pellucid.layers.container import network_of
from pellucid.models.recipes import recipe
from pellucid.shown import came
from pellucid.typing import Shape

SIGNAL = "signal"
"""The `image_shape` of rows whose features follow one another."""


def sample_shape(who: str, features: int, image_shape: Any, network: Any) -> Shape:
    """Return the shape in which a row of so many features reaches the network."""
    shape: Shape
    if image_shape is None:
        model = None if isinstance(network, str) else checks.network_in(network)
        built = model.input_shape if isinstance(model, Container) else None
        shape = (features,) if built is None else built
    elif isinstance(image_shape, str) and image_shape == SIGNAL:
        shape = (features, 1, 1)
    else:
        shape = checks.shape(who, "image_shape", image_shape)
        shape = (*shape, 1) if len(shape) == 2 else shape
        if len(shape) != 3:
            raise ArgumentError(f'{who}: image_shape must be (H, W), (H, W, C) or "signal", got {came(image_shape)}.')
    if math.prod(shape) != features:
        raise ShapeError(
            f"{who}: samples of shape {shape} hold {math.prod(shape)} numbers, and X has {features} features."
        )
    return shape


def make_network(who: str, network: Any, input_shape: Shape, outputs: Sequence[int], seed: int) -> Container[Any]:
    """Return a built network of its own, for samples of `input_shape`, with one of these numbers of outputs.

    `network` is a recipe's name; a network, of which a copy is taken; layers; or a function (input_shape, outputs) that
    makes one of these.
    """
    if isinstance(network, str):
        made = network_of(recipe(network).make(seed, input_shape, outputs[0]))
    else:
        made = _container(who, network, input_shape, outputs[0])
    if made.input_shape is None:
        made.build(input_shape, np.random.default_rng(seed), made.dtype)
    if made.input_shape != input_shape:
        raise ShapeError(
            f"{who}: the network takes samples of shape {made.input_shape}, and those here have {input_shape}. "
            "Leave image_shape out: a network that is built brings its own."
        )
    if made.output_shape not in [(count,) for count in outputs]:
        raise ShapeError(f"{who}: the network must give ({outputs[0]},) for these targets, got {made.output_shape}.")
    return made


def _container(who: str, given: Any, input_shape: Shape, outputs: int) -> Container[Any]:
    model = checks.network_in(given)
    if isinstance(model, Container):
        return copy_network(model)
    if callable(given) and not isinstance(given, type):
        return _container(who, given(input_shape, outputs), input_shape, outputs)
    if isinstance(given, Iterable) and not isinstance(given, (str, bytes, dict)):
        return Sequential(copy.deepcopy(list(given)))
    raise ArgumentError(
        f"{who}: network must be a recipe's name, a network, a list of layers or a function (input_shape, outputs) "
        f"that makes one, got {came(given)}."
    )


class Plain:
    """The network that is made where none is given: convolutions with pooling for images, then hidden layers.

    filters × [Conv2D → activation → MaxPool2D] → Flatten → hidden_sizes × [Affine → activation → Dropout] → Affine
    """

    def __init__(
        self, who: str, hidden_sizes: Any, filters: Any, kernel_size: Any, activation: Any, dropout: Any
    ) -> None:
        self.hidden_sizes = _sizes(who, "hidden_sizes", hidden_sizes)
        self.filters, self.kernel_size = _sizes(who, "filters", filters), checks.pair(who, "kernel_size", kernel_size)
        known = {cls.__name__.lower(): cls for cls in LAYERS.values() if issubclass(cls, Activation)}
        checks.expect_known(who, "activation", activation, known)
        checks.expect_range(who, "dropout", dropout, 0, 1, open_high=True)
        self.activation, self.dropout = known[activation], dropout
        self.weight = "xavier" if activation in ("tanh", "sigmoid") else "he"

    def __call__(self, input_shape: Shape, outputs: int) -> list[Layer[Any]]:
        """Return its layers."""
        layers: list[Layer[Any]] = []
        if len(input_shape) == 3:
            height, width = input_shape[:2]
            for filters in self.filters:
                high, wide = (k if n > 1 else 1 for k, n in zip(self.kernel_size, (height, width), strict=True))
                pool = min(2, height), min(2, width)
                layers += [Conv2D(filters, (high, wide), padding="same", weight=self.weight), self.activation()]
                layers += [MaxPool2D(pool)] if max(pool) > 1 else []
                height, width = height // pool[0], width // pool[1]
            layers.append(Flatten())
        for units in self.hidden_sizes:
            layers += [Affine(units, weight=self.weight), self.activation()]
            layers += [Dropout(self.dropout)] if self.dropout else []
        return [*layers, Affine(outputs, weight="xavier")]


def _sizes(who: str, name: str, given: Any) -> tuple[int, ...]:
    """Sizes of layers: one, or a sequence of them, which may be empty."""
    return checks.shape(who, name, given.tolist() if isinstance(given, np.ndarray) else given)
