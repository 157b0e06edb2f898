"""T6: how long the import takes, in a fresh process each time, in alternation."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys

MODULES = ["numpy", "pellucid", "jax", "sklearn.neural_network", "torch", "keras"]


def imports(rounds: int = 5) -> str:
    seconds: dict[str, list[float]] = {m: [] for m in MODULES}
    # Bytecode is cached, as it is after any installation.
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    code = "import time; t = time.perf_counter(); import {0}; print(time.perf_counter() - t)"
    for turn in range(rounds + 1):
        for module in MODULES:
            command = [sys.executable, "-c", code.format(module)]
            done = subprocess.run(command, capture_output=True, text=True, env=environment)
            if turn and done.returncode == 0:
                seconds[module].append(float(done.stdout.split()[-1]))
    lines = ["| import | median s |", "|---|---|"]
    lines += [f"| {m} | {statistics.median(s):.3f} |" for m, s in seconds.items() if s]
    return "\n".join(lines)
