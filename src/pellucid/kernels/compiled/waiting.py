# mypy: ignore-errors
# Numba gives these functions their types when it compiles them.
"""Waiting awake: a thread watches a number in memory for a while, with the interpreter lock released.

A thread that sleeps takes 50–300 µs to come back, most of all on a virtual machine, where its processor was given
away meanwhile; that is longer than many a kernel runs. One that watches is there within a microsecond.
"""

from __future__ import annotations

import os
import platform
from typing import Any

from llvmlite import ir
from numba.core import cgutils, types
from numba.extending import intrinsic

from pellucid.kernels.jit import compiled, inner

_I64 = ir.IntType(64)
_X86 = platform.machine().lower() in ("x86_64", "amd64")


@intrinsic
def peek(typing: Any, address: Any) -> Any:
    """The whole number at an address, read anew at every call, after a rest of some 20 ns."""

    def emit(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        if _X86:
            pause = ir.FunctionType(ir.VoidType(), [])
            builder.call(cgutils.get_or_insert_function(builder.module, pause, "llvm.x86.sse2.pause"), [])
        return builder.load_atomic(builder.inttoptr(args[0], _I64.as_pointer()), "acquire", 8)

    return types.intp(types.intp), emit


@intrinsic
def give_way(typing: Any) -> Any:
    """Let another thread that waits for this processor run: perhaps the one that is watched for."""

    def emit(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        if os.name == "posix":
            kind = ir.FunctionType(ir.IntType(32), [])
            builder.call(cgutils.get_or_insert_function(builder.module, kind, "sched_yield"), [])
        return context.get_dummy_value()

    return types.void(), emit


@intrinsic
def _put(typing: Any, address: Any, value: Any) -> Any:
    def emit(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        builder.store_atomic(args[1], builder.inttoptr(args[0], _I64.as_pointer()), "release", 8)
        return context.get_dummy_value()

    return types.void(types.intp, types.intp), emit


@inner
def rest(address, times):
    """Look `times` times and do nothing about it."""
    total = 0
    for _ in range(times):
        total += peek(address)
    return total


@compiled
def watch(address, seen, done, looks, delay):
    """Set the number at `done` to 1 (if `done` is not 0), then look up to `looks` times whether the number at
    `address` is still `seen`. Once it is not, look `delay` times more and return True.
    """
    if done:
        _put(done, 1)
    for look in range(looks):
        if peek(address) != seen:
            rest(address, delay)
            return True
        if look % 16 == 15:
            give_way()
    return False
