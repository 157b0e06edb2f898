"""Depthwise convolution: every channel has a kernel of its own, so 16 channels are 16 lanes of a vector.

Such a convolution does little with each number, and loading is as much work as computing. So neighbouring taps of a
row, a *run*, are taken together for several outputs: each pixel is loaded once for all the products it is part of.
Where the runs lie is told by tables made once for each shape in `kernels.depthwise.plan`: so the same loops serve every
kernel size, stride and dilation, and the input gradient as well.

Images are not copied into a frame of zeros first: windows inside the image are computed in tiles of six or three, those
that stick out one by one, with tests. The tiles are written as LLVM instructions, as in `tile`.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from llvmlite import ir
from numba.core import cgutils, types
from numba.extending import intrinsic

from pellucid.kernels.depthwise.records import GROUPS, RUNS, Correlation, WeightSums
from pellucid.kernels.jit import by_address, inner
from pellucid.kernels.vectors import simd
from pellucid.kernels.vectors.memory import integers
from pellucid.kernels.vectors.prefetch import prefetch, will_read
from pellucid.kernels.vectors.records import read
from pellucid.kernels.vectors.simd import LANES, load, load_some, store
from pellucid.kernels.vectors.tile import _fused, _integer, _load

BYTES = 4 * LANES  # of a vector
ENTRY = 24  # bytes of an entry of `runs`: address of its first pixel for output 0, place of its weights, column
PART = 8 * (6 + len(RUNS))  # of a row of `parts`


def _at(builder: Any, base: Any, step: Any, index: int) -> Any:
    return builder.add(base, builder.mul(step, _integer(index)))


def _number(builder: Any, table: Any, index: int) -> Any:
    return _load(builder, builder.add(table, _integer(8 * index)), ir.IntType(64), 8)


def _pixels(builder: Any, corner: Any, step: Any, many: int, lanes: Any, column: Any, width: Any) -> list[Any]:
    """The first `lanes` channels of neighbouring pixels; if the first one's `column` is given, zeros outside."""
    result = []
    for q in range(many):
        some, place = lanes, builder.inttoptr(_at(builder, corner, step, q), simd._VECTOR.as_pointer())
        if column is not None:
            inside = builder.icmp_unsigned("<", builder.add(column, _integer(q)), width)
            some = builder.select(inside, lanes, _integer(0))
        kind = ir.FunctionType(simd._VECTOR, [place.type, ir.IntType(32), simd._MASK, simd._VECTOR])
        name = "llvm.masked.load.v16f32.p0" if simd._opaque() else "llvm.masked.load.v16f32.p0v16f32"
        function = cgutils.get_or_insert_function(builder.module, kind, name)
        align, zeros = ir.Constant(ir.IntType(32), 4), simd._constant(0.0)
        result.append(builder.call(function, [place, align, simd._first(builder, some), zeros]))
    return result


def make_tile(outputs: int, stride: int) -> Any:
    """tile(…): y[p] = start + Σ x·w for `outputs` neighbours in a row, written `across` bytes apart.

    `counts`: how many of the `runs` are of each length in RUNS. `shift` is added to their addresses, `column` to their
    columns. With stride 0 there is one output, and pixels whose column is outside the image count as 0. `ahead_x`,
    `ahead_y`: how far the rows are that come next.
    """

    @intrinsic
    def tile(
        typing: Any, runs: Any, counts: Any, w: Any, start: Any, shift: Any, column: Any, step: Any, width: Any,
        y: Any, across: Any, lanes: Any, ahead_x: Any, ahead_y: Any,
    ) -> Any:  # fmt: skip
        def emit(context: Any, builder: Any, sig: Any, args: Any) -> Any:
            runs, counts, w, start, shift, column, step, width, y, across, lanes, ahead_x, ahead_y = args
            fused, first = _fused(builder), _load(builder, start, simd._VECTOR, 64)
            sums = [cgutils.alloca_once_value(builder, first) for _ in range(outputs)]
            for kind, run in enumerate(RUNS):
                count = _number(builder, counts, kind)
                with cgutils.for_range(builder, count) as loop:
                    entry = builder.add(runs, builder.mul(loop.index, _integer(ENTRY)))
                    corner, kernel = builder.add(_number(builder, entry, 0), shift), _number(builder, entry, 1)
                    tested = None if stride else builder.add(column, _number(builder, entry, 2))
                    pixels = _pixels(builder, corner, step, (outputs - 1) * stride + run, lanes, tested, width)
                    for v in range(run):
                        place = builder.add(builder.add(w, kernel), _integer(BYTES * v))
                        weight = _load(builder, place, simd._VECTOR, 64)
                        for p, total in enumerate(sums):
                            builder.store(fused(pixels[p * stride + v], weight, builder.load(total)), total)
                runs = builder.add(runs, builder.mul(count, _integer(ENTRY)))
            line = builder.mul(step, width)
            for p, total in enumerate(sums):
                place = _at(builder, y, across, p)
                simd._masked_store(builder, place, builder.load(total), lanes)
                prefetch(builder, builder.add(place, ahead_y), write=True)
                for row, q in np.ndindex(stride, stride):
                    pixel = _at(builder, builder.add(shift, ahead_x), step, p * stride + q)
                    prefetch(builder, _at(builder, pixel, line, row))
            return context.get_dummy_value()

        return types.void(*[types.intp] * 13), emit

    return tile


one, six, three, six_by_2, three_by_2 = (
    make_tile(1, 0), make_tile(6, 1), make_tile(3, 1), make_tile(6, 2), make_tile(3, 2)
)  # fmt: skip


@inner
def pack(w, bias, channels, order, taps, packed):
    """w (…, C), bias (C) → for each vector of channels the bias, then the taps in the given order; return the end."""
    for c in range(0, channels, LANES):
        store(packed, load_some(bias + c * 4, channels - c))
        packed += BYTES
        for k in range(taps):
            store(packed, load_some(w + (order[k] * channels + c) * 4, channels - c))
            packed += BYTES
    return packed


class Runs(NamedTuple):
    """Runs of taps in scratch memory, how many there are of each length, and the packed kernel."""

    at: int
    counts: int
    packed: int


@inner
def runs_inside(image, source, top, table, part, listed):
    """List the runs of a part whose rows are inside the image at `source`, where `top` is the first row that it sees;
    count those of each length.
    """
    runs, counts, step = integers(listed.at), integers(listed.counts), image.channels * 4
    k, found = part[5], 0
    for kind in range(len(RUNS)):
        before = found
        for _ in range(part[6 + kind]):
            row = top + table[3 * k]
            if 0 <= row < image.height:
                runs[3 * found] = source + (row * image.width + table[3 * k + 1]) * step
                runs[3 * found + 1] = table[3 * k + 2] * BYTES
                runs[3 * found + 2] = table[3 * k + 1]
                found += 1
            k += 1
        counts[kind] = found - before


@inner
def outputs_of_row(p, part, found, y, ahead_x, ahead_y):
    """The outputs of a part in one row, from address y on."""
    runs, counts, taps, stride, channels = found.at, found.counts, p.tables.taps, p.pace.stride, p.image.channels
    step, width, across = channels * 4, p.image.width, p.pace.beside * channels * 4
    many, low, high, t = part[2], part[3], part[4], 0
    while t < many:
        size = 1
        if low <= t < high and high - low >= 3:
            size = 6 if t + 6 <= high else 3
            t = min(t, high - size)  # some outputs may be computed twice
        for c in range(0, channels, LANES):
            start, lanes = found.packed + c // LANES * (taps + 1) * BYTES, channels - c
            w, shift, q = start + BYTES, c * 4 + t * stride * step, y + t * across + c * 4
            if size == 1:
                one(runs, counts, w, start, shift, t * stride, step, width, q, across, lanes, ahead_x, ahead_y)
            elif size == 6 and stride == 1:
                six(runs, counts, w, start, shift, 0, step, width, q, across, lanes, ahead_x, ahead_y)
            elif size == 6:
                six_by_2(runs, counts, w, start, shift, 0, step, width, q, across, lanes, ahead_x, ahead_y)
            elif stride == 1:
                three(runs, counts, w, start, shift, 0, step, width, q, across, lanes, ahead_x, ahead_y)
            else:
                three_by_2(runs, counts, w, start, shift, 0, step, width, q, across, lanes, ahead_x, ahead_y)
        t += size


@by_address
def correlate(arguments, piece, scratch):
    """Some images. In scratch memory are the kernel, packed, and for each part of a row the runs inside the image, how
    many of each length and then where.
    """
    p = read(Correlation, arguments)
    t, pace, width = p.tables, p.pace, p.image.width
    step, entries = p.image.channels * 4, integers(t.table)
    counts = pack(p.w, p.bias, p.image.channels, integers(t.order), t.taps, scratch)
    found = Runs(at=counts + 8 * len(RUNS), counts=counts, packed=scratch)
    ahead_y = 2 * pace.down * p.ow * step  # written two steps later
    for i in range(piece * p.size, min(p.n, (piece + 1) * p.size)):
        source = p.x + i * p.image.height * width * step
        for j in range(pace.steps):
            top = j * pace.go + pace.first
            for k in range(t.many):
                part = integers(t.parts + PART * k)
                r, column, begin = part[0] + j * pace.down, part[1], part[5]
                if r < 0 or r >= p.oh:
                    continue
                runs_inside(p.image, source, top, entries, part, found)
                ahead_x = source + ((top + pace.rows) * width + entries[3 * min(begin, t.runs - 1) + 1]) * step
                y = p.y + ((i * p.oh + r) * p.ow + column) * step
                outputs_of_row(p, part, found, y, ahead_x, ahead_y)


def make_sums(group: tuple[int, ...], stride: int) -> Any:
    """add(…): sums[k] += Σ x·dy over a row of `columns` outputs, for the taps of a group of runs; the sums stay in
    registers. The windows of the outputs from `low` to `high` are inside the image. `hop` is the stride, if it is not
    1 or 2 too.
    """

    @intrinsic
    def add(
        typing: Any, runs: Any, shift: Any, step: Any, width: Any, dy: Any, columns: Any, low: Any, high: Any,
        hop: Any, sums: Any, lanes: Any,
    ) -> Any:  # fmt: skip
        def emit(context: Any, builder: Any, sig: Any, args: Any) -> Any:
            runs, shift, step, width, dy, columns, low, high, hop, sums, lanes = args
            fused = _fused(builder)
            places = [builder.add(sums, _integer(BYTES * k)) for k in range(sum(group))]
            totals = [cgutils.alloca_once_value(builder, _load(builder, p, simd._VECTOR)) for p in places]
            entries = [builder.add(runs, _integer(ENTRY * r)) for r in range(len(group))]
            corners = [builder.add(_number(builder, entry, 0), shift) for entry in entries]

            def go(begin: Any, many: Any, outputs: int, tested: bool) -> Any:
                with cgutils.for_range(builder, many) as loop:
                    s = builder.add(begin, builder.mul(loop.index, _integer(outputs)))
                    ds = _pixels(builder, builder.add(dy, builder.mul(s, step)), step, outputs, lanes, None, width)
                    q, k = builder.mul(s, hop), 0
                    for entry, corner, run in zip(entries, corners, group, strict=True):
                        column = builder.add(_number(builder, entry, 2), q) if tested else None
                        place, seen = builder.add(corner, builder.mul(q, step)), (outputs - 1) * stride + run
                        pixels = _pixels(builder, place, step, seen, lanes, column, width)
                        for p, d in enumerate(ds):
                            for v, total in enumerate(totals[k : k + run]):
                                builder.store(fused(pixels[p * stride + v], d, builder.load(total)), total)
                        k += run
                return builder.add(begin, builder.mul(many, _integer(outputs)))

            at = go(_integer(0), low, 1, True)
            for size in (6, 3):
                at = go(at, builder.sdiv(builder.sub(high, at), _integer(size)), size, False)
            go(at, builder.sub(columns, at), 1, True)
            for place, total in zip(places, totals, strict=True):
                builder.store(builder.load(total), builder.inttoptr(place, simd._VECTOR.as_pointer()), align=4)
            return context.get_dummy_value()

        return types.void(*[types.intp] * 11), emit

    return add


nine, five, eight = (make_sums(group, 1) for group in GROUPS)
nine_by_2, five_by_2, eight_by_2 = (make_sums(group, 2) for group in GROUPS)


@by_address
def weight_gradient(arguments, piece, scratch):
    """The sums of some images. Scratch memory holds the runs for one row of outputs."""
    p = read(WeightSums, arguments)
    height, width, channels, oh, ow = p.image.height, p.image.width, p.image.channels, p.oh, p.ow
    go, first, rows, stride = p.pace.go, p.pace.first, p.pace.rows, p.pace.stride
    low, high, groups, members, taps, x, dy, zeros = (
        p.low, p.high, p.groups, p.members, p.taps, p.x, p.dy, p.zeros,
    )  # fmt: skip
    step, chunk = channels * 4, (groups * taps + 1) * BYTES
    sums = p.sums + piece * ((channels + LANES - 1) // LANES) * chunk
    table, runs = integers(p.places), integers(scratch)
    for i in range(piece * p.size, min(p.n, (piece + 1) * p.size)):
        for j in range(oh):
            for k in range(groups * members):
                row = j * go + first + table[2 * k]
                source = x + (i * height + row) * width * step if 0 <= row < height else zeros
                runs[3 * k], runs[3 * k + 2] = source + table[2 * k + 1] * step, table[2 * k + 1]
            for c in range(0, channels, LANES):
                g = sums + c // LANES * chunk
                d, lanes = dy + (i * oh + j) * ow * step + c * 4, channels - c
                ahead = x + ((i * height + j * go + first + rows) * width + table[1]) * step + c * 4
                total = load(g)
                for s in range(ow):
                    total = total + load_some(d + s * step, lanes)
                    will_read(d + (ow + s) * step)
                for r in range(go):
                    for s in range(ow * stride):
                        will_read(ahead + (r * width + s) * step)
                store(g, total)
                for k in range(groups):
                    here, g0 = scratch + ENTRY * members * k, g + (1 + taps * k) * BYTES
                    if stride == 2:
                        if taps == 9:
                            nine_by_2(here, c * 4, step, width, d, ow, low, high, stride, g0, lanes)
                        elif taps == 5:
                            five_by_2(here, c * 4, step, width, d, ow, low, high, stride, g0, lanes)
                        else:
                            eight_by_2(here, c * 4, step, width, d, ow, low, high, stride, g0, lanes)
                    elif taps == 9:
                        nine(here, c * 4, step, width, d, ow, low, high, stride, g0, lanes)
                    elif taps == 5:
                        five(here, c * 4, step, width, d, ow, low, high, stride, g0, lanes)
                    else:
                        eight(here, c * 4, step, width, d, ow, low, high, stride, g0, lanes)
