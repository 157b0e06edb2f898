"""scikit-learn's own checks pass in full: none fails, none is expected to, none is skipped."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("sklearn")
pytest.importorskip("pandas")
pytest.importorskip("polars")

SCRIPT = Path(__file__).with_name("check_all.py")


@pytest.fixture(scope="module")
def said():
    """What was found in a process of its own, where scikit-learn's checks of array libraries are on."""
    command = [sys.executable, str(SCRIPT)]
    done = subprocess.run(command, env={**os.environ, "SCIPY_ARRAY_API": "1"}, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.parametrize(
    ("name", "least"),
    [("classifier", 67), ("regressor", 60), ("convolutional-classifier", 67), ("convolutional-regressor", 60)],
)
def test_check_estimator_passes_in_full(said, name, least):
    assert said[name]["missed"] == []
    assert said[name]["checks"] >= least
