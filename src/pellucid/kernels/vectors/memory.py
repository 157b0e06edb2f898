"""Numbers in memory by their addresses; whole ones also where several threads change them at once."""

from __future__ import annotations

import platform
from typing import Any

from llvmlite import ir
from numba.core import types

from pellucid.kernels.vectors.instruction import FLOAT, INTEGER, Number, call, instruction

LINE = 64  # bytes in a cache line: numbers that different threads write should not share one

_X86 = platform.machine().lower() in ("x86_64", "amd64")


@instruction(types.intp, to=types.CPointer(types.int64))
def integers(builder: Any, address: Any) -> Any:
    """An address as a pointer to whole numbers, which are read and written by index."""
    return Number(builder, address).pointer(INTEGER)


@instruction(types.intp, to=types.CPointer(types.float32))
def floats(builder: Any, address: Any) -> Any:
    """The same for float32."""
    return Number(builder, address).pointer(FLOAT)


@instruction(types.intp, to=types.CPointer(types.float64))
def doubles(builder: Any, address: Any) -> Any:
    """The same for float64."""
    return Number(builder, address).pointer(ir.DoubleType())


@instruction()
def pause(builder: Any) -> None:
    """Rest for some 20 ns."""
    if _X86:
        call(builder, "llvm.x86.sse2.pause", ir.VoidType())


@instruction(types.intp, to=types.intp)
def peek(builder: Any, address: Any) -> Any:
    """The number at an address, read anew at every call."""
    return builder.load_atomic(Number(builder, address).pointer(INTEGER), "seq_cst", 8)


@instruction(types.intp, types.intp, to=types.intp)
def add(builder: Any, address: Any, number: Any) -> Any:
    """Add to the number at an address; return what it was."""
    return builder.atomic_rmw("add", Number(builder, address).pointer(INTEGER), number, "seq_cst")


@instruction(types.intp, types.intp, to=types.intp)
def exchange(builder: Any, address: Any, number: Any) -> Any:
    """Write a number to an address; return what was there."""
    return builder.atomic_rmw("xchg", Number(builder, address).pointer(INTEGER), number, "seq_cst")


@instruction(types.intp, types.intp, types.intp, to=types.boolean)
def replace(builder: Any, address: Any, old: Any, new: Any) -> Any:
    """Write `new` to an address if `old` is there; return whether it was."""
    pair = builder.cmpxchg(Number(builder, address).pointer(INTEGER), old, new, "seq_cst", "seq_cst")
    return builder.extract_value(pair, 1)
