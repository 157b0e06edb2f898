"""A network as a table: layer, output shape, parameters; computed from shapes alone, without a forward pass."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

from pellucid import checks
from pellucid.layers import Container, Layer
from pellucid.typing import Shape


class Row(NamedTuple):
    """One layer."""

    name: str
    kind: str
    output_shape: Shape
    parameters: int


@dataclass(frozen=True)
class Summary:
    """What `summary` returns; `str()` or `print` shows the table."""

    rows: tuple[Row, ...]
    trainable: int
    fixed: int
    """Numbers in buffers, such as running statistics."""

    def __str__(self) -> str:
        table = [("layer", "type", "output shape", "parameters")]
        table += [(r.name, r.kind, _shape(r.output_shape), f"{r.parameters:,}") for r in self.rows]
        widths = [max(len(line[i]) for line in table) for i in range(4)]
        rule = "─" * (sum(widths) + 6)
        lines = [
            "  ".join([*(c.ljust(w) for c, w in zip(r[:3], widths, strict=False)), r[3].rjust(widths[3])])
            for r in table
        ]
        totals = f"{self.trainable:,} trainable parameters, {self.fixed:,} not trainable"
        return "\n".join([lines[0], rule, *lines[1:], rule, totals])


def summary(model: Any) -> Summary:
    """Return the table of a built network, or of a model that holds one in `.network`."""
    network = getattr(model, "network", model)
    checks.expect_built(type(network).__name__, network.output_shape)
    rows = tuple(_rows(network, ""))
    return Summary(rows, network.size, sum(b.size for b in network.buffers.values()))


def _rows(network: Container[Any], prefix: str) -> list[Row]:
    rows: list[Row] = []
    for layer in network.layers:
        rows.append(Row(prefix + layer.name, type(layer).__name__, layer.output_shape or (), _own(layer)))
        if isinstance(layer, Container):
            rows += _rows(layer, f"{prefix}{layer.name}.")
    return rows


def _own(layer: Layer[Any]) -> int:
    """A container's parameters are counted where they are."""
    return 0 if isinstance(layer, Container) else layer.size


def _shape(shape: Shape) -> str:
    return " × ".join(map(str, shape)) or "scalar"
