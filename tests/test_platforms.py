"""Other platforms, imitated: what they lack is taken away before the package is imported, and everything works.

NumPy and Numba are loaded first, as they must find the platform that they were built for.
"""

from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import pytest

import pellucid as pl
from pellucid.kernels import jit
from pellucid.kernels.crew import blas
from pellucid.kernels.crew import cores as elsewhere
from pellucid.kernels.dense import sgemm

DARWIN = """
sys.platform = "darwin"
for name in ("sched_getaffinity", "sched_setaffinity"): delattr(os, name)
"""
WINDOWS = """
sys.platform, os.name = "win32", "nt"
pathlib.WindowsPath = pathlib.PosixPath
for name in ("sched_getaffinity", "sched_setaffinity", "sched_yield", "register_at_fork", "fork", "RTLD_NOLOAD",
             "RTLD_NOW", "O_DIRECTORY", "fchmod", "fchown", "getuid", "geteuid", "mkfifo", "sysconf"):
    if hasattr(os, name): delattr(os, name)
for name in ("SIGALRM", "setitimer", "alarm", "pthread_kill", "pthread_sigmask"):
    if hasattr(signal, name): delattr(signal, name)
"""
NO_SYMBOLS = """
class Empty:  # a C library, or a BLAS, that has none of the functions that are looked for
    def __init__(self, *_, **__): pass
ctypes.CDLL = ctypes.PyDLL = Empty
"""
NO_LIBRARY = """
def none(*_, **__): raise OSError("no such library")
ctypes.CDLL = ctypes.PyDLL = none
"""
NO_OPENBLAS = """
import glob
glob.glob = lambda *_, **__: []
"""
ARM = "import platform; platform.machine = lambda: 'aarch64'"
NO_CORES = "os.cpu_count = lambda: None; del os.sched_getaffinity"

PLATFORMS = {
    "macOS": DARWIN,
    "Windows": WINDOWS + NO_LIBRARY,
    "no symbols": NO_SYMBOLS,
    "no library": NO_LIBRARY,
    "no OpenBLAS": NO_OPENBLAS,
    "ARM": ARM,
    "unknown cores": NO_CORES,
}

WORK = """
import numpy as np, pellucid as pl
rng = np.random.default_rng(0)
x, t = rng.random((40, 8, 8, 2), np.float32), rng.integers(0, 3, 40)
layers = [pl.Conv2D(4, 3, padding=1), pl.ReLU(), pl.MaxPool2D(2), pl.Flatten(), pl.Affine(8), pl.ReLU(), pl.Affine(3)]
image = pl.Sequential(layers, seed=1)
dense = pl.Sequential([pl.Affine(6), pl.ReLU(), pl.Affine(3)], seed=1)
pl.set_num_threads(2)
pl.fit(image, pl.Dataset(x, t), epochs=2, batch_size=10, progress=False)
pl.fit(dense, pl.Dataset(x.reshape(40, -1), t), epochs=2, batch_size=10, optimizer=pl.SGD(0.1), progress=False)
pl.save(image, sys.argv[1] + "/net.safetensors")
again = pl.load(sys.argv[1] + "/net.safetensors")
assert (again(x[:1]) == image(x[:1])).all()
np.savez(sys.argv[1] + "/out.npz", image=image(x), dense=dense(x.reshape(40, -1)))
"""


def worked(platform: str, folder: os.PathLike[str]) -> dict[str, np.ndarray]:
    first = "import sys, os, signal, ctypes, pathlib, subprocess, shutil, numpy\n"
    if jit.available():
        first += "import numba, numba.core.event, llvmlite.binding\n"
    code = f"{first}{platform}\n{WORK}"
    done = subprocess.run([sys.executable, "-c", code, os.fspath(folder)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stderr == ""
    with np.load(os.path.join(folder, "out.npz")) as stored:
        return dict(stored)


@pytest.fixture(scope="module")
def here(tmp_path_factory):
    return worked("", tmp_path_factory.mktemp("here"))


@pytest.mark.parametrize("platform", PLATFORMS.values(), ids=PLATFORMS)
def test_training_saving_and_predicting_work_as_they_do_here(platform, here, tmp_path):
    there = worked(platform, tmp_path)
    for key, expected in here.items():
        np.testing.assert_allclose(there[key], expected, rtol=2e-5, atol=2e-5)


def test_keeping_helpers_off_a_core_does_nothing_where_affinity_is_unknown(monkeypatch):
    for name in ("sched_getaffinity", "sched_setaffinity"):
        monkeypatch.delattr(os, name, raising=False)

    elsewhere.keep_off(0, [None, 1])

    assert elsewhere.cores() >= 1


def test_without_an_openblas_in_numpy_the_layers_train_a_dense_network(monkeypatch):
    monkeypatch.setattr(sgemm, "available", lambda: False)
    monkeypatch.setattr(blas, "_openblas", lambda: None)
    rng = np.random.default_rng(0)
    data = pl.Dataset(rng.random((30, 4), np.float32), rng.integers(0, 2, 30))
    first, second = (pl.Sequential([pl.Affine(4), pl.ReLU(), pl.Affine(2)], input_shape=4, seed=1) for _ in range(2))
    for network in (first, second):
        pl.fit(network, data, epochs=2, batch_size=10, optimizer=pl.SGD(0.1), progress=False)

    np.testing.assert_array_equal(first(data.x), second(data.x))


def test_nothing_of_scipy_is_looked_for():
    code = (
        "import sys; sys.modules['scipy'] = None\n"
        "import numpy as np, pellucid as pl\n"
        "net = pl.Sequential([pl.Affine(3)], input_shape=2, seed=1)\n"
        "pl.fit(net, pl.Dataset(np.ones((4, 2)), [0, 1, 2, 0]), optimizer=pl.SGD(.1), batch_size=2, progress=False)"
    )
    done = subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
