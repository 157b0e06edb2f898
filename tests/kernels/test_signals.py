"""A signal's handler, or `__del__`, that computes while its thread computes: right numbers and no deadlock."""

from __future__ import annotations

import signal

import pytest

from kernels.processes import python

pytestmark = pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="needs timers that send signals")

CODE = """
import gc, signal, sys, time
import numpy as np, pellucid as pl
from pellucid.kernels.crew import blas
dtype, cold, numba = np.dtype("DTYPE"), COLD, True
control = blas._openblas()
before = control.threads if control else None  # of those asked for, as many as there are cores
def net(*layers, shape):
    return pl.Sequential([*layers, pl.Flatten(), pl.Affine(10)], input_shape=shape, seed=0, dtype=dtype)
large = net(pl.Conv2D(16, 3, padding="same"), pl.ReLU(), pl.Conv2D(16, 3), shape=(12, 12, 3))
small = net(pl.Conv2D(20, 5, padding="same"), pl.ReLU(), shape=(20, 20, 3))
rng = np.random.default_rng(0)
x, z = rng.random((9, 12, 12, 3)).astype(dtype), rng.random((5, 20, 20, 3)).astype(dtype)
wanted = None if cold else (large(x), small(z), small(z[:1]))
seen, depth, calls = [], 0, 0
def compute(*_):
    global depth, calls
    if depth < 2:
        depth, calls = depth + 1, calls + 1
        seen.append((large(x), small(z), small(z[:1])))
        depth -= 1
signal.signal(signal.SIGALRM, compute)
signal.setitimer(signal.ITIMER_REAL, 0.002, 0.05 if cold else 0.004)
own, end = [], time.monotonic() + 1.5
while time.monotonic() < end or len(own) < 5 or calls < 5:
    own.append(large(x))
signal.setitimer(signal.ITIMER_REAL, 0)
wanted = wanted or (large(x), small(z), small(z[:1]))
right = all(np.allclose(y, wanted[0], atol=1e-4) for y in own)
right = right and all(np.allclose(a, b, atol=1e-4) for each in seen for a, b in zip(each, wanted))
class Last:
    def __del__(self):
        print(np.allclose(large(x), wanted[0], atol=1e-4), end=" ")
with blas._single_threaded.lock, blas.single_threaded():
    Last()
print(right, blas._single_threaded.inside, control is None or control.threads == before)
"""


@pytest.mark.parametrize("numba", ["", "1"], ids=["compiled", "NumPy"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_handler_may_predict_while_its_thread_does(dtype: str, numba: str) -> None:
    code = CODE.replace("DTYPE", dtype).replace("COLD", "False")
    printed = python(code, PELLUCID_NUM_THREADS="2", OPENBLAS_NUM_THREADS="2", PELLUCID_NO_NUMBA=numba)

    assert printed == "True True [] True\n"


def test_a_handler_may_predict_while_kernels_are_compiled(needs_numba: None, tmp_path: object) -> None:
    code = CODE.replace("DTYPE", "float32").replace("COLD", "True")
    printed = python(code, PELLUCID_NUM_THREADS="2", OPENBLAS_NUM_THREADS="2", NUMBA_CACHE_DIR=str(tmp_path))

    assert printed == "True True [] True\n"


def test_what_a_handler_raises_waits_for_the_helpers() -> None:
    code = """
import signal, threading, time
from pellucid.kernels.crew.threads import parallel_for
main, inside, ended = threading.get_ident(), threading.Event(), []
def late(*_):
    raise TimeoutError
signal.signal(signal.SIGALRM, late)
meet = threading.Barrier(2)
parallel_for(lambda _: meet.wait(10), 2)  # what is compiled is compiled now
def block(index):
    if threading.get_ident() == main:
        inside.wait(10)
        signal.setitimer(signal.ITIMER_REAL, 0.05)
    else:
        inside.set()
        time.sleep(0.3)
        ended.append(index)
try:
    parallel_for(block, 2)
except TimeoutError:
    print("late", len(ended))
"""
    assert python(code, PELLUCID_NUM_THREADS="2") == "late 1\n"
