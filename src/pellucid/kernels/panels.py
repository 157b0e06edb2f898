"""What the compiled kernels share: channels in whole vectors, weights in panels, blocks of images."""

from __future__ import annotations

import numpy as np

from pellucid.kernels.crew.threads import blocks_of
from pellucid.typing import Array

LANES = 16
# The batch is cut into this many blocks at most; each may hold a partial sum of the weight gradient.
BLOCKS = 16
PARTIAL_BYTES = 4 * 1024 * 1024


# A block of work should take some 50 µs at least: handing one out costs about 5.
BLOCK_FLOPS = 4_000_000
BLOCK_BYTES = 1_000_000


def work_blocks(images: int, flops: int, bytes_moved: int) -> list[slice]:
    """The batch cut into as many blocks as the work is worth, 16 at most. Depends on the shapes alone."""
    worth = max(flops // BLOCK_FLOPS, bytes_moved // BLOCK_BYTES, 1)
    return blocks_of(images, -(-images // min(BLOCKS, worth)))


def sum_blocks(images: int, sum_bytes: int, flops: int, bytes_moved: int) -> list[slice]:
    """The same where each block has a partial sum of `sum_bytes` of its own: fewer where the sums are large."""
    most = max(4, min(BLOCKS, PARTIAL_BYTES // sum_bytes))
    worth = max(flops // BLOCK_FLOPS, bytes_moved // BLOCK_BYTES, 1)
    return blocks_of(images, -(-images // min(most, worth)))


def whole(channels: int) -> int:
    """Channels rounded up to whole vectors."""
    return -(-channels // LANES) * LANES


def fours(channels: int) -> int:
    """Channels rounded up to fours, the fewest that a tile takes."""
    return -(-channels // 4) * 4


def widened(a: Array) -> Array:
    """a (K, OC) with its columns filled up with zeros to whole vectors."""
    if a.shape[1] % LANES == 0:
        return np.ascontiguousarray(a)
    wide = np.zeros((a.shape[0], whole(a.shape[1])), np.float32)
    wide[:, : a.shape[1]] = a
    return wide


def bias_vector(b: Array | None, channels: int) -> Array:
    """b (OC,) or zeros, filled up to whole vectors."""
    return widened(np.zeros((1, channels), np.float32) if b is None else b[None]).reshape(-1)


def panels(w: Array) -> Array:
    """w (B, K, OC) → (B, K · whole(OC)): for each b, columns in panels of 32 (the last of 16 if that is enough),
    each panel (K, 32) in one piece, so that a tile reads its weights straight on.
    """
    b, k, oc = w.shape
    if oc in (LANES, 2 * LANES):
        return np.ascontiguousarray(w).reshape(b, k * oc)
    wide = np.zeros((b, k, whole(oc)), np.float32)
    wide[..., :oc] = w
    full = whole(oc) // 32 * 32
    packed = np.empty((b, k * whole(oc)), np.float32)
    packed[:, : k * full].reshape(b, full // 32, k, 32)[:] = (
        wide[..., :full].reshape(b, k, -1, 32).transpose(0, 2, 1, 3)
    )
    packed[:, k * full :].reshape(b, k, -1)[:] = wide[..., full:]
    return packed
