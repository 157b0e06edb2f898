"""What the Winograd loops are told. U has 6x6 = 36 frequencies; tiles and kernels are stored (36, …) with `SPARE`
numbers behind each of the 36, a cache line, or with powers of two all would fall on the same few places of the cache.
"""

from __future__ import annotations

from typing import NamedTuple

from pellucid.kernels.addresses import BYTE, INTEGER
from pellucid.kernels.panels import fours, whole
from pellucid.kernels.records import Slot, reads, writes
from pellucid.typing import Shape

PLAIN, RELU, POOLED = 0, 1, 2
"""What follows the convolution, and so how the gradient of its output is found."""
SPARE = 16


class Sizes(NamedTuple):
    """x (N, H, W, C), the convolution's own output (N, OH, OW, OC), padding, rows of tiles and tiles in a row."""

    n: int
    height: int
    width: int
    channels: int
    oc: int
    oh: int
    ow: int
    top: int
    left: int
    th: int
    tw: int


class Cut(NamedTuple):
    """How the work is cut: images of a piece; images, and rows of tiles of each, that share the 36 products."""

    size: int
    group: int
    strip: int


class Places(NamedTuple):
    """Where in scratch memory, after the rows of tiles, what begins, in bytes; and the floats of all."""

    lines: int
    carry: int
    u: int
    v: int
    sums: int


class Transform(NamedTuple):
    """G w Gᵀ of kernels, in panels."""

    taps: int
    channels: int
    oc: int
    w: Slot = reads("taps channels oc")
    out: Slot = writes(lambda t: transformed(t.channels, t.oc))


def transformed(channels: int, oc: int) -> Shape:
    """The shape of transformed kernels."""
    return 36, channels * whole(oc) + SPARE


def _above(p: Forward | Backward) -> Shape:
    """The shape of what the forward pass gave."""
    s, by = p.sizes, 2 if p.mode == POOLED else 1
    return s.n, s.oh // by, s.ow // by, s.oc


def _zeros(p: Forward | Backward) -> Shape:
    s = p.sizes
    return (max(s.width * s.channels, whole(s.channels), whole(s.oc)) + 2 * SPARE,)


def _tiles(p: Forward | Backward) -> Shape:
    """One for each of the tiles that share the products."""
    return (p.cut.group * p.cut.strip * p.sizes.tw,)


def _fours(p: Backward) -> Shape:
    return (fours(p.sizes.channels),)


_IMAGES = "sizes.n sizes.height sizes.width sizes.channels"


class Forward(NamedTuple):
    """A forward pass, whose rows of tiles are cut into `parts`. Tables are bytes to each tile in u (of x) and v (of the
    products).
    """

    sizes: Sizes
    cut: Cut
    at: Places
    mode: int
    parts: int
    zeros: Slot = reads(_zeros)
    at_u: Slot = reads(_tiles, INTEGER)
    at_v: Slot = reads(_tiles, INTEGER)
    x: Slot = reads(_IMAGES)
    w: Slot = reads(lambda p: transformed(p.sizes.channels, p.sizes.oc))
    bias: Slot = reads(lambda p: (whole(p.sizes.oc),))
    y: Slot = writes(_above)
    switch: Slot = writes(_above, BYTE, optional=True)


class Backward(NamedTuple):
    """A backward pass; a gradient that is not there is not wanted. Beside the tables of `Forward` those of channels, in
    u and in dw. dw: for each piece of work its sums, `partial` for each pair of channels, of all 36 frequencies or
    already of the kernel's pixels.
    """

    sizes: Sizes
    cut: Cut
    at: Places
    mode: int
    pieces: int
    partial: int
    zeros: Slot = reads(_zeros)
    at_u: Slot = reads(_tiles, INTEGER)
    at_v: Slot = reads(_tiles, INTEGER)
    at_c: Slot = reads(_fours, INTEGER)
    at_dw: Slot = reads(_fours, INTEGER)
    x: Slot = reads(_IMAGES, optional=True)
    dy: Slot = reads(_above)
    y: Slot = reads(_above, optional=True)
    switch: Slot = reads(_above, BYTE, optional=True)
    w: Slot = reads(lambda p: transformed(p.sizes.oc, p.sizes.channels), optional=True)
    dx: Slot = writes(_IMAGES, optional=True)
    dw: Slot = writes(lambda p: (p.pieces, p.partial, fours(p.sizes.channels) * whole(p.sizes.oc)), optional=True)
    db: Slot = writes(lambda p: (p.pieces, whole(p.sizes.oc)))
