"""Direct convolution: any window and groups, float32, at the rate of the processor's multiply-adds.

No columns are written and no matrix product is called. A register tile (`vectors.tile`) sums twelve outputs of 32
channels while the taps of the kernel go by; which pixels an output sees is told by a table of distances.

The input gradient is a direct convolution too, of dy. With stride 1 it has the kernel turned by 180°. With stride
(SH, SW) the pixels of dx fall into SH·SW *phases* (odd and even rows, say); those of one phase see the same taps:

    dx[SH·m + a − top] = Σ_{u : u·DH ≡ a mod SH}  dy[m + (a − u·DH)/SH] · w[u]ᵀ

so each phase is a convolution with its own part of the kernel and stride 1. Where the stride is larger than the
kernel, most phases see no tap, and are zero.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache
from itertools import product
from typing import NamedTuple

import numpy as np

from pellucid.kernels import jit
from pellucid.kernels.crew import tasks
from pellucid.kernels.crew.tasks import Row, Task
from pellucid.kernels.direct.records import Correlate, Frame, Gather, Image, Pack, Tables, WeightGradient
from pellucid.kernels.geometry import Pair, Window, conv_output_shape
from pellucid.kernels.panels import BLOCK_FLOPS, LANES, panels, sum_blocks, whole, widened, work_blocks
from pellucid.typing import Array, IntArray, Shape

# Up to so many channels the input gradient is gathered from columns.
FEW_CHANNELS = 8
# A 1x1 convolution treats its pixels as this many images.
FLAT_IMAGES = 16
# Images whose pixels and gradients are summed over together in the weight gradient: about a second-level cache.
GROUP_BYTES = 512 * 1024
# Weights of so many numbers or more are put into panels by all threads, so many numbers a piece.
LARGE_WEIGHTS, PACKED = 32 * 1024, 16 * 1024


class Phase(NamedTuple):
    """Outputs that see the same taps."""

    places: IntArray  # bytes to the corner of each output's window, in a padded image
    outs: IntArray  # bytes to each output
    runs: IntArray  # bytes from a corner to each run of pixels
    taps: tuple[Pair, ...]  # the taps (u, v) of those runs


def _grid(rows: IntArray, columns: IntArray, width: int, channels: int) -> IntArray:
    """Bytes to the pixels rows x columns of an image `width` wide."""
    return ((rows[:, None] * width + columns) * channels * 4).ravel().astype(np.int64)


class Work(NamedTuple):
    """What a call needs to know beside its arrays: the tables of all phases, and how the work is cut."""

    frame: Frame
    tables: Tables
    run: int  # floats in a run
    size: int  # images in a block
    made: Image  # what is made of an image
    taps: tuple[tuple[Pair, ...], ...]  # of each phase


def _work(n: int, frame: Frame, phases: Sequence[Phase], run: int, made: Shape, *, whole_images: bool = False) -> Work:
    """Blocks of images; few images are cut into parts of their outputs as well."""
    places, outs, runs = (np.concatenate([getattr(p, name) for p in phases]) for name in ("places", "outs", "runs"))
    flops = 2 * n * len(places) * len(runs) // len(phases) * run * frame.out_channels
    moved = 4 * n * (frame.height * frame.width * frame.channels + len(places) * frame.out_channels)
    images = work_blocks(n, flops, moved)
    cuts = 1 if whole_images else max(1, min(8 // len(images), flops // BLOCK_FLOPS // len(images)))
    tables = Tables(
        many=len(places),
        taps=len(runs),
        cuts=cuts,
        phases=len(phases),
        places=places,
        outs=outs,
        runs=runs,
        parts=np.stack([_parts(phases, cut, cuts) for cut in range(cuts)]),
    )
    return Work(frame, tables, run, images[0].stop, Image(*made), tuple(p.taps for p in phases))


@lru_cache(maxsize=128)
def forward_work(x_shape: Shape, oc: int, window: Window, groups: int) -> Work:
    """The one phase of a forward convolution."""
    n, h, w, c = x_shape
    frame = _forward_frame(x_shape, oc, window)
    oh, ow = window.output(h, w)
    places = _grid(np.arange(oh) * window.stride[0], np.arange(ow) * window.stride[1], frame.wp, c)
    outs = np.arange(oh * ow) * oc * 4
    taps = tuple((u, v) for u in range(window.size[0]) for v in range(window.size[1]))
    merged = groups == 1 and window.dilation[1] == 1  # then a row of the kernel sees one run of floats
    columns = np.arange(1 if merged else window.size[1]) * window.dilation[1]
    runs = _grid(np.arange(window.size[0]) * window.dilation[0], columns, frame.wp, c)
    run = window.size[1] * c if merged else c // groups
    return _work(n, frame, (Phase(places, outs, runs, taps),), run, (oh, ow, oc))


def _forward_frame(x_shape: Shape, oc: int, window: Window) -> Frame:
    _, h, w, c = x_shape
    (top, bottom), (left, right) = window.padding
    return Frame(
        height=h, width=w, channels=c, top=top, left=left, hp=h + top + bottom, wp=w + left + right, out_channels=oc
    )


@lru_cache(maxsize=128)
def backward_work(x_shape: Shape, oc: int, window: Window, groups: int) -> Work:
    """The phases of an input gradient."""
    frame, phases = _backward_tables(x_shape, oc, window)
    return _work(x_shape[0], frame, phases, oc // groups, x_shape[1:])


def _backward_tables(x_shape: Shape, oc: int, window: Window) -> tuple[Frame, tuple[Phase, ...]]:
    """The frame of dy, and those phases of dx that see a tap."""
    _, h, w, c = x_shape
    oh, ow = window.output(h, w)
    spans = [_span(window, axis, pixels, outputs) for axis, (pixels, outputs) in enumerate(((h, oh), (w, ow)))]
    (top, hp), (left, wp) = spans
    frame = Frame(height=oh, width=ow, channels=oc, top=top, left=left, hp=hp, wp=wp, out_channels=c)
    phases = []
    for (a, us), (b, vs) in product(window.phases(0), window.phases(1)):
        rows, m = _pixels_of_phase(window, 0, a, h)
        columns, n = _pixels_of_phase(window, 1, b, w)
        taps = [(u, v) for u in us for v in vs]
        runs = [
            ((a - u * window.dilation[0]) // window.stride[0] * wp + (b - v * window.dilation[1]) // window.stride[1])
            * oc
            * 4
            for u, v in taps
        ]
        phases.append(
            Phase(
                _grid(m + top, n + left, wp, oc),
                _grid(rows, columns, w, c),
                np.array(runs, np.int64),
                tuple(taps),
            )
        )
    return frame, tuple(phases)


def _span(window: Window, axis: int, pixels: int, outputs: int) -> Pair:
    """How far before dy the windows of dx begin, and how long a padded dy must be."""
    before = -(-(window.size[axis] - 1) * window.dilation[axis] // window.stride[axis])
    last = (pixels - 1 + window.padding[axis][0]) // window.stride[axis]
    return before, before + max(outputs, last + 1)


def _pixels_of_phase(window: Window, axis: int, phase: int, pixels: int) -> tuple[IntArray, IntArray]:
    """The pixels r of dx in a phase and m = (r + padding − phase) / stride."""
    shifted = np.arange(pixels) + window.padding[axis][0]
    r = np.flatnonzero(shifted % window.stride[axis] == phase)
    return r, (shifted[r] - phase) // window.stride[axis]


def _correlation(n: int, work: Work, groups: int, *, relu: bool = False) -> Row:
    """The row of a correlation of n images."""
    record = Correlate(
        n=n,
        size=work.size,
        groups=groups,
        run=work.run,
        rectify=relu,
        frame=work.frame,
        made=work.made,
        tables=work.tables,
    )
    pieces = -(-n // work.size) * work.tables.cuts
    return Row(jit.load("direct.loops").correlate, pieces, record, work.frame.padded)


@lru_cache(maxsize=256)
def _forward_row(x_shape: Shape, oc: int, window: Window, groups: int, relu: bool) -> Row:
    return _correlation(x_shape[0], forward_work(x_shape, oc, window, groups), groups, relu=relu)


@lru_cache(maxsize=128)
def _backward_row(x_shape: Shape, oc: int, window: Window, groups: int) -> tuple[Work, Row]:
    work = backward_work(x_shape, oc, window, groups)
    return work, _correlation(x_shape[0], work, groups)


def _parts(phases: Sequence[Phase], cut: int, cuts: int) -> IntArray:
    """For each phase, the range of its places that falls to this cut, and its runs."""
    rows, place, run = [], 0, 0
    for p in phases:
        low, high = len(p.places) * cut // cuts, len(p.places) * (cut + 1) // cuts
        rows.append((place + low, place + high, run, run + len(p.runs)))
        place, run = place + len(p.places), run + len(p.runs)
    return np.array(rows, np.int64)


def _flat(x: Array) -> Array:
    """For a 1x1 kernel with stride 1 images are rows of pixels; sixteen or so longer ones serve as well."""
    pixels = x.shape[0] * x.shape[1] * x.shape[2]
    rows = next(r for r in range(min(FLAT_IMAGES, pixels), 0, -1) if pixels % r == 0)
    return x.reshape(rows, 1, pixels // rows, x.shape[3])


def _is_flat(window: Window) -> bool:
    return window.size == window.stride == (1, 1) and not any(map(sum, window.padding))


def forward(
    x: Array,
    w: Array,
    b: Array | None,
    window: Window,
    groups: int,
    *,
    relu: bool = False,
    out: Array | None = None,
) -> Array:
    """y = x ∗ w + b, and ReLU of it if asked."""
    y = np.empty(conv_output_shape(x.shape, w.shape, window), np.float32) if out is None else out
    source, target = (_flat(x), _flat(y)) if _is_flat(window) else (x, y)
    og, task = w.shape[3] // groups, Task()
    weights = _in_panels(task, w, groups)
    bias = widened((np.zeros(groups * og, np.float32) if b is None else b).reshape(groups, og))
    row = _forward_row(source.shape, w.shape[3], window, groups, relu)
    task.add(row, x=source, w=weights, bias=bias, y=target)
    task.run()
    return y


def _in_panels(task: Task, w: Array, groups: int) -> Array:
    """The panels of (groups, K, OC//groups), one after the other; the task fills those of a large w."""
    k, oc = w.size // w.shape[3], w.shape[3]
    if groups > 1 or w.size < LARGE_WEIGHTS or oc in (LANES, 2 * LANES):
        return panels(w.reshape(-1, groups, oc // groups).transpose(1, 0, 2)).reshape(-1)
    row = _pack_row(k, oc)
    packed = np.empty(row.shape("out"), np.float32)
    task.add(row, w=np.ascontiguousarray(w).reshape(k, oc), out=packed)
    return packed


@lru_cache(maxsize=128)
def _pack_row(k: int, oc: int) -> Row:
    rows = -(-PACKED // oc)
    return Row(jit.load("direct.loops").pack, -(-k // rows), Pack(k, oc, rows))


def _clear_unseen(dx: Array, work: Work) -> None:
    """Zeros where no phase writes."""
    if work.tables.many < dx.shape[1] * dx.shape[2]:
        dx.fill(0)


def gathers(x_shape: Shape, window: Window, groups: int) -> bool:
    """Whether `input_gradient` can take the gradient of a fused ReLU in the same pass."""
    return groups == 1 and x_shape[3] <= FEW_CHANNELS and window.size != (1, 1)


def input_gradient(
    dy: Array,
    w: Array,
    x_shape: Shape,
    window: Window,
    groups: int,
    out: Array | None = None,
    *,
    y: Array | None = None,
) -> Array:
    """dx: every pixel gathers from the outputs that saw it, phase by phase. Given the output y of a fused ReLU, which
    only those that `gathers` names take, dy counts where y > 0.
    """
    if gathers(x_shape, window, groups):
        return _gather(dy, w, x_shape, window, out, y)
    dx = np.empty(x_shape, np.float32) if out is None else out
    source, target = (_flat(dy), _flat(dx)) if _is_flat(window) else (dy, dx)
    oc, og, cg = w.shape[3], w.shape[3] // groups, w.shape[2]
    work, row = _backward_row(target.shape, oc, window, groups)
    _clear_unseen(target, work)
    turned = w.reshape(*w.shape[:3], groups, og).transpose(3, 0, 1, 4, 2)  # (groups, KH, KW, OG, CG)
    weights = [
        panels(turned[:, [u for u, _ in taps], [v for _, v in taps]].reshape(groups, -1, cg)).ravel()
        for taps in work.taps
    ]
    bias = np.zeros((groups, whole(cg)), np.float32)
    tasks.run(row, x=source, w=np.concatenate(weights), bias=bias, y=target)
    return dx


@lru_cache(maxsize=128)
def _gather_row(x_shape: Shape, kernel: Shape, window: Window, rectified: bool) -> tuple[Work, Row]:
    """The phases of dx in a frame of columns, and where outputs lie in dy and in the frame."""
    kh, kw, c, oc = kernel
    k = whole(kh * kw * c)
    frame, phases = _backward_tables(x_shape, k, window)
    own = [np.array([(u * kw + v) * c * 4 for u, v in p.taps], np.int64) for p in phases]
    phases = tuple(p._replace(runs=p.runs + o) for p, o in zip(phases, own, strict=True))
    oh, ow = frame.height, frame.width
    targets = _grid(np.arange(oh) + frame.top, np.arange(ow) + frame.left, frame.wp, k)
    work = _work(x_shape[0], frame, phases, oc, x_shape[1:], whole_images=True)
    given = Image(oh, ow, oc)
    record = Gather(
        n=x_shape[0],
        size=work.size,
        frame=frame,
        given=given,
        made=work.made,
        tables=work.tables,
        outputs=oh * ow,
        sources=np.arange(oh * ow, dtype=np.int64) * oc * 4,
        targets=targets,
        zeros=np.zeros(k, np.float32),
    )
    scratch = frame.padded + (math.prod(given) if rectified else 0)
    return work, Row(jit.load("direct.loops").gather, -(-x_shape[0] // work.size), record, scratch)


def _gather(dy: Array, w: Array, x_shape: Shape, window: Window, out: Array | None, y: Array | None) -> Array:
    """The input gradient for few channels, which as lanes would leave most of a vector empty: the taps and channels
    together are the lanes of one product, and each pixel gathers its numbers from the result.
    """
    dx = np.empty(x_shape, np.float32) if out is None else out
    work, row = _gather_row(x_shape, w.shape, window, y is not None)
    _clear_unseen(dx, work)
    columns = w.reshape(1, -1, w.shape[3]).transpose(0, 2, 1)
    tasks.run(row, dy=dy, y=y, w=panels(columns), dx=dx)
    return dx


def _sum_tables(frame: Frame, window: Window, group: int, groups: int) -> tuple[IntArray, IntArray]:
    """Bytes to each tap from a window's corner, and to the corner of each row of outputs of `group` images."""
    u, v, c = np.ogrid[: window.size[0], : window.size[1], : frame.channels // groups]
    taps = ((u * window.dilation[0] * frame.wp + v * window.dilation[1]) * frame.channels + c).ravel() * 4
    taps = np.concatenate([taps, np.repeat(taps[-1:], -len(taps) % 4)])  # tiles take four at least
    oh = window.output(frame.height, frame.width)[0]
    rows = np.arange(group)[:, None] * frame.padded + np.arange(oh) * window.stride[0] * frame.wp * frame.channels
    return taps.astype(np.int64), rows.ravel() * 4


def _blocks_of_sums(n: int, images: int, frame: Frame, kernel: Shape, window: Window, groups: int) -> Pair:
    """Images of a block that has a partial sum of its own, of n; and of those, how many are summed over at once.
    Where n flat ones stand for more `images`, the work counts as if each were as long: 1x1 products repay more pieces.
    """
    oh, ow = window.output(frame.height, frame.width)
    flops = 2 * images * oh * ow * math.prod(kernel)
    moved = 4 * n * (frame.height * frame.width * frame.channels + oh * ow * frame.out_channels)
    size: int = sum_blocks(n, 4 * math.prod(kernel), flops, moved)[0].stop
    per_image = 4 * (frame.padded + oh * ow * groups * whole(frame.out_channels // groups))
    return size, max(1, min(size, GROUP_BYTES // per_image))


@lru_cache(maxsize=128)
def _sum_row(x_shape: Shape, images: int, kernel: Shape, window: Window, groups: int) -> Row:
    """The row of a weight gradient; `images` as for `_blocks_of_sums`."""
    n, og = x_shape[0], kernel[3] // groups
    frame = _forward_frame(x_shape, kernel[3], window)
    oh, ow = window.output(frame.height, frame.width)
    size, group = _blocks_of_sums(n, images, frame, kernel, window, groups)
    taps, rows = _sum_tables(frame, window, group, groups)
    record = WeightGradient(
        n=n,
        size=size,
        groups=groups,
        group=group,
        frame=frame,
        oh=oh,
        ow=ow,
        xstep=window.stride[1] * frame.channels * 4,
        many=len(taps),
        pieces=-(-n // size),
        taps=taps,
        rows=rows,
        outs=np.arange(len(taps)) * 4 * whole(og),
    )
    scratch = whole(group * frame.padded) + group * oh * ow * groups * whole(og)
    return Row(jit.load("direct.loops").weight_gradient, record.pieces, record, scratch)


def weight_gradient(
    x: Array, dy: Array, kernel: tuple[int, ...], window: Window, groups: int, *, y: Array | None = None
) -> tuple[Array, Array]:
    """(dw, db) for w of shape `kernel`; given the output y of a fused ReLU, dy counts where y > 0."""
    source, above, output = (_flat(x), _flat(dy), None if y is None else _flat(y)) if _is_flat(window) else (x, dy, y)
    oc, og = kernel[3], kernel[3] // groups
    row = _sum_row(source.shape, len(x), kernel, window, groups)
    dw, db = np.zeros(row.shape("dw"), np.float32), np.zeros(row.shape("db"), np.float32)
    tasks.run(row, x=source, dy=above, y=output, dw=dw, db=db)
    total = dw.sum(axis=0)[:, : math.prod(kernel[:3]), :og].transpose(1, 0, 2)  # (K, groups, OG)
    return total.reshape(kernel), db.sum(axis=0)[:, :og].reshape(oc)
