"""What the loops of direct convolution are told."""

from __future__ import annotations

from typing import NamedTuple

from pellucid.kernels.addresses import INTEGER
from pellucid.kernels.panels import whole
from pellucid.kernels.records import Slot, reads, writes


class Image(NamedTuple):
    """The shape of an image."""

    height: int
    width: int
    channels: int


class Frame(NamedTuple):
    """Images in their border of zeros: (H, W, C), top, left, HP, WP, and the channels of what is made of them."""

    height: int
    width: int
    channels: int
    top: int
    left: int
    hp: int
    wp: int
    out_channels: int

    @property
    def padded(self) -> int:
        """Floats of a frame."""
        return self.hp * self.wp * self.channels


class Tables(NamedTuple):
    """Where outputs and what they see lie, in bytes, phase after phase.

    `places`: from a frame to the corner of each output's window; `outs`: from an image to each output; `runs`: from a
    corner to each run of pixels. `parts`, for each cut and phase: its first and last place, its first and last run.
    """

    many: int
    taps: int
    cuts: int
    phases: int
    places: Slot = reads("many", INTEGER)
    outs: Slot = reads("many", INTEGER)
    runs: Slot = reads("taps", INTEGER)
    parts: Slot = reads(lambda t: (t.cuts, t.phases, 4), INTEGER)


class Pack(NamedTuple):
    """Weights (K, OC), `rows` of K a piece, to be put into panels as `panels.panels` lays them out."""

    k: int
    oc: int
    rows: int
    w: Slot = reads("k oc")
    out: Slot = writes(lambda p: (p.k * whole(p.oc),))


_IMAGES = "n frame.height frame.width frame.channels"


def _out_panels(p: Correlate | WeightGradient) -> int:
    """Whole vectors of a group's channels."""
    return whole(p.frame.out_channels // p.groups)


class Correlate(NamedTuple):
    """y[outs[p]] = bias + Σ_k x[places[p] + runs[k] …]·w[k]. A piece is `size` images and one of the cuts.

    A run is `run` floats. w: in panels, phase by phase, group by group.
    """

    n: int
    size: int
    groups: int
    run: int
    rectify: int
    frame: Frame
    made: Image
    tables: Tables
    x: Slot = reads(_IMAGES)
    w: Slot = reads(lambda p: (p.groups * p.tables.taps * p.run * _out_panels(p),))
    bias: Slot = reads(lambda p: (p.groups, _out_panels(p)))
    y: Slot = writes("n made.height made.width made.channels")


class Gather(NamedTuple):
    """The gradient of few channels: columns dy · wᵀ in a frame, from where each pixel gathers its numbers.

    `sources`, `targets`: bytes to each output in dy and in the frame. With y, dy counts where y > 0.
    """

    n: int
    size: int
    frame: Frame
    given: Image
    made: Image
    tables: Tables
    outputs: int
    sources: Slot = reads("outputs", INTEGER)
    targets: Slot = reads("outputs", INTEGER)
    dy: Slot = reads("n given.height given.width given.channels")
    y: Slot = reads("n given.height given.width given.channels", optional=True)
    w: Slot = reads(lambda p: (1, p.given.channels * p.frame.channels))
    zeros: Slot = reads("frame.channels")
    dx: Slot = writes("n made.height made.width made.channels")


class WeightGradient(NamedTuple):
    """dw += Σ x·dy, db += Σ dy, for each piece of `size` images, `group` of them at a time.

    `taps`: bytes from a window's corner to each tap; `rows`: from the first of `group` frames to the corner of each row
    of `ow` outputs, which are `xstep` apart. With y, dy counts where y > 0.
    """

    n: int
    size: int
    groups: int
    group: int
    frame: Frame
    oh: int
    ow: int
    xstep: int
    many: int
    pieces: int
    taps: Slot = reads("many", INTEGER)
    rows: Slot = reads(lambda p: (p.group * p.oh,), INTEGER)
    outs: Slot = reads("many", INTEGER)
    x: Slot = reads(_IMAGES)
    dy: Slot = reads("n oh ow frame.out_channels")
    y: Slot = reads("n oh ow frame.out_channels", optional=True)
    dw: Slot = writes(lambda p: (p.pieces, p.groups, p.many, _out_panels(p)))
    db: Slot = writes(lambda p: (p.pieces, p.groups, _out_panels(p)))
