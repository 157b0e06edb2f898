"""The machines that look for faults, in short: `make fuzz` and `make guards` run them in full."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import pellucid
from fuzz.readers import DOORS, readers
from fuzz.sandbox import judge
from fuzz.targets import functions
from pellucid.errors import ArgumentError

TESTS = Path(__file__).parents[1]
SOURCE = Path(pellucid.__file__).parent
NOT_FILES = {"cli/explain.py", "cli/report.py", "cli/trust.py", "cli/views.py"}
"""Where a desk is opened, not a file."""


def machine(*command: object) -> str:
    """What a machine prints; an AssertionError with it where it found something."""
    same = {**os.environ, "PYTHONPATH": str(SOURCE.parent)}  # the package that is tested here
    found = subprocess.run(
        [sys.executable, "-m", *map(str, command)], cwd=TESTS, env=same, capture_output=True, text=True
    )
    assert found.returncode == 0, found.stdout + found.stderr
    return found.stdout


def test_wrong_calls_give_an_error_of_the_package_or_a_result():
    assert "2000 calls, 0 failures" in machine("fuzz.calls", "--number", 2000)


NO_DOOR = {
    "pl.kernels.Window",  # every convolution makes one; the kernels' doors look at its parts
    "pl.losses.LossCache",  # made in every step
    "pl.layers.Step",  # made for every layer of every pass
}


def test_every_public_function_and_class_has_a_door():
    bare = {target.name for target in functions() if not target.door}
    assert bare == NO_DOOR


def test_damaged_files_are_refused_or_read():
    assert "2000 files, 0 failures" in machine("fuzz.files", "--number", 2000)


@pytest.mark.skipif(sys.platform != "linux", reason="memory is bounded as Linux knows it")
def test_small_files_that_say_they_are_large_take_bounded_memory():
    assert "bombs, 0 failures" in machine("fuzz.bombs")


OPENS = {"open", "open_file", "read_bytes", "read_text", "fromfile", "memmap", "loadtxt", "genfromtxt"}


def test_every_place_that_opens_a_file_is_known_to_the_machine():
    found = set()
    for path in SOURCE.rglob("*.py"):
        calls = (node.func for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call))
        names = {call.attr if isinstance(call, ast.Attribute) else getattr(call, "id", "") for call in calls}
        if names & OPENS and path.relative_to(SOURCE).as_posix() not in NOT_FILES:
            found.add(path.relative_to(SOURCE).as_posix())
    assert found == set(DOORS)
    named = {name for door in DOORS.values() if isinstance(door, tuple) for name in door}
    assert named <= {reader.name for reader in readers()}


@pytest.mark.skipif(sys.platform != "linux", reason="guard pages are set up as Linux knows them")
@pytest.mark.parametrize("side", ["end", "start"])
def test_no_kernel_touches_what_lies_beside_an_array(side):
    assert "270 geometries, 0 failures" in machine("fuzz.geometries", "--number", 270, "--guard", side)


# The machines can find something


def guarded(side: str, index: int) -> int:
    """How a process ends that reads a place of an array of 100 numbers through its address."""
    code = f"""
import ctypes, numpy as np
from fuzz import guard
guard.install({side!r})
x = np.zeros(100)
ctypes.cast(x.ctypes.data, ctypes.POINTER(ctypes.c_double))[{index}]
"""
    return subprocess.run([sys.executable, "-c", code], cwd=TESTS, capture_output=True).returncode


@pytest.mark.skipif(sys.platform != "linux", reason="guard pages are set up as Linux knows them")
@pytest.mark.parametrize(
    ("side", "index", "ends"), [("end", 99, 0), ("end", 100, -11), ("start", 0, 0), ("start", -1, -11)]
)
def test_a_step_outside_an_array_is_seen(side, index, ends):
    assert guarded(side, index) == ends


def test_what_is_no_error_of_the_package_is_a_failure():
    def refused():
        raise ArgumentError("no")

    assert judge(0, "", refused) is None
    assert judge(0, "", lambda: 1) is None
    assert judge(0, "", lambda: np.zeros(3)[5]).kind.startswith("IndexError")


def test_a_call_that_takes_too_long_is_a_failure():
    def endless():
        while True:
            pass

    assert judge(0, "", endless, seconds=0.05).kind == "Overtime"


def test_a_crash_is_a_failure_and_the_others_are_tried(tmp_path):
    code = f"""
import os, signal
from pathlib import Path
from fuzz.sandbox import survey
attempt = lambda number: os.kill(os.getpid(), signal.SIGSEGV) if number == 3 else None
print(survey(attempt, range(9), Path({str(tmp_path)!r}), lambda number: f"program {{number}}"))
"""
    found = subprocess.run([sys.executable, "-c", code], cwd=TESTS, capture_output=True, text=True)
    assert found.stdout.count("Failure(") == 1
    assert "died with -11" in found.stdout
    assert "program 3" in found.stdout
