"""Winograd's convolution F(4x4, 3x3): 3x3 kernels, stride 1, with a quarter of the multiplications.

A 4x4 tile of outputs needs a 6x6 window d of inputs. Multiplied out, that is 144 products per pair of channels.
As short polynomials multiplied through their values at the six points 0, 1, −1, 2, −2, ∞ it is 36:

    y = Aᵀ [ (G w Gᵀ) ⊙ (Bᵀ d B) ] A                   (Lavin & Gray 2016, arXiv:1509.09308, equations 8 and 13)

The transforms are additions; the products, summed over the channels, are 36 matrix products
(tiles x C)·(C x OC), one for each "frequency". The gradients are the same formula read backwards:

    dU = A dy Aᵀ     dw = Gᵀ [ Σ_tiles (Bᵀ d B) ⊙ dU ] G     dx = Σ_tiles B [ (G w Gᵀ) ⊙ dU ] Bᵀ

Everything an image needs between reading x and writing y lies in the second-level cache, and what follows the
convolution (bias, ReLU, 2x2 max-pooling) is done while the data is at hand. float32 only; errors near 1e-5 of the
largest value.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np

from pellucid.kernels import blas, jit
from pellucid.kernels.geometry import Window
from pellucid.kernels.sliding import panels
from pellucid.kernels.sliding import whole as _whole
from pellucid.kernels.threads import address, blocks_of, parallel_for, scratch, scratch_address, stride
from pellucid.typing import Array, IntArray, Shape

PLAIN, RELU, POOLED = 0, 1, 2

G = np.array([[6, 0, 0], [-4, -4, -4], [-4, 4, -4], [1, 2, 4], [1, -2, 4], [0, 0, 24]]) / 24
GG = np.kron(G, G).astype(np.float32)  # (36, 9): G w Gᵀ of a flattened kernel

# Small images share their products: together at least about this many tiles.
TILES_PER_PRODUCT = 36
# Sums over the batch are taken in this many runs of images, whatever the number of threads.
PARTIAL_SUMS = 16
PARTIAL_BYTES = 32 * 1024 * 1024


class Plan(NamedTuple):
    """What every call needs to know: the sizes as the compiled loops take them, and how the batch is cut."""

    sizes: tuple[int, ...]  # N H W C, OC OH OW, top left, rows of tiles, tiles in a row
    group: int  # images that share the 36 products
    block: int  # images of one piece of parallel work

    def of(self, images: slice) -> tuple[int, ...]:
        """The sizes of a part of the batch."""
        return (images.stop - images.start, *self.sizes[1:])


def plan(x_shape: Shape, oc: int, window: Window) -> Plan:
    """Tiles, groups and blocks for x (N, H, W, C) → OC channels."""
    n, h, w, c = x_shape
    oh, ow = window.output(h, w)
    th, tw = -(-oh // 4), -(-ow // 4)
    # Large kernels, and the sums of their gradients, are worth going through for more tiles at once.
    tiles = min(max(TILES_PER_PRODUCT, c * oc // 32), 4 * TILES_PER_PRODUCT)
    group = max(1, min(-(-n // 4), tiles // (th * tw)))
    block = max(group, -(-n // 32) // group * group)
    return Plan((n, h, w, c, oc, oh, ow, window.padding[0][0], window.padding[1][0], th, tw), group, block)


def _buffers(p: Plan) -> tuple[int, int, int, int, int]:
    """Addresses of this thread's scratch memory: a row of zeros, rows, lines, tiles over C, tiles over OC."""
    _, _, width, c, oc, _, _, _, _, th, tw = p.sizes
    wide, tiles = (4 * tw + 2) * max(_whole(c), _whole(oc)), p.group * th * tw
    zeros = scratch("winograd.zeros", (max(width * c, _whole(c), _whole(oc)) + 32,))
    zeros.fill(0)
    return (
        address(zeros),
        scratch_address("winograd.rows", 6 * wide),
        scratch_address("winograd.lines", 4 * wide),
        scratch_address("winograd.u", 36 * (tiles * _whole(c) + 16)),
        scratch_address("winograd.v", 36 * (tiles * _whole(oc) + 16)),
    )


@lru_cache(maxsize=64)
def _distances(count: int, step: int) -> Array:
    """0, step, 2·step, … bytes."""
    return np.arange(count) * step


def _tables(p: Plan) -> list[Array]:
    """Tables of distances: tiles in u and in v, channels in u and in the weight gradient."""
    _, _, _, c, oc, _, _, _, _, th, tw = p.sizes
    tiles = p.group * th * tw
    steps = ((tiles, 4 * _whole(c)), (tiles, 4 * _whole(oc)), (_fours(c), 4), (_fours(c), 4 * _whole(oc)))
    return [_distances(*each) for each in steps]


def _fours(channels: int) -> int:
    """Channels rounded up to fours, as the sums of the weight gradient are taken."""
    return -(-channels // 4) * 4


def _transformed(w: Array) -> Array:
    """w (9, C, OC) → G w Gᵀ (36, C · whole(OC)), in panels."""
    with blas.single_threaded():  # threads of the BLAS would go on spinning and take the cores from the pool
        return np.asarray(GG @ panels(w))


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
    n, _, _, _, oc, oh, ow, *_ = p.sizes
    kernels = jit.load("winograd")
    shape = (n, oh // 2, ow // 2, oc) if mode == POOLED else (n, oh, ow, oc)
    y = np.empty(shape, np.float32) if out is None else out
    switch = np.empty(shape if mode == POOLED else (0, 0), np.uint8)
    transformed = _transformed(w.reshape(9, -1, oc))
    tables = _tables(p)
    at_u, at_v = address(tables[0]), address(tables[1])
    bias = np.zeros(_whole(oc), np.float32)
    if b is not None:
        bias[:oc] = b
    blocks = blocks_of(n, p.block)
    x0, w0, b0, y0, switch0 = (address(array) for array in (x, transformed, bias, y, switch))

    def block(index: int) -> None:
        part = blocks[index]
        zeros, rows, _, u, m = _buffers(p)
        kernels.forward(
            p.of(part), mode, p.group, x0 + part.start * x.strides[0], w0, b0, y0 + part.start * y.strides[0],
            switch0 + part.start * stride(switch), at_u, at_v, zeros, rows, u, m,
        )  # fmt: skip

    parallel_for(block, len(blocks))
    return y, switch


def backward(
    x: Array,
    dy: Array,
    w: Array,
    window: Window,
    mode: int = PLAIN,
    y: Array | None = None,
    switch: IntArray | None = None,
    *,
    want_dx: bool = True,
    want_dw: bool = True,
    out: Array | None = None,
) -> tuple[Array | None, Array, Array]:
    """(dx, dw, db). `y` is needed in mode RELU, `switch` in mode POOLED, where dy is that of the pooled output."""
    p = plan(x.shape, w.shape[3], window)
    n, _, _, c, oc, *_ = p.sizes
    kernels = jit.load("winograd")
    dx = (np.empty(x.shape, np.float32) if out is None else out) if want_dx else None
    transposed = _transformed(w.reshape(9, c, oc).transpose(0, 2, 1)) if want_dx else None
    tables = _tables(p)
    places = [address(table) for table in tables]
    runs = _runs(p) if want_dw else blocks_of(n, p.block)
    dw = np.empty((len(runs) if want_dw else 0, 9, _fours(c) * _whole(oc)), np.float32)
    db = np.zeros((len(runs), _whole(oc)), np.float32)
    x0, dy0, y0, switch0 = address(x), address(dy), address(y), address(switch)
    w0, dx0, db0 = address(transposed), address(dx), address(db)

    def block(index: int) -> None:
        first = runs[index].start
        sums = scratch("winograd.dw", (36, _fours(c) * _whole(oc) if want_dw else 0))
        sums.fill(0)
        kernels.backward(
            p.of(runs[index]), mode, p.group, x0 + first * x.strides[0], dy0 + first * dy.strides[0],
            y0 + first * stride(y), switch0 + first * stride(switch), w0, dx0 + first * stride(dx),
            address(sums) if want_dw else 0, db0 + index * db.strides[0], *places, *_buffers(p),
        )  # fmt: skip
        if want_dw:
            np.matmul(GG.T, sums, out=dw[index])

    parallel_for(block, len(runs))
    return dx, dw.sum(axis=0).reshape(3, 3, _fours(c), -1)[:, :, :c, :oc], db.sum(axis=0)[:oc]


def input_gradient(dy: Array, w: Array, x_shape: Shape, window: Window, out: Array | None = None) -> Array:
    """dx alone, for which x is not needed, only its shape."""
    absent = np.broadcast_to(np.float32(0), x_shape)
    return np.asarray(backward(absent, dy, w, window, want_dw=False, out=out)[0])


def _runs(p: Plan) -> list[slice]:
    """Runs of images, each with a partial sum of its own; few where a sum is large."""
    n, _, _, c, oc, *_ = p.sizes
    sums = max(4, min(PARTIAL_SUMS, PARTIAL_BYTES // (36 * c * oc * 4)))
    return blocks_of(n, max(p.group, -(-n // sums)))
