"""Checks that every part of the package shares."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import pellucid as pl
from pellucid import checks
from pellucid.errors import ArgumentError


@pytest.mark.parametrize("value", [0, 7, 2**80, np.int64(7), np.uint8(3)])
def test_a_seed_is_any_whole_number_from_zero(value: Any) -> None:
    assert checks.seed("fit", value) == int(value)
    assert type(checks.seed("fit", value)) is int


@pytest.mark.parametrize("value", [-1, np.int64(-3), 1.0, True, np.bool_(True), None, "1", [1], np.nan])
def test_what_is_no_seed_is_refused_by_name(value: Any) -> None:
    with pytest.raises(ArgumentError, match="who: seed must be a whole number of at least 0, got "):
        checks.seed("who", value)
    data = pl.Dataset(np.eye(4), [0, 1, 0, 1])
    with pytest.raises(ArgumentError, match="fit: seed must be"):
        pl.fit(pl.Sequential([pl.Affine(2)]), data, seed=value)
    with pytest.raises(ArgumentError, match=r"Dataset\.split: rng must be"):
        data.split(0.5, value)
