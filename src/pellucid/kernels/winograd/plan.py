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
from pellucid.kernels.addresses import BYTE
from pellucid.kernels.crew import blas
from pellucid.kernels.crew.tasks import Task
from pellucid.kernels.geometry import Window
from pellucid.kernels.panels import bias_vector
from pellucid.kernels.panels import whole as _whole
from pellucid.typing import Array, IntArray, Shape

PLAIN, RELU, POOLED = 0, 1, 2

# Small images share their products: together at least about this many tiles.
TILES_PER_PRODUCT = 36
# Large images are cut: no more tiles than this at once, or they would not stay in the second-level cache.
MOST_TILES = 144
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
    sizes: tuple[int, ...]  # N H W C, OC OH OW, top left, rows of tiles, tiles in a row
    group: int  # images that share the 36 products
    strip: int  # rows of tiles that do: all of an image, unless it is large
    block: int  # images of one piece of parallel work
    zeros: Array  # a row of zeros, for what lies outside the image
    scratch: tuple[int, ...]  # where rows, lines, carry, tiles over C and OC, sums begin in a thread's scratch; its end

    @property
    def places(self) -> list[int]:
        """The same in bytes, of all after the rows."""
        return [4 * start for start in self.scratch[1:-1]]

    @property
    def tiles(self) -> int:
        """Tiles that share the 36 products."""
        return self.group * self.strip * self.sizes[-1]


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
    sizes = (n, h, w, c, oc, oh, ow, window.padding[0][0], window.padding[1][0], th, tw)
    widest, m = max(_whole(c), _whole(oc)), form.m
    wide, tiles = (m * tw + 6 - m) * widest, group * strip * tw
    u, v, sums = tiles * _whole(c) + 16, tiles * _whole(oc) + 16, _fours(c) * _whole(oc)
    parts = (6 * wide, m * wide, (6 - m) * wide, 36 * u, 36 * v, 36 * sums)
    zeros = np.zeros(max(w * c, widest) + 32, np.float32)
    return Plan(form, sizes, group, strip, block, zeros, (0, *accumulate(parts)))


@lru_cache(maxsize=64)
def _distances(count: int, step: int) -> Array:
    """0, step, 2·step, … bytes."""
    return np.arange(count) * step


def _tables(p: Plan) -> list[Array]:
    """Tables of distances: tiles in u and in v, channels in u and in the weight gradient."""
    _, _, _, c, oc, *_ = p.sizes
    steps = ((p.tiles, 4 * _whole(c)), (p.tiles, 4 * _whole(oc)), (_fours(c), 4), (_fours(c), 4 * _whole(oc)))
    return [_distances(*each) for each in steps]


def _fours(channels: int) -> int:
    """Channels rounded up to fours, as the sums of the weight gradient are taken."""
    return -(-channels // 4) * 4


def _add_transform(task: Task, w: Array, form: Form, c: int, oc: int) -> int:
    """Add to the task: w (R·R, C, OC) → G w Gᵀ (36, C · whole(OC) + 16), in panels; the 16 keep the 36 apart in the
    cache. Return the address where it will be.
    """
    out, code = np.empty((36, c * _whole(oc) + 16), np.float32), jit.load("winograd.weights")
    target = task.own(out)
    task.add(code.TRANSFORM[form.r], -(-c // code.CHANNELS), (task.reads(w, (form.r**2, c, oc)), target, c, oc))
    return target


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
    p = plan(x.shape, w.shape[3], window)
    n, _, _, c, oc, oh, ow, *_ = p.sizes
    run = jit.load("winograd.loops").FORWARD[p.form.m]
    shape = (n, oh // 2, ow // 2, oc) if mode == POOLED else (n, oh, ow, oc)
    y = np.empty(shape, np.float32) if out is None else out
    switch = np.empty(shape if mode == POOLED else (0, 0), np.uint8)
    task, kernels = Task(p.scratch[-2]), np.ascontiguousarray(w.reshape(-1, w.shape[2], oc))
    transformed = _add_transform(task, kernels, p.form, c, oc)
    task.add(run, -(-n // p.block), (
        *p.sizes, p.block, mode, p.group, p.strip, *p.places[:4], task.own(p.zeros), *map(task.own, _tables(p)[:2]),
        task.reads(x, p.sizes[:4]), transformed, task.reads(bias_vector(b, oc), (_whole(oc),)), task.writes(y, shape),
        task.own(switch),
    ))  # fmt: skip
    task.run()
    return y, switch


def backward(
    x: Array | None,
    dy: Array,
    w: Array,
    window: Window,
    mode: int = PLAIN,
    y: Array | None = None,
    switch: IntArray | None = None,
    *,
    x_shape: Shape = (),
    want_dx: bool = True,
    want_dw: bool = True,
    out: Array | None = None,
) -> tuple[Array | None, Array, Array]:
    """(dx, dw, db). `y` is needed in mode RELU, `switch` in mode POOLED, where dy is that of the pooled output.
    Where dw is not wanted, the shape of x is enough.
    """
    p = plan(x_shape if x is None else x.shape, w.shape[3], window)
    n, _, _, c, oc, oh, ow, *_ = p.sizes
    form, run = p.form, jit.load("winograd.loops").BACKWARD[p.form.m]
    above = (n, oh // 2, ow // 2, oc) if mode == POOLED else (n, oh, ow, oc)
    dx = (np.empty(p.sizes[:4], np.float32) if out is None else out) if want_dx else None
    task = Task(p.scratch[-1] if want_dw else p.scratch[-2])
    transposed = 0
    if want_dx:
        turned = np.ascontiguousarray(w.reshape(-1, c, oc).transpose(0, 2, 1))
        transposed = _add_transform(task, turned, form, oc, c)
    size = _block_of_sums(p) if want_dw else p.block
    blocks = -(-n // size)
    dw = np.empty((blocks, form.partial, _fours(c) * _whole(oc)), np.float32) if want_dw else None
    db = np.zeros((blocks, _whole(oc)), np.float32)
    task.add(run, blocks, (
        *p.sizes, size, mode, p.group, p.strip, *p.places, task.own(p.zeros), *map(task.own, _tables(p)),
        task.reads(x if want_dw else None, p.sizes[:4]), task.reads(dy, above),
        task.reads(y if mode == RELU else None, above), task.reads(switch if mode == POOLED else None, above, BYTE),
        transposed, task.writes(dx, p.sizes[:4]), 0 if dw is None else task.own(dw), task.own(db),
    ))  # fmt: skip
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
    return np.asarray(total.reshape(form.r, form.r, _fours(c), -1)[:, :, :c, :oc])


def input_gradient(dy: Array, w: Array, x_shape: Shape, window: Window, out: Array | None = None) -> Array:
    """dx alone, for which x is not needed, only its shape."""
    return np.asarray(backward(None, dy, w, window, x_shape=x_shape, want_dw=False, out=out)[0])


def _block_of_sums(p: Plan) -> int:
    """Images that have a partial sum of their own; many where a sum is large, or the images are few and small."""
    n, _, _, c, oc, *_, th, tw = p.sizes
    worth = min(PARTIAL_BYTES // (36 * c * oc * 4), n * th * tw // p.form.sum_tiles)
    return max(p.group, -(-n // max(4, min(PARTIAL_SUMS, worth))))
