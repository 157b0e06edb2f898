"""Contestants in processes of their own, timed in alternation, so that a machine's moods fall on all of them alike.

Each contestant is `module:name`: `module.CONTESTANTS[name]()` sets itself up and returns a dict of callables
`(count) -> None`; a "lap" is one such call, timed inside its process; of short ones there are several, and the median
counts. Only one contestant computes at any moment.
"""

from __future__ import annotations

import importlib
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

ENOUGH = 0.3
"""Seconds of laps after which a measurement is long enough."""


def serve(module: str, name: str) -> None:
    """The contestant's side: set up, then answer each line {"what", "count"} with the seconds that it took."""
    answers, sys.stdout = sys.stdout, sys.stderr  # what a library prints must not mix with the answers
    laps = importlib.import_module(module).CONTESTANTS[name]()
    print(json.dumps(sorted(laps)), file=answers, flush=True)
    for line in sys.stdin:
        order = json.loads(line)
        seconds = timed(laps[order["what"]], order["count"])
        print(json.dumps({"seconds": seconds, "peak": peak_memory()}), file=answers, flush=True)


def timed(lap: Callable[[int], object], count: int) -> float:
    """The seconds of a lap; where that is short, the median of several, without the first, which wakes threads."""
    seconds: list[float] = []
    while not seconds or (sum(seconds) < ENOUGH and len(seconds) < 30):
        begun = time.perf_counter()
        lap(count)
        seconds.append(time.perf_counter() - begun)
    return statistics.median(seconds[1:] or seconds)


def peak_memory() -> float:
    """The most memory this process has held, in MB."""
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) / 1024 for line in status if line.startswith("VmHWM"))


@dataclass
class Contestant:
    """A running contestant and the seconds of its laps, by what was timed."""

    module: str
    name: str
    environment: Mapping[str, str] = field(default_factory=dict)
    seconds: dict[str, list[float]] = field(default_factory=dict)
    peak: float = 0.0

    def __post_init__(self) -> None:
        command = [sys.executable, "-c", f"from benchmarks.race import serve; serve({self.module!r}, {self.name!r})"]
        quiet = {"TF_CPP_MIN_LOG_LEVEL": "3", "TF_ENABLE_ONEDNN_OPTS": "1"}
        environment = {**os.environ, **quiet, **self.environment}
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment
        )
        assert self.process.stdout
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError(self.last_words())
        self.laps: list[str] = json.loads(line)

    def lap(self, what: str, count: int, keep: bool = True) -> None:
        assert self.process.stdin
        assert self.process.stdout
        print(json.dumps({"what": what, "count": count}), file=self.process.stdin, flush=True)
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError(self.last_words())
        answer = json.loads(line)
        self.peak = answer["peak"]
        if keep:
            self.seconds.setdefault(what, []).append(answer["seconds"] / count)

    def last_words(self) -> str:
        assert self.process.stderr
        return (self.process.stderr.read().strip().splitlines() or ["it ended without a word"])[-1]

    def close(self) -> None:
        self.process.kill()
        self.process.communicate()

    def median(self, what: str) -> float | None:
        return statistics.median(self.seconds[what]) if what in self.seconds else None


def race(
    module: str,
    names: list[str],
    counts: dict[str, int],
    rounds: int,
    environment: Callable[[str], Mapping[str, str]] = lambda name: {},
) -> list[Contestant]:
    """Run every contestant `rounds` times in turn, after one lap that does not count; tell which cannot run.

    `environment(name)` gives variables that a contestant's process begins with.
    """
    running: list[Contestant] = []
    for name in names:
        try:
            running.append(Contestant(module, name, environment(name)))
        except RuntimeError as error:
            print(f"  {name}: left out ({error})", flush=True)
    for turn in range(-1, rounds):
        for contestant in running:
            for what, count in counts.items():
                if what in contestant.laps:
                    contestant.lap(what, count, keep=turn >= 0)
            time.sleep(0.05)  # let its threads fall asleep before the next one runs
    for contestant in running:
        contestant.close()
    return running


def table(contestants: list[Contestant], what: str, unit: str, scale: float, ours: str = "pellucid") -> str:
    """Medians, spread, and the ratio of ours to each."""
    rows = [c for c in contestants if c.median(what) is not None]
    mine = next((c.median(what) for c in rows if c.name == ours), None)
    lines = [f"| {unit} | median | min – max | {ours} / it |", "|---|---|---|---|"]
    for c in sorted(rows, key=lambda c: c.median(what) or 0.0):
        low, high = min(c.seconds[what]) * scale, max(c.seconds[what]) * scale
        median = (c.median(what) or 0.0) * scale
        ratio = f"{(mine or 0.0) * scale / median:.2f}"
        lines.append(f"| {c.name} | {median:.4g} | {low:.4g} – {high:.4g} | {ratio} |")
    return "\n".join(lines)
