"""Skipped tests are counted by their reasons, and are failures where they are forbidden."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

CONFTEST = Path(__file__).with_name("conftest.py")
TESTS = """
import pytest
def test_absent(): pytest.importorskip("a_judge_that_is_absent")
def test_other(): pytest.skip("for a reason")
def test_same(): pytest.skip("for a reason")
@pytest.mark.xfail(strict=True)
def test_expected(): assert False
"""


@pytest.fixture
def run(tmp_path):
    (tmp_path / "conftest.py").write_text(CONFTEST.read_text(encoding="utf-8"), encoding="utf-8")

    def pytest_says(text, *options):
        (tmp_path / "test_it.py").write_text(text, encoding="utf-8")
        command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *options, "."]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
        return done.returncode, done.stdout

    return pytest_says


def test_a_run_ends_with_how_many_tests_were_skipped_and_why(run):
    code, said = run(TESTS)

    assert code == 0
    assert "3 skipped (`make peers` installs what they need):" in said
    assert "     2  for a reason" in said
    assert "     1  could not import 'a_judge_that_is_absent'" in said


@pytest.mark.parametrize(
    ("text", "failures"),
    [(TESTS, "3 failed, 1 xfailed"), ("import pytest\npytest.importorskip('a_judge_that_is_absent')", "1 error")],
    ids=["tests", "a whole file"],
)
def test_a_forbidden_skip_is_a_failure(run, text, failures):
    code, said = run(text, "--no-skips")

    assert code != 0
    assert failures in said
    assert "may not be skipped" in said
