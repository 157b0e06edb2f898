"""A control group's share of the processors counts as cores; a wish for threads is bounded."""

from __future__ import annotations

import math
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from kernels.processes import python
from pellucid.errors import ArgumentError
from pellucid.kernels import set_num_threads
from pellucid.kernels.crew import cores as elsewhere
from pellucid.kernels.crew import quota


def process(tmp_path: Path, groups: str, mounts: str, files: dict[str, str]) -> Path:
    """An imitated /proc/self, with control groups below `tmp_path`/sys."""
    for name, text in files.items():
        file = tmp_path / "sys" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    proc = tmp_path / "proc"
    proc.mkdir()
    (proc / "cgroup").write_text(groups)
    (proc / "mountinfo").write_text(mounts.replace("SYS", str(tmp_path / "sys")))
    return proc


TWO = "30 23 0:26 / SYS rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate\n"
ONE = "32 31 0:29 / SYS rw - cgroup cgroup rw,cpu,cpuacct\n33 31 0:30 / SYS/memory rw - cgroup cgroup rw,memory\n"


@pytest.mark.parametrize(
    ("groups", "mounts", "files", "share"),
    [
        ("0::/\n", TWO, {"cpu.max": "100000 100000\n"}, 1),
        ("0::/\n", TWO, {"cpu.max": "150000 100000\n"}, 1.5),
        ("0::/\n", TWO, {"cpu.max": "max 100000\n"}, math.inf),
        ("0::/\n", TWO, {}, math.inf),
        ("0::/a/b\n", TWO, {"a/b/cpu.max": "max 100000\n", "a/cpu.max": "50000 100000\n"}, 0.5),
        ("0::/a/b\n", TWO, {"a/b/cpu.max": "100000 100000\n", "a/cpu.max": "300000 100000\n"}, 1),
        ("0::/../other\n", TWO, {"cpu.max": "200000 100000"}, 2),
        ("0::/host/c1\n", TWO.replace(" / SYS", " /host/c1 SYS"), {"cpu.max": "200000 100000"}, 2),
        ("4:cpu,cpuacct:/\n", ONE, {"cpu.cfs_quota_us": "250000\n", "cpu.cfs_period_us": "100000\n"}, 2.5),
        ("4:cpu,cpuacct:/\n", ONE, {"cpu.cfs_quota_us": "-1\n", "cpu.cfs_period_us": "100000\n"}, math.inf),
        ("4:cpu,cpuacct:/d/x\n", ONE, {"d/cpu.cfs_quota_us": "100000", "d/cpu.cfs_period_us": "50000"}, 2),
        ("4:cpu:/docker/x\n", ONE, {"cpu.cfs_quota_us": "100000", "cpu.cfs_period_us": "100000"}, 1),
        ("0::/\n", TWO, {"cpu.max": "nonsense"}, math.inf),
        ("0::/\n", TWO, {"cpu.max": "0 0"}, math.inf),
        ("nonsense", "nonsense\n - \n - cgroup2\n", {}, math.inf),
        ("", "", {}, math.inf),
    ],
)
def test_the_narrowest_group_above_a_process_counts(
    tmp_path: Path, groups: str, mounts: str, files: dict[str, str], share: float
) -> None:
    assert quota.quota(process(tmp_path, groups, mounts, files)) == share


def test_a_system_without_control_groups_bounds_nothing(tmp_path: Path) -> None:
    assert quota.quota(tmp_path / "nowhere") == math.inf


@pytest.mark.parametrize(
    ("share", "cores"), [(0.2, 1), (1, 1), (1.4, 1), (1.5, 2), (2.6, 3), (4, 4), (99, 4), (math.inf, 4)]
)
def test_shares_count_to_the_nearest_core(monkeypatch: pytest.MonkeyPatch, share: float, cores: int) -> None:
    monkeypatch.setattr(elsewhere.os, "sched_getaffinity", lambda _: set(range(4)), raising=False)
    monkeypatch.setattr(elsewhere, "_share", lambda: share)

    assert elsewhere.cores() == cores


@pytest.mark.parametrize("threads", [0, -1, 1.5, "2", True, None])
def test_threads_that_are_no_number_are_refused(threads: object) -> None:
    with pytest.raises(ArgumentError, match="set_num_threads"):
        set_num_threads(threads)  # type: ignore[arg-type]


def test_a_wish_for_very_many_threads_is_bounded() -> None:
    code = "import pellucid as pl; print(pl.get_num_threads()); pl.set_num_threads(10**30); print(pl.get_num_threads())"

    assert python(code, PELLUCID_NUM_THREADS="100000") == "256\n256\n"


def test_no_more_threads_are_taken_than_numba_was_told() -> None:
    code = "import pellucid as pl; print(pl.get_num_threads())"

    assert python(code, NUMBA_NUM_THREADS="1") == "1\n"
    assert python(code, NUMBA_NUM_THREADS="1", PELLUCID_NUM_THREADS="2") == "2\n"
    assert int(python(code, NUMBA_NUM_THREADS="")) >= 1


@pytest.mark.parametrize("wish", ["two", "0", "-1", "1.5"])
def test_a_wish_that_is_no_number_is_an_error_that_names_it(wish: str) -> None:
    code = "import pellucid as pl\ntry: pl.get_num_threads()\nexcept pl.PellucidError as error: print(error)"

    assert python(code, PELLUCID_NUM_THREADS=wish).startswith("PELLUCID_NUM_THREADS must be")
    assert repr(wish) in python(code, PELLUCID_NUM_THREADS=wish)


@pytest.mark.skipif(not hasattr(signal, "SIGSTOP"), reason="needs signals that stop a process")
def test_who_watches_gives_up_when_it_is_not_scheduled(needs_numba: None) -> None:
    code = """
import numpy as np
from pellucid.kernels import jit
bell, watch = np.zeros(1, np.int64), jit.load("crew.waiting").watch
watch(bell.ctypes.data, 0, 0, 1, 0, 0)
print("ready", flush=True)
print(watch(bell.ctypes.data, 0, 0, 10**15, 0, 0), flush=True)
"""
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == "ready\n"
        for _ in range(100):  # on one core it may not watch yet at the first time
            child.send_signal(signal.SIGSTOP)
            time.sleep(0.1)
            child.send_signal(signal.SIGCONT)
            time.sleep(0.1)
            if child.poll() is not None:
                break
        assert (child.communicate(timeout=60)[0], child.returncode) == ("False\n", 0)
