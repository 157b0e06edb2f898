"""A row times a matrix, y = x·W: every weight is read once and used once, so reading is all the time there is.

The rows of W are read straight on, 128 columns at a time in eight vectors of sums.
"""

from __future__ import annotations

import numpy as np

from pellucid.kernels.dense.records import Times, Total
from pellucid.kernels.jit import by_address
from pellucid.kernels.vectors.records import read
from pellucid.kernels.vectors.several import add_products, loads, put
from pellucid.kernels.vectors.simd import LANES, load_one, load_some, relu, splat, store_some, times_plus

_NONE, VECTOR = np.float32(0), 4 * LANES
eight, add = loads(8), add_products(8)
TOGETHER = 1024
"""Columns in a piece of `total`."""


@by_address
def times(arguments, piece, scratch):
    """A part of x·W, of `part` rows of W, into y (pieces, N)."""
    p = read(Times, arguments)
    low, columns = piece * p.part, p.columns
    count = min(p.part, p.length - low)
    x, w, y = p.x + low * 4, p.w + low * columns * 4, p.y + piece * columns * 4
    step = columns * 4
    c = 0
    while c + 8 * LANES <= columns:
        none = splat(_NONE)
        sums = none, none, none, none, none, none, none, none
        for k in range(count):
            sums = add(sums, eight(w + k * step + c * 4, VECTOR), load_one(x + k * 4))
        put(y + c * 4, VECTOR, sums)
        c += 8 * LANES
    while c < columns:
        valid = columns - c
        sums = splat(_NONE)
        for k in range(count):
            sums = times_plus(load_some(w + k * step + c * 4, valid), load_one(x + k * 4), sums)
        store_some(y + c * 4, sums, valid)
        c += LANES


@by_address
def total(arguments, piece, scratch):
    """The sum of the parts, TOGETHER columns of it."""
    p = read(Total, arguments)
    for c in range(piece * TOGETHER, min(p.columns, (piece + 1) * TOGETHER), LANES):
        valid = p.columns - c
        v = load_some(p.parts + c * 4, valid)
        for k in range(1, p.many):
            v += load_some(p.parts + (k * p.columns + c) * 4, valid)
        if p.b != 0:
            v += load_some(p.b + c * 4, valid)
        store_some(p.y + c * 4, relu(v) if p.rectify != 0 else v, valid)
