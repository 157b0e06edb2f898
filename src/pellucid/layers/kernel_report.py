"""Which kernel computes each layer, and what that costs: the chooser's reasons, layer by layer."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, NamedTuple

from pellucid import checks, kernels
from pellucid.checked import checked, checked_late
from pellucid.errors import ArgumentError
from pellucid.layers.affine import Affine
from pellucid.layers.base import Layer
from pellucid.layers.container import Container
from pellucid.layers.conv import Conv2D, DepthwiseConv2D
from pellucid.layers.fused import _ConvReLU, _ConvReLUMaxPool
from pellucid.layers.sequential import Sequential
from pellucid.shown import came, shown


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
    network = checks.network_in(model)
    if not isinstance(network, Container):
        raise ArgumentError(f"explain_kernels: model must be a container, or hold one in .network, got {came(model)}.")
    checks.expect_built(type(network).__name__, network.output_shape)
    size = checks.size("explain_kernels", "batch_size", batch_size)
    return KernelReport(tuple(_rows(network, size, "")), size)


def _rows(network: Container[Any], n: int, prefix: str) -> list[KernelRow]:
    rows: list[KernelRow] = []
    steps = network.fused() if isinstance(network, Sequential) else network
    for own, layer in steps.named_layers():
        name = prefix + own
        if isinstance(layer, Container):
            rows += _rows(layer, n, f"{name}.")
        elif isinstance(layer, (_ConvReLU, _ConvReLUMaxPool)):
            after = "ReLU and pooling" if isinstance(layer, _ConvReLUMaxPool) else "ReLU"
            rows.append(_convolution(name, layer.conv, n, f"; {after} in the same pass"))
        elif isinstance(layer, (Conv2D, DepthwiseConv2D)):
            rows.append(_convolution(name, layer, n, ""))
        else:
            rows.append(_other(name, layer, n))
    return rows


def _convolution(name: str, layer: Conv2D | DepthwiseConv2D, n: int, more: str) -> KernelRow:
    shape = layer.input_shape or ()
    w = layer.params["W"]
    choice = kernels.choose((n, *shape), w.shape, **layer.geometry(shape), dtype=w.dtype)
    return KernelRow(name, choice.kernel, choice.reason + more, choice.flops, choice.bytes)


def _other(name: str, layer: Layer[Any], n: int) -> KernelRow:
    numbers = n * (math.prod(layer.input_shape or ()) + math.prod(layer.output_shape or ()))
    if isinstance(layer, Affine):
        w = layer.params["W"]
        return KernelRow(name, "gemm", "a matrix product", 2 * n * w.size, (numbers + w.size) * w.itemsize)
    return KernelRow(name, "elementwise", "a pass over memory", 0, 4 * numbers)
