"""Where the BLAS routine SGEMM lies in this process, for compiled kernels that call it by address."""

from __future__ import annotations

import ctypes
import sys
from functools import cache

from pellucid.kernels import jit
from pellucid.kernels.crew import blas


@cache
def address() -> int:
    """The address of the Fortran routine SGEMM in the OpenBLAS of NumPy's wheel, or 0 where NumPy came without one.

    NumPy built on Accelerate, MKL or a system's BLAS has none that can be found and told how many threads to use: then
    the layers' own steps run, on NumPy's products. They compute the same to rounding, and are as reproducible.

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
