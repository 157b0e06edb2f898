"""What comes through the public doors is looked at here: compiled loops see numbers and addresses, and trust them."""

from __future__ import annotations

import math
import operator
from collections.abc import Iterable
from functools import lru_cache
from typing import Any

import numpy as np

from pellucid.errors import ArgumentError, ShapeError
from pellucid.kernels.geometry import Padding, Pair, Window
from pellucid.shown import came
from pellucid.typing import Array, IntArray, Shape

MOST = 2**31 - 1
"""The largest step, padding and size of a window: its products then fit 64 bits."""

_DTYPES = (np.dtype(np.float32), np.dtype(np.float64))
IMAGES, OUTPUTS, KERNELS, VECTOR = "(N, H, W, C)", "(N, OH, OW, OC)", "(KH, KW, C//groups, OC)", "(OC,)"


def floats(who: str, name: str, given: Any, axes: str) -> Array:
    """An array in C order, of float32 or float64 as this machine writes them, with as many axes as `axes` names."""
    array: Array = np.ascontiguousarray(given)
    if array.dtype not in _DTYPES:
        native = array.dtype.newbyteorder("=")
        if native not in _DTYPES:
            raise ArgumentError(
                f"{who}: {name} must be float32 or float64, got {array.dtype}. Write {name}.astype(np.float32)."
            )
        array = array.astype(native)
    if array.ndim != axes.count(",") + (axes[-2] != ","):
        raise ShapeError(f"{who}: {name} must have the axes {axes}, got shape {array.shape}.")
    return array


def window(who: str, size: Iterable[int], stride: Pair, padding: Padding, dilation: Pair) -> Window:
    """The window with its options, each looked at once."""
    try:
        return _window(who, tuple(size), stride, padding, dilation)
    except TypeError:  # lists are no keys
        return _window.__wrapped__(who, tuple(size), stride, padding, dilation)


@lru_cache(maxsize=512)
def _window(who: str, size: tuple[int, ...], stride: Pair, padding: Padding, dilation: Pair) -> Window:
    return Window(
        pair(who, "the kernel's size", size, 1),
        pair(who, "stride", stride, 1),
        _edges(who, padding),
        pair(who, "dilation", dilation, 1),
    )


def _edges(who: str, padding: Any) -> Padding:
    try:
        rows, columns = padding
    except Exception:
        raise ArgumentError(f"{who}: padding must be ((top, bottom), (left, right)), got {came(padding)}.") from None
    return pair(who, "padding", rows, 0), pair(who, "padding", columns, 0)


def pair(who: str, name: str, value: Any, least: int) -> Pair:
    """Two whole numbers of at least `least`."""
    try:
        first, second = map(operator.index, value)
    except Exception:  # TypeError and ValueError most often, but `__index__` is the object's own
        first = second = least - 1
    if not (least <= first <= MOST and least <= second <= MOST):
        raise ArgumentError(f"{who}: {name} must be two whole numbers from {least} to {MOST}, got {came(value)}.")
    return first, second


def shape(who: str, name: str, value: Any, axes: str) -> Shape:
    """A shape of four sizes that the caller names without an array."""
    try:
        sizes = tuple(map(operator.index, value))
    except Exception:
        sizes = ()
    if len(sizes) != 4 or min(sizes) < 0:
        raise ShapeError(f"{who}: {name} must be a shape {axes}, got {came(value)}.")
    return expect_room(who, sizes)


def expect_room(who: str, sizes: Shape) -> Shape:
    """Refuse an array whose bytes cannot be counted in 64 bits, or of negative size."""
    if min(sizes) < 0 or 8 * math.prod(sizes) >= 2**63:
        raise ShapeError(f"{who}: an array of shape {tuple(sizes)} cannot be made. Look at padding and stride.")
    return sizes


def expect_fit(who: str, x_shape: Shape, w_shape: Shape, b: Array | None, groups: int) -> None:
    """Refuse weights that do not belong to the images."""
    if not isinstance(groups, (int, np.integer)) or groups < 1:
        raise ArgumentError(f"{who}: groups must be a whole number of at least 1, got {came(groups)}.")
    c, oc = w_shape[2] * groups, w_shape[3]
    if x_shape[3] != c or c < 1 or oc % groups or (b is not None and b.shape != (oc,)):
        raise ShapeError(
            f"{who}: images {tuple(x_shape)}, kernels {tuple(w_shape)} in {groups} groups and bias "
            f"{None if b is None else b.shape} do not fit: they must be (N, H, W, {c}), {KERNELS}, {VECTOR}."
        )


def expect_target(who: str, out: Array | None, sizes: Shape) -> None:
    """Refuse an `out` that cannot be filled."""
    if out is None:
        return
    fits = out.shape == tuple(sizes) and out.flags.c_contiguous and out.flags.writeable and out.dtype.kind == "f"
    if not fits:
        raise ShapeError(
            f"{who}: out must be a writable array of floats of shape {tuple(sizes)} in C order, got {out.dtype} "
            f"{out.shape} with strides {out.strides}. Make it with np.empty."
        )


def expect_outputs(who: str, sizes: Shape, **arrays: Array | IntArray | None) -> None:
    """Refuse gradients, and what a forward pass left, that are not of the shape of its output."""
    for name, array in arrays.items():
        if array is not None and array.shape != tuple(sizes):
            raise ShapeError(f"{who}: {name} must have the output's shape {tuple(sizes)}, got {array.shape}.")


def overlap(out: Array | None, *sources: Array | None) -> bool:
    """Whether an `out` lies where something is read from."""
    return out is not None and any(a is not None and np.may_share_memory(out, a) for a in sources)
