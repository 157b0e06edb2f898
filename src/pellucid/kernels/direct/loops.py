"""Convolution without columns or matrices: tiles of outputs summed in registers while the taps go by.

Where the pixels of an output lie is told by tables of distances in bytes, made once for each shape in
`kernels.direct.plan`: so the same two loops serve every kernel size, stride, dilation, group count and, for the input
gradient, every phase of a strided convolution.
"""

from __future__ import annotations

import numpy as np

from pellucid.kernels.jit import by_address, inner
from pellucid.kernels.vectors.border import clear, put_inside
from pellucid.kernels.vectors.memory import integers, unpacked
from pellucid.kernels.vectors.simd import LANES, above, load, load_some, splat, store, store_some, where
from pellucid.kernels.vectors.tile import FLOAT, NONE, ONE, sweep, sweep_outer


@by_address
def correlate(arguments, piece, scratch):
    """y[outs[p]] = bias + Σ_k x[places[p] + runs[k] …]·w[k], for a block of images.

    Images of (H, W, C) in padded frames (HP, WP) at (top, left), OC channels in y. A piece is `size` images and one of
    the cuts. `parts` (cuts, phases, 4): for each phase its first and last place, first and last run; its kernel begins
    where the last one's ended. w: in panels, phase by phase, group by group.
    """
    (
        n, height, width, channels, top, left, hp, wp, oc, size, cuts, phases, groups, run, rectify, places, outs, runs,
        parts, x, w, bias, y, y_image,
    ) = unpacked(arguments, 24)  # fmt: skip
    cg, og = channels // groups, oc // groups
    panels = (og + LANES - 1) // LANES * LANES
    floor = np.float32(0) if rectify != 0 else np.float32(-np.inf)
    table = integers(parts + piece % cuts * phases * 32)
    first_image = piece // cuts * size
    for i in range(first_image, min(n, first_image + size)):
        source = x + i * height * width * channels * 4
        if hp != height or wp != width:
            put_inside(source, height, width, channels, top, left, hp, wp, scratch)
            source = scratch
        kernel = w
        for phase in range(phases):
            first, last, begin, end = (
                table[4 * phase], table[4 * phase + 1], table[4 * phase + 2], table[4 * phase + 3],
            )  # fmt: skip
            for g in range(groups):
                sweep(
                    source + g * cg * 4, places + 8 * first, last - first, runs + 8 * begin, end - begin, run, FLOAT,
                    kernel, bias + g * panels * 4, NONE, y + i * y_image + g * og * 4, outs + 8 * first, og, floor,
                )  # fmt: skip
                kernel += (end - begin) * run * panels * 4


@inner
def let_through(dy, y, count, out):
    """out = dy where y > 0, else 0; `count` floats."""
    for k in range(0, count, LANES):
        left = count - k
        v = where(
            above(load_some(y + 4 * k, left), splat(np.float32(0))), load_some(dy + 4 * k, left), splat(np.float32(0))
        )
        store_some(out + 4 * k, v, left)


@by_address
def gather(arguments, piece, scratch):
    """dx (N, H, W, C) for few channels: first cols = dy · wᵀ, (taps · C) numbers for each output, then each pixel
    adds up what the outputs that saw it hold for it. Where y is not 0, dy counts where y > 0.

    K = taps · C, whole vectors; floats of dy and of dx in an image, floats in the frame. The columns lie in a frame
    with a border of zeros. `many` outputs at `sources` in dy and `targets` in the frame. The other tables are those of
    `correlate`.
    """
    (
        n, oc, k, channels, dy_image, dx_image, frame_floats, size, phases, many, sources, targets, places, outs, runs,
        parts, dy, y, w, zeros, dx,
    ) = unpacked(arguments, 21)  # fmt: skip
    one = zeros  # a table with one entry, 0
    frame, gated = scratch, scratch + frame_floats * 4
    at_place, at_out, at_run, table = integers(places), integers(outs), integers(runs), integers(parts)
    clear(frame, frame_floats)
    for i in range(piece * size, min(n, (piece + 1) * size)):
        source = dy + i * dy_image * 4
        if y != 0:
            let_through(source, y + i * dy_image * 4, dy_image, gated)
            source = gated
        sweep(source, sources, many, one, ONE, oc, FLOAT, w, zeros, NONE, frame, targets, k, np.float32(-np.inf))
        for phase in range(phases):
            first, last, begin, end = (
                table[4 * phase], table[4 * phase + 1], table[4 * phase + 2], table[4 * phase + 3],
            )  # fmt: skip
            for p in range(first, last):
                corner, total = frame + at_place[p], splat(np.float32(0))
                for t in range(begin, end):
                    total = total + load_some(corner + at_run[t], channels)
                store_some(dx + i * dx_image * 4 + at_out[p], total, channels)


@inner
def fetch(dy, y, pixels, channels, og, rectify, wide, db):
    """dy (pixels, OC) → wide (pixels, groups · whole vectors), where y > 0 if `rectify`; db += their sum."""
    panels = (og + LANES - 1) // LANES * LANES
    groups = channels // og
    nothing = splat(np.float32(0))
    for p in range(pixels):
        for g in range(groups):
            for c in range(0, og, LANES):
                o = (p * channels + g * og + c) * 4
                v = load_some(dy + o, og - c)
                if rectify:
                    v = where(above(load_some(y + o, og - c), nothing), v, nothing)
                place = (g * panels + c) * 4
                store(wide + p * groups * panels * 4 + place, v)
                store(db + place, load(db + place) + v)


@inner
def add_up(dy, pixels, channels, db):
    """db += Σ dy, whole vectors."""
    for c in range(0, channels, LANES):
        total = load(db + c * 4)
        for p in range(pixels):
            total = total + load(dy + (p * channels + c) * 4)
        store(db + c * 4, total)


@by_address
def weight_gradient(arguments, piece, scratch):
    """dw (groups, taps, whole vectors) += Σ x·dy, db += Σ dy, over a block of images, `group` images at a time.

    `taps`: from a window's corner to each tap; `rows`: from the first of `group` padded images to the corner of each
    row of outputs, `columns` of them `xstep` bytes apart. Where y is not 0, dy counts where y > 0.
    """
    (
        n, height, width, channels, top, left, hp, wp, oc, size, groups, pixels, columns, xstep, group, many, taps,
        rows, outs, at_wide, dw_size, db_size, x, dy, y, dws, dbs,
    ) = unpacked(arguments, 27)  # fmt: skip
    padded, wide, dw, db = scratch, scratch + at_wide, dws + piece * dw_size, dbs + piece * db_size
    rectify, end = y != 0, min(n, (piece + 1) * size)
    cg, og = channels // groups, oc // groups
    panels = (og + LANES - 1) // LANES * LANES
    image, image_padded = height * width * channels * 4, hp * wp * channels * 4
    for start in range(piece * size, end, group):
        images = min(group, end - start)
        source = x + start * image
        if hp != height or wp != width:
            for i in range(images):
                put_inside(source + i * image, height, width, channels, top, left, hp, wp, padded + i * image_padded)
            source = padded
        o = start * pixels * oc * 4
        vectors = wide
        if rectify or og != panels:
            fetch(dy + o, y + o, images * pixels, oc, og, rectify, wide, db)
        else:
            vectors = dy + o
            add_up(vectors, images * pixels, oc, db)
        for g in range(groups):
            sweep_outer(
                source + g * cg * 4, taps, many, rows, images * pixels // columns, columns, xstep,
                vectors + g * panels * 4, groups * panels * 4, dw + g * many * panels * 4, panels * 4, outs, panels,
            )  # fmt: skip
