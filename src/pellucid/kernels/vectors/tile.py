"""The register tile: P·V sums of products held in registers, the core of every convolution and product here.

    sum[p][v] = start[p][v] + Σ_k x[places[p] + k] · w[k][v]          p < P numbers, v < V vectors of 16 numbers

In each step V vectors of w are loaded and P single numbers of x are each spread over a vector, for P·V fused
multiply-adds. With 12 x 2 that is 24 sums in the 32 registers of AVX-512: the loads are hidden behind the arithmetic,
and the arithmetic runs at the rate of the processor. A matrix product is the same with the numbers of x in rows; a
convolution needs no matrix, because `places` and `runs` may point anywhere.

This loop is written as LLVM instructions, because in Numba's Python an array of registers cannot be said.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from llvmlite import ir
from numba.core import cgutils, types
from numba.extending import intrinsic

from pellucid.kernels.jit import inner
from pellucid.kernels.vectors import simd
from pellucid.kernels.vectors.simd import LANES

_I64, _F32, _VECTOR = ir.IntType(64), ir.FloatType(), simd._VECTOR


def _integer(number: int) -> Any:
    return ir.Constant(_I64, number)


def _load(builder: Any, address: Any, kind: Any, align: int = 4) -> Any:
    return builder.load(builder.inttoptr(address, kind.as_pointer()), align=align)


def _fused(builder: Any) -> Callable[[Any, Any, Any], Any]:
    kind = ir.FunctionType(_VECTOR, [_VECTOR] * 3)
    function = cgutils.get_or_insert_function(builder.module, kind, "llvm.fmuladd.v16f32")
    return lambda a, b, c: builder.call(function, [a, b, c])


def _table(builder: Any, base: Any, table: Any, length: int) -> list[Any]:
    """base + table[0], …, base + table[length − 1]."""
    return [builder.add(base, _load(builder, builder.add(table, _integer(8 * i)), _I64, 8)) for i in range(length)]


def _accumulate(
    builder: Any, sums: Any, pixels: Any, runs: Any, count: Any, run: Any, xstep: Any, w: Any, wstep: Any
) -> None:
    """The loop over k: `count` runs, each `run` steps, x going on by `xstep` bytes and w by `wstep`."""
    weights = cgutils.alloca_once_value(builder, w)
    fused = _fused(builder)
    with cgutils.for_range(builder, count) as outer:
        offset = _load(builder, builder.add(runs, builder.mul(outer.index, _integer(8))), _I64, 8)
        corners = [builder.add(pixel, offset) for pixel in pixels]
        with cgutils.for_range(builder, run) as loop:
            along, row = builder.mul(loop.index, xstep), builder.load(weights)
            vectors = [_load(builder, builder.add(row, _integer(64 * v)), _VECTOR) for v in range(len(sums[0]))]
            builder.store(builder.add(row, wstep), weights)
            for corner, cells in zip(corners, sums, strict=True):
                number = _load(builder, builder.add(corner, along), _F32)
                spread = simd._broadcast(builder, number, _VECTOR)
                for vector, cell in zip(vectors, cells, strict=True):
                    builder.store(fused(spread, vector, builder.load(cell)), cell)


def make(numbers: int, vectors: int) -> Any:
    """The tile of P = `numbers` by V = `vectors`, to be called from compiled code.

    tile(x, places, runs, count, run, xstep, w, wstep, start, start_step, out, outs, valid, floor): for each p the sums
    begin at start + p·start_step and end, not below `floor`, at out + outs[p]; only `valid` channels are written.
    """

    @intrinsic
    def tile(
        typing: Any, x: Any, places: Any, runs: Any, count: Any, run: Any, xstep: Any, w: Any, wstep: Any,
        start: Any, start_step: Any, out: Any, outs: Any, valid: Any, floor: Any,
    ) -> Any:  # fmt: skip
        def emit(context: Any, builder: Any, sig: Any, args: Any) -> Any:
            x, places, runs, count, run, xstep, w, wstep, start, start_step, out, outs, valid, floor = args
            sums = [[cgutils.alloca_once(builder, _VECTOR) for _ in range(vectors)] for _ in range(numbers)]
            for p, cells in enumerate(sums):
                first = builder.add(start, builder.mul(start_step, _integer(p)))
                for v, cell in enumerate(cells):
                    builder.store(_load(builder, builder.add(first, _integer(64 * v)), _VECTOR), cell)
            _accumulate(builder, sums, _table(builder, x, places, numbers), runs, count, run, xstep, w, wstep)
            lowest = simd._broadcast(builder, floor, _VECTOR)
            for target, cells in zip(_table(builder, out, outs, numbers), sums, strict=True):
                for v, cell in enumerate(cells):
                    value = builder.load(cell)
                    value = builder.select(builder.fcmp_ordered("<", value, lowest), lowest, value)
                    place = builder.add(target, _integer(64 * v))
                    simd._masked_store(builder, place, value, builder.sub(valid, _integer(LANES * v)))
            return context.get_dummy_value()

        i = types.intp
        return types.void(*[i] * 13, types.float32), emit

    return tile


tile12x2, tile4x2, tile1x2, tile12x1, tile4x1, tile1x1 = (
    make(12, 2), make(4, 2), make(1, 2), make(12, 1), make(4, 1), make(1, 1)
)  # fmt: skip

# Outputs whose inputs should still be in the first-level cache when the next 32 channels are computed.
CHUNK = 96


# A function is compiled anew for every literal number that it is called with; these are none.
NONE, ONE, FLOAT = np.int64(0), np.int64(1), np.int64(4)
"""As arguments of `sweep`: no step, one run, the bytes of a float32."""


@inner
def sweep(x, places, many, runs, count, run, xstep, w, start, start_step, out, outs, channels, floor):
    """All tiles of `many` outputs by `channels`, with w in panels of 32 channels (the last of 16 if that is enough)."""
    inside = count * run * 4
    for low in range(0, many, CHUNK):
        high = min(low + CHUNK, many)
        for c in range(0, channels, 32):
            panel, first, target, valid, p = w + c * inside, start + c * 4, out + c * 4, channels - c, low
            if valid > LANES:
                while p + 12 <= high:
                    tile12x2(
                        x, places + 8 * p, runs, count, run, xstep, panel, 128, first + p * start_step, start_step,
                        target, outs + 8 * p, valid, floor,
                    )  # fmt: skip
                    p += 12
                while p + 4 <= high:
                    tile4x2(
                        x, places + 8 * p, runs, count, run, xstep, panel, 128, first + p * start_step, start_step,
                        target, outs + 8 * p, valid, floor,
                    )  # fmt: skip
                    p += 4
                while p < high:
                    tile1x2(
                        x, places + 8 * p, runs, count, run, xstep, panel, 128, first + p * start_step, start_step,
                        target, outs + 8 * p, valid, floor,
                    )  # fmt: skip
                    p += 1
            else:
                while p + 12 <= high:
                    tile12x1(
                        x, places + 8 * p, runs, count, run, xstep, panel, 64, first + p * start_step, start_step,
                        target, outs + 8 * p, valid, floor,
                    )  # fmt: skip
                    p += 12
                while p + 4 <= high:
                    tile4x1(
                        x, places + 8 * p, runs, count, run, xstep, panel, 64, first + p * start_step, start_step,
                        target, outs + 8 * p, valid, floor,
                    )  # fmt: skip
                    p += 4
                while p < high:
                    tile1x1(
                        x, places + 8 * p, runs, count, run, xstep, panel, 64, first + p * start_step, start_step,
                        target, outs + 8 * p, valid, floor,
                    )  # fmt: skip
                    p += 1


@inner
def sweep_outer(x, places, many, runs, count, run, xstep, w, wstep, out, step, outs, channels):
    """The same where w is not in panels: rows `wstep` bytes apart, whole vectors. The sums are added to `out`,
    whose rows are `step` bytes apart. (Products with a transposed left side: the weight gradient.) `many` is a
    multiple of four.
    """
    lowest = np.float32(-np.inf)
    for c in range(0, channels, 32):
        row, target, p = w + c * 4, out + c * 4, 0
        if channels - c > LANES:
            while p + 12 <= many:
                tile12x2(
                    x, places + 8 * p, runs, count, run, xstep, row, wstep, target + p * step, step,
                    target, outs + 8 * p, 32, lowest,
                )  # fmt: skip
                p += 12
            while p < many:
                tile4x2(
                    x, places + 8 * p, runs, count, run, xstep, row, wstep, target + p * step, step,
                    target, outs + 8 * p, 32, lowest,
                )  # fmt: skip
                p += 4
        else:
            while p + 12 <= many:
                tile12x1(
                    x, places + 8 * p, runs, count, run, xstep, row, wstep, target + p * step, step,
                    target, outs + 8 * p, LANES, lowest,
                )  # fmt: skip
                p += 12
            while p < many:
                tile4x1(
                    x, places + 8 * p, runs, count, run, xstep, row, wstep, target + p * step, step,
                    target, outs + 8 * p, LANES, lowest,
                )  # fmt: skip
                p += 4
