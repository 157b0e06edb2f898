"""Convolution of every kind as matrix products: windows written out as rows ("im2col"), in blocks that stay in cache.

    cols[p, (u,v,c)] = x[the pixel that output p sees through tap (u,v)]      (P, KH·KW·C)
    y = cols · w            dcols = dy · wᵀ            dw = colsᵀ · dy

A whole batch of columns is KH·KW times the batch, streamed through memory twice. Blocks of a few images keep them in
the cache, where copying is cheap, and give the thread pool its pieces. Each image is a product of its own, so that a
BLAS, which adds up by the size of a product, gives an image the same bits in every batch. Any stride, padding,
dilation, groups, dtype.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
from numpy.lib.stride_tricks import as_strided

from pellucid.kernels.crew.threads import blocks_of, parallel_for, scratch
from pellucid.kernels.geometry import Pair, Window, conv_output_shape
from pellucid.typing import Array, Shape

# Half of a common second-level cache: columns of one block fit beside the kernel and the output.
BLOCK_BYTES = 512 * 1024
# Partial weight gradients are added in a fixed order; more than this many would cost more than they save.
PARTIAL_SUMS = 16


def _images_per_block(window: Window, x_shape: Shape, itemsize: int) -> int:
    oh, ow = window.output(x_shape[1], x_shape[2])
    bytes_per_image = oh * ow * window.size[0] * window.size[1] * x_shape[3] * itemsize
    return max(1, min(BLOCK_BYTES // max(1, bytes_per_image), x_shape[0]))


@contextmanager
def _padded(x: Array, window: Window) -> Iterator[Array]:
    """A block of images with its border of zeros, in scratch memory; the images themselves where there is none."""
    (top, bottom), (left, right) = window.padding
    if not (top or bottom or left or right):
        yield x
        return
    n, h, w, c = x.shape
    with scratch("im2col.padded", (n, h + top + bottom, w + left + right, c), x.dtype) as padded:
        padded.fill(0)
        padded[:, top : top + h, left : left + w] = x
        yield padded


def _windows(padded: Array, window: Window, out: Pair, groups: int) -> Array:
    """A view (N, OH, OW, groups, KH, KW, C//groups) of padded images: nothing is copied."""
    n, _, _, c = padded.shape
    (sh, sw), (dh, dw) = window.stride, window.dilation
    bn, bh, bw, bc = padded.strides
    cg = c // groups
    shape = (n, *out, groups, *window.size, cg)
    return as_strided(padded, shape, (bn, bh * sh, bw * sw, bc * cg, bh * dh, bw * dw, bc))


@contextmanager
def _columns(x: Array, window: Window, out: Pair, groups: int) -> Iterator[Array]:
    """x (N, H, W, C) → cols (N, groups, OH·OW, KH·KW·C//groups), in scratch memory."""
    n, _, _, c = x.shape
    (oh, ow), (kh, kw), cg = out, window.size, c // groups
    with scratch("im2col.columns", (n, groups, oh, ow, kh, kw, cg), x.dtype) as cols:
        with _padded(x, window) as padded:
            np.copyto(cols, _windows(padded, window, out, groups).transpose(0, 3, 1, 2, 4, 5, 6))
        yield cols.reshape(n, groups, oh * ow, kh * kw * cg)


def _kernel_matrices(w: Array, groups: int) -> Array:
    """w (KH, KW, CG, OC) → (groups, KH·KW·CG, OC//groups)."""
    oc = w.shape[3]
    return w.reshape(-1, groups, oc // groups).transpose(1, 0, 2)


def _by_group(y: Array, groups: int) -> Array:
    """y (N, OH, OW, OC) → a view (N, groups, OH·OW, OC//groups)."""
    n, oh, ow, oc = y.shape
    return y.reshape(n, oh * ow, groups, oc // groups).transpose(0, 2, 1, 3)


def _as_one(a: Array) -> Array:
    """a (N, groups, P, C) → (groups, N·P, C): all images in one product, whose sums are over them."""
    return a.transpose(1, 0, 2, 3).reshape(a.shape[1], -1, a.shape[3])


def conv2d(x: Array, w: Array, b: Array | None, window: Window, groups: int, out: Array | None = None) -> Array:
    """y = cols · w + b, block by block."""
    shape = conv_output_shape(x.shape, w.shape, window)
    y = np.empty(shape, x.dtype) if out is None else out
    matrices = np.ascontiguousarray(_kernel_matrices(w, groups))
    blocks = blocks_of(len(x), _images_per_block(window, x.shape, x.itemsize))

    def block(index: int) -> None:
        part = blocks[index]
        with _columns(x[part], window, shape[1:3], groups) as cols:
            np.matmul(cols, matrices, out=_by_group(y[part], groups))
        if b is not None:
            y[part] += b

    parallel_for(block, len(blocks))
    return y


def conv2d_input_gradient(
    dy: Array, w: Array, x_shape: Shape, window: Window, groups: int, out: Array | None = None
) -> Array:
    """dcols = dy · wᵀ, each column added back to the pixels it came from ("col2im")."""
    dx = np.empty(x_shape, dy.dtype) if out is None else out
    transposed = np.ascontiguousarray(_kernel_matrices(w, groups).transpose(0, 2, 1))
    blocks = blocks_of(len(dx), _images_per_block(window, x_shape, dy.itemsize))

    def block(index: int) -> None:
        part = blocks[index]
        rows = _by_group(dy[part], groups)  # (N, groups, P, OC//groups)
        with scratch("im2col.columns", (*rows.shape[:3], transposed.shape[2]), dy.dtype) as cols:
            np.matmul(rows, transposed, out=cols)
            _add_columns(cols, dx[part], window, dy.shape[1:3], groups)

    parallel_for(block, len(blocks))
    return dx


def _add_columns(cols: Array, dx: Array, window: Window, out: tuple[int, ...], groups: int) -> None:
    """dx = the sum of all columns at their pixels; one addition of whole planes per tap."""
    n, h, w, c = dx.shape
    (oh, ow), (kh, kw) = out, window.size
    (sh, sw), (dh, dw) = window.stride, window.dilation
    (top, bottom), (left, right) = window.padding
    taps = cols.reshape(n, groups, oh, ow, kh, kw, c // groups).transpose(4, 5, 0, 2, 3, 1, 6)
    with scratch("im2col.padded", (n, h + top + bottom, w + left + right, groups, c // groups), dx.dtype) as padded:
        padded.fill(0)
        for u, v in np.ndindex(kh, kw):
            rows = slice(u * dh, u * dh + (oh - 1) * sh + 1, sh)
            columns = slice(v * dw, v * dw + (ow - 1) * sw + 1, sw)
            padded[:, rows, columns] += taps[u, v]
        dx[:] = padded[:, top : top + h, left : left + w].reshape(dx.shape)


def conv2d_weight_gradient(
    x: Array, dy: Array, w_shape: Shape, window: Window, groups: int, out: Array | None = None
) -> Array:
    """dw = colsᵀ · dy, as partial sums over fixed runs of images, added in order (see `threads`)."""
    kh, kw, cg, oc = w_shape
    sums = np.array_split(np.arange(len(x)), min(PARTIAL_SUMS, len(x)))
    partial = np.zeros((len(sums), groups, kh * kw * cg, oc // groups), x.dtype)
    step = _images_per_block(window, x.shape, x.itemsize)

    def block(index: int) -> None:
        with scratch("im2col.product", partial.shape[1:], x.dtype) as product:
            for part in blocks_of(len(sums[index]), step):
                images = slice(sums[index][part][0], sums[index][part][-1] + 1)
                with _columns(x[images], window, dy.shape[1:3], groups) as cols:
                    np.matmul(_as_one(cols).transpose(0, 2, 1), _as_one(_by_group(dy[images], groups)), out=product)
                partial[index] += product

    parallel_for(block, len(sums))
    dw = np.empty(w_shape, x.dtype) if out is None else out
    dw.reshape(-1, groups, oc // groups)[:] = partial.sum(axis=0).transpose(1, 0, 2)
    return dw
