"""The BLAS matrix product, called from compiled code on addresses, with the interpreter lock released."""

from __future__ import annotations

from typing import Any, NamedTuple

from llvmlite import ir
from numba.core import cgutils, types

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


_MATRIX = types.NamedTuple([types.intp, types.intp, types.boolean], Matrix)
_ONTO = types.NamedUniTuple(types.intp, 3, Onto)


@instruction(types.intp, _MATRIX, _MATRIX, types.intp, types.float32, _ONTO)
def multiply(builder: Any, sgemm: Any, a: Any, b: Any, between: Any, beta: Any, c: Any) -> None:
    """C (rows, columns) = A (rows, between) · B (between, columns) + beta · C, all row-major.

    Fortran counts columns first, so it is asked for Cᵀ = Bᵀ · Aᵀ, by SGEMM(tb, ta, columns, rows, between, 1, B, ldb,
    A, lda, beta, C, columns) at the address `sgemm`.
    """
    (a, lda, ta), (b, ldb, tb), (c, rows, columns) = (cgutils.unpack_tuple(builder, matrix) for matrix in (a, b, c))

    def slot(value: Any) -> Any:
        """Fortran takes every argument by address: a place on the stack that holds the value."""
        place = cgutils.alloca_once(builder, value.type)
        builder.store(value, place)
        return builder.ptrtoint(place, INTEGER)

    def letter(transposed: Any) -> Any:
        return slot(builder.select(transposed, ir.Constant(BYTE, ord("T")), ir.Constant(BYTE, ord("N"))))

    sizes = letter(tb), letter(ta), slot(columns), slot(rows), slot(between)
    arguments = *sizes, slot(ir.Constant(FLOAT, 1.0)), b, slot(ldb), a, slot(lda), slot(beta), c, slot(columns)
    kind = ir.FunctionType(ir.VoidType(), [INTEGER] * len(arguments))
    builder.call(Number(builder, sgemm).pointer(kind), arguments)
