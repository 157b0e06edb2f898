"""Sparse rows as the training loop draws them: dense a batch at a time."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np

from pellucid.typing import Array, IntArray, Shape


class SparseSamples:
    """Samples (N, …) that lie in a sparse matrix by rows, with what `fit` and `Dataset` ask of an array of samples."""

    flags = SimpleNamespace(c_contiguous=False)  # which sends training to the layers, and not to the compiled loop

    def __init__(self, rows: Any, sample_shape: Shape) -> None:
        self.rows, self.shape, self.dtype = rows, (rows.shape[0], *sample_shape), rows.dtype
        self.ndim = len(self.shape)

    def __len__(self) -> int:
        return int(self.shape[0])

    def __getitem__(self, which: slice | IntArray) -> Array:
        """Return some of the samples, dense."""
        return np.asarray(self.rows[which].toarray()).reshape(-1, *self.shape[1:])

    def take(self, indices: IntArray, axis: int = 0, out: Array | None = None, mode: str = "raise") -> Any:
        """Return the samples at these indices: dense in `out`, or else as sparse as they are."""
        if out is None:
            return SparseSamples(self.rows[indices], self.shape[1:])
        out[...] = self[indices]
        return out
