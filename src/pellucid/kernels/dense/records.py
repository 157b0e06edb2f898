"""What the loops of matrix products are told."""

from __future__ import annotations

from typing import NamedTuple

from pellucid.kernels.addresses import DOUBLE, INTEGER
from pellucid.kernels.panels import whole
from pellucid.kernels.records import Slot, reads, writes

DEPTH = 128
"""Numbers of a long sum that are taken at once: the panel of W that they need lies in the first-level cache."""
PARTS = 12
"""Parts of a long sum, at most."""
ROWS = 96
"""Rows of W in a piece of dy·Wᵀ."""
SPARE = 32
"""Numbers behind an array of which whole vectors are read: a little more than there is."""


class Times(NamedTuple):
    """A row times a matrix, x (K,) · W (K, N): a piece is `part` rows of W."""

    length: int
    part: int
    columns: int
    pieces: int
    x: Slot = reads("length")
    w: Slot = reads("length columns")
    y: Slot = writes("pieces columns")


class Total(NamedTuple):
    """y = Σ parts in their order, plus b if there is one, and ReLU if asked."""

    many: int
    columns: int
    rectify: int
    parts: Slot = reads("many columns")
    y: Slot = writes("columns")
    b: Slot = reads("columns", optional=True)


class TimesPart(NamedTuple):
    """x (N, D) · W (D, K), D long: a piece is `part` numbers of each sum. Tables: bytes to each row of x and of y."""

    n: int
    d: int
    k: int
    part: int
    pieces: int
    at_row: Slot = reads("n", INTEGER)
    at_out: Slot = reads("n", INTEGER)
    zeros: Slot = reads(lambda p: (SPARE,))
    x: Slot = reads("n d")
    w: Slot = reads("d k")
    parts: Slot = writes(lambda p: (p.pieces * p.n * p.k + SPARE,))


class ProductPart(NamedTuple):
    """x (N, D) · W (D, K): a piece is a part of the sums, of `part` numbers, for some rows of x and columns of W.

    Tables: bytes to each row of x as it is packed, of the sums, and of y.
    """

    n: int
    d: int
    k: int
    part: int
    parts: int
    rows: int
    columns: int
    at_row: Slot = reads("rows", INTEGER)
    at_sum: Slot = reads("rows", INTEGER)
    at_out: Slot = reads("rows", INTEGER)
    zeros: Slot = reads(lambda p: (whole(p.columns) + SPARE,))
    x: Slot = reads("n d")
    w: Slot = reads("d k")
    y: Slot = writes("parts n k")


class TimesTransposed(NamedTuple):
    """dy (N, K) · Wᵀ, W (D, K), D long: a piece is `ROWS` rows of W. dyᵀ (K, N) comes in panels."""

    n: int
    d: int
    k: int
    at_row: Slot = reads(lambda p: (ROWS,), INTEGER)
    at_out: Slot = reads(lambda p: (ROWS,), INTEGER)
    zeros: Slot = reads(lambda p: (128,))
    w: Slot = reads("d k")
    panels: Slot = reads(lambda p: (1, p.k * whole(p.n)))
    dx: Slot = writes("n d")


class Steps(NamedTuple):
    """Training steps of a dense network: `steps` batches of `batch` samples of x (N, D); t (N, width) holds rows, or
    one class each as a float.

    weights, biases: the addresses of each layer's W (D, K) and b (K,), 0 for none. rates: η of each step; keeps: what
    decay leaves of a weight, 1 − ηλ. work: floats for the targets and two of every output of a batch.
    """

    sgemm: int
    loss: int
    samples: int
    width: int
    steps: int
    batch: int
    layers: int
    floats: int
    x: Slot = reads(lambda p: (p.samples, int(p.sizes[0])))
    t: Slot = reads("samples width")
    order: Slot = reads("steps batch", INTEGER)
    sizes: Slot = reads(lambda p: (p.layers + 1,), INTEGER)
    kinds: Slot = reads("layers", INTEGER)
    weights: Slot = reads("layers", INTEGER)
    biases: Slot = reads("layers", INTEGER)
    rates: Slot = reads("steps", DOUBLE)
    keeps: Slot = reads("steps", DOUBLE)
    values: Slot = writes("steps", DOUBLE)
    work: Slot = writes("floats")
