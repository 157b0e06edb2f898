"""The BLAS matrix product, called from compiled code on addresses, with the interpreter lock released."""

from __future__ import annotations

from typing import Any, NamedTuple

from llvmlite import ir
from numba.core import cgutils, types

from pellucid.kernels.jit import inner
from pellucid.kernels.vectors.instruction import BYTE, FLOAT, INTEGER, Number, instruction


class Matrix(NamedTuple):
    """A matrix in memory: its address, the floats from row to row as stored, and whether it is stored transposed."""

    at: int
    step: int
    transposed: bool


class Onto(NamedTuple):
    """Where a product goes: address, rows and columns."""

    at: int
    rows: int
    columns: int


_I, _MATRIX = types.intp, types.NamedTuple([types.intp, types.intp, types.boolean], Matrix)


@instruction(_I, _I, _I, _I, _MATRIX, _MATRIX, types.float32, _MATRIX)
def _sgemm(builder: Any, address: Any, m: Any, n: Any, k: Any, a: Any, b: Any, beta: Any, c: Any) -> None:
    """Fortran's SGEMM(ta, tb, m, n, k, 1, a, lda, b, ldb, beta, c, ldc) at `address`."""
    (a, lda, ta), (b, ldb, tb), (c, ldc, _) = (cgutils.unpack_tuple(builder, matrix) for matrix in (a, b, c))

    def slot(value: Any) -> Any:
        """Fortran takes every argument by address: a place on the stack that holds the value."""
        place = cgutils.alloca_once(builder, value.type)
        builder.store(value, place)
        return builder.ptrtoint(place, INTEGER)

    def letter(transposed: Any) -> Any:
        return slot(builder.select(transposed, ir.Constant(BYTE, ord("T")), ir.Constant(BYTE, ord("N"))))

    sizes = letter(ta), letter(tb), slot(m), slot(n), slot(k)
    arguments = *sizes, slot(ir.Constant(FLOAT, 1.0)), a, slot(lda), b, slot(ldb), slot(beta), c, slot(ldc)
    kind = ir.FunctionType(ir.VoidType(), [INTEGER] * len(arguments))
    builder.call(Number(builder, address).pointer(kind), arguments)


@inner
def multiply(sgemm, a, b, between, beta, c):
    """C (rows, columns) = A (rows, between) · B (between, columns) + beta · C, all row-major. C is an `Onto`.

    Fortran counts columns first, so it is asked for Cᵀ = Bᵀ · Aᵀ.
    """
    target = Matrix(at=c.at, step=c.columns, transposed=False)
    _sgemm(sgemm, c.columns, c.rows, between, b, a, beta, target)
