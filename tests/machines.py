"""The kernel and layer tests as on other machines: `python tests/machines.py --wheel PYTHON` (`make machines`).

- without AVX-512, whose registers must then be in no compiled kernel
- without Numba
- on one core, and from an installed wheel: PYTHON belongs to an environment that has one, and sees nothing of the
  source tree
"""

from __future__ import annotations

import argparse
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
TESTS = ["tests/kernels", "tests/layers", "tests/test_platforms.py"]

# The processor's name alone leaves the host's features on.
HASWELL = {
    "NUMBA_CPU_NAME": "haswell",
    "NUMBA_CPU_FEATURES": "+avx,+avx2,+fma,+bmi,+bmi2,+f16c,+popcnt,+sse,+sse2,+sse3,+ssse3,+sse4.1,+sse4.2,-evex512"
    ",-avx512f,-avx512vl,-avx512dq,-avx512bw,-avx512cd,-avx512vnni,-avx512bf16,-avx512fp16,-avx512ifma,-avx512vbmi",
}

KERNELS = """
import numpy as np, pellucid as pl
rng = np.random.default_rng(0)
x, t = rng.random((8, 12, 12, 16), np.float32), rng.integers(0, 3, 8)
layers = [pl.Conv2D(16, 3, padding=1), pl.ReLU(), pl.MaxPool2D(2), pl.DepthwiseConv2D(3), pl.Dropout(.1),
          pl.Conv2D(4, 1, stride=2), pl.Flatten(), pl.Affine(3)]
network = pl.Sequential(layers, seed=1)
pl.fit(network, pl.Dataset(x, t), batch_size=4, progress=False)
network(x[:1])
"""


def run(name: str, command: list[str], environment: dict[str, str], folder: Path = ROOT, *, shown: bool = True) -> bool:
    """Run the tests; what is not shown as it comes is shown at the end."""
    print(f"== {name}: {' '.join(command)}", flush=True)
    began, out = time.perf_counter(), None if shown else subprocess.PIPE
    environment = {**os.environ, "PELLUCID_EXAMPLES": "20", "PELLUCID_CASES": "kernels", **environment}
    done = subprocess.run(command, env=environment, cwd=folder, check=False, stdout=out, stderr=subprocess.STDOUT)
    good, seconds = done.returncode == 0, time.perf_counter() - began
    said = "" if shown else f"{done.stdout.decode(errors='replace')}\n"
    print(f"{said}== {name}: {'green' if good else 'FAILED'} after {seconds:.0f} s\n", flush=True)
    return good


def side_by_side(*runs: tuple[str, list[str], dict[str, str], Path]) -> list[bool]:
    """Run each on a core of its own, where the system can say so."""
    taskset = shutil.which("taskset")
    cores = sorted(os.sched_getaffinity(0)) if taskset else [0]
    with ThreadPoolExecutor(min(len(cores), len(runs))) as pool:
        pinned = []
        for i, (name, command, environment, folder) in enumerate(runs):
            alone = [taskset, "-c", str(cores[i % len(cores)])] if taskset else []
            pinned.append(pool.submit(run, name, [*alone, *command], environment, folder, shown=False))
        return [one.result() for one in pinned]


def assembly(environment: dict[str, str]) -> str:
    """The machine code, as text, of the kernels of a small training, all compiled anew."""
    with tempfile.TemporaryDirectory() as cache:
        extra = {"NUMBA_DUMP_ASSEMBLY": "1", "NUMBA_CACHE_DIR": cache}
        command = [sys.executable, "-c", KERNELS]
        return subprocess.run(
            command, env={**os.environ, **environment, **extra}, capture_output=True, text=True, check=True
        ).stdout


def without_wide_registers() -> bool:
    """Whether the kernels compiled for HASWELL use 256-bit registers and none of 512 bits."""
    narrow = assembly(HASWELL)
    good = narrow.count("%ymm") > 0 and narrow.count("%zmm") == 0
    print(
        f"== machine code without AVX-512: {narrow.count('%ymm')} uses of ymm, {narrow.count('%zmm')} of zmm: "
        f"{'green' if good else 'FAILED'}\n",
        flush=True,
    )
    return good


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--wheel", metavar="PYTHON", help="of an environment with an installed wheel")
    wheel = parser.parse_args().wheel
    tests = ["-m", "pytest", "-c", str(ROOT / "pyproject.toml"), *(str(ROOT / test) for test in TESTS)]
    green = []
    with tempfile.TemporaryDirectory() as folder:
        outside, name, python = Path(folder), "one core", sys.executable
        if wheel:
            name, python = "one core, from the wheel", str(Path(wheel).absolute())
            where = "import pellucid as pl; print(pl.__file__); assert 'site-packages' in pl.__file__"
            green.append(run("the wheel is what is tested", [python, "-c", where], {}, outside))
        if platform.machine().lower() in ("x86_64", "amd64"):
            green.append(without_wide_registers())
            narrow = {**HASWELL, "NUMBA_CACHE_DIR": folder}
            green.append(run("without AVX-512", [sys.executable, *tests, "-n", "2"], narrow))
        green += side_by_side(
            (name, [python, *tests], {}, outside),
            ("without Numba", [sys.executable, *tests], {"PELLUCID_NO_NUMBA": "1"}, ROOT),
        )
    return 0 if all(green) else 1


if __name__ == "__main__":
    sys.exit(main())
