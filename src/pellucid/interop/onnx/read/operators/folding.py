"""What is computed of constants alone while a file is read: shape arithmetic, and weights that are put in place.

What an operator makes is measured before it is made: `Call.made` allows so many bytes for a whole file.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from pellucid.interop.onnx.read.call import Call
from pellucid.interop.onnx.read.operators.moves import meant, permutation, unsqueezed
from pellucid.interop.onnx.read.operators.parts import checked_indices, ranges
from pellucid.interop.onnx.read.problems import NotHere, Wrong
from pellucid.interop.onnx.read.registry import folded, operator
from pellucid.interop.onnx.read.tensors import DTYPES
from pellucid.shown import came
from pellucid.typing import Array, Shape


@folded("Constant")
def constant(call: Call) -> Array:
    """The value stands in one of several attributes."""
    for name, dtype in (
        ("value", None),
        ("value_float", "f4"),
        ("value_floats", "f4"),
        ("value_int", "i8"),
        ("value_ints", "i8"),
    ):
        value = call.op.attributes.get(name)
        if isinstance(value, (np.ndarray, int, float, tuple)):
            call.made(np.shape(value), np.float64)
            return np.asarray(value, dtype)
    raise NotHere("of that kind of value")


@operator("Shape")
@folded("Shape")
def shape(call: Call) -> Array:
    """Known while reading, also of the data."""
    sizes = call.input(0).shape
    return np.array(sizes[slice(call.integer("start", 0), call.op.attributes.get("end"))], np.int64)


@operator("Size")
@folded("Size")
def size(call: Call) -> Array:
    """The count of all numbers."""
    return np.array(math.prod(call.input(0).shape), np.int64)


@folded("ConstantOfShape")
def constant_of_shape(call: Call) -> Array:
    """One number everywhere."""
    value = call.op.attributes.get("value", np.zeros(1, np.float32))
    shape = _sizes(call, call.integers(0))
    if not isinstance(value, np.ndarray) or value.size != 1:
        raise Wrong("its value must be one number")
    call.made(shape, value.dtype)
    return np.asarray(np.full(shape, value.reshape(-1)[0], value.dtype))


@folded("Range")
def range_(call: Call) -> Array:
    """From a start to a limit."""
    start, limit, step = (call.constant(i).reshape(-1)[0] for i in range(3))
    if not step or not np.isfinite([start, limit, step]).all():
        raise Wrong("its step must not be 0")
    count = max(0, math.ceil((float(limit) - float(start)) / float(step)))
    call.made((count,), np.float64)
    return np.asarray((start + np.arange(count) * step).astype(call.constant(0).dtype))


@folded("Identity", "Dropout")
def same(call: Call) -> Array:
    """The same array."""
    return call.constant(0)


@folded("Cast")
def cast(call: Call) -> Array:
    """Into another type."""
    dtype = DTYPES.get(call.integer("to", 0))
    if dtype is None:
        raise NotHere("to that type")
    array = call.constant(0)
    call.made(array.shape, dtype)
    return array.astype(dtype)


@folded("Reshape")
def reshape(call: Call) -> Array:
    """In another shape."""
    array = call.constant(0)
    wanted = call.ints("shape") if call.opset < 5 else call.integers(1)
    shape = meant(wanted or (), array.shape, keep=not call.integer("allowzero", 0))
    if math.prod(shape) != array.size:
        raise Wrong(f"a tensor {array.shape} does not fit shape {shape}")
    return array.reshape(shape)


@folded("Flatten")
def flatten(call: Call) -> Array:
    """As a matrix."""
    array, axis = call.constant(0), call.integer("axis", 1)
    rows = math.prod(array.shape[: axis if axis >= 0 else axis + array.ndim])
    return array.reshape(rows, array.size // rows if rows else 0)


@folded("Unsqueeze")
def unsqueeze(call: Call) -> Array:
    """With more axes of size 1."""
    return call.constant(0).reshape(unsqueezed(call, call.constant(0).shape))


@folded("Squeeze")
def squeeze(call: Call) -> Array:
    """With fewer axes of size 1."""
    array, axes = call.constant(0), call.axes(1, 13)
    gone = None if axes is None else call.places(axes, array.ndim)
    if gone is not None and any(array.shape[axis] != 1 for axis in gone):
        raise Wrong(f"its axes {gone} of a tensor {array.shape} are not all 1")
    return array.squeeze(gone)


@folded("Transpose")
def transpose(call: Call) -> Array:
    """With its axes in another order."""
    return call.constant(0).transpose(permutation(call, call.constant(0).ndim))


@folded("Concat")
def concat(call: Call) -> Array:
    """Side by side."""
    arrays = [call.constant(i) for i in range(len(call.inputs))]
    axis = call.place(call.integer("axis", 0), call.constant(0).ndim)
    if len({(a.shape[:axis], a.shape[axis + 1 :], a.ndim) for a in arrays}) > 1:
        raise Wrong("its inputs do not fit each other")
    call.made((sum(a.size for a in arrays),), arrays[0].dtype)
    return np.concatenate(arrays, axis)


@folded("Slice")
def slices(call: Call) -> Array:
    """A part of it."""
    array = call.constant(0)
    for axis, places in ranges(call, array.shape).items():
        array = array.take(np.arange(places.start, places.stop, places.step), axis)
        call.made(array.shape, array.dtype)
    return array


@folded("Gather")
def gather(call: Call) -> Array:
    """Places of one axis."""
    array, indices = call.constant(0), call.constant(1)
    axis = call.place(call.integer("axis", 0), array.ndim)
    call.made((*array.shape[:axis], *indices.shape, *array.shape[axis + 1 :]), array.dtype)
    return np.asarray(array.take(checked_indices(indices, array.shape[axis]), axis))


@folded("Expand")
def expand(call: Call) -> Array:
    """Repeated along axes of size 1."""
    array = call.constant(0)
    shape = _together(array.shape, _sizes(call, call.integers(1)))
    call.made(shape, array.dtype)
    return np.broadcast_to(array, shape).copy()


@folded("Tile")
def tile(call: Call) -> Array:
    """Repeated."""
    array, times = call.constant(0), _sizes(call, call.integers(1))
    if len(times) != array.ndim:
        raise Wrong("it needs a number for each axis")
    call.made(tuple(n * t for n, t in zip(array.shape, times, strict=True)), array.dtype)
    return np.tile(array, times)


@folded("Where")
def where(call: Call) -> Array:
    """One or the other."""
    arrays = [call.constant(i) for i in range(3)]
    call.made(_together(*(a.shape for a in arrays)), arrays[1].dtype)
    return np.where(*arrays)


@folded("ReduceProd", "ReduceSum", "ReduceMax", "ReduceMin", "ReduceMean")
def reduce(call: Call) -> Array:
    """Along axes, or of everything."""
    array = call.constant(0)
    axes = call.axes(1, 13 if call.op.kind == "ReduceSum" else 18)
    if not array.size:
        raise Wrong("its input is empty")
    function = getattr(np, {"Prod": "prod", "Sum": "sum", "Max": "max", "Min": "min", "Mean": "mean"}[call.op.kind[6:]])
    places = call.places(axes, array.ndim) if axes else None
    return np.asarray(function(array, axis=places, keepdims=bool(call.integer("keepdims", 1)))).astype(array.dtype)


def _quotient(a: Array, b: Array) -> Array:
    """Towards zero, of whole numbers."""
    if a.dtype.kind == "f":
        return a / b
    if not np.all(b):
        raise Wrong("it divides by 0")
    return np.asarray(np.sign(a) * np.sign(b) * (np.abs(a) // np.abs(b)))


BINARY: dict[str, Callable[[Array, Array], Array]] = {
    "Add": np.add,
    "Sub": np.subtract,
    "Mul": np.multiply,
    "Div": _quotient,
    "Pow": np.power,
    "Max": np.maximum,
    "Min": np.minimum,
    "Equal": np.equal,
    "Less": np.less,
    "Greater": np.greater,
    "And": np.logical_and,
    "Or": np.logical_or,
}

UNARY: dict[str, Callable[[Array], Array]] = {
    "Neg": np.negative,
    "Abs": np.abs,
    "Sqrt": np.sqrt,
    "Exp": np.exp,
    "Floor": np.floor,
    "Ceil": np.ceil,
    "Not": np.logical_not,
    "Reciprocal": np.reciprocal,
    "Round": np.round,
    "Log": np.log,
}


@folded(*BINARY)
def binary(call: Call) -> Array:
    """Number by number."""
    a = call.constant(0)
    for place in range(1, len(call.inputs)):
        b = call.constant(place)
        if a.dtype.kind not in "fiub" or b.dtype.kind not in "fiub":
            raise Wrong("it computes with numbers alone")
        call.made(_together(a.shape, b.shape), np.float64)
        dtype = a.dtype
        a = BINARY[call.op.kind](a, b)
        a = a if a.dtype.kind == "b" else a.astype(dtype)
    return np.asarray(a)


@folded(*UNARY)
def unary(call: Call) -> Array:
    """Number by number."""
    call.made(call.constant(0).shape, np.float64)
    return np.asarray(UNARY[call.op.kind](call.constant(0)))


def _together(*shapes: Shape) -> Shape:
    try:
        return np.broadcast_shapes(*shapes)
    except ValueError:
        raise Wrong(f"its inputs {' and '.join(map(str, shapes))} do not broadcast") from None


def _sizes(call: Call, sizes: tuple[int, ...]) -> Shape:
    if len(sizes) > 32 or min(sizes, default=0) < 0:
        raise Wrong(f"its sizes cannot be {came(sizes)}")
    return sizes
