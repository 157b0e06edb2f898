"""Where the BLAS routine SGEMM lies in this process, for compiled kernels that call it by address."""

from __future__ import annotations

import ctypes
import sys
from functools import cache

from pellucid.kernels import blas, jit


@cache
def address() -> int:
    """The address of the Fortran routine SGEMM, or 0: NumPy's own library first, else SciPy's.

    Compiled kernels call it with pointers to 64-bit integers. A library with 32-bit integers reads their lower half,
    which is the same number on a little-endian machine: so one way of calling serves both.
    """
    library = blas.library()
    if sys.byteorder != "little" or library is None or not blas.controlled():
        return 0
    for name in ("scipy_sgemm_64_", "sgemm_64_", "scipy_sgemm_", "sgemm_"):
        if hasattr(library, name):
            return ctypes.cast(getattr(library, name), ctypes.c_void_p).value or 0
    return 0


@cache
def available() -> bool:
    """Whether compiled kernels can call SGEMM."""
    return jit.available() and address() != 0
