"""The BLAS matrix product, called from compiled code on addresses, with the interpreter lock released."""

from __future__ import annotations

from typing import Any

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


@intrinsic
def _sgemm(
    typing: Any, address: Any, ta: Any, tb: Any, m: Any, n: Any, k: Any,
    a: Any, lda: Any, b: Any, ldb: Any, beta: Any, c: Any, ldc: Any,
) -> Any:  # fmt: skip
    """Fortran's SGEMM(ta, tb, m, n, k, 1, a, lda, b, ldb, beta, c, ldc) at `address`."""

    def emit(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        address, ta, tb, m, n, k, a, lda, b, ldb, beta, c, ldc = args

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

    i, flag, f = types.intp, types.boolean, types.float32
    return types.void(i, flag, flag, i, i, i, i, i, i, i, f, i, i), emit


@inner
def multiply(sgemm, rows, columns, between, a, lda, a_transposed, b, ldb, b_transposed, beta, c, ldc):
    """C (rows, columns) = A (rows, between) · B (between, columns) + beta · C, all row-major, at addresses a, b, c.

    `lda` is the distance between rows as stored, in floats; a transposed operand is stored as (between, rows).
    Fortran counts columns first, so it is asked for Cᵀ = Bᵀ · Aᵀ.
    """
    _sgemm(sgemm, b_transposed, a_transposed, columns, rows, between, b, ldb, a, lda, beta, c, ldc)
