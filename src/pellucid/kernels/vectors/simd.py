"""A vector of 16 floats for Numba, so that inner loops say what the processor is to do.

LLVM turns plain loops into vector code too, but it must prove that no output overlaps an input, and with several
outputs it checks that at every entry into a short loop: in the Winograd transforms those checks cost more than the
arithmetic. Here a vector is a value: loaded, computed with, stored, always 16 lanes. A processor with 16 lanes
(AVX-512) does one operation, one with 8 or 4 lanes two or four; nothing here depends on it.

Memory is named by *addresses* (of float32, in bytes; `array.ctypes.data`): `load(p)`, `store(p, v)`. The `_some`
forms touch only the first `count` lanes, for a last chunk of channels; lanes not loaded are 0.

What a loop may write: vectors know `+`, `-` and `*` with vectors. A number is spread first, `splat(np.float32(2))`, and
a sum begins as `splat(np.float32(0))`; there is no division and no minus of one vector, and `relu`, `where` and `above`
are functions. Addresses and counts are whole: `//`, never `/`. What a loop calls carries `@inner` (`kernels.jit`).
"""

from __future__ import annotations

import operator
from typing import Any

from llvmlite import ir
from numba.core import types
from numba.core.typing.templates import ConcreteTemplate, infer_global, signature
from numba.extending import lower_builtin, models, register_model

from pellucid.kernels.vectors.instruction import BYTE, FLOAT, INT32, Number, call, instruction, pointer_to

LANES = 16

FLOATS, INT32S, BYTES, TRUTHS = (ir.VectorType(kind, LANES) for kind in (FLOAT, INT32, BYTE, ir.IntType(1)))
"""16 lanes in LLVM's terms."""


class Vector(types.Type):
    """16 float32 lanes."""

    def __init__(self) -> None:
        super().__init__("float32x16")


class Mask(types.Type):
    """16 truth values."""

    def __init__(self) -> None:
        super().__init__("bool_x16")


vector, mask, address, count = Vector(), Mask(), types.intp, types.intp


@register_model(Vector)
class _VectorModel(models.PrimitiveModel):
    def __init__(self, dmm: Any, fe_type: Any) -> None:
        super().__init__(dmm, fe_type, FLOATS)


@register_model(Mask)
class _MaskModel(models.PrimitiveModel):
    def __init__(self, dmm: Any, fe_type: Any) -> None:
        super().__init__(dmm, fe_type, TRUTHS)


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
_arithmetic(operator.iadd, "fadd")
_arithmetic(operator.isub, "fsub")
_arithmetic(operator.imul, "fmul")


# What the instructions are made of, here and in the tiles.


def constant(number: float, kind: Any = FLOATS) -> Any:
    """16 times the same number."""
    return ir.Constant(kind, [number] * LANES)


def spread(builder: Any, scalar: Any, kind: Any = FLOATS) -> Any:
    """16 copies of a value."""
    nothing = ir.Constant(kind, ir.Undefined)
    one = builder.insert_element(nothing, scalar, ir.Constant(INT32, 0))
    return builder.shuffle_vector(one, nothing, constant(0, INT32S))


def first(builder: Any, count: Any) -> Any:
    """The mask of lanes 0 … count − 1."""
    lanes, most = ir.Constant(INT32S, list(range(LANES))), ir.Constant(count.type, LANES)
    count = builder.select(builder.icmp_signed("<", count, most), count, most)  # may be more than 32 bits hold
    return builder.icmp_signed("<", lanes, spread(builder, builder.trunc(count, INT32), INT32S))


def masked_load(p: Number, count: Any, kind: Any = FLOATS, nothing: float = 0.0) -> Any:
    """The first lanes of a vector at p, `nothing` in the others."""
    lanes, align = ("v16f32", 4) if kind == FLOATS else ("v16i8", 1)
    name, mask = f"llvm.masked.load.{lanes}.{pointer_to(lanes)}", first(p.builder, count)
    return call(p.builder, name, kind, p.pointer(kind), ir.Constant(INT32, align), mask, constant(nothing, kind))


def masked_store(p: Number, value: Any, count: Any) -> None:
    """Write the first lanes of a vector to p."""
    lanes, align = ("v16f32", 4) if value.type == FLOATS else ("v16i8", 1)
    name, mask = f"llvm.masked.store.{lanes}.{pointer_to(lanes)}", first(p.builder, count)
    call(p.builder, name, ir.VoidType(), value, p.pointer(value.type), ir.Constant(INT32, align), mask)


def product_plus(builder: Any, a: Any, b: Any, c: Any) -> Any:
    """a · b + c, rounded once where the processor can."""
    return call(builder, "llvm.fmuladd.v16f32", FLOATS, a, b, c)


@instruction(address, to=vector)
def load(builder: Any, p: Any) -> Any:
    """The 16 floats at address p."""
    return Number(builder, p).load(FLOATS)


@instruction(address, vector)
def store(builder: Any, p: Any, v: Any) -> None:
    """Write v to address p."""
    Number(builder, p).store(v)


@instruction(address, count, to=vector)
def load_some(builder: Any, p: Any, count: Any) -> Any:
    """The first `count` floats at address p, then zeros."""
    return masked_load(Number(builder, p), count)


@instruction(address, vector, count)
def store_some(builder: Any, p: Any, v: Any, count: Any) -> None:
    """Write the first `count` lanes of v to address p."""
    masked_store(Number(builder, p), v, count)


@instruction(types.float32, to=vector)
def splat(builder: Any, scalar: Any) -> Any:
    """16 copies of a float32."""
    return spread(builder, scalar)


@instruction(address, to=vector)
def load_one(builder: Any, p: Any) -> Any:
    """16 copies of the float at address p."""
    return spread(builder, Number(builder, p).load(FLOAT))


@instruction(vector, vector, vector, to=vector)
def times_plus(builder: Any, a: Any, b: Any, c: Any) -> Any:
    """a · b + c: where two products are added, this says which one is rounded by itself, c."""
    return product_plus(builder, a, b, c)


@instruction(vector, to=vector)
def relu(builder: Any, v: Any) -> Any:
    """max(v, 0); NaN stays NaN, so that it is seen."""
    return builder.select(builder.fcmp_ordered("<", v, constant(0.0)), constant(0.0), v)


@instruction(vector, vector, to=mask)
def above(builder: Any, a: Any, b: Any) -> Any:
    """The mask a > b, or a is NaN."""
    return builder.fcmp_unordered(">", a, b)


@instruction(vector, vector, to=mask)
def beats(builder: Any, a: Any, b: Any) -> Any:
    """The mask of lanes where a replaces b as the maximum: a > b, or a is NaN and b is not."""
    return builder.and_(builder.fcmp_unordered(">", a, b), builder.fcmp_ordered("==", b, b))


@instruction(mask, vector, vector, to=vector)
def where(builder: Any, condition: Any, a: Any, b: Any) -> Any:
    """a in the lanes where the condition holds, b in the others."""
    return builder.select(condition, a, b)


@instruction(address, types.intp, count, to=mask)
def byte_is(builder: Any, p: Any, number: Any, count: Any) -> Any:
    """The mask of lanes (of the first `count`) whose byte at address p equals a small number."""
    found = masked_load(Number(builder, p), count, BYTES, 255)
    return builder.icmp_unsigned("==", found, spread(builder, builder.trunc(number, BYTE), BYTES))


@instruction(address, vector, count)
def store_bytes(builder: Any, p: Any, v: Any, count: Any) -> None:
    """Write the first `count` lanes, small whole numbers, as bytes to address p."""
    masked_store(Number(builder, p), builder.trunc(builder.fptosi(v, INT32S), BYTES), count)
