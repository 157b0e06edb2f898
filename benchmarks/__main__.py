"""Run the benchmarks: `python -m benchmarks [NAME …] [--rounds N] [--write]`, all of them where none is named."""

from __future__ import annotations

import argparse
import datetime
import importlib
import importlib.metadata
import os
import platform
import subprocess
import sys
from pathlib import Path

from benchmarks.imported import imported
from benchmarks.proofs import proofs
from benchmarks.race import race, table
from benchmarks.scaling import scaling
from benchmarks.sprint import sprint
from benchmarks.startup import imports
from benchmarks.steps import steps

TASKS = {
    "t1": "benchmarks.t1_two_layer",
    "t2": "benchmarks.t2_cnn",
    "t3": "benchmarks.t3_network",
    "t5": "benchmarks.t5_explain",
}
OTHERS = ["t6", "imported", "sprint", "grid", "scaling", "steps", "proofs"]
PACKAGES = [
    "numpy",
    "numba",
    "torch",
    "captum",
    "jax",
    "scikit-learn",
    "tensorflow-cpu",
    "keras",
    "shap",
    "onnx",
    "onnxruntime",
]


def machine() -> str:
    with open("/proc/cpuinfo") as info:
        model = next((line.split(":")[1].strip() for line in info if line.startswith("model name")), "unknown CPU")
    versions = []
    for package in PACKAGES:
        try:
            versions.append(f"{package} {importlib.metadata.version(package)}")
        except importlib.metadata.PackageNotFoundError:
            continue
    cores = len(os.sched_getaffinity(0))
    return f"{datetime.date.today()} · {model}, {cores} cores · Python {platform.python_version()} · " + ", ".join(
        versions
    )


def run(name: str, rounds: int) -> str:
    if name == "t6":
        return "## T6 · import time, in a fresh process\n\n" + imports(rounds)
    if name == "imported":
        return "## Imported · networks from ONNX files, beside the programs that run them\n\n" + imported(rounds)
    if name == "sprint":
        return "## The sprint · 99 % on MNIST, everything counted, five seeds\n\n" + sprint()
    if name == "scaling":
        return "## Scaling · T2's network by threads and by the size of the batch\n\n" + scaling(rounds)
    if name == "steps":
        return "## Steps · one convolution in many ways (docs/kernels.md)\n\n" + steps(rounds)
    if name == "proofs":
        return "## Proofs · what is left over when contributions are added up\n\n" + proofs()
    if name == "grid":
        command = [sys.executable, "-m", "benchmarks.conv_grid"]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        return f"## Convolutions on a grid of shapes, forward and both gradients, ms\n\n```\n{done.stdout.strip()}\n```"
    task = importlib.import_module(TASKS[name])
    found = race(TASKS[name], list(task.CONTESTANTS), task.COUNTS, rounds)
    tables = [
        table(found, what, task.UNIT if len(task.COUNTS) == 1 else f"{what}, {task.UNIT}", task.SCALE)
        for what in task.COUNTS
    ]
    tables.append("Peak memory of the process, MB: " + ", ".join(f"{c.name} {c.peak:.0f}" for c in found))
    return f"## {task.TITLE}\n\n" + "\n\n".join(tables)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "tasks", nargs="*", default=[*TASKS, *OTHERS], help=f"{' '.join([*TASKS, *OTHERS])}; all if left out"
    )
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--write", action="store_true", help="write benchmarks/RESULTS.md")
    options = parser.parse_args()
    head = machine()
    print(head, flush=True)
    parts = []
    for name in options.tasks:
        parts.append(run(name, options.rounds))
        print(f"\n{parts[-1]}", flush=True)
    if options.write:
        text = "# Results\n\nPrinted by `make bench`; ratios below 1 mean that Pellucid is faster.\n\n" + head + "\n\n"
        (Path(__file__).parent / "RESULTS.md").write_text(text + "\n\n".join(parts) + "\n")


if __name__ == "__main__":
    main()
