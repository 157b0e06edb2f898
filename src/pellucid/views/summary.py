"""A network as a table: shapes, parameters, receptive fields, costs; with data also how its layers behave."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from pellucid.arrays import numbers
from pellucid.checked import checked, checked_late
from pellucid.data import Dataset
from pellucid.layers.container import learns, network_of
from pellucid.losses import LossLike
from pellucid.shown import shown
from pellucid.typing import Array, Shape
from pellucid.views.activity import Activity, activities
from pellucid.views.cost import activation_numbers, multiply_adds
from pellucid.views.flow import Op, flow
from pellucid.views.receptive import fields, largest, unknown

if TYPE_CHECKING:
    from rich.table import Table


@checked_late
@dataclass(frozen=True)
class Row:
    """One layer or merge.

    Attributes
    ----------
    name, kind : str
        The name, after those of the containers around it, and the type.
    output_shape : of one sample
    parameters : int
    receptive_field : (height, width)
        The pixels of the input that one of its units sees, away from the borders.
    multiply_adds : int or None
        For one sample; None where the type of layer is not known.
    activation_bytes : int
        The memory of its output, for one sample.
    activity : Activity, optional
        How it behaves on data.

    Examples
    --------
    >>> row = pl.summary(pl.Sequential([pl.Affine(3)], input_shape=4)).rows[0]
    >>> row.kind, row.parameters, row.multiply_adds
    ('Affine', 15, 12)
    """

    name: str
    kind: str
    output_shape: Shape
    parameters: int
    receptive_field: tuple[int, int] = (1, 1)
    multiply_adds: int | None = 0
    activation_bytes: int = 0
    activity: Activity | None = None
    sees_at_most: bool = False
    """Whether a layer on the way does not say what it sees, so that the field may be smaller."""


@checked_late
@dataclass(frozen=True)
class Summary:
    """What `summary` returns; `str()` or `print` shows the table, never cut.

    Examples
    --------
    >>> table = pl.summary(pl.Sequential([pl.Affine(3)], input_shape=4))
    >>> print(table.to_markdown().splitlines()[0])
    | layer | type | output shape | parameters | sees | multiply-adds | memory |
    """

    rows: tuple[Row, ...]
    trainable: int
    """Parameters that training changes; an array that several layers share counts once."""
    fixed: int
    """Those of frozen layers, and numbers in buffers such as running statistics."""
    input_shape: Shape = ()
    samples: int = 0
    """How many samples the activities are of."""

    @property
    def multiply_adds(self) -> int:
        """Of all layers whose number is known, for one sample."""
        return sum(row.multiply_adds or 0 for row in self.rows)

    @property
    def activation_bytes(self) -> int:
        """The memory of all outputs for one sample: what a training pass keeps."""
        return sum(row.activation_bytes for row in self.rows)

    def table(self) -> list[list[str]]:
        """Return the cells, the heading first."""
        lines = [list(HEADING), *(_cells(row) for row in self.rows)]
        if self.samples:
            lines[0] += ACTIVITY_HEADING
            for line, row in zip(lines[1:], self.rows, strict=True):
                line += _activity_cells(row.activity)
        return lines

    def totals(self) -> list[str]:
        """Return the lines below the table."""
        unknown = [row.kind for row in self.rows if row.multiply_adds is None]
        more = f" and those of {', '.join(sorted(set(unknown)))}" if unknown else ""
        lines = [
            f"{self.trainable:,} trainable parameters, {self.fixed:,} not trainable",
            f"{self.multiply_adds:,} multiply-adds{more}, {_bytes(self.activation_bytes)} of activations per sample",
        ]
        return lines + ([f"measured on {self.samples:,} samples"] if self.samples else [])

    def __str__(self) -> str:
        table = self.table()
        widths = [max(len(line[i]) for line in table) for i in range(len(table[0]))]
        rule = "─" * (sum(widths) + 2 * (len(widths) - 1))
        lines = ["  ".join(_aligned(line, widths)).rstrip() for line in table]
        return "\n".join([lines[0], rule, *lines[1:], rule, *self.totals()])

    def to_markdown(self) -> str:
        """Return a Markdown table with the totals below it."""
        table = self.table()
        marks = ["---" if i < LEFT else "---:" for i in range(len(table[0]))]
        lines = ["| " + " | ".join(_SPECIAL.sub(r"\\\g<0>", cell) for cell in line) + " |" for line in table]
        return "\n".join([lines[0], "|" + "|".join(marks) + "|", *lines[1:], "", *(f"{t}  " for t in self.totals())])

    def to_json(self) -> str:
        """Return everything as JSON."""
        return json.dumps(
            {**asdict(self), "multiply_adds": self.multiply_adds, "activation_bytes": self.activation_bytes}, indent=2
        )

    def to_rich(self) -> Table:
        """Return a table for `rich.print`; it folds long names rather than cutting them."""
        from rich.box import SIMPLE_HEAD
        from rich.table import Table
        from rich.text import Text

        heading, *lines = self.table()
        made = Table(caption="\n".join(self.totals()), caption_justify="left", box=SIMPLE_HEAD)
        for i, name in enumerate(heading):
            made.add_column(name, justify="left" if i < LEFT else "right", overflow="fold")
        for line in lines:
            made.add_row(*map(Text, line))  # a plain string would be read as markup
        return made


HEADING = ("layer", "type", "output shape", "parameters", "sees", "multiply-adds", "memory")
ACTIVITY_HEADING = ["dead", "mean", "sd", "norm", "weights", "gradient"]
_SPECIAL = re.compile(r"[\\|<\[`]")  # what Markdown would take for a cell, a tag, a link or code
LEFT = 3  # columns of words; the rest are numbers


@checked
def summary(model: Any, x: Any = None, t: Any = None, *, loss: LossLike | None = None) -> Summary:
    """Return the table of a built network, or of a model that holds one in `.network`.

    With data x (N, …) every layer also says how it behaves: the share of dead ReLUs, mean, standard deviation and
    norm of its output, and the norm of its weights; with targets t, the norm of its gradient. By default the loss is
    softmax with cross-entropy for classes and mean squared error for numbers.

    "sees" is the receptive field: the pixels, height x width, or the entries of a vector, that one unit depends on; "≤"
    stands before it where a layer on the way does not say what it sees, "?" where one does not say what it costs.

    Examples
    --------
    >>> network = pl.Sequential([pl.Conv2D(4, 3), pl.ReLU(), pl.Flatten(), pl.Affine(3)], input_shape=(8, 8, 1))
    >>> table = pl.summary(network)
    >>> [row.output_shape for row in table.rows]
    [(6, 6, 4), (6, 6, 4), (144,), (3,)]
    >>> table.trainable, table.multiply_adds
    (475, 1728)
    """
    network = network_of(model, "summary", built=True)
    ops = flow(network)
    seen, at_most = fields(ops, network.input_shape or ()), unknown(ops)
    if isinstance(x, Dataset):
        x, t = x.x, x.t
    x = None if x is None else numbers("summary", "x", x)
    measured = {} if x is None else activities(network, ops, x, t, loss)
    rows = tuple(
        Row(
            op.path,
            op.kind,
            op.output_shape,
            sum(p.size for p in op.operation.params.values()),
            largest(seen[op.path]),
            multiply_adds(op),
            activation_numbers(op) * network.dtype.itemsize,
            measured.get(op.path),
            op.path in at_most,
        )
        for op in ops
    )
    samples = 0 if x is None else len(x)
    trained = [op for op in ops if learns(op.operation)]
    fixed = unique_size(ops, "params") - unique_size(trained, "params") + unique_size(ops, "buffers")
    return Summary(rows, unique_size(trained, "params"), fixed, network.input_shape or (), samples)


def unique_size(ops: Iterable[Op], kind: str) -> int:
    """Count the numbers in the parameters or buffers, each piece of memory once, whoever shares it."""
    arrays: dict[tuple[int, int], Array] = {}
    for op in ops:
        for array in getattr(op.operation, kind).values():
            arrays[array.__array_interface__["data"][0], array.size] = array
    return sum(array.size for array in arrays.values())


def _aligned(line: list[str], widths: list[int]) -> list[str]:
    return [c.ljust(w) if i < LEFT else c.rjust(w) for i, (c, w) in enumerate(zip(line, widths, strict=True))]


def _cells(row: Row) -> list[str]:
    count = "?" if row.multiply_adds is None else f"{row.multiply_adds:,}"
    return [
        shown(row.name),
        shown(row.kind),
        shape_text(row.output_shape),
        f"{row.parameters:,}",
        "≤ " * row.sees_at_most + field_text(row.receptive_field),
        count,
        _bytes(row.activation_bytes),
    ]


def _activity_cells(activity: Activity | None) -> list[str]:
    if activity is None:
        return [""] * len(ACTIVITY_HEADING)
    dead = "" if activity.dead is None else f"{100 * activity.dead:.1f}%"
    numbers = (activity.mean, activity.sd, activity.norm, activity.weight_norm, activity.gradient_norm)
    return [dead, *("" if n is None else f"{n:.3g}" for n in numbers)]


def shape_text(shape: Shape) -> str:
    """`26 × 26 × 32`."""
    return " × ".join(map(str, shape)) or "scalar"


def field_text(size: tuple[int, int]) -> str:
    """`5 × 5`; `784` where the input is a vector."""
    return str(size[0]) if size[1] == 1 and size[0] != 1 else f"{size[0]} × {size[1]}"


def _bytes(count: int) -> str:
    """`84.5 kB`, in thousands."""
    if count < 1000:
        return f"{count} B"
    value, unit = (count / 1e3, "kB") if count < 1e6 else (count / 1e6, "MB")
    return f"{value:.1f} {unit}"
