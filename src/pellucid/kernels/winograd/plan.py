"""Winograd's convolutions F(4x4, 3x3) and F(2x2, 5x5): 3x3 and 5x5 kernels, stride 1, with fewer multiplications.

A tile of MxM outputs of an RxR kernel, M + R = 7, needs a 6x6 window d of inputs. Multiplied out, that is M²R²
products per pair of channels: 144 for 3x3 kernels (M = 4), 100 for 5x5 kernels (M = 2). As short polynomials
multiplied through their values at the six points 0, 1, −1, 2, −2, ∞ it is 36 for both:

    y = Aᵀ [ (G w Gᵀ) ⊙ (Bᵀ d B) ] A                   (Lavin & Gray 2016, arXiv:1509.09308, equations 8 and 13)

B (6, 6) belongs to the points alone; G (6, R) takes the kernel to its values there and Aᵀ (M, 6) the values back to
outputs. The transforms are additions; the products, summed over the channels, are 36 matrix products
(tiles x C)·(C x OC), one for each "frequency". The gradients are the same formula read backwards:

    dU = A dy Aᵀ     dw = Gᵀ [ Σ_tiles (Bᵀ d B) ⊙ dU ] G     dx = Σ_tiles B [ (G w Gᵀ) ⊙ dU ] Bᵀ

What a group of tiles needs between reading x and writing y lies in the second-level cache, and what follows the
convolution (bias, ReLU, 2x2 max-pooling) is done while the data is at hand. float32 only; errors near 1e-5 of the
largest value.
"""

from __future__ import annotations

from functools import lru_cache
from itertools import accumulate
from typing import NamedTuple

import numpy as np

from pellucid.kernels import jit
from pellucid.kernels.crew import blas
from pellucid.kernels.crew.tasks import Row, Task
from pellucid.kernels.crew.threads import scratch
from pellucid.kernels.geometry import Window
from pellucid.kernels.panels import LANES, bias_vector, fours, whole
from pellucid.kernels.problem import NOT_FUSED, Fused
from pellucid.kernels.winograd.records import (
    PLAIN,
    POOLED,
    RELU,
    SPARE,
    Backward,
    Cut,
    Forward,
    Places,
    Sizes,
    Transform,
    transformed,
)
from pellucid.typing import Array, IntArray, Shape

# Small images share their products: together at least about this many tiles.
TILES_PER_PRODUCT = 36
# Large images are cut: no more tiles than this at once, or they would not stay in the second-level cache.
MOST_TILES = 144
# Few images are cut themselves, into so many pieces in all, each of so many tiles at least: each reads all kernels.
PIECES, PART_TILES = 8, 24
# Sums over the batch are taken in this many runs of images, whatever the number of threads.
PARTIAL_SUMS = 16
PARTIAL_BYTES = 32 * 1024 * 1024


def kernel_transform(r: int) -> Array:
    """G (6, R): the values of a kernel of R taps, as a polynomial, at 0, 1, −1, 2, −2, ∞, in the scale that B asks."""
    g = np.zeros((6, r))
    g[:5] = np.vander([0, 1, -1, 2, -2], r, increasing=True) * [[6], [-4], [-4], [1], [1]]
    g[5, -1] = 24
    return g / 24


class Form(NamedTuple):
    """F(MxM, RxR), M + R = 7, and how its work is cut."""

    r: int
    m: int
    gg: Array  # (36, R·R): G w Gᵀ of a flattened kernel
    blocks: int  # pieces of parallel work, about
    sum_tiles: int  # a partial sum of the weight gradient is worth having for this many tiles
    partial: int  # numbers of such a sum for each pair of channels: 9 where it goes back through Gᵀ at once


def _form(r: int, blocks: int, sum_tiles: int, partial: int) -> Form:
    g = kernel_transform(r)
    return Form(r, 7 - r, np.kron(g, g).astype(np.float32), blocks, sum_tiles, partial)


FORMS = {(3, 3): _form(3, 32, 1, 9), (5, 5): _form(5, 16, 200, 36)}
"""The form for each size of kernel that has one."""

G, GG = kernel_transform(3), FORMS[3, 3].gg  # of 3x3 kernels


class Plan(NamedTuple):
    """What every call needs to know: the sizes as the compiled loops take them, and how the batch is cut."""

    form: Form
    sizes: Sizes
    cut: Cut
    zeros: Array  # a row of zeros, for what lies outside the image
    at: Places
    scratch: int  # floats, to the sums; these follow
    sums: int

    @property
    def tiles(self) -> int:
        """Tiles that share the 36 products."""
        return self.cut.group * self.cut.strip * self.sizes.tw

    @property
    def rows(self) -> int:
        """Floats of the first part of scratch memory."""
        return self.at.lines // 4


@lru_cache(maxsize=128)
def plan(x_shape: Shape, oc: int, window: Window) -> Plan:
    """Tiles, groups and blocks for x (N, H, W, C) → OC channels."""
    n, h, w, c = x_shape
    oh, ow = window.output(h, w)
    form = FORMS[window.size]
    th, tw = -(-oh // form.m), -(-ow // form.m)
    # Large kernels, and the sums of their gradients, are worth going through for more tiles at once.
    tiles = min(max(TILES_PER_PRODUCT, c * oc // 32), MOST_TILES)
    group = max(1, min(-(-n // 4), tiles // (th * tw)))
    strip = -(-th // -(-th * tw // MOST_TILES))
    block = max(group, -(-n // form.blocks) // group * group)
    sizes = Sizes(
        n=n,
        height=h,
        width=w,
        channels=c,
        oc=oc,
        oh=oh,
        ow=ow,
        top=window.padding[0][0],
        left=window.padding[1][0],
        th=th,
        tw=tw,
    )
    widest, m = max(whole(c), whole(oc)), form.m
    wide, tiles = (m * tw + 6 - m) * widest, group * strip * tw
    u, v = tiles * whole(c) + SPARE, tiles * whole(oc) + SPARE
    starts = list(accumulate((6 * wide, m * wide, (6 - m) * wide, 36 * u, 36 * v)))
    zeros = np.zeros(max(w * c, widest) + 2 * SPARE, np.float32)
    places = Places(*(4 * start for start in starts))
    return Plan(
        form=form,
        sizes=sizes,
        cut=Cut(block, group, strip),
        zeros=zeros,
        at=places,
        scratch=starts[-1],
        sums=36 * fours(c) * whole(oc),
    )


@lru_cache(maxsize=64)
def _distances(count: int, step: int) -> Array:
    """0, step, 2·step, … bytes."""
    return np.arange(count) * step


def _tables(p: Plan) -> list[Array]:
    """Tables of distances: tiles in u and in v, channels in u and in the weight gradient."""
    c, oc = p.sizes.channels, p.sizes.oc
    steps = ((p.tiles, 4 * whole(c)), (p.tiles, 4 * whole(oc)), (fours(c), 4), (fours(c), 4 * whole(oc)))
    return [_distances(*each) for each in steps]


@lru_cache(maxsize=128)
def transform_row(r: int, c: int, oc: int) -> Row:
    """The row of w (R·R, C, OC) → G w Gᵀ, in panels."""
    code = jit.load("winograd.weights")
    return Row(code.TRANSFORM[r], -(-c // code.CHANNELS), Transform(r * r, c, oc), 36 * LANES)


def _add_transform(task: Task, w: Array, form: Form, out: Array | None = None) -> Array:
    """Add to the task: the transform of w (R·R, C, OC). Return where it will be."""
    row = transform_row(form.r, *w.shape[1:])
    out = np.empty(row.shape("out"), np.float32) if out is None else out
    task.add(row, w=w, out=out)
    return out


@lru_cache(maxsize=128)
def _forward_row(x_shape: Shape, oc: int, window: Window, mode: int) -> Row:
    p = plan(x_shape, oc, window)
    blocks = -(-p.sizes.n // p.cut.size)
    parts = max(1, min(PIECES // blocks, p.sizes.th, p.sizes.n * p.sizes.th * p.sizes.tw // blocks // PART_TILES))
    record = Forward(p.sizes, p.cut, p.at, mode, parts, p.zeros, *_tables(p)[:2])
    return Row(jit.load("winograd.loops").FORWARD[p.form.m], blocks * parts, record, p.scratch)


@lru_cache(maxsize=128)
def _backward_row(x_shape: Shape, oc: int, window: Window, mode: int, want_dw: bool) -> Row:
    p = plan(x_shape, oc, window)
    cut = p.cut._replace(size=_block_of_sums(p)) if want_dw else p.cut
    pieces = -(-p.sizes.n // cut.size)
    record = Backward(p.sizes, cut, p.at, mode, pieces, p.form.partial, p.zeros, *_tables(p))
    scratch = p.scratch + (p.sums if want_dw else 0)
    return Row(jit.load("winograd.loops").BACKWARD[p.form.m], pieces, record, scratch)


def forward(
    x: Array, w: Array, b: Array | None, window: Window, *, relu: bool = False, out: Array | None = None
) -> Array:
    """y = x ∗ w + b, and ReLU of it if asked."""
    return _forward(x, w, b, window, RELU if relu else PLAIN, out)[0]


def forward_pooled(x: Array, w: Array, b: Array | None, window: Window) -> tuple[Array, IntArray]:
    """2x2 max-pooling of the ReLU of x ∗ w + b, and the switches: 0…3, or 4 where ReLU cut off the winner."""
    return _forward(x, w, b, window, POOLED, None)


def _forward(
    x: Array, w: Array, b: Array | None, window: Window, mode: int, out: Array | None
) -> tuple[Array, IntArray]:
    """y, and the switches, which are empty but in mode POOLED."""
    row, (_, _, c, oc) = _forward_row(x.shape, w.shape[3], window, mode), w.shape
    y = np.empty(row.shape("y"), np.float32) if out is None else out
    switch = np.empty(row.shape("y") if mode == POOLED else (0, 0, 0, 0), np.uint8)
    task = Task()
    with scratch("winograd.kernels", transformed(c, oc)) as kernels:
        _add_transform(task, np.ascontiguousarray(w.reshape(-1, c, oc)), FORMS[window.size], kernels)
        task.add(row, x=x, w=kernels, bias=bias_vector(b, oc), y=y, switch=switch if mode == POOLED else None)
        task.run()
    return y, switch


def backward(
    x: Array | None,
    dy: Array,
    w: Array,
    window: Window,
    fused: Fused = NOT_FUSED,
    *,
    x_shape: Shape = (),
    want_dx: bool = True,
    want_dw: bool = True,
    out: Array | None = None,
) -> tuple[Array | None, Array, Array]:
    """(dx, dw, db). With switches dy is the gradient of the pooled output. Where dw is not wanted, the shape of x is
    enough.
    """
    x_shape, (_, _, c, oc), form = x_shape if x is None else x.shape, w.shape, FORMS[window.size]
    mode = POOLED if fused.switch is not None else RELU if fused.y is not None else PLAIN
    row = _backward_row(x_shape, oc, window, mode, want_dw)
    task, kernels, dx = Task(), None, None
    if want_dx:
        dx = np.empty(x_shape, np.float32) if out is None else out
        kernels = _add_transform(task, np.ascontiguousarray(w.reshape(-1, c, oc).transpose(0, 2, 1)), form)
    dw = np.empty(row.shape("dw"), np.float32) if want_dw else None
    db = np.zeros(row.shape("db"), np.float32)
    task.add(
        row, x=x if want_dw else None, dy=dy, y=fused.y if mode == RELU else None, switch=fused.switch,
        w=kernels, dx=dx, dw=dw, db=db,
    )  # fmt: skip
    task.run()
    gradient = np.zeros(w.shape, np.float32) if dw is None else _kernel_gradient(dw, form, w.shape)
    return dx, gradient, db.sum(axis=0)[:oc]


def _kernel_gradient(partial: Array, form: Form, w_shape: Shape) -> Array:
    """dw (R, R, C, OC) from partial sums in runs, of the 36 frequencies or already of the kernel's pixels."""
    total = partial.sum(axis=0)
    if form.partial == 36:
        with blas.single_threaded():
            total = form.gg.T @ total
    _, _, c, oc = w_shape
    return np.asarray(total.reshape(form.r, form.r, fours(c), -1)[:, :, :c, :oc])


def input_gradient(dy: Array, w: Array, x_shape: Shape, window: Window, out: Array | None = None) -> Array:
    """dx alone, for which x is not needed, only its shape."""
    return np.asarray(backward(None, dy, w, window, x_shape=x_shape, want_dw=False, out=out)[0])


def _block_of_sums(p: Plan) -> int:
    """Images that have a partial sum of their own; many where a sum is large, or the images are few and small."""
    s = p.sizes
    worth = min(PARTIAL_BYTES // (36 * s.channels * s.oc * 4), s.n * s.th * s.tw // p.form.sum_tiles)
    return max(p.cut.group, -(-s.n // max(4, min(PARTIAL_SUMS, worth))))
