"""Prefetching: asking for memory ahead of its use, so that it is in the cache by then.

A processor guesses which memory a loop will want from the addresses it has used. A kernel that goes along a row of
pixels for 16 channels, then again for the next 16, jumps from pixel to pixel, and nothing is guessed. No address is an
error here, and nothing is computed with: a prefetch changes the time only.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba.core import types

from pellucid.kernels.vectors.instruction import BYTE, INT32, Number, call, instruction, pointer_to

FIRST_LEVEL, SECOND_LEVEL = 3, 2  # of the cache, as LLVM numbers them


def prefetch(p: Number, *, write: bool = False, level: int = FIRST_LEVEL) -> None:
    """The instruction, for the cache line at an address."""
    how = (ir.Constant(INT32, number) for number in (int(write), level, 1))
    call(p.builder, f"llvm.prefetch.{pointer_to('i8')}", ir.VoidType(), p.pointer(BYTE), *how)


@instruction(types.intp)
def will_read(builder: Any, p: Any) -> None:
    """The line at address p will be read, but much else before."""
    prefetch(Number(builder, p), level=SECOND_LEVEL)


@instruction(types.intp)
def will_write(builder: Any, p: Any) -> None:
    """The line at address p will be written."""
    prefetch(Number(builder, p), write=True)
