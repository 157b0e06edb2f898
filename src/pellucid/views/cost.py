"""What a layer costs for one sample: multiply-adds, and memory for what it gives."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from pellucid.layers import (
    Add,
    Affine,
    AveragePool2D,
    BatchNorm,
    Concat,
    Conv2D,
    ConvTranspose2D,
    DepthwiseConv2D,
    Dropout,
    Flatten,
    GlobalAveragePool2D,
    GlobalMaxPool2D,
    GroupNorm,
    LayerNorm,
    MaxPool2D,
    Reshape,
    Softmax,
    SpatialDropout2D,
    Upsample2D,
    ZeroPad2D,
)
from pellucid.layers.activation import Activation
from pellucid.layers.plain import is_plain
from pellucid.typing import Shape
from pellucid.views.flow import Op


def multiply_adds(op: Op) -> int | None:
    """Return the products of an operation that are summed, for one sample; None for a layer of unknown type.

    Convolutions count the zeros of their padding, as is usual. Sums and comparisons alone (pooling, biases,
    activations, merges) count nothing; neither do the standardising sums of a normalisation, only its scaling.
    """
    operation, out = op.operation, op.output_shape
    if is_plain(operation, Add, Concat, Activation):
        return 0
    count = next((count for kind, count in _COUNTS.items() if is_plain(operation, kind)), None)
    return None if count is None else count(operation, op.input_shapes[0], out)


def _windows(conv: Any, came: Shape, out: Shape) -> int:
    groups, filters = conv.channels(came)
    return int(out[0] * out[1] * filters * math.prod(conv.kernel_size) * (came[2] // groups))


def _stamps(conv: ConvTranspose2D, came: Shape, out: Shape) -> int:
    return math.prod(came) * math.prod(conv.kernel_size) * (conv.filters // conv.groups)


def _scaling(norm: Any, came: Shape, out: Shape) -> int:
    return math.prod(out)


def _resizing(resize: Upsample2D, came: Shape, out: Shape) -> int:
    """Two neighbours along each axis: first down, then across."""
    return 0 if resize.mode == "nearest" else 2 * out[0] * came[1] * came[2] + 2 * math.prod(out)


def _none(layer: Any, came: Shape, out: Shape) -> int:
    return 0


_COUNTS: dict[type[Any], Callable[[Any, Shape, Shape], int]] = {
    Affine: lambda layer, came, out: came[0] * out[0],
    Conv2D: _windows,
    DepthwiseConv2D: _windows,
    ConvTranspose2D: _stamps,
    Upsample2D: _resizing,
    **dict.fromkeys((BatchNorm, LayerNorm, GroupNorm), _scaling),
    **dict.fromkeys((MaxPool2D, AveragePool2D, GlobalMaxPool2D, GlobalAveragePool2D), _none),
    **dict.fromkeys((Dropout, SpatialDropout2D, Flatten, Reshape, ZeroPad2D, Softmax), _none),
}


def activation_numbers(op: Op) -> int:
    """Return the numbers that the output of an operation takes in memory; another shape alone takes none."""
    return 0 if is_plain(op.operation, Flatten, Reshape) else math.prod(op.output_shape)
