"""What the sliding layers share: their options as a user writes them, and the images that they take.

Padding is written "valid" (none), "same" (the output is ⌈H / stride⌉ high), a number, (height, width), or
((top, bottom), (left, right)). Where "same" needs an odd number of pixels, the odd one goes to the bottom and the
right, as in TensorFlow and Keras (ONNX calls it SAME_UPPER); PyTorch's padding is even on both sides.
"""

from __future__ import annotations

import operator
from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np

from pellucid.errors import ArgumentError, ShapeError
from pellucid.kernels import NO_PADDING, Padding, Pair, Window
from pellucid.shown import came
from pellucid.typing import Shape

PaddingOption: TypeAlias = str | Padding
"""The option once read: "valid", "same" or ((top, bottom), (left, right))."""

PaddingLike: TypeAlias = str | int | Pair | Padding
"""The option as it may be written."""

_NAMES = ("valid", "same")


def as_padding(who: str, value: PaddingLike) -> PaddingOption:
    """Return the padding option in one of its two forms; raise ArgumentError where it is none."""
    if isinstance(value, str) and value in _NAMES:
        return value
    if isinstance(value, Sequence) and not isinstance(value, str) and len(value) == 2:
        top_bottom, left_right = (_edges(who, v) for v in value)
        return top_bottom, left_right
    if isinstance(value, (Sequence, np.ndarray)):
        raise ArgumentError(
            f"{who}: padding must be 'valid', 'same', a number, (height, width) or ((top, bottom), (left, right)), "
            f"got {came(value)}."
        )
    edges = _edges(who, value)
    return edges, edges


def _edges(who: str, value: Any) -> Pair:
    """`1` or `(0, 1)` as the pixels before and after."""
    if isinstance(value, Sequence) and not isinstance(value, str) and len(value) == 2:
        return count(who, "padding", value[0]), count(who, "padding", value[1])
    pixels = count(who, "padding", value)
    return pixels, pixels


def count(who: str, name: str, value: Any) -> int:
    """`value` as an int of at least 0."""
    try:
        number = operator.index(value)
    except Exception:  # noqa: BLE001  # TypeError most often, but `__index__` is the object's own
        number = -1
    if number < 0 or isinstance(value, (bool, np.bool_)):
        raise ArgumentError(f"{who}: {name} must be a whole number of at least 0, got {came(value)}.")
    return number


def image_shape(label: str, input_shape: Shape) -> tuple[int, int, int]:
    """Return (H, W, C); raise ShapeError where samples are no images."""
    if len(input_shape) != 3:
        hint = "Add the channel axis: x[..., None]." if len(input_shape) == 2 else "Put Reshape((H, W, C)) before it."
        raise ShapeError(f"{label}: an input sample must be an image (H, W, C), got {input_shape}. {hint}")
    h, w, c = input_shape
    return h, w, c


def placed(
    label: str, window: Window, padding: PaddingOption, height: int, width: int, *, ceil: bool = False
) -> tuple[Window, Pair]:
    """Return the window with its padding in pixels, and (OH, OW); raise ShapeError where it does not fit.

    With `ceil` last windows that are not full count, and what they see beyond is added to the padding behind.
    """
    window = window._replace(padding=in_pixels(window, padding, height, width))
    if ceil:
        window = _rounded_up(window, height, width)
    out = window.output(height, width)
    if min(out) < 1:
        extent = window.extent(0), window.extent(1)
        raise ShapeError(
            f"{label}: a window of {extent[0]} x {extent[1]} pixels does not fit into an image of "
            f"{height} x {width} with padding {window.padding}. Make it smaller, or write padding='same'."
        )
    return window, out


def in_pixels(window: Window, padding: PaddingOption, height: int, width: int) -> Padding:
    """Return the padding option as ((top, bottom), (left, right))."""
    if padding == "same":
        return _same(window, 0, height), _same(window, 1, width)
    return padding if not isinstance(padding, str) else NO_PADDING


def _rounded_up(window: Window, height: int, width: int) -> Window:
    """The window with so much padding behind that last windows fit, which begin in the image or before it."""
    padding = []
    for axis, pixels in enumerate((height, width)):
        (before, after), stride, extent = window.padding[axis], window.stride[axis], window.extent(axis)
        steps = -(-(before + pixels + after - extent) // stride)
        steps -= steps * stride >= before + pixels
        padding.append((before, max(steps * stride + extent - before - pixels, 0)))
    return window._replace(padding=(padding[0], padding[1]))


def _same(window: Window, axis: int, pixels: int) -> Pair:
    """The padding before and after that makes the output ⌈pixels / stride⌉ long."""
    steps = -(-pixels // window.stride[axis])
    total = max((steps - 1) * window.stride[axis] + window.extent(axis) - pixels, 0)
    return total // 2, total - total // 2
