"""From the gradient of the outputs to Winograd's tiles, and from tiles to that of the image; see `winograd.tiles`."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from pellucid.kernels.jit import inner
from pellucid.kernels.vectors.several import put
from pellucid.kernels.vectors.simd import LANES, above, byte_is, load, load_some, splat, store, store_some, where
from pellucid.kernels.vectors.tile import whole
from pellucid.kernels.winograd.lines import F4, A, b, six
from pellucid.kernels.winograd.records import POOLED, RELU
from pellucid.kernels.winograd.tiles import FORMS


class Buffers(NamedTuple):
    """Memory for a row of tiles between the passes, for rows of dy, for rows of dx; and the sums of dy."""

    rows: int
    lines: int
    carry: int
    db: int


def _fetch_pooled_rows(m: int) -> Any:
    """The loop to rows of dy from the gradient of the pooled output."""

    @inner
    def fetch_pooled_rows(s, output, ty, to):
        """M rows of the gradient of the convolution's own output → lines (M, M·TW, OC), 0 outside; db += their sum.
        It is dy (PH, PW, OC), the gradient of the pooled output, at the pixel that the switch names.
        """
        step, oc, db = whole(s.oc) * F4, s.oc, to.db
        line, ph, pw = m * s.tw * step, s.oh // 2, s.ow // 2
        nothing = splat(np.float32(0))
        for k in range(m // 2):
            i = m // 2 * ty + k
            for j in range(m // 2 * s.tw):
                for c in range(0, oc, LANES):
                    a = b = d = e = nothing
                    if i < ph and j < pw:
                        o, count = (i * pw + j) * oc + c, oc - c
                        v, p = load_some(output.y + o * F4, count), output.beside + o
                        a, b = where(byte_is(p, 0, count), v, nothing), where(byte_is(p, 1, count), v, nothing)
                        d, e = where(byte_is(p, 2, count), v, nothing), where(byte_is(p, 3, count), v, nothing)
                        store(db + c * F4, load(db + c * F4) + ((a + b) + (d + e)))
                    q = to.lines + 2 * k * line + 2 * j * step + c * F4
                    store(q, a)
                    store(q + step, b)
                    store(q + line, d)
                    store(q + line + step, e)

    return fetch_pooled_rows


def _fetch_rows(m: int) -> Any:
    """The loop to rows of dy from the gradient of the output itself."""

    @inner
    def fetch_rows(s, output, ty, to):
        """The same from the gradient dy (OH, OW, OC) of the output itself; where y > 0 in mode RELU."""
        step, oc, db, rectify = whole(s.oc) * F4, s.oc, to.db, output.mode == RELU
        nothing = splat(np.float32(0))
        for k in range(m):
            i = m * ty + k
            for j in range(m * s.tw):
                for c in range(0, oc, LANES):
                    v = nothing
                    if i < s.oh and j < s.ow:
                        o, count = ((i * s.ow + j) * oc + c) * F4, oc - c
                        v = load_some(output.y + o, count)
                        if rectify:
                            v = where(above(load_some(output.beside + o, count), nothing), v, nothing)
                        store(db + c * F4, load(db + c * F4) + v)
                    store(to.lines + (k * m * s.tw + j) * step + c * F4, v)

    return fetch_rows


def _of_gradient(m: int) -> Any:
    """The loop from the gradient of the outputs to tiles."""
    fetch_rows, fetch_pooled_rows, a = _fetch_rows(m), _fetch_pooled_rows(m), A[m]

    @inner
    def transform_dy(s, output, strip, tiles, to):
        """The gradient of one image's output → a strip of its tiles: A dy Aᵀ of each MxM tile."""
        step = whole(s.oc) * F4
        plane = m * s.tw * step
        for ty in range(strip.low, strip.high):
            if output.mode == POOLED:
                fetch_pooled_rows(s, output, ty, to)
            else:
                fetch_rows(s, output, ty, to)
            for o in range(0, plane, LANES * F4):
                put(to.rows + o, plane, a(to.lines + o, plane))
            for tx in range(s.tw):
                for f in range(6):
                    p = to.rows + f * plane + m * tx * step
                    q = tiles.at + ((ty - strip.low) * s.tw + tx) * step + f * 6 * tiles.far
                    for c in range(0, step, LANES * F4):
                        put(q + c, tiles.far, a(p + c, step))

    return transform_dy


def _spread_along(m: int) -> Any:
    """The first pass from products to the gradient of the image."""

    @inner
    def onto(last, v):
        """Six pixels v, added to what the window M pixels before it, `last`, has at the same places."""
        return (
            v[0] + last[m],
            v[1] + last[m + 1],
            v[2] + last[4] if m == 2 else v[2],
            v[3] + last[5] if m == 2 else v[3],
            v[4],
            v[5],
        )

    @inner
    def spread_along(u, tw, step, far, rows):
        """A row of tiles at u, six frequencies along the row → six pixels, overlapping: rows (6, M·TW + 6 − M, C)."""
        wp = m * tw + 6 - m
        nothing = splat(np.float32(0))
        for f in range(6):
            for c in range(0, step, LANES * F4):
                q = rows + f * wp * step + c
                v = nothing, nothing, nothing, nothing, nothing, nothing
                for tx in range(tw):
                    v = onto(v, b(*six(u + tx * step + f * 6 * far + c, far)))
                    for k in range(m):
                        store(q + (m * tx + k) * step, v[k])
                for k in range(m, 6):
                    store(q + (m * tw + k - m) * step, v[k])

    return spread_along


def _last_rows(m: int) -> Any:
    """What remains of the gradient after the last row of tiles."""

    @inner
    def last_rows(s, dx, carry):
        """The last 6 − M rows, and rows and columns that no window reached."""
        step, channels = whole(s.channels) * F4, s.channels
        wp = m * s.tw + 6 - m
        plane, line = wp * step, s.width * channels * F4
        nothing = splat(np.float32(0))
        reached = m * s.th - s.top
        for r in range(reached, s.height):
            for j in range(s.width):
                for c in range(0, channels, LANES):
                    k = r - reached
                    v = nothing
                    if r >= 0 and k < 6 - m and j + s.left < wp:
                        v = load(carry + k * plane + (j + s.left) * step + c * F4)
                    if r >= 0:
                        store_some(dx + r * line + (j * channels + c) * F4, v, channels - c)
        for r in range(min(s.height, reached)):
            for j in range(max(0, wp - s.left), s.width):
                for c in range(0, channels, LANES):
                    store_some(dx + r * line + (j * channels + c) * F4, nothing, channels - c)

    return last_rows


def _to_gradient(m: int) -> Any:
    """The loop from products to the gradient of the image."""
    spread_along, last_rows = _spread_along(m), _last_rows(m)

    @inner
    def input_gradient_image(s, tiles, dx, strip, to):
        """A strip of tiles → dx (H, W, C) = the sum of B u Bᵀ over the 6x6 windows.

        Windows overlap by 6 − M pixels; `carry` keeps the rows of dx that the next row of tiles adds to.
        """
        step, carry, channels = whole(s.channels) * F4, to.carry, s.channels
        wp = m * s.tw + 6 - m
        plane, line = wp * step, s.width * channels * F4
        nothing = splat(np.float32(0))
        if strip.low == 0:
            for o in range(0, (6 - m) * plane, LANES * F4):
                store(carry + o, nothing)
        for ty in range(strip.low, strip.high):
            spread_along(tiles.at + (ty - strip.low) * s.tw * step, s.tw, step, tiles.far, to.rows)
            for j in range(wp):
                for c in range(0, channels, LANES):
                    q = carry + j * step + c * F4
                    v = b(*six(to.rows + j * step + c * F4, plane))
                    inside, at_column = 0 <= j - s.left < s.width, dx + ((j - s.left) * channels + c) * F4
                    for k in range(6):
                        total = v[k] + load(q + k * plane) if k < 6 - m else v[k]
                        r = m * ty - s.top + k
                        if k >= m:
                            store(q + (k - m) * plane, total)
                        elif inside and 0 <= r < s.height:
                            store_some(at_column + r * line, total, channels - c)
        if strip.high == s.th:
            last_rows(s, dx, carry)

    return input_gradient_image


OF_GRADIENT = {m: _of_gradient(m) for m in FORMS}
INPUT_GRADIENT = {m: _to_gradient(m) for m in FORMS}
