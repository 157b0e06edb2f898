"""What the loops of depthwise convolution are told."""

from __future__ import annotations

from typing import NamedTuple

from pellucid.kernels.addresses import INTEGER
from pellucid.kernels.panels import LANES, whole
from pellucid.kernels.records import Slot, reads, writes

RUNS = (5, 3, 2, 1)
"""Neighbouring taps of a row are taken together in runs of these lengths."""

GROUPS = ((3, 3, 3), (5,), (1,) * 8)
"""Runs whose sums in the weight gradient stay in registers together. The last serves every kernel."""


PART = 6 + len(RUNS)
"""Numbers of an entry of `parts`."""


class Sizes(NamedTuple):
    """Images x (N, H, W, C), outputs (N, OH, OW, C), padding, images of a piece and pieces."""

    n: int
    height: int
    width: int
    channels: int
    oh: int
    ow: int
    top: int
    left: int
    size: int
    pieces: int


_IMAGES = "sizes.n sizes.height sizes.width sizes.channels"
_OUTPUTS = "sizes.n sizes.oh sizes.ow sizes.channels"


def _line(p: Outputs3x3 | Sums3x3) -> tuple[int]:
    return (p.sizes.width * p.sizes.channels,)


class Outputs3x3(NamedTuple):
    """Outputs of the usual windows: what is kept in registers are the nine taps and the bias."""

    sizes: Sizes
    zeros: Slot = reads(_line)
    x: Slot = reads(_IMAGES)
    y: Slot = writes(_OUTPUTS)
    taps: Slot = reads(lambda p: (3, 3, 1, p.sizes.channels))
    last: Slot = reads("sizes.channels")


class Sums3x3(NamedTuple):
    """Their weight gradient: what is kept are the sums, nine and the last one of dy, of each piece."""

    sizes: Sizes
    zeros: Slot = reads(_line)
    x: Slot = reads(_IMAGES)
    y: Slot = reads(_OUTPUTS)
    taps: Slot = writes(lambda p: (p.sizes.pieces, 10, p.sizes.channels))
    last: Slot = reads("sizes.channels")


class Image(NamedTuple):
    """The shape of an image."""

    height: int
    width: int
    channels: int


class Pace(NamedTuple):
    """Step j sees `rows` rows of the image, from j·go + first on; each part (phase) makes of it outputs in row
    j·down + row of the result, `beside` columns apart.
    """

    steps: int
    go: int
    first: int
    rows: int
    stride: int  # along a row
    down: int
    beside: int


class Tables(NamedTuple):
    """`table`: row, column, number of its first tap in `order`, of each run; `order`: the taps of all runs in turn.
    `parts`: row, column, outputs, inside from … to, its first run, runs of each length.
    """

    runs: int
    taps: int
    many: int
    table: Slot = reads(lambda t: (t.runs, 3), INTEGER)
    order: Slot = reads("taps", INTEGER)
    parts: Slot = reads(lambda t: (t.many, PART), INTEGER)


class Correlation(NamedTuple):
    """x (N, H, W, C), w (taps, C) → y (N, OH, OW, C), by any window. A piece is `size` images."""

    n: int
    size: int
    kh: int
    kw: int
    image: Image
    oh: int
    ow: int
    pace: Pace
    tables: Tables
    x: Slot = reads("n image.height image.width image.channels")
    w: Slot = reads(lambda p: (p.kh, p.kw, 1, p.image.channels))
    bias: Slot = reads("image.channels")
    y: Slot = writes("n oh ow image.channels")


class WeightSums(NamedTuple):
    """Its weight gradient: for each piece of `size` images and each vector of channels Σ dy, and Σ x·dy of all taps.

    Runs come in `groups` of one kind: `members` of them, with `taps` taps. The windows of outputs low … high − 1 of a
    row are inside the image from side to side. `places`: row and column of each run.
    """

    n: int
    size: int
    pieces: int
    image: Image
    oh: int
    ow: int
    pace: Pace
    low: int
    high: int
    groups: int
    members: int
    taps: int
    places: Slot = reads(lambda p: (p.groups * p.members, 2), INTEGER)
    zeros: Slot = reads(lambda p: (p.image.width * p.image.channels,))
    x: Slot = reads("n image.height image.width image.channels")
    dy: Slot = reads("n oh ow image.channels")
    sums: Slot = writes(lambda p: (p.pieces, whole(p.image.channels) // LANES, 1 + p.groups * p.taps, LANES))
