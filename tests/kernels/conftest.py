"""Fixtures of the kernel tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from pellucid.kernels import get_num_threads, jit, set_num_threads


@pytest.fixture
def without_numba(monkeypatch: pytest.MonkeyPatch) -> None:
    """The kernels as they are where Numba is not installed."""
    monkeypatch.setattr(jit, "available", lambda: False)


@pytest.fixture
def needs_numba() -> None:
    if not jit.available():
        pytest.skip("needs Numba")


@pytest.fixture
def threads() -> Iterator[None]:
    """Puts the number of threads back afterwards."""
    before = get_num_threads()
    yield
    set_num_threads(before)
