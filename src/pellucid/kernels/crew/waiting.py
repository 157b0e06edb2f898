"""Waiting awake: a thread watches a number in memory for a while, with the interpreter lock released.

A thread that sleeps takes 50–300 µs to come back, most of all on a virtual machine, where its processor was given
away meanwhile; that is longer than many a kernel runs. One that watches is there within a microsecond.
"""

from __future__ import annotations

import os
import sys
from typing import Any

from llvmlite import ir
from numba.core import cgutils, types
from numba.extending import intrinsic

from pellucid.kernels.jit import compiled, inner
from pellucid.kernels.vectors.memory import LINE, add, exchange, integers, pause, peek

_I64 = ir.IntType(64)
UNSCHEDULED = 1000
"""Sixteen looks take less than a microsecond."""


@intrinsic
def give_way(typing: Any) -> Any:
    """Let another thread that waits for this processor run: perhaps the one that is watched for."""

    def emit(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        if os.name == "posix":
            kind = ir.FunctionType(ir.IntType(32), [])
            builder.call(cgutils.get_or_insert_function(builder.module, kind, "sched_yield"), [])
        return context.get_dummy_value()

    return types.void(), emit


# CLOCK_MONOTONIC, by the system; another number on a system that is not named here would be an error, and 0 is said.
_CLOCK = {"linux": 1, "darwin": 6}.get(sys.platform, -1)


@intrinsic
def now(typing: Any) -> Any:
    """Microseconds of a clock that does not stand still while a thread is not scheduled; 0 where none is known."""

    def emit(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        if _CLOCK < 0:
            return ir.Constant(_I64, 0)
        time = cgutils.alloca_once(builder, ir.ArrayType(_I64, 2))  # struct timespec: seconds, nanoseconds
        kind = ir.FunctionType(ir.IntType(32), [ir.IntType(32), time.type])
        function = cgutils.get_or_insert_function(builder.module, kind, "clock_gettime")
        builder.call(function, [ir.Constant(ir.IntType(32), _CLOCK), time])
        seconds, nanoseconds = (
            builder.load(builder.gep(time, [ir.Constant(ir.IntType(32), 0), ir.Constant(ir.IntType(32), i)]))
            for i in (0, 1)
        )
        part = builder.sdiv(nanoseconds, ir.Constant(_I64, 1000))
        return builder.add(builder.mul(seconds, ir.Constant(_I64, 1_000_000)), part)

    return types.intp(), emit


@intrinsic
def call(typing: Any, function: Any, first: Any, second: Any, third: Any) -> Any:
    """function(first, second, third), by the address of a compiled function of whole numbers (`jit.by_address`)."""

    def emit(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        kind = ir.FunctionType(ir.VoidType(), [_I64] * 3)
        builder.call(builder.inttoptr(args[0], kind.as_pointer()), args[1:])
        return context.get_dummy_value()

    return types.void(*[types.intp] * 4), emit


@inner
def wait(address, enough):
    """Wait until the number at `address` has come to `enough`."""
    looks = 0
    while peek(address) < enough:
        pause()
        looks += 1
        if looks % 64 == 0:
            give_way()


@inner
def enter(door, seat):
    """Take part in the task whose address is at the door, if there is one; return whether there was."""
    if peek(door) == 0:
        return False
    add(door + LINE, 1)  # from here on the task stays: its owner takes it away and then waits for this to be 0
    task = peek(door)
    if task != 0:
        add(task + 3 * LINE, 1)  # and for this: nobody waits for the visitors of another task
    add(door + LINE, -1)
    if task != 0:
        call(integers(task)[0], task, seat, 0)
        add(task + 3 * LINE, -1)
    return task != 0


@compiled
def watch(address, seen, done, looks, delay, door, seat):
    """Set the number at `done` to 1 (if `done` is not 0), then look up to `looks` times whether the number at
    `address` is still `seen`. Once it is not, rest `delay` times and return True.

    Meanwhile help, as number `seat`, with the tasks that are put at `door` (if that is not 0); then begin anew.
    Give up where a moment took UNSCHEDULED microseconds: then others want this core, or the share of it that a
    container has is used up, and who watches takes it from who works.
    """
    if done:
        exchange(done, 1)
    look, last = 0, now()
    while look < looks:
        if peek(address) != seen:
            for _ in range(delay):
                pause()
            return True
        helped = door != 0 and enter(door, seat)
        if helped or look % 16 == 15:
            give_way()
            time = now()
            if not helped and time - last > UNSCHEDULED:
                return False
            last = time
        look = 0 if helped else look + 1
        pause()
    return False
