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
from numba.core import cgutils

from pellucid.kernels.depthwise.records import GROUPS, RUNS, Correlation, WeightSums
from pellucid.kernels.jit import ByAddress, by_address, inner
from pellucid.kernels.vectors.instruction import Number, instruction
from pellucid.kernels.vectors.memory import integers
from pellucid.kernels.vectors.prefetch import prefetch, will_read
from pellucid.kernels.vectors.records import read
from pellucid.kernels.vectors.simd import FLOATS, LANES, load, load_some, masked_load, masked_store, store
from pellucid.kernels.vectors.tile import add_product, fields, whole

BYTES = 4 * LANES  # of a vector
ENTRY = 24  # bytes of an entry of `Runs`: address of its first pixel for output 0, place of its weights, column
PART = 8 * (6 + len(RUNS))  # of a row of `parts`


class Runs(NamedTuple):
    """Runs of taps in scratch memory, how many there are of each length in RUNS, and the packed kernel."""

    at: int
    counts: int
    kernel: int


class Source(NamedTuple):
    """What is added to the addresses and the columns of runs; bytes of a pixel, pixels of a row; and how far the rows
    are that come next.
    """

    shift: int
    column: int
    step: int
    width: int
    ahead: int


class Target(NamedTuple):
    """Where outputs go, `across` bytes apart: so many `lanes` of them; and how far the rows are that come next."""

    y: int
    across: int
    lanes: int
    ahead: int


class Row(NamedTuple):
    """The gradient of a row of outputs; the windows of those from `low` to `high` are inside, `hop` pixels apart."""

    dy: int
    columns: int
    low: int
    high: int
    hop: int
    lanes: int


def pixels_of(corner: Number, many: int, source: Any, lanes: Any, column: Any = None) -> list[Any]:
    """The first lanes of neighbouring pixels; if the first one's column is given, zeros outside."""
    builder, result = corner.builder, []
    for q in range(many):
        some = lanes.value
        if column is not None:
            inside = builder.icmp_unsigned("<", (column + q).value, source.width.value)
            some = builder.select(inside, some, Number(builder, 0).value)
        result.append(masked_load(corner + source.step * q, some))
    return result


def make_tile(outputs: int, stride: int) -> Any:
    """tile(runs, source, target): y[p] = start + Σ x·w for `outputs` neighbours in a row. With stride 0 there is one
    output, and pixels whose column is outside the image count as 0.
    """

    def tile(builder: Any, runs: Any, source: Any, target: Any) -> None:
        runs, source, target = (
            fields(builder, kind, record) for kind, record in ((Runs, runs), (Source, source), (Target, target))
        )
        begin = runs.kernel.load(FLOATS, 64)
        sums = [cgutils.alloca_once_value(builder, begin) for _ in range(outputs)]
        for kind, run in enumerate(RUNS):
            count = runs.counts.number(kind)
            with cgutils.for_range(builder, count.value) as loop:
                entry = runs.at + Number(builder, loop.index) * ENTRY
                weights, column = runs.kernel + BYTES + entry.number(1), source.column + entry.number(2)
                seen = (outputs - 1) * stride + run
                corner, tested = entry.number() + source.shift, None if stride else column
                pixels = pixels_of(corner, seen, source, target.lanes, tested)
                for v in range(run):
                    weight = (weights + BYTES * v).load(FLOATS, 64)
                    for p, total in enumerate(sums):
                        add_product(builder, total, pixels[p * stride + v], weight)
            runs.at += count * ENTRY
        for p, total in enumerate(sums):
            place = target.y + target.across * p
            masked_store(place, builder.load(total), target.lanes.value)
            prefetch(place + target.ahead, write=True)
            for row, q in np.ndindex(stride, stride):
                pixel = source.shift + source.ahead + source.step * (p * stride + q)
                prefetch(pixel + source.step * source.width * row)

    tile.__qualname__ = f"tile{outputs}_{stride}"
    return instruction()(tile)


one = make_tile(1, 0)


@inner
def pack(p, packed):
    """w (…, C), bias (C) → for each vector of channels the bias, then the taps in their order; return the end."""
    channels, order = p.image.channels, integers(p.tables.order)
    for c in range(0, channels, LANES):
        store(packed, load_some(p.bias + c * 4, channels - c))
        packed += BYTES
        for k in range(p.tables.taps):
            store(packed, load_some(p.w + (order[k] * channels + c) * 4, channels - c))
            packed += BYTES
    return packed


@inner
def runs_inside(p, source, top, part, found):
    """List the runs of a part whose rows are inside the image at `source`, where `top` is the first row that it sees;
    count those of each length.
    """
    runs, counts, table, step = (
        integers(found.at),
        integers(found.counts),
        integers(p.tables.table),
        p.image.channels * 4,
    )
    k, many = part[5], 0
    for kind in range(len(RUNS)):
        before = many
        for _ in range(part[6 + kind]):
            row = top + table[3 * k]
            if 0 <= row < p.image.height:
                runs[3 * many] = source + (row * p.image.width + table[3 * k + 1]) * step
                runs[3 * many + 1] = table[3 * k + 2] * BYTES
                runs[3 * many + 2] = table[3 * k + 1]
                many += 1
            k += 1
        counts[kind] = many - before


def outputs_of(stride: int) -> Any:
    """The loop along a row for a stride, 0 for all but 1 and 2."""
    six, three = (make_tile(6, stride), make_tile(3, stride)) if stride else (one, one)

    @inner
    def outputs_of_row(p, part, found, y, ahead_x):
        """The outputs of a part in one row, from address y on."""
        hop, channels, step = p.pace.stride, p.image.channels, p.image.channels * 4
        across, ahead_y = p.pace.beside * step, 2 * p.pace.down * p.ow * step  # written two steps later
        many, low, high, t = part[2], part[3], part[4], 0
        while t < many:
            size = 1
            if stride and low <= t < high and high - low >= 3:
                size = 6 if t + 6 <= high else 3
                t = min(t, high - size)  # some outputs may be computed twice
            for c in range(0, channels, LANES):
                kernel = found.kernel + c // LANES * (p.tables.taps + 1) * BYTES
                runs = Runs(at=found.at, counts=found.counts, kernel=kernel)
                shift = c * 4 + t * hop * step
                source = Source(shift=shift, column=t * hop, step=step, width=p.image.width, ahead=ahead_x)
                target = Target(y=y + t * across + c * 4, across=across, lanes=channels - c, ahead=ahead_y)
                if size == 1:
                    one(runs, source, target)
                elif size == 6:
                    six(runs, source, target)
                else:
                    three(runs, source, target)
            t += size

    return outputs_of_row


def correlation(stride: int) -> ByAddress:
    """The loop over images."""
    outputs_of_row = outputs_of(stride)

    def correlate(arguments: Any, piece: Any, scratch: Any) -> None:
        """Some images. In scratch memory are the kernel, packed, and for each part of a row the runs inside the image,
        how many of each length and then where.
        """
        p = read(Correlation, arguments)
        t, pace, width, step = p.tables, p.pace, p.image.width, p.image.channels * 4
        counts, table = pack(p, scratch), integers(t.table)
        found = Runs(at=counts + 8 * len(RUNS), counts=counts, kernel=scratch)
        for i in range(piece * p.size, min(p.n, (piece + 1) * p.size)):
            source = p.x + i * p.image.height * width * step
            for j in range(pace.steps):
                top = j * pace.go + pace.first
                for k in range(t.many):
                    part = integers(t.parts + PART * k)
                    r = part[0] + j * pace.down
                    if 0 <= r < p.oh:
                        runs_inside(p, source, top, part, found)
                        column = table[3 * min(part[5], t.runs - 1) + 1]
                        y = p.y + ((i * p.oh + r) * p.ow + part[1]) * step
                        outputs_of_row(p, part, found, y, source + ((top + pace.rows) * width + column) * step)

    return by_address(correlate, f"correlate_{stride}")


CORRELATE = {stride: correlation(stride) for stride in (0, 1, 2)}
"""For each stride, 0 for all others."""


def make_sums(group: tuple[int, ...], stride: int) -> Any:
    """add(runs, source, row, sums): sums[k] += Σ x·dy over a row of outputs, for the taps of a group of runs; the sums
    stay in registers.
    """

    def add(builder: Any, runs: Any, source: Any, row: Any, sums: Any) -> None:
        source, row, sums = fields(builder, Source, source), fields(builder, Row, row), Number(builder, sums)
        places = [sums + BYTES * k for k in range(sum(group))]
        totals = [cgutils.alloca_once_value(builder, place.load(FLOATS)) for place in places]
        entries = [Number(builder, runs) + ENTRY * r for r in range(len(group))]
        corners = [entry.number() + source.shift for entry in entries]

        def go(begin: Number, many: Number, outputs: int, tested: bool) -> Number:
            """The next many · outputs of the row; return where they end."""
            with cgutils.for_range(builder, many.value) as loop:
                s = begin + Number(builder, loop.index) * outputs
                ds = pixels_of(row.dy + s * source.step, outputs, source, row.lanes)
                q, k = s * row.hop, 0
                for entry, corner, run in zip(entries, corners, group, strict=True):
                    column, seen = entry.number(2) + q if tested else None, (outputs - 1) * stride + run
                    pixels = pixels_of(corner + q * source.step, seen, source, row.lanes, column)
                    for p, d in enumerate(ds):
                        for v, total in enumerate(totals[k : k + run]):
                            add_product(builder, total, pixels[p * stride + v], d)
                    k += run
            return begin + many * outputs

        at = go(Number(builder, 0), row.low, 1, True)
        for size in (6, 3) if stride else ():
            at = go(at, (row.high - at) // size, size, False)
        go(at, row.columns - at, 1, True)
        for place, total in zip(places, totals, strict=True):
            place.store(builder.load(total))

    add.__qualname__ = f"add{len(group)}x{group[0]}_{stride}"
    return instruction()(add)


@inner
def runs_of_row(p, i, j, at):
    """List the runs that row j of outputs of image i sees; those of rows outside the image are read from zeros."""
    step, table, runs = p.image.channels * 4, integers(p.places), integers(at)
    for k in range(p.groups * p.members):
        row = j * p.pace.go + p.pace.first + table[2 * k]
        image = p.x + (i * p.image.height + row) * p.image.width * step
        runs[3 * k] = (image if 0 <= row < p.image.height else p.zeros) + table[2 * k + 1] * step
        runs[3 * k + 2] = table[2 * k + 1]


@inner
def add_row(p, row, ahead, total):
    """total += Σ dy of a row; ask for the next rows of dy, and of the image at `ahead`."""
    step, sums = p.image.channels * 4, load(total)
    for s in range(p.ow):
        sums = sums + load_some(row.dy + s * step, row.lanes)
        will_read(row.dy + (p.ow + s) * step)
    for r in range(p.pace.go):
        for s in range(p.ow * p.pace.stride):
            will_read(ahead + (r * p.image.width + s) * step)
    store(total, sums)


def weight_sums(group: tuple[int, ...], stride: int) -> ByAddress:
    """The loop of the weight gradient for a group of runs and a stride, 0 for all but 1 and 2."""
    add = make_sums(group, stride)

    def weight_gradient(arguments: Any, piece: Any, scratch: Any) -> None:
        """The sums of some images. Scratch memory holds the runs for one row of outputs."""
        p = read(WeightSums, arguments)
        channels, width, step = p.image.channels, p.image.width, p.image.channels * 4
        chunk, table = (p.groups * p.taps + 1) * BYTES, integers(p.places)
        own = p.sums + piece * (whole(channels) // LANES) * chunk
        for i in range(piece * p.size, min(p.n, (piece + 1) * p.size)):
            for j in range(p.oh):
                runs_of_row(p, i, j, scratch)
                next_row = i * p.image.height + j * p.pace.go + p.pace.first + p.pace.rows
                for c in range(0, channels, LANES):
                    sums, dy = own + c // LANES * chunk, p.dy + (i * p.oh + j) * p.ow * step + c * 4
                    row = Row(dy=dy, columns=p.ow, low=p.low, high=p.high, hop=p.pace.stride, lanes=channels - c)
                    ahead = p.x + (next_row * width + table[1]) * step + c * 4
                    add_row(p, row, ahead, sums)
                    source = Source(shift=c * 4, column=0, step=step, width=width, ahead=0)
                    for k in range(p.groups):
                        add(scratch + ENTRY * p.members * k, source, row, sums + (1 + p.taps * k) * BYTES)

    return by_address(weight_gradient, f"weight_gradient_{sum(group)}_{stride}")


WEIGHT_GRADIENT = {(sum(group), stride): weight_sums(group, stride) for group in GROUPS for stride in (0, 1, 2)}
"""For the taps of a group and each stride."""
