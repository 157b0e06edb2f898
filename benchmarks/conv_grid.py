"""Convolution against PyTorch on a grid of shapes: forward and both gradients, medians, ratios.

    python benchmarks/conv_grid.py            the whole grid, about a minute
    python benchmarks/conv_grid.py --quick    a third of it
    python benchmarks/conv_grid.py --busy     on a machine that others use: one thread, its processor time

Both libraries get the same threads and their best layout (channels last), and take turns within one run. A turn
begins with a pause and three calls that are not timed: threads of either library go on spinning for some milliseconds
after their work is done, and would take the cores from the other; and a core that has slept takes time to come back.
"""

from __future__ import annotations

import argparse
import math
import statistics
import time
from collections.abc import Callable

import numpy as np
import torch

from benchmarks.shapes import GRID, Case
from pellucid import kernels

Step = Callable[[], object]


def arrays(case: Case) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    x = rng.standard_normal(case.x_shape).astype(np.float32)
    w = rng.standard_normal(case.w_shape).astype(np.float32)
    return x, w, np.zeros(case.oc, np.float32)


def pellucid_steps(case: Case) -> tuple[str, Step, Step]:
    """The kernel's name, forward, backward."""
    x, w, b = arrays(case)
    how = case.how
    dy = np.ones_like(kernels.conv2d(x, w, b, **how))
    name = kernels.choose(x.shape, w.shape, **how).kernel
    return name, lambda: kernels.conv2d(x, w, b, **how), lambda: kernels.conv2d_backward(x, dy, w, **how)


def torch_steps(case: Case) -> tuple[Step, Step]:
    """Forward, backward; channels last."""
    x, w, b = (torch.from_numpy(a) for a in arrays(case))
    x = x.permute(0, 3, 1, 2)
    w = w.permute(3, 2, 0, 1).contiguous(memory_format=torch.channels_last)
    stride, padding = [case.stride] * 2, [case.padding] * 2
    forward = lambda: torch.nn.functional.conv2d(x, w, b, stride, padding, 1, case.groups)  # noqa: E731
    dy = torch.ones_like(forward())
    backward = lambda: torch.ops.aten.convolution_backward(  # noqa: E731
        dy, x, w, [case.oc], stride, padding, [1, 1], False, [0, 0], case.groups, [True, True, True]
    )
    return forward, backward


clock = time.perf_counter


def turn(step: Step, times: list[float]) -> None:
    """One pause, three calls to wake up, four timed calls."""
    time.sleep(0.02)
    for _ in range(3):
        step()
    for _ in range(4):
        start = clock()
        step()
        times.append(1000 * (clock() - start))


def measure(steps: dict[str, Step], rounds: int) -> dict[str, float]:
    """Medians in ms, the steps taking turns."""
    times: dict[str, list[float]] = {name: [] for name in steps}
    for _ in range(rounds):
        for name, step in steps.items():
            turn(step, times[name])
    return {name: statistics.median(t) for name, t in times.items()}


def run_case(case: Case, rounds: int) -> float:
    """Print a line; return the ratio of the times."""
    name, *ours = pellucid_steps(case)
    theirs = torch_steps(case)
    ms = measure({"f": ours[0], "tf": theirs[0], "b": ours[1], "tb": theirs[1]}, rounds)
    ratio = (ms["f"] + ms["b"]) / (ms["tf"] + ms["tb"])
    print(
        f"{case!s:34} {name:10}{ms['f']:8.2f}{ms['b']:8.2f}{ms['tf']:10.2f}{ms['tb']:8.2f}{ratio:9.2f}",
        flush=True,
    )
    return ratio


def run_mnist(rounds: int) -> None:
    """The convolutions of the MNIST network: batch 128, two 3x3 layers with ReLU, 2x2 max-pooling; no gradient of
    the images."""
    rng = np.random.default_rng(0)
    x = rng.random((128, 28, 28, 1), np.float32)
    w1, w2 = rng.standard_normal((3, 3, 1, 32), np.float32), rng.standard_normal((3, 3, 32, 64), np.float32)
    b1, b2 = np.zeros(32, np.float32), np.zeros(64, np.float32)
    dy = rng.standard_normal((128, 12, 12, 64), np.float32)

    def ours() -> None:
        h = kernels.conv2d(x, w1, b1, relu=True)
        _, switch = kernels.conv2d_relu_max_pool(h, w2, b2)
        dh, _, _ = kernels.conv2d_backward(h, dy, w2, switch=switch)
        kernels.conv2d_backward(x, dh, w1, y=h, want_dx=False)  # type: ignore[arg-type]

    tx, tdy = (torch.from_numpy(a).permute(0, 3, 1, 2) for a in (x, dy))
    weights = [
        torch.from_numpy(w).permute(3, 2, 0, 1).contiguous(memory_format=torch.channels_last).requires_grad_()
        for w in (w1, w2)
    ]
    biases = [torch.from_numpy(b).requires_grad_() for b in (b1, b2)]
    conv = torch.nn.functional.conv2d

    def theirs() -> None:
        h = torch.relu(conv(tx, weights[0], biases[0]))
        y = torch.nn.functional.max_pool2d(torch.relu(conv(h, weights[1], biases[1])), 2)
        torch.autograd.grad(y, weights + biases, tdy)

    ms = measure({"ours": ours, "torch": theirs}, 2 * rounds)
    print("\nMNIST network, batch 128, convolutions + ReLU + pooling, forward and backward:")
    print(f"pellucid {ms['ours']:.1f} ms   torch {ms['torch']:.1f} ms   ratio {ms['ours'] / ms['torch']:.2f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="every third shape, fewer rounds")
    parser.add_argument("--threads", type=int, default=kernels.get_num_threads())
    parser.add_argument("--rounds", type=int, default=0)
    parser.add_argument("--busy", action="store_true", help="one thread, and processor time instead of wall time")
    options = parser.parse_args()
    if options.busy:
        global clock
        clock, options.threads = time.process_time, 1
    torch.set_num_threads(options.threads)
    kernels.set_num_threads(options.threads)
    rounds = options.rounds or (3 if options.quick else 5)
    print(f"torch {torch.__version__}, {options.threads} threads; medians in ms; forward + backward, ratio to torch")
    titles = f"{'forward':>8}{'back':>8}{'torch f':>10}{'back':>8}{'ratio':>9}"
    print(f"{'images, channels, kernel/stride':34} {'kernel':10}{titles}")
    ratios = [run_case(case, rounds) for case in (GRID[::3] if options.quick else GRID)]
    mean = math.exp(statistics.fmean(map(math.log, ratios)))
    print(f"geometric mean {mean:.2f}   worst {max(ratios):.2f}   best {min(ratios):.2f}")
    run_mnist(rounds)


if __name__ == "__main__":
    main()
