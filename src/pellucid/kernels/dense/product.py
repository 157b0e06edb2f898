"""The two products of a dense layer after an image, whose W has many short rows: x·W and dy·Wᵀ.

For dy·Wᵀ a BLAS first copies Wᵀ into panels, which takes nearly as long as the arithmetic. Here the rows of W are the
single numbers of the register tile, read where they are, and the few rows of dy its vectors; the result, W·dyᵀ, is
turned while it lies in the first-level cache. In x·W the sums are long: each piece takes a part of all of them, and of
its part of W a block after the other, into panels that stay in the cache. Both read W once, straight on, and ask for
what comes next while they compute.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba.core import cgutils, types

from pellucid.kernels.dense.records import DEPTH, ROWS, ProductPart, TimesPart, TimesTransposed
from pellucid.kernels.jit import by_address, inner
from pellucid.kernels.vectors.border import clear
from pellucid.kernels.vectors.in_panels import PANEL, Panels, in_panels
from pellucid.kernels.vectors.instruction import instruction
from pellucid.kernels.vectors.memory import LINE
from pellucid.kernels.vectors.prefetch import will_read
from pellucid.kernels.vectors.records import read
from pellucid.kernels.vectors.several import loads
from pellucid.kernels.vectors.simd import INT32S, LANES, load_some, store, store_some, vector
from pellucid.kernels.vectors.tile import LOWEST, NONE, Into, rows_of, sweep, whole

F4 = 4  # bytes in a float32
SAMPLES = 128
"""Samples that are taken at once."""


sixteen = loads(LANES)


@instruction(types.UniTuple(vector, LANES), to=types.UniTuple(vector, LANES))
def square(builder: Any, rows: Any) -> Any:
    """Sixteen vectors as the columns of what they were the rows of.

    Four times over, vector i is interleaved with vector i + 8: the bits of the row go up by one place each time, and
    those of the column come in below.
    """
    halves = ([half * 8 + i // 2 + i % 2 * LANES for i in range(LANES)] for half in (0, 1))
    places = [ir.Constant(INT32S, half) for half in halves]
    rows = cgutils.unpack_tuple(builder, rows)
    for _ in range(4):
        rows = [builder.shuffle_vector(rows[i // 2], rows[i // 2 + 8], places[i % 2]) for i in range(LANES)]
    return cgutils.pack_array(builder, rows)


@inner
def put_transposed(source, step, rows, columns, target, far):
    """source (rows, columns) → target (columns, rows), rows `step` and `far` bytes apart; source in whole squares."""
    for r in range(0, rows, LANES):
        for c in range(0, columns, LANES):
            v = square(sixteen(source + r * step + c * F4, step))
            for k in range(LANES):
                if c + k < columns:
                    store_some(target + (c + k) * far + r * F4, v[k], rows - r)


@by_address
def times_transposed(arguments, piece, scratch):
    """ROWS columns of dx = dy·Wᵀ: W·dyᵀ, turned."""
    p = read(TimesTransposed, arguments)
    low, row = piece * ROWS, p.k * F4
    many = min(ROWS, p.d - low)
    call_up(p.w + (low + 2 * ROWS) * row, 0, 1, max(0, min(ROWS, p.d - low - 2 * ROWS)) * row)
    terms = rows_of(p.w + low * row, p.at_row, many, p.zeros, p.k)
    for first in range(0, p.n, SAMPLES):
        samples = min(SAMPLES, p.n - first)
        wide = whole(samples)
        into = Into(out=scratch, outs=p.at_out, channels=wide, floor=LOWEST)
        sweep(terms, p.panels + first * row, p.zeros, NONE, into)
        put_transposed(scratch, SAMPLES * F4, many, samples, p.dx + (first * p.d + low) * F4, p.d * F4)


@inner
def packed(source, step, rows, columns, target, width):
    """source (rows, columns), rows `step` bytes apart → target (rows, width), width in whole vectors."""
    for r in range(rows):
        for c in range(0, columns, LANES):
            store(target + (r * width + c) * F4, load_some(source + r * step + c * F4, columns - c))


@inner
def call_up(source, step, rows, count):
    """Ask for `count` bytes of each of the rows, `step` bytes apart."""
    for r in range(rows):
        for o in range(0, count, LINE):
            will_read(source + r * step + o)


@by_address
def times_part(arguments, piece, scratch):
    """A part of the sums of x·W: `part` numbers of each, into parts (pieces, N, K)."""
    p = read(TimesPart, arguments)
    n, k = p.n, p.k
    y, end = p.parts + piece * n * k * F4, min(p.d, (piece + 1) * p.part)
    width, matrix = DEPTH + LANES, scratch + DEPTH * (k + PANEL) * F4
    clear(y, n * k)
    for low in range(piece * p.part, end, DEPTH):
        depth = min(DEPTH, end - low)
        packed(p.x + low * F4, p.d * F4, n, depth, matrix, width)
        in_panels(p.w + low * k * F4, k * F4, 0, depth, Panels(at=scratch, rows=depth, columns=k))
        after = min(DEPTH, end - low - depth)
        call_up(p.x + (low + depth) * F4, p.d * F4, n, after * F4)
        call_up(p.w + (low + depth) * k * F4, 0, 1, after * k * F4)
        terms = rows_of(matrix, p.at_row, n, p.zeros, depth)
        for c in range(0, k, PANEL):
            target = y + c * F4
            into = Into(out=target, outs=p.at_out, channels=min(PANEL, k - c), floor=LOWEST)
            sweep(terms, scratch + c * depth * F4, target, k * F4, into)


@by_address
def product_part(arguments, piece, scratch):
    """A part of the sums of x·W, for some rows and columns, into y (parts, N, K)."""
    p = read(ProductPart, arguments)
    number, piece = piece % p.parts, piece // p.parts
    across = (p.k + p.columns - 1) // p.columns
    row, column = piece // across * p.rows, piece % across * p.columns
    n, k, step = min(p.rows, p.n - row), min(p.columns, p.k - column), p.k * F4
    wide, width = whole(p.columns), DEPTH + LANES
    matrix = scratch + DEPTH * wide * F4
    sums = matrix + p.rows * width * F4
    x, w = p.x + row * p.d * F4, p.w + column * F4
    y = p.y + ((number * p.n + row) * p.k + column) * F4
    begin, end = number * p.part, min(p.d, (number + 1) * p.part)
    for low in range(begin, end, DEPTH):
        depth = min(DEPTH, end - low)
        packed(x + low * F4, p.d * F4, n, depth, matrix, width)
        in_panels(w + low * step, step, 0, depth, Panels(at=scratch, rows=depth, columns=k))
        after = min(DEPTH, end - low - depth)
        call_up(x + (low + depth) * F4, p.d * F4, n, after * F4)
        call_up(w + (low + depth) * step, step, after, k * F4)
        terms = rows_of(matrix, p.at_row, n, p.zeros, depth)
        for c in range(0, k, PANEL):
            start, far = (p.zeros, NONE) if low == begin else (sums + c * F4, wide * F4)
            out, outs = (y + c * F4, p.at_out) if low + depth == end else (sums + c * F4, p.at_sum)
            into = Into(out=out, outs=outs, channels=min(PANEL, k - c), floor=LOWEST)
            sweep(terms, scratch + c * depth * F4, start, far, into)
