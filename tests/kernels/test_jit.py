"""Compiling is announced, and a directory that cannot be written does no harm."""

from __future__ import annotations

import pytest

from kernels.processes import python

pytestmark = pytest.mark.usefixtures("needs_numba")

CODE = """
import numpy as np
from pellucid.kernels import elementwise, jit
told = []
jit.on_compile(told.append)
print(elementwise.relu(np.array([-1, 2], np.float32)).tolist())
print(told)
"""


def test_compiling_is_announced_once_and_not_when_it_comes_from_the_cache(tmp_path: object) -> None:
    first = python(CODE, NUMBA_CACHE_DIR=str(tmp_path))
    second = python(CODE, NUMBA_CACHE_DIR=str(tmp_path))

    assert first == "[0.0, 2.0]\n['relu', 'join', 'lead']\n"
    assert second == "[0.0, 2.0]\n[]\n"


def test_a_cache_directory_that_cannot_be_made_does_no_harm() -> None:
    assert python(CODE, NUMBA_CACHE_DIR="/dev/null/nowhere").startswith("[0.0, 2.0]\n")
