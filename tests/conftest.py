"""What every test has: a seeded generator, and floating-point errors that raise instead of warning."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import settings

# The same examples on every run: a failure seen in one place is seen in all.
settings.register_profile("pellucid", deadline=None, derandomize=True, database=None, max_examples=50)
settings.load_profile("pellucid")


@pytest.fixture
def rng() -> np.random.Generator:
    """A generator that starts alike in every test."""
    return np.random.default_rng(20240229)


@pytest.fixture(autouse=True)
def strict_floats() -> Iterator[None]:
    """Overflow, division by zero and NaN made from numbers are errors; results too small to show are not."""
    with np.errstate(divide="raise", over="raise", invalid="raise"):
        yield
