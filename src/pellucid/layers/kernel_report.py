"""Which kernel computes each layer, and what that costs: the chooser's reasons, layer by layer."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

from pellucid import checks
from pellucid.checked import checked, checked_late
from pellucid.layers.container import Container, network_of
from pellucid.shown import shown


class KernelRow(NamedTuple):
    """One step of a forward pass over a batch."""

    layer: str
    kernel: str
    reason: str
    flops: int
    bytes: int


@checked_late
@dataclass(frozen=True)
class KernelReport:
    """What `explain_kernels` returns; `print` shows the table.

    Examples
    --------
    >>> network = pl.Sequential([pl.Affine(10)], input_shape=784)
    >>> pl.explain_kernels(network, 100).rows[0].flops  # 2 · 100 · 784 · 10
    1568000
    """

    rows: tuple[KernelRow, ...]
    batch_size: int

    def __str__(self) -> str:
        head = ("layer", "kernel", "MFLOP", "MB", "why")
        table = [
            head,
            *((r.layer, r.kernel, f"{r.flops / 1e6:,.1f}", f"{r.bytes / 1e6:,.1f}", r.reason) for r in self.rows),
        ]
        widths = [max(len(line[i]) for line in table) for i in range(4)]
        lines = [
            f"{a:<{widths[0]}}  {k:<{widths[1]}}  {f:>{widths[2]}}  {b:>{widths[3]}}  {why}"
            for a, k, f, b, why in table
        ]
        total = sum(r.flops for r in self.rows) / 1e6
        return "\n".join(
            [f"A forward pass over {self.batch_size} samples, {total:,.1f} MFLOP done directly:", *map(shown, lines)]
        )


@checked
def explain_kernels(model: Any, batch_size: int = 128) -> KernelReport:
    """Say which kernel computes each layer of a built network for batches of `batch_size`, and why.

    FLOPs count a multiplication and an addition each, done directly; bytes count inputs, weights and outputs once.

    Examples
    --------
    >>> network = pl.Sequential([pl.Conv2D(8, 3), pl.Flatten(), pl.Affine(10)], input_shape=(28, 28, 1))
    >>> report = pl.explain_kernels(network, batch_size=100)
    >>> len(report.rows) >= 3
    True
    """
    network = network_of(model, "explain_kernels", built=True)
    size = checks.size("explain_kernels", "batch_size", batch_size)
    return KernelReport(tuple(_rows(network, size, "")), size)


def _rows(network: Container[Any], batch_size: int, prefix: str) -> Iterator[KernelRow]:
    for name, layer in network.fused().named_layers():
        if isinstance(layer, Container):
            yield from _rows(layer, batch_size, f"{prefix}{name}.")
        else:
            yield KernelRow(prefix + name, *layer.kernel_use(batch_size))
