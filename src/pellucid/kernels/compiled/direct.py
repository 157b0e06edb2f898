# mypy: ignore-errors
# Numba gives these functions their types when it compiles them.
"""Convolution without columns or matrices: tiles of outputs summed in registers while the taps go by.

Where the pixels of an output lie is told by tables of distances in bytes, made once for each shape in
`kernels.direct`: so the same two loops serve every kernel size, stride, dilation, group count and, for the input
gradient, every phase of a strided convolution.
"""

from __future__ import annotations

import numpy as np

from pellucid.kernels.compiled.border import clear, put_inside
from pellucid.kernels.compiled.simd import LANES, above, load, load_some, splat, store, store_some, where
from pellucid.kernels.compiled.tile import sweep, sweep_outer
from pellucid.kernels.jit import compiled, inner


@compiled
def correlate(frame, groups, run, floor, places, outs, runs, parts, x, w, bias, y, y_image, padded):
    """y[outs[p]] = bias + Σ_k x[places[p] + runs[k] …]·w[k], for a block of images.

    `frame` (N, H, W, C, top, left, HP, WP, OC): the images, and how they lie in their padded frame.
    `parts` (phases, 4): for each phase its first and last place, first and last run; its kernel begins where the
    last one's ended. w: in panels, phase by phase, group by group.
    """
    n, height, width, channels, top, left, hp, wp, oc = frame
    cg, og = channels // groups, oc // groups
    panels = (og + LANES - 1) // LANES * LANES
    for i in range(n):
        source = x + i * height * width * channels * 4
        if hp != height or wp != width:
            put_inside(source, height, width, channels, top, left, hp, wp, padded)
            source = padded
        kernel = w
        for phase in range(len(parts)):
            first, last, begin, end = parts[phase, 0], parts[phase, 1], parts[phase, 2], parts[phase, 3]
            for g in range(groups):
                sweep(
                    source + g * cg * 4, places.ctypes.data + 8 * first, last - first, runs.ctypes.data + 8 * begin,
                    end - begin, run, 4, kernel, bias + g * panels * 4, 0,
                    y + i * y_image + g * og * 4, outs.ctypes.data + 8 * first, og, floor,
                )  # fmt: skip
                kernel += (end - begin) * run * panels * 4


@compiled
def gather(sizes, sources, targets, places, outs, runs, parts, dy, w, zeros, dx, frame):
    """dx (N, H, W, C) for few channels: first cols = dy · wᵀ, (taps · C) numbers for each output, then each pixel
    adds up what the outputs that saw it hold for it.

    `sizes` (N, OC, K, C, floats of dy and of dx in an image, floats in the frame): K = taps · C, whole vectors. The
    columns lie in a frame with a border of zeros. The tables are those of `correlate`.
    """
    n, oc, k, channels, dy_image, dx_image, frame_floats = sizes
    one = zeros  # a table with one entry, 0
    clear(frame, frame_floats)
    for i in range(n):
        sweep(
            dy + i * dy_image * 4, sources.ctypes.data, len(sources), one, 1, oc, 4, w, zeros, 0,
            frame, targets.ctypes.data, k, np.float32(-np.inf),
        )  # fmt: skip
        for phase in range(len(parts)):
            first, last, begin, end = parts[phase, 0], parts[phase, 1], parts[phase, 2], parts[phase, 3]
            for p in range(first, last):
                corner, total = frame + places[p], splat(np.float32(0))
                for t in range(begin, end):
                    total = total + load_some(corner + runs[t], channels)
                store_some(dx + i * dx_image * 4 + outs[p], total, channels)


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


@compiled
def weight_gradient(
    frame, groups, pixels, columns, xstep, group, rectify, taps, rows, outs, x, dy, y, dw, db, padded, wide
):
    """dw (groups, taps, whole vectors) += Σ x·dy, db += Σ dy, over a block of images, `group` images at a time.

    `taps`: from a window's corner to each tap; `rows`: from the first of `group` padded images to the corner of each
    row of outputs, `columns` of them `xstep` bytes apart.
    """
    n, height, width, channels, top, left, hp, wp, oc = frame
    cg, og = channels // groups, oc // groups
    panels = (og + LANES - 1) // LANES * LANES
    image, image_padded = height * width * channels * 4, hp * wp * channels * 4
    for start in range(0, n, group):
        images = min(group, n - start)
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
                source + g * cg * 4, taps.ctypes.data, len(taps), rows.ctypes.data, images * pixels // columns, columns,
                xstep, vectors + g * panels * 4, groups * panels * 4, dw + g * len(taps) * panels * 4, panels * 4,
                outs.ctypes.data, panels,
            )  # fmt: skip
