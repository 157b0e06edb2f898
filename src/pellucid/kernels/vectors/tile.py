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
from types import SimpleNamespace
from typing import Any, NamedTuple

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


class Sum(NamedTuple):
    """Which numbers of x the sums are over: x[places[p] + runs[r] + k · xstep], for r < count and k < run.

    All are bytes: the addresses of x and of the two tables, the numbers in these, and the step.
    """

    x: int
    places: int
    many: int  # how many p
    runs: int
    count: int
    run: int
    xstep: int


class Weights(NamedTuple):
    """What they are multiplied by, rows `step` bytes apart, and where the sums begin: at start + p · start_step."""

    w: int
    start: int
    start_step: int
    step: int


class Into(NamedTuple):
    """Where they end, not below `floor`: at out + outs[p]; only so many `channels` are written."""

    out: int
    outs: int
    channels: int
    floor: float


def _fields(builder: Any, kind: type, record: Any) -> Any:
    """The numbers of a record by their names."""
    return SimpleNamespace(**dict(zip(kind._fields, cgutils.unpack_tuple(builder, record), strict=True)))  # type: ignore[attr-defined]


def _accumulate(builder: Any, sums: Any, pixels: Any, terms: Any, weights: Any) -> None:
    """The loop over the terms of the sums."""
    place = cgutils.alloca_once_value(builder, weights.w)
    fused = _fused(builder)
    with cgutils.for_range(builder, terms.count) as outer:
        offset = _load(builder, builder.add(terms.runs, builder.mul(outer.index, _integer(8))), _I64, 8)
        corners = [builder.add(pixel, offset) for pixel in pixels]
        with cgutils.for_range(builder, terms.run) as loop:
            along, row = builder.mul(loop.index, terms.xstep), builder.load(place)
            vectors = [_load(builder, builder.add(row, _integer(64 * v)), _VECTOR) for v in range(len(sums[0]))]
            builder.store(builder.add(row, weights.step), place)
            for corner, cells in zip(corners, sums, strict=True):
                number = _load(builder, builder.add(corner, along), _F32)
                spread = simd._broadcast(builder, number, _VECTOR)
                for vector, cell in zip(vectors, cells, strict=True):
                    builder.store(fused(spread, vector, builder.load(cell)), cell)


def make(numbers: int, vectors: int) -> Any:
    """The tile of P = `numbers` by V = `vectors`, to be called from compiled code: tile(sum, weights, into, first) for
    p = first, …, first + P − 1.
    """

    def tile(typing: Any, terms: Any, weights: Any, into: Any, first: Any) -> Any:
        def emit(context: Any, builder: Any, sig: Any, args: Any) -> Any:
            terms, weights, into = (
                _fields(builder, kind, record) for kind, record in zip((Sum, Weights, Into), args, strict=False)
            )
            entry, start = builder.mul(args[3], _integer(8)), builder.mul(args[3], weights.start_step)
            start = builder.add(weights.start, start)
            sums = [[cgutils.alloca_once(builder, _VECTOR) for _ in range(vectors)] for _ in range(numbers)]
            for p, cells in enumerate(sums):
                begin = builder.add(start, builder.mul(weights.start_step, _integer(p)))
                for v, cell in enumerate(cells):
                    builder.store(_load(builder, builder.add(begin, _integer(64 * v)), _VECTOR), cell)
            pixels = _table(builder, terms.x, builder.add(terms.places, entry), numbers)
            _accumulate(builder, sums, pixels, terms, weights)
            lowest = simd._broadcast(builder, into.floor, _VECTOR)
            targets = _table(builder, into.out, builder.add(into.outs, entry), numbers)
            for target, cells in zip(targets, sums, strict=True):
                for v, cell in enumerate(cells):
                    value = builder.load(cell)
                    value = builder.select(builder.fcmp_ordered("<", value, lowest), lowest, value)
                    place = builder.add(target, _integer(64 * v))
                    simd._masked_store(builder, place, value, builder.sub(into.channels, _integer(LANES * v)))
            return context.get_dummy_value()

        return types.void(terms, weights, into, types.intp), emit

    tile.__qualname__ = f"tile{numbers}x{vectors}"
    return intrinsic(tile)


def _tiles(vectors: int) -> Any:
    """All tiles of some outputs, `vectors` vectors wide."""
    twelve, four, one = (make(numbers, vectors) for numbers in (12, 4, 1))

    @inner
    def tiles(terms, weights, into, low, high):
        p = low
        while p + 12 <= high:
            twelve(terms, weights, into, p)
            p += 12
        while p + 4 <= high:
            four(terms, weights, into, p)
            p += 4
        while p < high:
            one(terms, weights, into, p)
            p += 1

    return tiles


_wide, _narrow = _tiles(2), _tiles(1)

# Outputs whose inputs should still be in the first-level cache when the next 32 channels are computed.
CHUNK = 96


# A function is compiled anew for every literal number that it is called with; these are none.
NONE, ONE, FLOAT = np.int64(0), np.int64(1), np.int64(4)
"""In the records of `sweep`: no step, one run, the bytes of a float32."""
LOWEST = np.float32(-np.inf)
"""No floor."""


@inner
def sweep(terms, w, start, start_step, into):
    """All outputs of a sum by all channels, with w in panels of 32 channels (the last of 16 if that is enough)."""
    column = terms.count * terms.run * 4  # bytes of a channel's weights
    for low in range(0, terms.many, CHUNK):
        high = min(low + CHUNK, terms.many)
        for c in range(0, into.channels, 32):
            panel, first, valid = w + c * column, start + c * 4, into.channels - c
            target = Into(out=into.out + c * 4, outs=into.outs, channels=valid, floor=into.floor)
            if valid > LANES:
                _wide(
                    terms, Weights(w=panel, start=first, start_step=start_step, step=np.int64(128)), target, low, high
                )
            else:
                _narrow(
                    terms, Weights(w=panel, start=first, start_step=start_step, step=np.int64(64)), target, low, high
                )


@inner
def sweep_outer(terms, w, wstep, into, step):
    """The same where w is not in panels: rows `wstep` bytes apart, whole vectors. The sums are added to `into.out`,
    whose rows are `step` bytes apart. (Products with a transposed left side: the weight gradient.) `many` is a
    multiple of four.
    """
    for c in range(0, into.channels, 32):
        out = into.out + c * 4
        weights = Weights(w=w + c * 4, start=out, start_step=step, step=wstep)
        if into.channels - c > LANES:
            target = Into(out=out, outs=into.outs, channels=np.int64(32), floor=LOWEST)
            _wide(terms, weights, target, NONE, terms.many)
        else:
            target = Into(out=out, outs=into.outs, channels=np.int64(LANES), floor=LOWEST)
            _narrow(terms, weights, target, NONE, terms.many)
