"""Guard pages round every array of NumPy's, for a process: `install("end")`, or pytest with `-p fuzz.guard`.

`guard.c` says how. The environment variable GUARD says where arrays lie: "end" finds what goes beyond them, "start"
what goes before. NumPy's own handler of memory is changed in place, so that arrays made in any thread are guarded;
arrays that were there before are not, nor what NumPy and the BLAS keep for themselves.
"""

from __future__ import annotations

import ctypes
import faulthandler
import os
import subprocess
import sys
import tempfile
from functools import cache
from pathlib import Path

import numpy as np

HANDLER = 306  # the place of PyDataMem_DefaultHandler in NumPy's table of C functions


@cache
def library() -> ctypes.CDLL:
    """The compiled `guard.c`."""
    with tempfile.TemporaryDirectory() as folder:
        target, source = Path(folder) / "guard.so", Path(__file__).with_suffix(".c")
        subprocess.run(["cc", "-O2", "-Wall", "-shared", "-fPIC", "-o", target, source], check=True)
        return ctypes.CDLL(str(target))


def install(side: str) -> None:
    """Guard what NumPy allocates from now on, at its "end" or its "start"."""
    if side not in ("end", "start"):
        raise ValueError(f"GUARD must be 'end' or 'start', got {side!r}.")
    pointer = ctypes.pythonapi.PyCapsule_GetPointer
    pointer.restype, pointer.argtypes = ctypes.c_void_p, [ctypes.py_object, ctypes.c_char_p]
    table = ctypes.cast(pointer(np._core._multiarray_umath._ARRAY_API, None), ctypes.POINTER(ctypes.c_void_p))
    capsule = ctypes.cast(table[HANDLER], ctypes.POINTER(ctypes.py_object)).contents.value
    handler = ctypes.c_void_p(pointer(capsule, b"mem_handler"))
    if library().guard_install(handler, side == "end"):
        raise MemoryError("There is no room for guarded memory.")
    faulthandler.enable()
    held = count()
    np.empty(3)
    if count() != held + 1:
        raise RuntimeError("NumPy does not take its memory from the guard.")


def count() -> int:
    """How many arrays were guarded so far."""
    library().guard_count.restype = ctypes.c_size_t
    return int(library().guard_count())


if "pytest" in sys.modules and os.environ.get("GUARD"):  # named by `-p`
    install(os.environ["GUARD"])
