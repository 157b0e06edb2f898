"""Memory that is kept between steps: fresh pages cost more than the arithmetic on them.

A training step allocates and frees the same large arrays each time. By its defaults the C library gives them back to
the system at once, and every page is mapped and cleared anew: a sixth of a step of the MNIST network where its layers
run one by one. Here it is told to keep up to KEPT_BYTES of freed memory. Only glibc knows these settings; elsewhere
nothing happens.
"""

from __future__ import annotations

import ctypes
import os
import sys
from functools import cache

KEPT_BYTES = 512 * 1024 * 1024
LARGEST_BLOCK = 32 * 1024 * 1024  # glibc's own limit for what may come from the heap
_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3  # malloc.h


@cache
def keep_freed_memory() -> bool:
    """Tell the C library, once; return whether it understood. MALLOC_… variables of the user's own are respected."""
    if not sys.platform.startswith("linux") or any(name.startswith("MALLOC_") for name in os.environ):
        return False
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError):  # musl has none
        return False
    return bool(mallopt(_MMAP_THRESHOLD, LARGEST_BLOCK)) and bool(mallopt(_TRIM_THRESHOLD, KEPT_BYTES))
