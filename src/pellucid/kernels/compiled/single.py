# mypy: ignore-errors
# Numba gives these functions their types when it compiles them.
"""Several layers on one sample in one compiled call; `kernels.single` writes the table that this reads.

The table is a list of rows, each some work cut into pieces: (what, first piece, pieces needed, arguments …). The
caller and its helpers all run `work`; each draws the number of the next piece from one counter, finds its row, waits
until the pieces that the row builds on are done, does it, and counts it as done. Nobody goes back to Python between
layers, and a helper that comes late, or not at all, delays nothing.

A task lies in three cache lines. The first holds the address of `join`, for helpers (`compiled.waiting`); that of the
table, and the bytes in a row of it; that of scratch memory, and its bytes for each seat; pieces; seats. The second
counts the pieces drawn, the third the pieces done.
"""

from __future__ import annotations

import numpy as np

from pellucid.kernels.compiled.atomic import LINE, add, exchange, integers, peek, replace
from pellucid.kernels.compiled.border import put_inside
from pellucid.kernels.compiled.row import row_times_matrix
from pellucid.kernels.compiled.simd import LANES, load_some, relu, splat, store_some
from pellucid.kernels.compiled.tile import CHUNK, sweep
from pellucid.kernels.compiled.waiting import give_way, wait
from pellucid.kernels.compiled.winograd import POOLED, RELU, output_image_4, pooled_image_4, transform_image_4
from pellucid.kernels.compiled.winograd_kernels import apart, transform_some_3x3
from pellucid.kernels.compiled.winograd_lines import F4, whole
from pellucid.kernels.jit import callable_by_address, compiled, inner

PAD, CORRELATE, KERNELS, TILES, PRODUCTS, OUTPUTS, ROW, TOTAL = range(8)
"""What a row asks for."""

CHANNELS = 4  # kernels of so many channels are transformed in one piece
TOGETHER = 2  # of the 36 products so many are one piece


@inner
def pad(t):
    """x (H, W, C) into its border of zeros."""
    put_inside(t[3], t[4], t[5], t[6], t[7], t[8], t[9], t[10], t[11])


@inner
def correlate(t, piece):
    """CHUNK outputs of a direct convolution, by 32 channels."""
    x, w, b, y, places, outs, many, runs, count, run, channels, rectify = (
        t[3], t[4], t[5], t[6], t[7], t[8], t[9], t[10], t[11], t[12], t[13], t[14],
    )  # fmt: skip
    chunks = (many + CHUNK - 1) // CHUNK
    low, c = piece % chunks * CHUNK, piece // chunks * 2 * LANES
    floor = np.float32(0) if rectify != 0 else np.float32(-np.inf)
    sweep(
        x, places + 8 * low, min(CHUNK, many - low), runs, count, run, F4, w + c * count * run * F4, b + c * F4, 0,
        y + c * F4, outs + 8 * low, min(2 * LANES, channels - c), floor,
    )  # fmt: skip


@inner
def kernels(t, piece):
    """G w Gᵀ of the kernels of some channels."""
    w, out, c, oc = t[3], t[4], t[5], t[6]
    low = piece * CHANNELS
    transform_some_3x3(low, min(low + CHANNELS, c), c, oc, whole(oc), w, out)


@inner
def tiles(t, piece, rows):
    """Bᵀ d B of a row of tiles: row `piece` of the strip that begins at row t[12] of tiles."""
    x, height, width, channels, top, left, tw, zeros, u, strip, first = (
        t[3], t[4], t[5], t[6], t[7], t[8], t[9], t[10], t[11], t[12], t[13],
    )  # fmt: skip
    wide = whole(channels)
    transform_image_4(
        x, height, width, channels, top, left, first + piece, first + piece + 1, tw, zeros, rows,
        u + piece * tw * wide * F4, (strip * tw * wide + LANES) * F4,
    )  # fmt: skip


@inner
def products(t, piece):
    """Some of the 36 products of a strip."""
    u, at_u, w, v, at_v, many, channels, oc, far_u, far_v, zeros = (
        t[3], t[4], t[5], t[6], t[7], t[8], t[9], t[10], t[11], t[12], t[13],
    )  # fmt: skip
    for f in range(piece * TOGETHER, (piece + 1) * TOGETHER):
        sweep(
            u + f * far_u, at_u, many, zeros, 1, channels, F4, w + f * apart(channels, whole(oc)), zeros, 0,
            v + f * far_v, at_v, whole(oc), np.float32(-np.inf),
        )  # fmt: skip


@inner
def outputs(t, piece, rows):
    """The outputs of a row of tiles, with ReLU and pooling."""
    v, far, b, y, switch, oh, ow, oc, tw, mode, first = (
        t[3], t[4], t[5], t[6], t[7], t[8], t[9], t[10], t[11], t[12], t[13],
    )  # fmt: skip
    ty = first + piece
    source = v + piece * tw * whole(oc) * F4
    if mode == POOLED:
        pooled_image_4(source, far, b, y, switch, oh, ow, oc, ty, ty + 1, tw, rows)
    else:
        output_image_4(source, far, b, y, oh, ow, oc, ty, ty + 1, tw, mode == RELU, rows)


@inner
def row(t, piece):
    """A part of x·W: some of x, and as many rows of W."""
    x, w, y, length, part, columns = t[3], t[4], t[5], t[6], t[7], t[8]
    low = piece * part
    row_times_matrix(x + low * F4, w + low * columns * F4, min(part, length - low), columns, y + piece * columns * F4)


@inner
def total(t):
    """The sum of the parts, the bias, and ReLU."""
    parts, count, columns, b, y, rectify = t[3], t[4], t[5], t[6], t[7], t[8]
    for c in range(0, columns, LANES):
        valid = columns - c
        v = load_some(b + c * F4, valid) if b != 0 else splat(np.float32(0))
        for k in range(count):
            v = v + load_some(parts + (k * columns + c) * F4, valid)
        store_some(y + c * F4, relu(v) if rectify != 0 else v, valid)


@inner
def do(t, piece, rows):
    """One piece of a row."""
    what = t[0]
    if what == PAD:
        pad(t)
    elif what == CORRELATE:
        correlate(t, piece)
    elif what == KERNELS:
        kernels(t, piece)
    elif what == TILES:
        tiles(t, piece, rows)
    elif what == PRODUCTS:
        products(t, piece)
    elif what == OUTPUTS:
        outputs(t, piece, rows)
    elif what == ROW:
        row(t, piece)
    else:
        total(t)


@inner
def work(task, seat):
    """Do pieces until there are none left."""
    head = integers(task)
    table, width, rows, pieces = head[1], head[2], head[3] + seat * head[4], head[5]
    if seat >= head[6]:
        return
    while True:
        piece = add(task + LINE, 1)
        if piece >= pieces:
            return
        while integers(table + width)[1] <= piece:
            table += width
        t = integers(table)
        wait(task + 2 * LINE, t[2])
        do(t, piece - t[1], rows)
        add(task + 2 * LINE, 1)


@callable_by_address
def join(task, seat):
    """A helper's part."""
    work(task, seat)


@compiled
def lead(task, door):
    """The caller's part: let helpers in, if they have a door and nobody else has taken it, and work until all is done
    and no helper is inside.

    From letting in to seeing off nothing can raise, not even Ctrl-C: nobody is left with addresses of dead arrays.
    """
    exchange(task + LINE, 0)
    exchange(task + 2 * LINE, 0)
    taken = door != 0 and replace(door, 0, task)
    work(task, 0)
    wait(task + 2 * LINE, integers(task)[5])
    if taken:
        exchange(door, 0)
        while peek(door + LINE) != 0:
            give_way()
