"""What every test has: a seeded generator, and floating-point errors that raise instead of warning.

`--no-skips` makes a skipped test a failed one: for runs on machines where every judge is said to sit (`make peers`).
At the end of a run the skipped tests are counted, by their reasons.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Generator, Iterator
from typing import Any

import numpy as np
import pytest
from hypothesis import settings

os.environ.setdefault("PELLUCID_CHECK", "1")  # every record is compared with its arrays before a task starts

# The same examples on every run: a failure seen in one place is seen in all. `make machines` repeats some of them.
EXAMPLES = int(os.environ.get("PELLUCID_EXAMPLES", "50"))
settings.register_profile("pellucid", deadline=None, derandomize=True, database=None, max_examples=EXAMPLES)
settings.load_profile("pellucid")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--no-skips", action="store_true", help="a test that would be skipped fails")


def _no_skip(config: pytest.Config, report: Any) -> Any:
    if report.skipped and not hasattr(report, "wasxfail") and config.getoption("--no-skips"):
        report.outcome, report.longrepr = "failed", f"{report.nodeid} may not be skipped: {report.longrepr[2]}"
    return report


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, Any, Any]:
    return _no_skip(item.config, (yield))


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(collector: pytest.Collector) -> Generator[None, Any, Any]:
    return _no_skip(collector.config, (yield))  # a whole file can be skipped where it is imported


def pytest_terminal_summary(terminalreporter: Any) -> None:
    skipped = terminalreporter.stats.get("skipped", [])
    reasons = Counter(report.longrepr[2].removeprefix("Skipped: ") for report in skipped)
    if reasons:
        terminalreporter.write_line(f"{len(skipped)} skipped (`make peers` installs what they need):")
    for reason, count in reasons.most_common():
        terminalreporter.write_line(f"{count:6}  {reason}")


# Layers that compiled kernels or a BLAS compute; the others are NumPy's element-wise work on every machine.
ON_KERNELS = (
    "Affine",
    "AveragePool2D",
    "BatchNorm",
    "Conv2D",
    "ConvTranspose2D",
    "DepthwiseConv2D",
    "Dropout",
    "GlobalAveragePool2D",
    "GlobalMaxPool2D",
    "Graph",
    "MatMul",
    "MaxPool2D",
    "ReLU",
    "Resize2D",
    "Residual",
    "Sequential",
    "Upsample2D",
)


def pytest_collection_modifyitems(config: pytest.Config, items: list[Any]) -> None:
    """With PELLUCID_CASES=kernels, of the tests that run over all layers keep those of `ON_KERNELS`."""
    if os.environ.get("PELLUCID_CASES") != "kernels":
        return
    cases = [getattr(item, "callspec", None) and item.callspec.params.get("case") for item in items]
    left = [item for item, case in zip(items, cases, strict=True) if not _on_kernels(case)]
    config.hook.pytest_deselected(items=left)
    items[:] = [item for item in items if item not in set(left)]


def _on_kernels(case: Any) -> bool:
    return not hasattr(case, "make") or type(case.make()).__name__ in ON_KERNELS


@pytest.fixture
def rng() -> np.random.Generator:
    """A generator that starts alike in every test."""
    return np.random.default_rng(20240229)


@pytest.fixture(autouse=True)
def strict_floats() -> Iterator[None]:
    """Overflow, division by zero and NaN made from numbers are errors; results too small to show are not."""
    with np.errstate(divide="raise", over="raise", invalid="raise"):
        yield
