"""The BLAS matrix product, called from compiled code on addresses, with the interpreter lock released."""

from __future__ import annotations

from typing import Any, NamedTuple

from llvmlite import ir
from numba.core import cgutils, types
from numba.extending import intrinsic

from pellucid.kernels.jit import inner

_I64, _I8, _F32 = ir.IntType(64), ir.IntType(8), ir.FloatType()


def _in_memory(builder: Any, value: Any) -> Any:
    """Fortran takes every argument by address: a slot on the stack that holds the value."""
    slot = cgutils.alloca_once(builder, value.type)
    builder.store(value, slot)
    return builder.ptrtoint(slot, _I64)


class Matrix(NamedTuple):
    """A matrix in memory: its address, the floats from row to row as stored, and whether it is stored transposed."""

    at: int
    step: int
    transposed: bool


@intrinsic
def _sgemm(typing: Any, address: Any, m: Any, n: Any, k: Any, a: Any, b: Any, beta: Any, c: Any) -> Any:
    """Fortran's SGEMM(ta, tb, m, n, k, 1, a, lda, b, ldb, beta, c, ldc) at `address`."""

    def emit(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        address, m, n, k, a, b, beta, c = args
        (a, lda, ta), (b, ldb, tb), (c, ldc, _) = (cgutils.unpack_tuple(builder, matrix) for matrix in (a, b, c))

        def slot(value: Any) -> Any:
            return _in_memory(builder, value)

        def letter(transposed: Any) -> Any:
            return slot(builder.select(transposed, ir.Constant(_I8, ord("T")), ir.Constant(_I8, ord("N"))))

        arguments = [
            letter(ta), letter(tb), slot(m), slot(n), slot(k), slot(ir.Constant(_F32, 1.0)),
            a, slot(lda), b, slot(ldb), slot(beta), c, slot(ldc),
        ]  # fmt: skip
        kind = ir.FunctionType(ir.VoidType(), [_I64] * len(arguments))
        builder.call(builder.inttoptr(address, kind.as_pointer()), arguments)
        return context.get_dummy_value()

    i = types.intp
    matrix = types.NamedTuple([i, i, types.boolean], Matrix)
    return types.void(i, i, i, i, matrix, matrix, types.float32, matrix), emit


@inner
def multiply(sgemm, a, b, between, beta, c):
    """C (rows, columns) = A (rows, between) · B (between, columns) + beta · C, all row-major. C is an `Onto`.

    Fortran counts columns first, so it is asked for Cᵀ = Bᵀ · Aᵀ.
    """
    target = Matrix(at=c.at, step=c.columns, transposed=False)
    _sgemm(sgemm, c.columns, c.rows, between, b, a, beta, target)


class Onto(NamedTuple):
    """Where a product goes: address, rows and columns."""

    at: int
    rows: int
    columns: int
