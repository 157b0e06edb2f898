"""T2's network on one thread and on two, by the size of the batch: time per image, in training and in inference."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

import pellucid as pl
from benchmarks.race import Contestant, race

BATCHES = {1: 64, 8: 256, 32: 512, 128: 1024, 512: 1024}
"""The sizes of a batch, and how many images a lap takes."""

THREADS = (1, 2)
COUNTS = {f"{what} {size}": images for what in ("training", "inference") for size, images in BATCHES.items()}
Laps = dict[str, Callable[[int], Any]]


def laps(train: Callable[[int, int], Any], infer: Callable[[int, int], Any]) -> Laps:
    """From functions of (size of the batch, how many batches)."""

    def lap(run: Callable[[int, int], Any], size: int, images: int) -> None:
        run(size, images // size)

    kinds = {"training": train, "inference": infer}
    return {f"{what} {size}": functools.partial(lap, run, size) for what, run in kinds.items() for size in BATCHES}


def pellucid() -> Laps:
    from pellucid.models import mnist_cnn

    data, _ = pl.mnist(flatten=False)
    net, optimizer = mnist_cnn(), pl.Adam(1e-3)

    def train(size: int, batches: int) -> None:
        pl.fit(
            net,
            data,
            iterations=batches,
            batch_size=size,
            sampling="replacement",
            optimizer=optimizer,
            evaluate_every=batches,
            train_sample=0,
            progress=False,
        )

    def infer(size: int, batches: int) -> None:
        for i in range(batches):
            pl.predict(net, data.x[i * size : (i + 1) * size])

    return laps(train, infer)


def torch() -> Laps:
    import torch
    from torch import nn

    (images, classes), _ = pl.load_mnist(flatten=False)
    x = torch.tensor(images).permute(0, 3, 1, 2).contiguous(memory_format=torch.channels_last)
    t = torch.tensor(classes.astype(np.int64))
    net = nn.Sequential(
        nn.Conv2d(1, 32, 3), nn.ReLU(), nn.Conv2d(32, 64, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Dropout(0.25),
        nn.Flatten(), nn.Linear(9216, 128), nn.ReLU(), nn.Dropout(0.5), nn.Linear(128, 10),
    ).to(memory_format=torch.channels_last)  # fmt: skip
    optimizer = torch.optim.Adam(net.parameters(), 1e-3)

    def train(size: int, batches: int) -> None:
        net.train()
        for o in torch.tensor(np.random.default_rng(0).integers(0, len(x), (batches, size))):
            optimizer.zero_grad(set_to_none=True)
            nn.functional.cross_entropy(net(x[o]), t[o]).backward()
            optimizer.step()

    def infer(size: int, batches: int) -> None:
        net.eval()
        with torch.inference_mode():
            for i in range(batches):
                net(x[i * size : (i + 1) * size])

    return laps(train, infer)


CONTESTANTS: dict[str, Callable[[], Laps]] = {
    f"{name} {threads}": make for threads in THREADS for name, make in (("pellucid", pellucid), ("PyTorch", torch))
}


def environment(name: str) -> dict[str, str]:
    """What keeps a contestant to its number of threads, from the first import on."""
    variables = ("PELLUCID_NUM_THREADS", "OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS")
    return dict.fromkeys(variables, name.split()[-1])


def scaling(rounds: int) -> str:
    found = {c.name: c for c in race(__name__, list(CONTESTANTS), COUNTS, rounds, environment)}
    tables = [_table(found, what) for what in ("training", "inference")]
    return "\n\n".join([*tables, _threads(found)])


def _table(found: dict[str, Contestant], what: str) -> str:
    columns = " | ".join(f"pellucid, {n} | PyTorch, {n} | ratio" for n in ("1 thread", "2 threads"))
    lines = [f"| {what}, µs per image; batch of | {columns} |", "|---|" + "---|" * 6]
    for size in BATCHES:
        cells = [str(size)]
        for threads in THREADS:
            ours, theirs = (_micro(found, f"{name} {threads}", f"{what} {size}") for name in ("pellucid", "PyTorch"))
            cells += [_text(ours), _text(theirs), f"{ours / theirs:.2f}" if ours and theirs else ""]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _threads(found: dict[str, Contestant]) -> str:
    lines = ["| training step, batch 128, ms | 1 thread | 2 threads | faster by |", "|---|---|---|---|"]
    for name in ("pellucid", "PyTorch"):
        one, two = (_micro(found, f"{name} {n}", "training 128") for n in THREADS)
        if one and two:
            lines.append(f"| {name} | {one * 0.128:.1f} | {two * 0.128:.1f} | {one / two:.2f} |")
    return "\n".join(lines)


def _micro(found: dict[str, Contestant], name: str, what: str) -> float | None:
    seconds = found[name].median(what) if name in found else None
    return None if seconds is None else seconds * 1e6


def _text(number: float | None) -> str:
    return "" if number is None else f"{number:,.0f}"
