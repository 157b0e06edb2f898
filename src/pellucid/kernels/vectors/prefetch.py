"""Prefetching: asking for memory ahead of its use, so that it is in the cache by then.

A processor guesses which memory a loop will want from the addresses it has used. A kernel that goes along a row of
pixels for 16 channels, then again for the next 16, jumps from pixel to pixel, and nothing is guessed. No address is an
error here, and nothing is computed with: a prefetch changes the time only.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba.core import cgutils, types
from numba.extending import intrinsic

from pellucid.kernels.vectors import simd

FIRST_LEVEL, SECOND_LEVEL = 3, 2  # of the cache, as LLVM numbers them


def prefetch(builder: Any, address: Any, *, write: bool = False, level: int = FIRST_LEVEL) -> None:
    """The instruction, for the cache line at an address."""
    i32 = ir.IntType(32)
    pointer = builder.inttoptr(address, ir.IntType(8).as_pointer())
    kind = ir.FunctionType(ir.VoidType(), [pointer.type, i32, i32, i32])
    name = "llvm.prefetch.p0" if simd._opaque() else "llvm.prefetch.p0i8"
    function = cgutils.get_or_insert_function(builder.module, kind, name)
    builder.call(function, [pointer, *(ir.Constant(i32, number) for number in (int(write), level, 1))])


def _make(docstring: str, **how: Any) -> Any:
    def function(typing: Any, p: Any) -> Any:
        def emit(context: Any, builder: Any, sig: Any, args: Any) -> Any:
            prefetch(builder, args[0], **how)
            return context.get_dummy_value()

        return types.void(types.intp), emit

    function.__doc__ = docstring
    return intrinsic(function)


will_read = _make("The line at address p will be read, but much else before.", level=SECOND_LEVEL)
will_write = _make("The line at address p will be written.", write=True)
