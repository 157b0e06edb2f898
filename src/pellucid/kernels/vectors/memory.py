"""Numbers in memory by their addresses; whole ones also where several threads change them at once."""

from __future__ import annotations

import platform
from typing import Any

from llvmlite import ir
from numba.core import cgutils, types
from numba.extending import intrinsic

LINE = 64  # bytes in a cache line: numbers that different threads write should not share one

_I64 = ir.IntType(64)
_X86 = platform.machine().lower() in ("x86_64", "amd64")


def _at(builder: Any, address: Any) -> Any:
    return builder.inttoptr(address, _I64.as_pointer())


def _pointer(kind: Any, docstring: str) -> Any:
    def function(typing: Any, address: Any) -> Any:
        def emit(context: Any, builder: Any, sig: Any, args: Any) -> Any:
            return builder.inttoptr(args[0], context.get_value_type(sig.return_type))

        return types.CPointer(kind)(types.intp), emit

    function.__doc__ = docstring
    return intrinsic(function)


integers = _pointer(types.int64, "An address as a pointer to whole numbers, which are read and written by index.")
floats = _pointer(types.float32, "The same for float32.")
doubles = _pointer(types.float64, "The same for float64.")


@intrinsic
def pause(typing: Any) -> Any:
    """Rest for some 20 ns."""

    def emit(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        if _X86:
            kind = ir.FunctionType(ir.VoidType(), [])
            builder.call(cgutils.get_or_insert_function(builder.module, kind, "llvm.x86.sse2.pause"), [])
        return context.get_dummy_value()

    return types.void(), emit


@intrinsic
def peek(typing: Any, address: Any) -> Any:
    """The number at an address, read anew at every call."""

    def emit(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        return builder.load_atomic(_at(builder, args[0]), "seq_cst", 8)

    return types.intp(types.intp), emit


def _change(operation: str, docstring: str) -> Any:
    def function(typing: Any, address: Any, number: Any) -> Any:
        def emit(context: Any, builder: Any, sig: Any, args: Any) -> Any:
            return builder.atomic_rmw(operation, _at(builder, args[0]), args[1], "seq_cst")

        return types.intp(types.intp, types.intp), emit

    function.__doc__ = docstring
    return intrinsic(function)


add = _change("add", "Add to the number at an address; return what it was.")
exchange = _change("xchg", "Write a number to an address; return what was there.")


@intrinsic
def replace(typing: Any, address: Any, old: Any, new: Any) -> Any:
    """Write `new` to an address if `old` is there; return whether it was."""

    def emit(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        pair = builder.cmpxchg(_at(builder, args[0]), args[1], args[2], "seq_cst", "seq_cst")
        return builder.extract_value(pair, 1)

    return types.boolean(types.intp, types.intp, types.intp), emit
