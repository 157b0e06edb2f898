"""Compiling is announced, and a directory that cannot be written does no harm."""

from __future__ import annotations

import os
import pickle
from pathlib import Path
from typing import Any

import pytest

from kernels.processes import python

pytestmark = pytest.mark.usefixtures("needs_numba")

CODE = """
import numpy as np
from pellucid.kernels import jit
from pellucid.kernels.elementwise import plan as elementwise
told = []
jit.on_compile(told.append)
print(elementwise.relu(np.array([-1, 2], np.float32)).tolist())
print(told)
"""


def test_compiling_is_announced_once_and_not_when_it_comes_from_the_cache(tmp_path: object) -> None:
    first = python(CODE, NUMBA_CACHE_DIR=str(tmp_path))
    second = python(CODE, NUMBA_CACHE_DIR=str(tmp_path))

    assert first == "[0.0, 2.0]\n['relu', 'alone']\n"
    assert second == "[0.0, 2.0]\n[]\n"


EVERY_KERNEL = """
import numpy as np
from pellucid import kernels
from pellucid.kernels import jit
told = []
jit.on_compile(told.append)
x = np.ones((4, 12, 12, 16), np.float32)
for k, groups, stride in ((3, 1, 1), (5, 1, 1), (3, 1, 2), (3, 16, 1), (3, 16, 2), (5, 16, 1), (5, 16, 3), (1, 1, 1)):
    w = np.ones((k, k, 16 // groups, 16), np.float32)
    how = {"stride": (stride, stride), "padding": ((1, 1), (1, 1)), "groups": groups}
    y = kernels.conv2d(x, w, **how)
    kernels.conv2d_backward(x, y, w, **how)
    y, switch = kernels.conv2d_relu_max_pool(x, w, **how)
    kernels.conv2d_backward(x, y, w, switch=switch, **how)
    kernels.average_pool2d_gradient(kernels.average_pool2d(x, (2, 2)), x.shape, (2, 2))
print(len(told), *told)
"""


def test_code_of_every_kernel_is_found_again_by_another_process() -> None:
    python(EVERY_KERNEL)

    assert python(EVERY_KERNEL) == "0\n"


def test_code_is_made_anew_when_a_file_that_loops_are_made_of_changes(tmp_path: Path) -> None:
    python(CODE, NUMBA_CACHE_DIR=str(tmp_path))
    changed = f"from pellucid.kernels import cachefile\ncachefile._loops = lambda: b'another'\n{CODE}"
    first, second = (python(changed, NUMBA_CACHE_DIR=str(tmp_path)) for _ in range(2))

    assert first == "[0.0, 2.0]\n['relu', 'alone']\n"
    assert second == "[0.0, 2.0]\n[]\n"


def test_a_cache_directory_that_cannot_be_made_does_no_harm() -> None:
    assert python(CODE, NUMBA_CACHE_DIR="/dev/null/nowhere").startswith("[0.0, 2.0]\n")


RELU = """
import warnings
import numpy as np
warnings.simplefilter("always")
from pellucid import kernels
from pellucid.kernels.elementwise import plan as elementwise
with warnings.catch_warnings(record=True) as told:
    warnings.simplefilter("always")
    y = elementwise.relu(np.array([-1, 2], np.float32))
    x, w = np.ones((2, 6, 6, 16), np.float32), np.ones((3, 3, 16, 16), np.float32)
    z = kernels.conv2d(x, w)
ours = [str(warning.message) for warning in told if "pellucid" in str(warning.message)]
print(y.tolist(), np.all(z == 144), len(ours), *ours)
"""


@pytest.mark.parametrize("error", ["ImportError", "SystemError", "AttributeError", "OSError", "RuntimeError"])
def test_a_numba_that_cannot_be_imported_is_done_without_and_said_once(tmp_path: Path, error: str) -> None:
    (tmp_path / "numba").mkdir()
    (tmp_path / "numba" / "__init__.py").write_text(f"raise {error}('needs an older NumPy')")
    printed = python(RELU, PYTHONPATH=f"{tmp_path}{os.pathsep}{os.environ.get('PYTHONPATH', '')}")

    assert printed.startswith("[0.0, 2.0] True 1 ")
    assert "needs an older NumPy" in printed


def test_a_numba_whose_parts_are_missing_is_done_without(tmp_path: Path) -> None:
    (tmp_path / "llvmlite").mkdir()
    (tmp_path / "llvmlite" / "__init__.py").write_text("raise OSError('libllvmlite.so: no such file')")
    printed = python(RELU, PYTHONPATH=f"{tmp_path}{os.pathsep}{os.environ.get('PYTHONPATH', '')}")

    assert printed.startswith("[0.0, 2.0] True 1 ")


def test_a_full_disk_costs_the_cache_and_one_warning(tmp_path: Path) -> None:
    full = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (0, resource.RLIM_INFINITY))\n"
    pytest.importorskip("resource")
    # The directory is tried by writing nothing; then no file can grow.
    printed = python(full + RELU, NUMBA_CACHE_DIR=str(tmp_path), PYTHONDONTWRITEBYTECODE="1")

    assert printed.startswith("[0.0, 2.0] True 1 ")
    assert "every process compiles anew" in printed


def test_a_directory_that_cannot_be_made_is_said_once() -> None:
    code = (
        """
import numba.core.caching as caching
caching.CacheImpl._locator_classes = []
"""
        + RELU
    )
    assert python(code).startswith("[0.0, 2.0] True 1 ")


@pytest.mark.parametrize("what", ["*.nbi", "*.nbc"])
@pytest.mark.parametrize("damage", ["empty", "half", "noise", "one bit"])
def test_damaged_files_of_the_cache_are_made_anew(tmp_path: Path, what: str, damage: str) -> None:
    python(CODE, NUMBA_CACHE_DIR=str(tmp_path))
    files = [file for file in tmp_path.rglob(what) if "elementwise" in str(file)]
    assert files
    for file in files:
        data = bytearray(file.read_bytes())
        data[len(data) * 2 // 3] ^= 16
        broken = {"empty": b"", "half": data[: len(data) // 2], "noise": bytes(range(256)) * 9, "one bit": bytes(data)}
        file.write_bytes(broken[damage])

    code = CODE.replace("import numpy", "import warnings; warnings.simplefilter('error', FutureWarning)\nimport numpy")
    assert python(code, NUMBA_CACHE_DIR=str(tmp_path)).startswith("[0.0, 2.0]\n")
    assert python(CODE, NUMBA_CACHE_DIR=str(tmp_path)) == "[0.0, 2.0]\n[]\n"


def test_no_pickle_of_a_damaged_cache_is_opened(tmp_path: Path) -> None:
    python(CODE, NUMBA_CACHE_DIR=str(tmp_path))
    trap = pickle.dumps(_Trap(tmp_path / "sprung"))
    for file in [file for file in tmp_path.rglob("*.nb?") if "elementwise" in str(file)]:
        sealed = file.read_bytes()
        assert sealed.startswith(b"pellucid 1\n")
        file.write_bytes(sealed[: 11 + 32] + trap)  # behind the digest of what lay there
    assert python(CODE, NUMBA_CACHE_DIR=str(tmp_path)).startswith("[0.0, 2.0]\n")
    assert not (tmp_path / "sprung").exists()


def test_code_of_another_function_is_not_taken_for_this_one(tmp_path: Path) -> None:
    python(CODE, NUMBA_CACHE_DIR=str(tmp_path))
    files = list(tmp_path.rglob("*.nbc"))
    relu, other = (next(file for file in files if ("relu" in file.name) == is_relu) for is_relu in (True, False))
    relu.write_bytes(other.read_bytes())
    assert python(CODE, NUMBA_CACHE_DIR=str(tmp_path)).startswith("[0.0, 2.0]\n")


class _Trap:
    """What makes a file where it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> Any:
        return Path.touch, (self.path,)
