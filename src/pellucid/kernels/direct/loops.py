"""Convolution without columns or matrices: tiles of outputs summed in registers while the taps go by.

Where the pixels of an output lie is told by tables of distances in bytes, made once for each shape in
`kernels.direct.plan`: so the same two loops serve every kernel size, stride, dilation, group count and, for the input
gradient, every phase of a strided convolution.
"""

from __future__ import annotations

import numpy as np

from pellucid.kernels.direct.records import Correlate, Gather, Pack, WeightGradient
from pellucid.kernels.jit import by_address, inner
from pellucid.kernels.vectors.border import clear, put_inside
from pellucid.kernels.vectors.in_panels import Panels, in_panels
from pellucid.kernels.vectors.memory import integers
from pellucid.kernels.vectors.records import read
from pellucid.kernels.vectors.simd import LANES, above, load, load_some, splat, store, store_some, where
from pellucid.kernels.vectors.tile import FLOAT, LOWEST, NONE, Into, Sum, rows_of, sweep, sweep_outer, whole


@inner
def phase_of(table, phase):
    """First and last place, first and last run of a phase."""
    return table[4 * phase], table[4 * phase + 1], table[4 * phase + 2], table[4 * phase + 3]


@by_address
def pack(arguments, piece, scratch):
    """Some rows of the weights, into every panel; `records.Pack` says what lies where."""
    p = read(Pack, arguments)
    low, step = piece * p.rows, p.oc * FLOAT
    panels = Panels(at=p.out, rows=p.k, columns=p.oc)
    in_panels(p.w + low * step, step, low, min(p.k, low + p.rows), panels)


@by_address
def correlate(arguments, piece, scratch):
    """Some images, one of the cuts; `records.Correlate` says what lies where."""
    p = read(Correlate, arguments)
    f, t, oc = p.frame, p.tables, p.frame.out_channels
    cg, og = f.channels // p.groups, oc // p.groups
    panels = whole(og)
    floor = np.float32(0) if p.rectify != 0 else LOWEST
    table = integers(t.parts + piece % t.cuts * t.phases * 32)
    first_image = piece // t.cuts * p.size
    image_size, y_size = f.height * f.width * f.channels * 4, p.made.height * p.made.width * p.made.channels * 4
    for i in range(first_image, min(p.n, first_image + p.size)):
        source = p.x + i * image_size
        if f.hp != f.height or f.wp != f.width:
            put_inside(f, source, scratch)
            source = scratch
        kernel = p.w
        for phase in range(t.phases):
            first, last, begin, end = phase_of(table, phase)
            for g in range(p.groups):
                terms = Sum(
                    x=source + g * cg * 4,
                    places=t.places + 8 * first,
                    many=last - first,
                    runs=t.runs + 8 * begin,
                    count=end - begin,
                    run=p.run,
                    xstep=FLOAT,
                )
                into = Into(out=p.y + i * y_size + g * og * 4, outs=t.outs + 8 * first, channels=og, floor=floor)
                sweep(terms, kernel, p.bias + g * panels * 4, NONE, into)
                kernel += (end - begin) * p.run * panels * 4


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
    """dx of some images: first their columns, into a frame with a border of zeros; then each pixel adds up what the
    outputs that saw it hold for it.
    """
    p = read(Gather, arguments)
    t, k, oc = p.tables, p.frame.channels, p.given.channels
    floats = p.frame.hp * p.frame.wp * k
    dy_size, dx_size = p.given.height * p.given.width * oc, p.made.height * p.made.width * p.made.channels
    frame, gated = scratch, scratch + floats * 4
    at_place, at_out, at_run, table = integers(t.places), integers(t.outs), integers(t.runs), integers(t.parts)
    clear(frame, floats)
    for i in range(piece * p.size, min(p.n, (piece + 1) * p.size)):
        source = p.dy + i * dy_size * 4
        if p.y != 0:
            let_through(source, p.y + i * dy_size * 4, dy_size, gated)
            source = gated
        terms = rows_of(source, p.sources, p.outputs, p.zeros, oc)
        sweep(terms, p.w, p.zeros, NONE, Into(out=frame, outs=p.targets, channels=k, floor=LOWEST))
        for phase in range(t.phases):
            first, last, begin, end = phase_of(table, phase)
            for q in range(first, last):
                corner, total = frame + at_place[q], splat(np.float32(0))
                for r in range(begin, end):
                    total = total + load_some(corner + at_run[r], p.made.channels)
                store_some(p.dx + i * dx_size * 4 + at_out[q], total, p.made.channels)


@inner
def fetch(p, at, pixels, wide, db):
    """`pixels` of dy (…, OC), from byte `at` on → wide (pixels, groups · whole vectors), where y > 0 if there is y;
    db += their sum.
    """
    og = p.frame.out_channels // p.groups
    panels, nothing = whole(og), splat(np.float32(0))
    for q in range(pixels):
        for g in range(p.groups):
            for c in range(0, og, LANES):
                o = at + (q * p.frame.out_channels + g * og + c) * 4
                v = load_some(p.dy + o, og - c)
                if p.y != 0:
                    v = where(above(load_some(p.y + o, og - c), nothing), v, nothing)
                place = (g * panels + c) * 4
                store(wide + q * p.groups * panels * 4 + place, v)
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
    """The sums of some images; `records.WeightGradient` says what lies where."""
    p = read(WeightGradient, arguments)
    f, oc = p.frame, p.frame.out_channels
    cg, og = f.channels // p.groups, oc // p.groups
    panels = whole(og)
    sums = p.groups * panels * 4
    pixels, db, dw = p.oh * p.ow, p.db + piece * sums, p.dw + piece * p.many * sums
    image, padded = f.height * f.width * f.channels * 4, f.hp * f.wp * f.channels * 4
    wide = scratch + whole(p.group * padded // 4) * 4
    end = min(p.n, (piece + 1) * p.size)
    for start in range(piece * p.size, end, p.group):
        images = min(p.group, end - start)
        source = p.x + start * image
        if f.hp != f.height or f.wp != f.width:
            for i in range(images):
                put_inside(f, source + i * image, scratch + i * padded)
            source = scratch
        o = start * pixels * oc * 4
        vectors = wide
        if p.y != 0 or og != panels:
            fetch(p, o, images * pixels, wide, db)
        else:
            vectors = p.dy + o
            add_up(vectors, images * pixels, oc, db)
        for g in range(p.groups):
            terms = Sum(
                x=source + g * cg * 4,
                places=p.taps,
                many=p.many,
                runs=p.rows,
                count=images * p.oh,
                run=p.ow,
                xstep=p.xstep,
            )
            into = Into(out=dw + g * p.many * panels * 4, outs=p.outs, channels=panels, floor=LOWEST)
            sweep_outer(terms, vectors + g * panels * 4, sums, into, panels * 4)
