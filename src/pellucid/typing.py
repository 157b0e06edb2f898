"""Names for the types that signatures use. Nothing here does any work."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:  # numpy.typing takes ten milliseconds to load, and only type checkers look at it
    import numpy as np
    from numpy.typing import ArrayLike as ArrayLike
    from numpy.typing import DTypeLike as DTypeLike
    from numpy.typing import NDArray
else:
    ArrayLike = DTypeLike = Any

Array: TypeAlias = "NDArray[Any]"
"""A floating-point array (float32 by default, float64 on request)."""

IntArray: TypeAlias = "NDArray[np.integer[Any]]"
"""Class indices, kernel switches and other counts."""

Arrays: TypeAlias = "dict[str, Array]"
"""Named arrays: parameters, gradients, buffers, the state of an optimiser."""

Shape: TypeAlias = tuple[int, ...]
"""The shape of *one* sample, without the batch axis N."""

Config: TypeAlias = dict[str, Any]
"""The arguments that make an object again, fit for JSON."""
