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

from pellucid.kernels.jit import compiled, inner
from pellucid.kernels.vectors.instruction import INT32, INTEGER, Number, instruction
from pellucid.kernels.vectors.instruction import call as call_by_name
from pellucid.kernels.vectors.memory import LINE, add, exchange, integers, pause, peek

UNSCHEDULED = 1000
"""Sixteen looks take less than a microsecond."""
# Who rings the bell needs the interpreter lock for some microseconds more, until it is in its own first block. A helper
# that asked for the lock at once would be put to sleep.
DELAY = 150


@instruction()
def give_way(builder: Any) -> None:
    """Let another thread that waits for this processor run: perhaps the one that is watched for."""
    if os.name == "posix":
        call_by_name(builder, "sched_yield", INT32)


# CLOCK_MONOTONIC, by the system; another number on a system that is not named here would be an error, and 0 is said.
_CLOCK = {"linux": 1, "darwin": 6}.get(sys.platform, -1)


@instruction(to=types.intp)
def now(builder: Any) -> Any:
    """Microseconds of a clock that does not stand still while a thread is not scheduled; 0 where none is known."""
    if _CLOCK < 0:
        return ir.Constant(INTEGER, 0)
    time = cgutils.alloca_once(builder, ir.ArrayType(INTEGER, 2))  # struct timespec: seconds, nanoseconds
    call_by_name(builder, "clock_gettime", INT32, ir.Constant(INT32, _CLOCK), time)
    at = Number(builder, builder.ptrtoint(time, INTEGER))
    return (at.number(0) * 1_000_000 + at.number(1) // 1000).value


@instruction(*[types.intp] * 4)
def call(builder: Any, function: Any, first: Any, second: Any, third: Any) -> None:
    """function(first, second, third), by the address of a compiled function of whole numbers (`jit.by_address`)."""
    builder.call(
        Number(builder, function).pointer(ir.FunctionType(ir.VoidType(), [INTEGER] * 3)), (first, second, third)
    )


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
def watch(address, seen, done, looks, door, seat):
    """Set the number at `done` to 1 (if `done` is not 0), then look up to `looks` times whether the number at
    `address` is still `seen`. Once it is not, return True.

    Meanwhile help, as number `seat`, with the tasks that are put at `door` (if that is not 0); then begin anew, and
    rest DELAY times before returning.
    Give up where a moment took UNSCHEDULED microseconds: then others want this core, or the share of it that a
    container has is used up, and who watches takes it from who works.
    """
    if done:
        exchange(done, 1)
    look, last = 0, now()
    while look < looks:
        if peek(address) != seen:
            for _ in range(DELAY if door else 0):
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
