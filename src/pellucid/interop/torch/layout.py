"""How PyTorch lays out what a layer of ours holds, and back.

    ours                                theirs
    W of a convolution (KH, KW, C, OC)  weight (OC, C, KH, KW); also transposed ones, and those of groups
    W of an affine layer (D, K)         weight (K, D)
    gamma, beta, mean, variance         weight, bias, running_mean, running_var
    slope of a PReLU (1, 1, C)          weight (C,)

Behind a Flatten the two differ in more: PyTorch flattens (C, H, W), and we (H, W, C). So the rows of an affine layer
there are put in another order, as is whatever has one number for each of them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, TypeAlias

import numpy as np

from pellucid.errors import ArgumentError
from pellucid.interop.by_kind import ByKind
from pellucid.interop.torch.order import SAME, Order, order_after
from pellucid.layers import (
    Affine,
    BatchNorm,
    Container,
    Conv2D,
    ConvTranspose2D,
    DepthwiseConv2D,
    GroupNorm,
    InstanceNorm,
    Layer,
    LayerNorm,
    PReLU,
)
from pellucid.layers.container import INPUT
from pellucid.layers.walk import opened
from pellucid.typing import Array, Shape


class Move(NamedTuple):
    """How one array of theirs becomes ours.

    `axes` says which axis of theirs comes first, second, …; `picture`, where it is given, is the (H, W, C) that was
    flattened into the first axis of ours, and `shape` what ours has in the end.
    """

    key: str
    shape: Shape
    axes: Shape
    picture: Shape | None = None

    @property
    def theirs(self) -> Shape:
        """The shape of theirs."""
        shape = self._bare
        return tuple(shape[self.axes.index(axis)] for axis in range(len(shape)))

    @property
    def _bare(self) -> Shape:
        """The shape of ours; of a slope the axes of size 1 do not count."""
        return self.shape if len(self.axes) == len(self.shape) else (int(np.prod(self.shape)),)

    def read(self, theirs: Array) -> Array:
        """Return ours."""
        ours = theirs.reshape(self.theirs).transpose(self.axes)
        if self.picture is not None:
            h, w, c = self.picture
            rest = ours.shape[1:]
            ours = ours.reshape(c, h, w, *rest).transpose(1, 2, 0, *range(3, 3 + len(rest)))
        return ours.reshape(self.shape)

    def write(self, ours: Array) -> Array:
        """Return theirs."""
        ours = ours.reshape(self._bare)
        if self.picture is not None:
            rest = ours.shape[1:]
            ours = ours.reshape(*self.picture, *rest).transpose(2, 0, 1, *range(3, 3 + len(rest)))
            ours = ours.reshape(-1, *rest)
        return ours.transpose(np.argsort(self.axes))

    def __str__(self) -> str:
        """What is done, in words."""
        turned = "" if self.axes == tuple(sorted(self.axes)) else f"transpose{self.axes}"
        rows = f"rows of {self.picture} from (C, H, W)" if self.picture else ""
        return ", ".join(filter(None, (turned, rows))) or "as it is"


class Leaf(NamedTuple):
    """A layer of ours with arrays: where it stands, and how each array is called and laid out by PyTorch."""

    path: str
    normalizes: bool
    moves: dict[str, Move]
    above: str
    """The path of the layer with arrays that stands above it."""


def leaves(network: Container[Any], who: str) -> list[Leaf]:
    """Return the layers that hold arrays, from top to bottom.

    Raises
    ------
    ArgumentError
        If one has no counterpart in PyTorch.
    """
    found = []
    orders, above = {INPUT: SAME}, {INPUT: ""}
    for path, operation, inputs in opened(network):
        before = [orders[source] for source in inputs]
        above[path] = above[inputs[0]]
        if isinstance(operation, Layer) and (operation.params or operation.buffers):
            moves = _moves(path, operation, before[0], who)
            found.append(Leaf(path, operation.facts.normalizes, moves, above[path]))
            above[path] = path
        orders[path] = order_after(path, operation, before, who)
    return found


def _moves(path: str, layer: Layer[Any], order: Order, who: str) -> dict[str, Move]:
    layout = LAYOUTS.of(layer)
    if layout is None:
        known = ", ".join(sorted(known.__name__ for known in LAYOUTS))
        raise ArgumentError(
            f"{who}: {path} is a {type(layer).__name__}, which has parameters and no counterpart in PyTorch. Known "
            f"are {known}."
        )
    if order.mixed:
        raise ArgumentError(
            f"{who}: {path} takes flattened pictures side by side, whose order is not known. Fill the network with "
            "load_into."
        )
    shapes = {key: array.shape for key, array in (*layer.params.items(), *layer.buffers.items())}
    return layout(shapes, order.picture)


# The kinds


Layout: TypeAlias = Callable[[dict[str, Shape], Shape | None], dict[str, Move]]
"""From the shapes of a layer's arrays, and the picture that was flattened into its input, to the moves."""

LAYOUTS: ByKind[Layout] = ByKind()


def _straight(shape: Shape) -> Shape:
    return tuple(range(len(shape)))


@LAYOUTS.serves(PReLU)
def _slope(shapes: dict[str, Shape], picture: Shape | None) -> dict[str, Move]:
    return {"weight": Move("slope", shapes["slope"], (0,))}


@LAYOUTS.serves(Affine)
def _dense(shapes: dict[str, Shape], picture: Shape | None) -> dict[str, Move]:
    return {"weight": Move("W", shapes["W"], (1, 0), picture), **_bias(shapes)}


@LAYOUTS.serves(Conv2D, DepthwiseConv2D, ConvTranspose2D)
def _kernel(shapes: dict[str, Shape], picture: Shape | None) -> dict[str, Move]:
    return {"weight": Move("W", shapes["W"], (2, 3, 1, 0)), **_bias(shapes)}


def _bias(shapes: dict[str, Shape]) -> dict[str, Move]:
    return {"bias": Move("b", shapes["b"], (0,))} if "b" in shapes else {}


@LAYOUTS.serves(BatchNorm, LayerNorm, GroupNorm, InstanceNorm)
def _norm(shapes: dict[str, Shape], picture: Shape | None) -> dict[str, Move]:
    keys = {"weight": "gamma", "bias": "beta", "running_mean": "mean", "running_var": "variance"}
    return {
        their: Move(
            key, shape, (1, 2, 0) if len(shape) == 3 else _straight(shape), picture if len(shape) == 1 else None
        )
        for their, key in keys.items()
        for shape in [shapes.get(key)]
        if shape is not None
    }
