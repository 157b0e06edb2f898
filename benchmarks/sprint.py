"""The sprint: wall time from the start of the process to the printed test accuracy, five seeds, warm and cold."""

from __future__ import annotations

import os
import re
import statistics
import subprocess
import sys
import tempfile
import time

TORCH = """
import sys, time, numpy as np, torch
from torch import nn
import pellucid as pl                                     # only for the data
torch.manual_seed(int(sys.argv[1])); rng = np.random.default_rng(int(sys.argv[1]))
(x, t), (x_test, t_test) = pl.load_mnist(flatten=False)
prepare = lambda a: torch.tensor(a).permute(0, 3, 1, 2).contiguous(memory_format=torch.channels_last)
x, x_test, t = prepare(x), prepare(x_test), torch.tensor(t.astype(np.int64))
net = nn.Sequential(nn.Conv2d(1, 16, 5), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(16, 32, 3), nn.ReLU(), nn.MaxPool2d(2),
    nn.Flatten(), nn.Linear(800, 128), nn.ReLU(), nn.Linear(128, 10)).to(memory_format=torch.channels_last)
for m in net:
    if hasattr(m, "weight"): nn.init.kaiming_normal_(m.weight, nonlinearity="relu"); nn.init.zeros_(m.bias)
optimizer = torch.optim.Adam(net.parameters(), betas=(0.7, 0.9))
schedule = pl.models.recipe("sprint").schedule(0.006, 938)
step = 0
for epoch in range(2):
    order = torch.tensor(rng.permutation(60000))
    for o in order.split(128):
        for group in optimizer.param_groups: group["lr"] = schedule(step)
        step += 1
        optimizer.zero_grad(set_to_none=True)
        nn.functional.cross_entropy(net(x[o]), t[o]).backward()
        optimizer.step()
with torch.inference_mode():
    predicted = np.concatenate([net(part).argmax(1).numpy() for part in x_test.split(1000)])
print(f"test: accuracy {(predicted == t_test).mean():.4f}", flush=True)
"""


def lap(command: list[str], cache: str | None = None) -> tuple[float, float]:
    """Seconds from the start of the process to the line with the accuracy, and the accuracy."""
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    if cache:
        environment["NUMBA_CACHE_DIR"] = cache
    begun = time.perf_counter()
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as process:
        assert process.stdout
        for line in process.stdout:
            if found := re.match(r"test: accuracy ([\d.]+)", line):
                seconds = time.perf_counter() - begun
                process.communicate()
                return seconds, float(found[1])
    raise RuntimeError("no accuracy was printed")


def sprint(seeds: int = 5) -> str:
    out = tempfile.mkdtemp()
    ours = [sys.executable, "-m", "pellucid", "train", "sprint", "--out", out, "--overwrite", "--seed"]
    peers = {"pellucid": ours, "PyTorch, the same network and schedule": [sys.executable, "-c", TORCH]}
    results: dict[str, list[tuple[float, float]]] = {name: [] for name in peers}
    lap([*ours, "0"])  # fills the kernel cache
    for seed in range(seeds):
        for name, command in peers.items():
            results[name].append(lap([*command, str(seed)]))
    with tempfile.TemporaryDirectory() as empty:
        cold = lap([*ours, "0"], empty)
    lines = ["| from process start to the printed accuracy | median s | min – max | test accuracy, mean ± sd |"]
    lines.append("|---|---|---|---|")
    for name, laps in results.items():
        seconds, accuracies = zip(*laps, strict=True)
        lines.append(
            f"| {name} | {statistics.median(seconds):.2f} | {min(seconds):.2f} – {max(seconds):.2f} "
            f"| {statistics.mean(accuracies):.4f} ± {statistics.stdev(accuracies):.4f} |"
        )
    lines.append(f"| pellucid, kernels not compiled yet | {cold[0]:.2f} | | {cold[1]:.4f} |")
    return "\n".join(lines)
