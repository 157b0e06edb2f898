"""A vector of 16 floats for Numba, so that inner loops say what the processor is to do.

LLVM turns plain loops into vector code too, but it must prove that no output overlaps an input, and with several
outputs it checks that at every entry into a short loop: in the Winograd transforms those checks cost more than the
arithmetic. Here a vector is a value: loaded, computed with, stored, always 16 lanes. A processor with 16 lanes
(AVX-512) does one operation, one with 8 or 4 lanes two or four; nothing here depends on it.

Memory is named by *addresses* (of float32, in bytes; `array.ctypes.data`): `load(p)`, `store(p, v)`. The `_some`
forms touch only the first `count` lanes, for a last chunk of channels; lanes not loaded are 0.
"""

from __future__ import annotations

import operator
from typing import Any

from llvmlite import ir
from numba.core import cgutils, types
from numba.core.typing.templates import ConcreteTemplate, infer_global, signature
from numba.extending import intrinsic, lower_builtin, models, register_model

LANES = 16

_VECTOR = ir.VectorType(ir.FloatType(), LANES)
_MASK = ir.VectorType(ir.IntType(1), LANES)
_INT32S = ir.VectorType(ir.IntType(32), LANES)
_BYTES = ir.VectorType(ir.IntType(8), LANES)


class Vector(types.Type):
    """16 float32 lanes."""

    def __init__(self) -> None:
        super().__init__("float32x16")


class Mask(types.Type):
    """16 truth values."""

    def __init__(self) -> None:
        super().__init__("bool_x16")


vector = Vector()
mask = Mask()


@register_model(Vector)
class _VectorModel(models.PrimitiveModel):
    def __init__(self, dmm: Any, fe_type: Any) -> None:
        super().__init__(dmm, fe_type, _VECTOR)


@register_model(Mask)
class _MaskModel(models.PrimitiveModel):
    def __init__(self, dmm: Any, fe_type: Any) -> None:
        super().__init__(dmm, fe_type, _MASK)


def _arithmetic(symbol: Any, instruction: str) -> None:
    """v op v as one instruction. "contract" lets a·b + c become one fused instruction where there is one."""

    @infer_global(symbol)
    class _Rule(ConcreteTemplate):
        cases = (signature(vector, vector, vector),)

    @lower_builtin(symbol, vector, vector)
    def _lower(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        return getattr(builder, instruction)(*args, flags=("contract",))


_arithmetic(operator.add, "fadd")
_arithmetic(operator.sub, "fsub")
_arithmetic(operator.mul, "fmul")


def _constant(value: float) -> Any:
    return ir.Constant(_VECTOR, [value] * LANES)


def _broadcast(builder: Any, scalar: Any, kind: Any) -> Any:
    one = builder.insert_element(ir.Constant(kind, ir.Undefined), scalar, ir.Constant(ir.IntType(32), 0))
    return builder.shuffle_vector(one, ir.Constant(kind, ir.Undefined), ir.Constant(_INT32S, [0] * LANES))


def _first(builder: Any, count: Any) -> Any:
    """The mask of lanes 0 … count − 1."""
    lanes, most = ir.Constant(_INT32S, list(range(LANES))), ir.Constant(count.type, LANES)
    count = builder.select(builder.icmp_signed("<", count, most), count, most)  # may be more than 32 bits hold
    return builder.icmp_signed("<", lanes, _broadcast(builder, builder.trunc(count, ir.IntType(32)), _INT32S))


def _pointer(builder: Any, address: Any, kind: Any) -> Any:
    return builder.inttoptr(address, kind.as_pointer())


@intrinsic
def load(typing: Any, p: Any) -> Any:
    """The 16 floats at address p."""

    def emit(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        return builder.load(_pointer(builder, args[0], _VECTOR), align=4)

    return vector(types.intp), emit


@intrinsic
def store(typing: Any, p: Any, v: Any) -> Any:
    """Write v to address p."""

    def emit(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        builder.store(args[1], _pointer(builder, args[0], _VECTOR), align=4)
        return context.get_dummy_value()

    return types.void(types.intp, vector), emit


@intrinsic
def load_some(typing: Any, p: Any, count: Any) -> Any:
    """The first `count` floats at address p, then zeros."""

    def emit(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        pointer = _pointer(builder, args[0], _VECTOR)
        kind = ir.FunctionType(_VECTOR, [pointer.type, ir.IntType(32), _MASK, _VECTOR])
        name = "llvm.masked.load.v16f32.p0" if _opaque() else "llvm.masked.load.v16f32.p0v16f32"
        function = cgutils.get_or_insert_function(builder.module, kind, name)
        align = ir.Constant(ir.IntType(32), 4)
        return builder.call(function, [pointer, align, _first(builder, args[1]), _constant(0.0)])

    return vector(types.intp, types.intp), emit


def _masked_store(builder: Any, address: Any, value: Any, count: Any) -> None:
    pointer = _pointer(builder, address, value.type)
    kind = ir.FunctionType(ir.VoidType(), [value.type, pointer.type, ir.IntType(32), _MASK])
    lane = "v16f32" if value.type == _VECTOR else "v16i8"
    name = f"llvm.masked.store.{lane}.p0" if _opaque() else f"llvm.masked.store.{lane}.p0{lane}"
    function = cgutils.get_or_insert_function(builder.module, kind, name)
    align = ir.Constant(ir.IntType(32), 4 if value.type == _VECTOR else 1)
    builder.call(function, [value, pointer, align, _first(builder, count)])


@intrinsic
def store_some(typing: Any, p: Any, v: Any, count: Any) -> Any:
    """Write the first `count` lanes of v to address p."""

    def emit(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        _masked_store(builder, *args)
        return context.get_dummy_value()

    return types.void(types.intp, vector, types.intp), emit


def _opaque() -> bool:
    """Whether llvmlite uses opaque pointers, as LLVM does from version 15 on: it changes the intrinsics' names."""
    import llvmlite

    version = tuple(int(part) for part in llvmlite.__version__.split(".")[:2])
    return version >= (0, 44)


@intrinsic
def splat(typing: Any, scalar: Any) -> Any:
    """16 copies of a float32."""

    def emit(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        return _broadcast(builder, args[0], _VECTOR)

    return vector(types.float32), emit


@intrinsic
def load_one(typing: Any, p: Any) -> Any:
    """16 copies of the float at address p."""

    def emit(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        scalar = builder.load(_pointer(builder, args[0], ir.FloatType()), align=4)
        return _broadcast(builder, scalar, _VECTOR)

    return vector(types.intp), emit


@intrinsic
def relu(typing: Any, v: Any) -> Any:
    """max(v, 0); NaN stays NaN, so that it is seen."""

    def emit(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        return builder.select(builder.fcmp_ordered("<", args[0], _constant(0.0)), _constant(0.0), args[0])

    return vector(vector), emit


@intrinsic
def above(typing: Any, a: Any, b: Any) -> Any:
    """The mask a > b, or a is NaN."""

    def emit(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        return builder.fcmp_unordered(">", args[0], args[1])

    return mask(vector, vector), emit


@intrinsic
def beats(typing: Any, a: Any, b: Any) -> Any:
    """The mask of lanes where a replaces b as the maximum: a > b, or a is NaN and b is not."""

    def emit(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        a, b = args
        larger = builder.fcmp_unordered(">", a, b)
        return builder.and_(larger, builder.fcmp_ordered("==", b, b))

    return mask(vector, vector), emit


@intrinsic
def where(typing: Any, condition: Any, a: Any, b: Any) -> Any:
    """a in the lanes where the condition holds, b in the others."""

    def emit(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        return builder.select(*args)

    return vector(mask, vector, vector), emit


@intrinsic
def byte_is(typing: Any, p: Any, number: Any, count: Any) -> Any:
    """The mask of lanes (of the first `count`) whose byte at address p equals a small number."""

    def emit(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        pointer = _pointer(builder, args[0], _BYTES)
        kind = ir.FunctionType(_BYTES, [pointer.type, ir.IntType(32), _MASK, _BYTES])
        name = "llvm.masked.load.v16i8.p0" if _opaque() else "llvm.masked.load.v16i8.p0v16i8"
        function = cgutils.get_or_insert_function(builder.module, kind, name)
        nothing = ir.Constant(_BYTES, [255] * LANES)
        align = ir.Constant(ir.IntType(32), 1)
        found = builder.call(function, [pointer, align, _first(builder, args[2]), nothing])
        wanted = _broadcast(builder, builder.trunc(args[1], ir.IntType(8)), _BYTES)
        return builder.icmp_unsigned("==", found, wanted)

    return mask(types.intp, types.intp, types.intp), emit


@intrinsic
def store_bytes(typing: Any, p: Any, v: Any, count: Any) -> Any:
    """Write the first `count` lanes, small whole numbers, as bytes to address p."""

    def emit(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        numbers = builder.trunc(builder.fptosi(args[1], _INT32S), _BYTES)
        _masked_store(builder, args[0], numbers, args[2])
        return context.get_dummy_value()

    return types.void(types.intp, vector, types.intp), emit
