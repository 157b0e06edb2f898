"""The register tile: P·V sums of products held in registers, the core of every convolution and product here.

    sum[p][v] = start[p][v] + Σ_k x[places[p] + k] · w[k][v]          p < P numbers, v < V vectors of 16 numbers

In each step V vectors of w are loaded and P single numbers of x are each spread over a vector, for P·V fused
multiply-adds. With 12 x 2 that is 24 sums in the 32 registers of AVX-512: the loads are hidden behind the arithmetic,
and the arithmetic runs at the rate of the processor. A matrix product is the same with the numbers of x in rows; a
convolution needs no matrix, because `places` and `runs` may point anywhere.

This loop is written as LLVM instructions, because in Numba's Python an array of registers cannot be said.
"""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, NamedTuple

import numpy as np
from numba.core import cgutils

from pellucid.kernels.jit import inner
from pellucid.kernels.vectors.instruction import FLOAT as FLOAT32
from pellucid.kernels.vectors.instruction import Number, instruction
from pellucid.kernels.vectors.simd import FLOATS, LANES, masked_store, product_plus, spread


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


def fields(builder: Any, kind: type, record: Any) -> Any:
    """The numbers of a record by their names."""
    numbers = cgutils.unpack_tuple(builder, record)
    return SimpleNamespace(
        **{name: Number(builder, number) for name, number in zip(kind._fields, numbers, strict=True)}
    )  # type: ignore[attr-defined]


def add_product(builder: Any, total: Any, a: Any, b: Any) -> None:
    """total += a · b of vectors, `total` being where a register's worth is kept."""
    builder.store(product_plus(builder, a, b, builder.load(total)), total)


def _accumulate(builder: Any, sums: Any, pixels: list[Number], terms: Any, weights: Any) -> None:
    """The loop over the terms of the sums."""
    place = cgutils.alloca_once_value(builder, weights.w.value)
    with cgutils.for_range(builder, terms.count.value) as outer:
        offset = (terms.runs + Number(builder, outer.index) * 8).number()
        corners = [pixel + offset for pixel in pixels]
        with cgutils.for_range(builder, terms.run.value) as loop:
            along, row = Number(builder, loop.index) * terms.xstep, Number(builder, builder.load(place))
            vectors = [(row + 64 * v).load(FLOATS) for v in range(len(sums[0]))]
            builder.store((row + weights.step).value, place)
            for corner, cells in zip(corners, sums, strict=True):
                number = spread(builder, (corner + along).load(FLOAT32))
                for vector, cell in zip(vectors, cells, strict=True):
                    add_product(builder, cell, number, vector)


def make(numbers: int, vectors: int) -> Any:
    """The tile of P = `numbers` by V = `vectors`, to be called from compiled code: tile(sum, weights, into, begin) for
    p = begin, …, begin + P − 1.
    """

    def tile(builder: Any, terms: Any, weights: Any, into: Any, begin: Any) -> None:
        begin, terms, weights = Number(builder, begin), fields(builder, Sum, terms), fields(builder, Weights, weights)
        into = fields(builder, Into, into)
        sums = [[cgutils.alloca_once(builder, FLOATS) for _ in range(vectors)] for _ in range(numbers)]
        for p, cells in enumerate(sums):
            start = weights.start + (begin + p) * weights.start_step
            for v, cell in enumerate(cells):
                builder.store((start + 64 * v).load(FLOATS), cell)
        pixels = [terms.x + (terms.places + begin * 8).number(p) for p in range(numbers)]
        _accumulate(builder, sums, pixels, terms, weights)
        lowest = spread(builder, into.floor.value)
        targets = [into.out + (into.outs + begin * 8).number(p) for p in range(numbers)]
        for target, cells in zip(targets, sums, strict=True):
            for v, cell in enumerate(cells):
                value = builder.load(cell)
                value = builder.select(builder.fcmp_ordered("<", value, lowest), lowest, value)
                masked_store(target + 64 * v, value, (into.channels - LANES * v).value)

    tile.__qualname__ = f"tile{numbers}x{vectors}"
    return instruction()(tile)


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
def whole(channels):
    """Channels rounded up to whole vectors, as in `kernels.panels`."""
    return (channels + LANES - 1) // LANES * LANES


@inner
def fours(channels):
    """Channels rounded up to fours."""
    return (channels + 3) // 4 * 4


@inner
def rows_of(x, places, many, zeros, length):
    """The terms of a matrix product: `many` rows of x, `length` numbers straight on; `zeros` is a table with a 0."""
    return Sum(x=x, places=places, many=many, runs=zeros, count=ONE, run=length, xstep=FLOAT)


@inner
def sweep(terms, w, start, start_step, into):
    """All outputs of a sum by all channels, with w in panels of 32 channels (the last of 16 if that is enough)."""
    column = terms.count * terms.run * 4  # bytes of a channel's weights
    for low in range(0, terms.many, CHUNK):
        high = min(low + CHUNK, terms.many)
        for c in range(0, into.channels, 32):
            panel, first, valid = w + c * column, start + c * 4, into.channels - c
            target = Into(out=into.out + c * 4, outs=into.outs, channels=valid, floor=into.floor)
            weights = Weights(w=panel, start=first, start_step=start_step, step=128 if valid > LANES else 64)
            if valid > LANES:
                _wide(terms, weights, target, low, high)
            else:
                _narrow(terms, weights, target, low, high)


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
