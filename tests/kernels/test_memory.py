"""Freed memory is kept where the C library can be told, and a user's own settings win."""

from __future__ import annotations

import pytest

from pellucid.kernels import keep


def test_settings_of_the_users_own_are_respected(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MALLOC_TRIM_THRESHOLD_", "1")

    assert keep.keep_freed_memory.__wrapped__() is False


def test_telling_it_twice_does_no_harm() -> None:
    assert keep.keep_freed_memory() == keep.keep_freed_memory()
