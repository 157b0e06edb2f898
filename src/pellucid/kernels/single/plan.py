"""One sample through several layers in one compiled call, shared by the pool's threads.

A batch of one is soon done: the layers of a small network take some 100 µs, and as long again would pass in Python
between them. A *program* writes down, once for each network, all the work of its layers in a table of rows, each cut
into pieces; `single.loops` does them, on every thread that the pool can spare, without going back to Python.
The pieces follow from the shapes alone, and so do the bits.

It knows the steps that a convolutional network is mostly made of: convolution with ReLU and with the 2x2 max-pooling
that follows, and the matrix product with ReLU; float32 only.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Sequence
from enum import Enum
from itertools import pairwise
from typing import Any, NamedTuple, TypeAlias

import numpy as np

from pellucid.errors import ShapeError
from pellucid.kernels import addresses, jit
from pellucid.kernels.addresses import FLOAT
from pellucid.kernels.conv import choose
from pellucid.kernels.crew.tasks import BEFORE, Row, Task
from pellucid.kernels.dense.matmul import total
from pellucid.kernels.dense.rows import one_row
from pellucid.kernels.direct import plan as direct
from pellucid.kernels.geometry import Window
from pellucid.kernels.panels import bias_vector, panels, whole
from pellucid.kernels.records import Later
from pellucid.kernels.single import records
from pellucid.kernels.winograd import plan as winograd
from pellucid.kernels.winograd.records import PLAIN, POOLED, RELU, transformed
from pellucid.typing import Array, Shape

# A program pays from about this many multiplications on: less is done before a helper is there.
WORTHWHILE = 500_000
# A thread keeps programs of so many bytes together, and always its last.
KEPT_BYTES = 64 * 1024 * 1024


class Convolution(NamedTuple):
    """y = x ∗ w + b of one image (H, W, C), perhaps with ReLU, and with ReLU and 2x2 max-pooling."""

    x_shape: Shape
    w_shape: Shape
    window: Window
    relu: bool = False
    pooled: bool = False

    @property
    def kernel(self) -> str:
        """Which kernel computes it, or "" where programs do not know it."""
        _, stride, padding, dilation = self.window
        groups = self.x_shape[2] // self.w_shape[2]
        kernel = choose(
            (1, *self.x_shape), self.w_shape, stride=stride, padding=padding, dilation=dilation, groups=groups
        ).kernel
        known = self.window.size == (3, 3) if kernel == "winograd" else kernel == "direct" and groups == 1
        return kernel if known and (kernel == "winograd" or not self.pooled) else ""

    @property
    def numbers(self) -> int:
        """How many numbers come in."""
        return math.prod(self.x_shape)

    @property
    def y_shape(self) -> Shape:
        oh, ow = self.window.output(*self.x_shape[:2])
        return (oh // 2, ow // 2, self.w_shape[3]) if self.pooled else (oh, ow, self.w_shape[3])

    @property
    def multiplications(self) -> int:
        return math.prod(self.window.output(*self.x_shape[:2])) * math.prod(self.w_shape)


class Product(NamedTuple):
    """y = x·W + b of a vector (D,), perhaps with ReLU."""

    length: int
    columns: int
    relu: bool = False

    @property
    def kernel(self) -> str:
        return "product"

    @property
    def w_shape(self) -> Shape:
        return self.length, self.columns

    @property
    def numbers(self) -> int:
        """How many numbers come in."""
        return self.length

    @property
    def y_shape(self) -> Shape:
        return (self.columns,)

    @property
    def multiplications(self) -> int:
        return self.length * self.columns


Step: TypeAlias = Convolution | Product
Weighted: TypeAlias = "tuple[Array, Array | None]"
"""A step's weights and bias."""

Read: TypeAlias = "Callable[[Array, Array | None], Weighted]"


def worthwhile(steps: Sequence[Step]) -> bool:
    """Whether a program can do these steps, and pays."""
    return (
        len(steps) > 1
        and jit.available()
        and all(step.kernel and math.prod(step.y_shape) for step in steps)
        and sum(step.multiplications for step in steps) >= WORTHWHILE
    )


_local = threading.local()


def run(steps: tuple[Step, ...], x: Array, weights: Sequence[Weighted]) -> Array:
    """x, one sample, through the steps → (1, …). `weights` holds (w, b) of each step; all are float32.

    ShapeError where an array is not what the steps take.
    """
    programs: dict[tuple[Step, ...], Program] = _local.__dict__.setdefault("programs", {})
    program = programs.pop(steps, None) or Program(steps)
    y = program.run(x, weights)
    programs[steps] = program  # at the end: the first is the one that was not used for longest
    while len(programs) > 1 and sum(p.nbytes for p in programs.values()) > KEPT_BYTES:
        del programs[next(iter(programs))]
    return y


class Given(Later, Enum):
    """An array of the caller's: the table is told another one at each run."""

    X, Y, W, B = range(4)


Place: TypeAlias = "Array | Given"


class Program:
    """The task of some steps, and the memory between them. One thread at a time runs it."""

    def __init__(self, steps: Sequence[Step]) -> None:
        self.steps = steps
        self.shapes = [step.w_shape for step in steps]
        for before, step in pairwise(steps):
            if math.prod(before.y_shape) != step.numbers:
                raise ShapeError(f"single: {step} cannot follow {before}: it takes {step.numbers} numbers.")
        self.code = jit.load("single.loops")
        self.task = Task()
        self.slots: list[tuple[int, int, int, Given]] = []  # row, column, step, what
        self.reads: list[Read] = []
        writers: dict[str, tuple[Callable[[Any, Place, Place], None], Read]] = {
            "product": (self._product, _plain),
            "direct": (self._direct, _in_panels),
            "winograd": (self._winograd, _with_whole_bias),
        }
        source: Place = Given.X
        for index, step in enumerate(steps):
            last = index == len(steps) - 1
            target: Place = Given.Y if last else self._room(math.prod(step.y_shape))
            write, read = writers[step.kernel]
            write(step, source, target)
            self.reads.append(read)
            source = target
        self.table = self.task.table()

    @property
    def nbytes(self) -> int:
        held = (a for row, values in self.task.told for a in (*row.held, *values.values()))
        return sum({id(a): a.nbytes for a in held if isinstance(a, np.ndarray)}.values())

    def run(self, x: Array, weights: Sequence[Weighted]) -> Array:
        """y, from x and the (w, b) of each step."""
        self._expect(x, weights)
        y = np.empty((1, *self.steps[-1].y_shape), np.float32)
        weights = [read(w, b) for read, (w, b) in zip(self.reads, weights, strict=True)]
        for row, column, index, slot in self.slots:
            array = x if slot is Given.X else y if slot is Given.Y else weights[index][slot is Given.B]
            self.table[row, column] = 0 if array is None else addresses.own(array)
        self.task.run(self.table)
        return y

    def _expect(self, x: Array, weights: Sequence[Weighted]) -> None:
        """Refuse arrays that are not those of the steps: the rows were written for their shapes."""
        if x.size != self.steps[0].numbers or x.dtype != FLOAT or not x.flags.c_contiguous:
            raise ShapeError(f"single.run: x must be float32 of {self.steps[0]} in C order, got {x.dtype} {x.shape}.")
        for shape, (w, b) in zip(self.shapes, weights, strict=True):
            if w.shape != shape or w.dtype != FLOAT or (b is not None and (b.shape != shape[-1:] or b.dtype != FLOAT)):
                got = f"{w.dtype} {w.shape}, {'no bias' if b is None else f'{b.dtype} {b.shape}'}"
                index = next(i for i, each in enumerate(weights) if each[0] is w)
                raise ShapeError(f"single.run: step {index} takes float32 {shape} and {shape[-1:]}, got {got}.")

    def _room(self, *shape: int) -> Array:
        """New memory, on a cache line."""
        floats = math.prod(shape)
        raw = np.zeros(floats + 16, np.float32)
        start = -addresses.own(raw) % 64 // 4
        return raw[start : start + floats].reshape(shape)

    def _add(self, row: Row, *, wait: bool = True, **values: Place | None) -> None:
        """Add a row of work of the step that is being written."""
        number, step = len(self.task.rows), len(self.reads)
        self.task.add(row, wait=wait, **values)
        self.slots += [
            (number, BEFORE + row.expected[name].place, step, value)
            for name, value in values.items()
            if isinstance(value, Given)
        ]

    def _direct(self, step: Convolution, source: Place, target: Place) -> None:
        oc = step.w_shape[3]
        work = direct.forward_work((1, *step.x_shape), oc, step.window, 1)
        f, t, floats = work.frame, work.tables, step.numbers
        if (f.hp, f.wp) != (f.height, f.width):
            padded, floats = self._room(f.padded), f.padded
            self._add(Row(self.code.pad, 1, records.Pad(f, padded=padded)), x=source)
            source = padded
        record = records.Correlate(
            floats=floats,
            many=t.many,
            taps=t.taps,
            run=work.run,
            channels=oc,
            rectify=step.relu,
            places=t.places,
            outs=t.outs,
            runs=t.runs,
        )
        pieces = -(-t.many // self.code.CHUNK) * -(-oc // 32)
        self._add(Row(self.code.correlate, pieces, record), x=source, w=Given.W, b=Given.B, y=target)

    def _winograd(self, step: Convolution, source: Place, target: Place) -> None:
        p, code = winograd.plan((1, *step.x_shape), step.w_shape[3], step.window), self.code
        s, strip = p.sizes, p.cut.strip
        kernels = self._room(*transformed(s.channels, s.oc))
        u = self._room(*records.tiles_shape(s, strip, s.channels))
        v = self._room(*records.tiles_shape(s, strip, s.oc))
        at_u, at_v = (np.arange(strip * s.tw) * 4 * whole(count) for count in (s.channels, s.oc))
        mode = POOLED if step.pooled else RELU if step.relu else PLAIN
        switch = np.empty(math.prod(step.y_shape), np.uint8) if step.pooled else None
        self._add(winograd.transform_row(3, s.channels, s.oc), wait=False, w=Given.W, out=kernels)
        for first in range(0, s.th, strip):
            rows = min(strip, s.th - first)
            tiles = records.Transform(s, strip, first, zeros=p.zeros, u=u)
            self._add(Row(code.tiles, rows, tiles, p.rows), x=source)
            products = records.Products(s, strip, rows, zeros=p.zeros, at_u=at_u, at_v=at_v, u=u, w=kernels, v=v)
            self._add(Row(code.products, 36 // code.TOGETHER, products))
            outputs = records.Outputs(s, strip, first, mode, v=v, switch=switch)
            self._add(Row(code.outputs, rows, outputs), b=Given.B, y=target)

    def _product(self, step: Product, source: Place, target: Place) -> None:
        row = one_row(step.length, step.columns)
        parts = self._room(*row.shape("y"))
        self._add(row, x=source, w=Given.W, y=parts)
        self._add(total(*parts.shape, step.relu), parts=parts, y=target, b=Given.B)


# Weights and bias as the loops read them.


def _plain(w: Array, b: Array | None) -> Weighted:
    return np.ascontiguousarray(w), None if b is None else np.ascontiguousarray(b)


def _with_whole_bias(w: Array, b: Array | None) -> Weighted:
    return np.ascontiguousarray(w), bias_vector(b, w.shape[3])


def _in_panels(w: Array, b: Array | None) -> Weighted:
    return panels(w.reshape(1, -1, w.shape[3])), bias_vector(b, w.shape[3])
