"""Names for the types that signatures use. Nothing here does any work."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

__all__ = ["Array", "ArrayLike", "Arrays", "Config", "DTypeLike", "IntArray", "Shape"]

Array: TypeAlias = NDArray[Any]
"""A floating-point array (float32 by default, float64 on request)."""

IntArray: TypeAlias = NDArray[np.integer[Any]]
"""Class indices, kernel switches and other counts."""

Arrays: TypeAlias = dict[str, Array]
"""Named arrays: parameters, gradients, buffers, the state of an optimiser."""

Shape: TypeAlias = tuple[int, ...]
"""The shape of *one* sample, without the batch axis N."""

Config: TypeAlias = dict[str, Any]
"""The arguments that make an object again, fit for JSON."""
