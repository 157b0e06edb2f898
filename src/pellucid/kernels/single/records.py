"""What the loops of one sample are told. Images are flat here; those of the caller come later."""

from __future__ import annotations

from typing import NamedTuple

from pellucid.kernels.addresses import BYTE, INTEGER
from pellucid.kernels.direct.records import Frame
from pellucid.kernels.panels import whole
from pellucid.kernels.records import Slot, reads, writes
from pellucid.kernels.winograd.records import POOLED, SPARE, Sizes, transformed


class Pad(NamedTuple):
    """x into its border of zeros."""

    frame: Frame
    x: Slot = reads(lambda p: (p.frame.height * p.frame.width * p.frame.channels,))
    padded: Slot = writes(lambda p: (p.frame.padded,))


class Correlate(NamedTuple):
    """A direct convolution of `floats` numbers: `direct.records.Correlate` of one phase and no groups."""

    floats: int
    many: int
    taps: int
    run: int
    channels: int
    rectify: int
    places: Slot = reads("many", INTEGER)
    outs: Slot = reads("many", INTEGER)
    runs: Slot = reads("taps", INTEGER)
    x: Slot = reads("floats")
    w: Slot = reads(lambda p: (1, p.taps * p.run * whole(p.channels)))
    b: Slot = reads(lambda p: (whole(p.channels),))
    y: Slot = writes(lambda p: (p.many * p.channels,))


def tiles_shape(sizes: Sizes, strip: int, channels: int) -> tuple[int, int]:
    """A strip of tiles in memory."""
    return 36, strip * sizes.tw * whole(channels) + SPARE


def _zeros(p: Transform | Products) -> tuple[int]:
    s = p.sizes
    return (max(s.width * s.channels, whole(s.channels), whole(s.oc)) + 2 * SPARE,)


class Transform(NamedTuple):
    """Bᵀ d B of a strip of tiles whose first row is `first`: a piece is one row."""

    sizes: Sizes
    strip: int
    first: int
    zeros: Slot = reads(_zeros)
    x: Slot = reads(lambda p: (p.sizes.height * p.sizes.width * p.sizes.channels,))
    u: Slot = writes(lambda p: tiles_shape(p.sizes, p.strip, p.sizes.channels))


class Products(NamedTuple):
    """The 36 products of `rows` rows of tiles."""

    sizes: Sizes
    strip: int
    rows: int
    zeros: Slot = reads(_zeros)
    at_u: Slot = reads(lambda p: (p.strip * p.sizes.tw,), INTEGER)
    at_v: Slot = reads(lambda p: (p.strip * p.sizes.tw,), INTEGER)
    u: Slot = reads(lambda p: tiles_shape(p.sizes, p.strip, p.sizes.channels))
    w: Slot = reads(lambda p: transformed(p.sizes.channels, p.sizes.oc))
    v: Slot = writes(lambda p: tiles_shape(p.sizes, p.strip, p.sizes.oc))


def _made(p: Outputs) -> tuple[int]:
    by = 2 if p.mode == POOLED else 1
    return (p.sizes.oh // by * (p.sizes.ow // by) * p.sizes.oc,)


class Outputs(NamedTuple):
    """The outputs of a strip, with ReLU and pooling: a piece is one row of tiles."""

    sizes: Sizes
    strip: int
    first: int
    mode: int
    v: Slot = reads(lambda p: tiles_shape(p.sizes, p.strip, p.sizes.oc))
    b: Slot = reads(lambda p: (whole(p.sizes.oc),))
    y: Slot = writes(_made)
    switch: Slot = writes(_made, BYTE, optional=True)
