"""The pool: same bits for any number of threads, no deadlock, errors passed on, and the gate to Numba."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
import weakref
from functools import partial
from types import SimpleNamespace

import numpy as np
import pytest

from kernels.processes import python
from kernels.shapes import SHAPES, Conv
from pellucid import kernels
from pellucid.kernels import jit, set_num_threads
from pellucid.kernels.crew import blas, workers
from pellucid.kernels.crew.threads import parallel_for
from pellucid.kernels.dense.matmul import matmul
from pellucid.kernels.jit import ByAddress

pytestmark = pytest.mark.usefixtures("threads")


def gradients(case: Conv) -> list[bytes]:
    x, w, b, dy = case.arrays(np.float32)
    x, dy = np.repeat(x, 9, axis=0), np.repeat(dy, 9, axis=0)
    return [a.tobytes() for a in (kernels.conv2d(x, w, b, **case.how), *kernels.conv2d_backward(x, dy, w, **case.how))]


@pytest.mark.parametrize("case", SHAPES, ids=str)
def test_convolution_has_the_same_bits_for_any_number_of_threads(case: Conv) -> None:
    results = []
    for threads in (1, 2, 3):
        set_num_threads(threads)
        results.append(gradients(case))

    assert results[0] == results[1] == results[2]


def test_two_threads_of_the_caller_get_the_bits_that_each_gets_alone() -> None:
    alone = [gradients(case) for case in SHAPES]
    together: list[list[bytes]] = [[] for _ in SHAPES]
    workers = [
        threading.Thread(target=lambda i=i: together.__setitem__(i, gradients(SHAPES[i]))) for i in range(len(SHAPES))
    ]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()

    assert together == alone


def test_every_block_runs_once_also_from_within_a_block() -> None:
    set_num_threads(3)
    seen: list[tuple[int, int]] = []
    parallel_for(lambda i: parallel_for(lambda j: seen.append((i, j)), 5), 7)

    assert sorted(seen) == [(i, j) for i in range(7) for j in range(5)]


def test_an_error_in_a_block_reaches_the_caller() -> None:
    set_num_threads(2)

    def fail(index: int) -> None:
        raise ZeroDivisionError(index)

    with pytest.raises(ZeroDivisionError):
        parallel_for(fail, 8)


def test_helpers_that_went_to_sleep_come_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workers, "LOOKS", 10)
    set_num_threads(2)
    for pause in (0.0, 0.05, 0.0, 0.05):
        time.sleep(pause)
        together = threading.Barrier(2)  # broken unless two threads are in a block at once
        parallel_for(lambda _, meet=together: meet.wait(10), 2)  # type: ignore[misc]


def test_the_number_of_threads_may_change_while_others_work() -> None:
    results: list[list[int]] = []

    def work() -> None:
        for _ in range(50):
            done: list[int] = []
            parallel_for(done.append, 20)
            results.append(sorted(done))

    callers = [threading.Thread(target=work) for _ in range(3)]
    for caller in callers:
        caller.start()
    for threads in (1, 3, 2, 4, 2):
        set_num_threads(threads)
    for caller in callers:
        caller.join(60)

    assert results == [list(range(20))] * 150


def test_ctrl_c_waits_for_the_helpers_which_hold_addresses_of_the_callers_arrays() -> None:
    code = """
import _thread, threading, time
from pellucid.kernels.crew.threads import parallel_for
main, inside = threading.get_ident(), threading.Event()
ended = []
def block(index):
    if threading.get_ident() == main:
        inside.wait(10)
        _thread.interrupt_main()
        time.sleep(0.01)
    else:
        inside.set()
        time.sleep(0.3)
        ended.append(index)
try:
    parallel_for(block, 2)
except KeyboardInterrupt:
    print("interrupted", len(ended))
"""
    assert python(code, PELLUCID_NUM_THREADS="2") == "interrupted 1\n"


def test_what_a_block_held_is_let_go_of_afterwards() -> None:
    set_num_threads(2)
    meet = threading.Barrier(2)

    def use(array: np.ndarray, _: int) -> None:
        meet.wait(10)
        array.sum()

    array = np.zeros(1000)
    known = weakref.ref(array)
    parallel_for(partial(use, array), 2)
    del array
    for _ in range(100):
        if known() is None:
            break
        time.sleep(0.01)

    assert known() is None


def test_an_error_stops_the_blocks_that_are_left() -> None:
    set_num_threads(2)
    done: list[int] = []

    def block(index: int) -> None:
        if threading.current_thread() is threading.main_thread():
            raise ZeroDivisionError
        time.sleep(0.01)
        done.append(index)

    with pytest.raises(ZeroDivisionError):
        parallel_for(block, 500)
    assert len(done) < 400


@pytest.mark.parametrize("inside", ["main", "other"])
def test_a_forked_child_has_the_usual_blas_threads(inside: str) -> None:
    code = f"""
import contextlib, os, threading, numpy
from pellucid.kernels.crew import blas
control = blas._openblas()
before = control.threads if control else 1
there, over = threading.Event(), threading.Event()
def other():
    with blas.single_threaded():
        there.set()
        over.wait(10)
thread = threading.Thread(target=other)
if {inside!r} == "other":
    thread.start()
    there.wait(10)
with blas.single_threaded() if {inside!r} == "main" else contextlib.nullcontext():
    child = os.fork()
if not child:
    os._exit(0 if not control or (control.threads, blas._single_threaded.inside) == (before, []) else 1)
over.set()
print(os.waitpid(child, 0)[1], control is None or {inside!r} == "other" or control.threads == before)
"""
    assert python(code) == "0 True\n"


def test_a_process_ends_while_its_helpers_wait() -> None:
    code = "from pellucid.kernels.crew.threads import parallel_for; parallel_for(str, 9); print('end')"

    assert python(code, PELLUCID_NUM_THREADS="2") == "end\n"


def test_a_forked_child_has_helpers_of_its_own() -> None:
    code = (
        "import os; from pellucid.kernels.crew.threads import parallel_for\n"
        "parallel_for(str, 9)\n"
        "child = os.fork()\n"
        "parallel_for(str, 9)\n"
        "if child: print(os.waitpid(child, 0)[1])"
    )

    assert python(code, PELLUCID_NUM_THREADS="2") == "0\n"


def test_blas_threads_are_put_back() -> None:
    control = blas._openblas()
    if control is None:
        pytest.skip("NumPy's BLAS is not the OpenBLAS of its wheels")
    before = control.threads
    inside: list[int] = []
    parallel_for(lambda _: inside.append(control.threads), 4)

    assert inside == [1, 1, 1, 1]
    assert control.threads == before


def test_matmul_equals_numpy_and_keeps_its_bits() -> None:
    rng = np.random.default_rng(0)
    for m, n, k in ((128, 128, 3000), (900, 60, 128), (3, 5, 7), (40, 30, 3000), (1, 130, 2500), (1, 1000, 261)):
        a, b = (
            rng.standard_normal((k, m)).astype(np.float32).T,
            rng.standard_normal((k, n)).astype(np.float32),
        )
        results = []
        for threads in (1, 2):
            set_num_threads(threads)
            results.append(matmul(a, b))
        assert np.allclose(results[0], a @ b, rtol=1e-4, atol=1e-3)
        assert np.array_equal(*results)


def test_set_num_threads_refuses_none() -> None:
    with pytest.raises(ValueError, match="at least 1"):
        set_num_threads(0)


def test_importing_the_kernels_does_not_import_numba() -> None:
    assert python("import sys, pellucid.kernels; print('numba' in sys.modules)") == "False\n"


def test_the_environment_closes_the_gate_and_sets_the_threads() -> None:
    code = "from pellucid.kernels import get_num_threads, jit; print(jit.available(), get_num_threads())"

    assert python(code, PELLUCID_NO_NUMBA="1", PELLUCID_NUM_THREADS="5") == "False 5\n"


@pytest.mark.usefixtures("needs_numba")
def test_a_fork_waits_for_those_who_wait_for_the_compiler_too() -> None:
    loop = ByAddress(lambda arguments, piece, scratch: None)
    loop.code = SimpleNamespace(address=7)
    asking = threading.Thread(target=lambda: loop.address)
    with jit._compiling:
        asking.start()
        while asking.ident not in jit._loading:
            assert asking.is_alive()
            time.sleep(0.001)
    asking.join()
    assert loop.address == 7
    assert asking.ident not in jit._loading


def test_nobody_begins_to_load_while_another_thread_forks() -> None:
    begun = threading.Event()

    def load() -> None:
        with jit._busy():
            begun.set()

    jit._forking.add(-1)
    loading = threading.Thread(target=load)
    loading.start()
    early = begun.wait(0.1)
    jit._forking.discard(-1)
    loading.join()
    assert not early
    assert begun.is_set()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork")
@pytest.mark.parametrize("pause", [0.0, 0.05, 0.1, 0.2, 0.4])
def test_a_child_forked_while_threads_load_the_kernels_computes(pause):
    network = """
import os, signal, threading, time
import numpy as np, pellucid as pl
network = pl.Sequential([pl.Conv2D(4, 3), pl.ReLU(), pl.Flatten(), pl.Affine(2)], input_shape=(8, 8, 1))
x = np.ones((3, 8, 8, 1), np.float32)
"""
    python(f"{network}network(x)")  # so that all is compiled, and beside other work soon loaded
    code = f"""{network}
threads = [threading.Thread(target=network, args=(x,)) for _ in range(2)]
for thread in threads: thread.start()
time.sleep({pause})
begun = time.monotonic()
child = os.fork()
if child == 0:
    signal.alarm(100)
    network(x)
    os._exit(0)
waited = time.monotonic() - begun
for thread in threads: thread.join()
assert os.waitpid(child, 0)[1] == 0, "the child did not compute"
assert waited < 30, "the fork waited for threads that waited for it"
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=240)
    assert done.returncode == 0, done.stderr
