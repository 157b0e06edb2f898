"""Depthwise convolution (groups = C = OC): each channel has its own kernel; the loops are in `depthwise.loops3x3`
for the usual windows, in `depthwise.loops` for all others.

There is no sum over channels, hence no matrix product: 16 neighbouring channels are 16 lanes of a vector. float32.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from pellucid.kernels import jit
from pellucid.kernels.crew import tasks
from pellucid.kernels.crew.tasks import Row
from pellucid.kernels.depthwise.records import (
    GROUPS,
    PART,
    RUNS,
    Correlation,
    Image,
    Outputs3x3,
    Pace,
    Sizes,
    Sums3x3,
    Tables,
    WeightSums,
)
from pellucid.kernels.geometry import Pair, Window, conv_output_shape
from pellucid.kernels.panels import whole, work_blocks
from pellucid.typing import Array, IntArray, Shape


class Tap(NamedTuple):
    """A tap of the kernel: its row and column from where a step begins, and its number u·KW + v."""

    row: int
    column: int
    number: int


class Run(NamedTuple):
    """Neighbouring taps: where the first one is, and their numbers."""

    row: int
    column: int
    taps: list[int]


class Plan(NamedTuple):
    """A correlation as the compiled loops take it."""

    kernel: Pair  # KH KW
    image: Image
    out: Pair  # OH OW
    pace: Pace
    tables: Tables


class WeightPlan(NamedTuple):
    """The same for the weight gradient, whose runs come in groups of one kind."""

    image: Image
    out: Pair  # OH OW
    pace: Pace
    inside: Pair  # outputs of a row whose windows are inside the image from side to side
    kind: tuple[int, int, int]  # groups; runs and taps in each
    places: IntArray  # (runs, 2): row, column
    order: IntArray  # the taps of all runs in turn; the last may be there several times


def _is_usual(window: Window) -> bool:
    return window.size == (3, 3) and window.dilation == (1, 1) and window.stride in ((1, 1), (2, 2))


@lru_cache(maxsize=16)
def _zeros(numbers: int) -> Array:
    return np.zeros(numbers, np.float32)


@lru_cache(maxsize=256)
def _block(x_shape: Shape, window: Window) -> int:
    """Images of one piece of work."""
    n, h, w, c = x_shape
    oh, ow = window.output(h, w)
    flops = 2 * n * oh * ow * c * window.size[0] * window.size[1]
    images: int = work_blocks(n, flops, 4 * n * c * (h * w + oh * ow))[0].stop
    return images


def _taps(window: Window) -> list[Tap]:
    """The taps as seen from row 0 of a window and column 0 of the image."""
    (kh, kw), (dh, dw), left = window.size, window.dilation, window.padding[1][0]
    return [Tap(u * dh, v * dw - left, u * kw + v) for u in range(kh) for v in range(kw)]


def _runs(taps: Iterable[Tap]) -> list[Run]:
    """Neighbours in a row taken together, in the lengths that there are."""
    runs: list[Run] = []
    for row, column, number in sorted(taps):
        if runs and (runs[-1].row, runs[-1].column + len(runs[-1].taps)) == (row, column):
            runs[-1].taps.append(number)
        else:
            runs.append(Run(row, column, [number]))
    return [part for run in runs for part in _cut(run)]


def _cut(run: Run) -> Iterator[Run]:
    begin = 0
    while left := len(run.taps) - begin:
        size = next(size for size in RUNS if size <= left)
        yield Run(run.row, run.column + begin, run.taps[begin : begin + size])
        begin += size


def _inside(taps: Sequence[Tap], stride: int, width: int, outputs: int) -> Pair:
    """The outputs of a row all of whose taps are inside the image from side to side: begin, end."""
    if stride > 2 or not taps:
        return 0, 0
    columns = [tap.column for tap in taps]
    begin = min(outputs, max(0, -(min(columns) // stride)))
    return begin, max(begin, min(outputs, (width - 1 - max(columns)) // stride + 1))


def _plan(
    kernel: Pair,
    image: Image,
    out: Pair,
    pace: Pace,
    parts: Iterable[tuple[int, int, int, list[Tap]]],
) -> Plan:
    """The tables for parts of (row, column, outputs in a row, taps)."""
    table: list[tuple[int, int, int]] = []
    order: list[int] = []
    numbers = []
    for row, column, outputs, taps in parts:
        runs = sorted(_runs(taps), key=lambda run: -len(run.taps))
        lengths = [len(run.taps) for run in runs]
        inside = _inside(taps, pace.stride, image.width, outputs)
        numbers.append((row, column, outputs, *inside, len(table), *(lengths.count(size) for size in RUNS)))
        for run in runs:
            table.append((run.row, run.column, len(order)))
            order += run.taps
    arrays = {"table": _integers(table, 3), "order": np.array(order, np.int64), "parts": _integers(numbers, PART)}
    return Plan(kernel, image, out, pace, Tables(len(table), len(order), len(numbers), **arrays))


def _integers(rows: Sequence[tuple[int, ...]], columns: int) -> IntArray:
    return np.array(rows, np.int64).reshape(-1, columns)


@lru_cache(maxsize=128)
def forward_plan(x_shape: Shape, window: Window) -> Plan:
    """Step j makes row j of the outputs."""
    oh, ow = window.output(*x_shape[1:3])
    pace = Pace(
        steps=oh,
        go=window.stride[0],
        first=-window.padding[0][0],
        rows=window.extent(0),
        stride=window.stride[1],
        down=1,
        beside=1,
    )
    return _plan(window.size, Image(*x_shape[1:]), (oh, ow), pace, [(0, 0, ow, _taps(window))])


@lru_cache(maxsize=128)
def gradient_plan(x_shape: Shape, window: Window) -> Plan:
    """dx[r] = Σ_u dy[q]·w[u] over the taps u with q·SH + u·DH − top = r, and columns likewise.

    Rows r = j·SH + a − top of one phase a < SH see the same taps, in the rows q = j + (a − u·DH)/SH of dy: so step j
    makes one row of each phase, and in it the columns of each phase.
    """
    _, h, w, c = x_shape
    (sh, sw), kw = window.stride, window.size[1]
    parts = [
        (row, column + first * sw, -(-(w - column) // sw) - first, taps)
        for row, downs in _phases(window, 0)
        for column, acrosses in _phases(window, 1)
        for first in [max(0, -(column // sw))]
        for taps in [[Tap(q, first + p, u * kw + v) for u, q in downs for v, p in acrosses]]
    ]
    steps = (h - 1 + window.padding[0][0]) // sh + 1
    return _plan(
        window.size,
        Image(*window.output(h, w), c),
        (h, w),
        Pace(steps=steps, go=1, first=0, rows=1, stride=1, down=sh, beside=sw),
        parts,
    )


def _phases(window: Window, axis: int) -> Iterator[tuple[int, list[tuple[int, int]]]]:
    """For each phase a that has taps: where its first pixel is, a − top, and its taps u with the distance
    (a − u·DH)/SH.
    """
    stride, dilation = window.stride[axis], window.dilation[axis]
    for a, taps in window.phases(axis):
        yield a - window.padding[axis][0], [(u, (a - u * dilation) // stride) for u in taps]


@lru_cache(maxsize=128)
def weight_plan(x_shape: Shape, window: Window) -> WeightPlan:
    """Step j of a row of outputs, and the taps whose sums stay in registers together."""
    oh, ow = window.output(*x_shape[1:3])
    stride, taps = window.stride[1], _taps(window)
    runs = _runs(taps)
    lengths = tuple(len(run.taps) for run in runs)
    group = next((g for g in GROUPS if lengths == g * (len(lengths) // len(g))), GROUPS[-1])
    if group == GROUPS[-1]:
        runs = [Run(tap.row, tap.column, [tap.number]) for tap in taps]
        runs += runs[-1:] * (-len(runs) % len(group))
    return WeightPlan(
        image=Image(*x_shape[1:]),
        out=(oh, ow),
        pace=Pace(
            steps=oh,
            go=window.stride[0],
            first=-window.padding[0][0],
            rows=window.extent(0),
            stride=stride,
            down=1,
            beside=1,
        ),
        inside=_inside(taps, stride, x_shape[2], ow),
        kind=(len(runs) // len(group), len(group), sum(group)),
        places=_integers([run[:2] for run in runs], 2),
        order=np.array([number for run in runs for number in run.taps], np.int64),
    )


def forward(x: Array, w: Array, b: Array | None, window: Window, out: Array | None = None) -> Array:
    """y[..., c] = x[..., c] ∗ w[:, :, 0, c] + b[c]."""
    y = np.empty(conv_output_shape(x.shape, w.shape, window), np.float32) if out is None else out
    bias = _zeros(x.shape[3]) if b is None else np.ascontiguousarray(b)
    if _is_usual(window):
        tasks.run(_row_3x3(Outputs3x3, x.shape, window), x=x, y=y, taps=w, last=bias)
    else:
        tasks.run(_forward_row(x.shape, window), x=x, w=w, bias=bias, y=y)
    return y


@lru_cache(maxsize=256)
def _row_3x3(kind: type[Outputs3x3] | type[Sums3x3], x_shape: Shape, window: Window) -> Row:
    """The row of images x, their outputs y (or the gradient of those), and what is kept in registers."""
    n, h, w, c = x_shape
    size = _block(x_shape, window)
    (top, _), (left, _) = window.padding
    sizes = Sizes(n, h, w, c, *window.output(h, w), top, left, size, -(-n // size))
    record = kind(sizes, zeros=_zeros(w * c))
    return Row(jit.load("depthwise.loops3x3").LOOPS[kind, window.stride[0]], sizes.pieces, record)


def _own(stride: int) -> int:
    """What the loops call a stride that they have tiles for, or all others."""
    return stride if stride <= 2 else 0


@lru_cache(maxsize=128)
def _forward_row(x_shape: Shape, window: Window) -> Row:
    return _correlation(x_shape[0], forward_plan(x_shape, window), _block(x_shape, window))


@lru_cache(maxsize=128)
def _gradient_row(x_shape: Shape, window: Window) -> Row:
    return _correlation(x_shape[0], gradient_plan(x_shape, window), _block(x_shape, window))


def _correlation(n: int, p: Plan, size: int) -> Row:
    """The row of a correlation of n images."""
    t = p.tables
    scratch = whole(p.image.channels) * (1 + t.taps) + 2 * (len(RUNS) + 3 * t.runs)
    record = Correlation(n, size, *p.kernel, p.image, *p.out, p.pace, t)
    return Row(jit.load("depthwise.loops").CORRELATE[_own(p.pace.stride)], -(-n // size), record, scratch)


def input_gradient(dy: Array, w: Array, x_shape: Shape, window: Window, out: Array | None = None) -> Array:
    """dx: the correlation of dy with the kernel turned by 180°; with larger strides, each phase with a part of it."""
    dx = np.empty(x_shape, np.float32) if out is None else out
    (top, bottom), (left, right) = window.padding
    if _is_usual(window) and window.stride == (1, 1) and max(top, bottom, left, right) <= 2:
        turned = window._replace(padding=((2 - top, 2 - bottom), (2 - left, 2 - right)))
        return forward(dy, np.ascontiguousarray(w[::-1, ::-1]), None, turned, dx)
    if len(window.phases(0)) < window.stride[0] or len(window.phases(1)) < window.stride[1]:
        dx.fill(0)  # pixels that no tap sees
    tasks.run(_gradient_row(x_shape, window), x=dy, w=w, bias=_zeros(x_shape[3]), y=dx)
    return dx


@lru_cache(maxsize=128)
def _sum_row(x_shape: Shape, window: Window) -> Row:
    """The row of the weight gradient of all windows but the usual."""
    n, _, w, c = x_shape
    size, p = _block(x_shape, window), weight_plan(x_shape, window)
    pieces = -(-n // size)
    zeros = _zeros(w * c)
    record = WeightSums(n, size, pieces, p.image, *p.out, p.pace, *p.inside, *p.kind, places=p.places, zeros=zeros)
    loop = jit.load("depthwise.loops").WEIGHT_GRADIENT[p.kind[2], _own(p.pace.stride)]
    return Row(loop, pieces, record, 6 * len(p.places))


def weight_gradient(x: Array, dy: Array, kernel: tuple[int, ...], window: Window) -> tuple[Array, Array]:
    """(dw, db) for w of shape `kernel` (KH, KW, 1, C): each block of images has its sums, added in turn."""
    if _is_usual(window):
        row = _row_3x3(Sums3x3, x.shape, window)
        sums = np.zeros(row.shape("taps"), np.float32)
        tasks.run(row, x=x, y=dy, taps=sums, last=sums[0, 9])
        total = sums.sum(axis=0)
        return total[:9].reshape(kernel), total[9]
    row, order = _sum_row(x.shape, window), weight_plan(x.shape, window).order
    wide = np.zeros(row.shape("sums"), np.float32)
    tasks.run(row, x=x, dy=dy, sums=wide)
    total = wide.sum(axis=0).transpose(1, 0, 2).reshape(1 + len(order), -1)[:, : kernel[3]]
    dw = np.empty((kernel[0] * kernel[1], kernel[3]), np.float32)
    dw[order] = total[1:]
    return dw.reshape(kernel), total[0]
