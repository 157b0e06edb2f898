"""Where branches meet."""

from __future__ import annotations

import numpy as np

from pellucid.interop.keras.kinds.part import Part, Parts, Reader, Request, fixed, reads
from pellucid.interop.keras.options import Options
from pellucid.layers import Add, Concat, Multiply, Scale, Shift, Subtract
from pellucid.layers.merge import AnyMerge


def _of(merge: type[AnyMerge]) -> Reader:
    return lambda request: [Part(merge())]


reads("Add", merges=True)(_of(Add))
reads("Subtract", merges=True)(_of(Subtract))
reads("Multiply", merges=True)(_of(Multiply))


@reads("Average", merges=True)
def _average(request: Request) -> Parts:
    share = np.array([1 / len(request.shapes)], np.float32)
    return [Part(Add(), suffix="_sum"), Part(fixed(Scale((1,))), {"gamma": share})]


def with_number(options: Options, given: list[float | None]) -> Parts:
    """Return what x + c, x · c, x − c and c − x are; None stands for x."""
    if len(given) != 2 or given.count(None) != 1:
        options.refuse(f"an operation on {given}")
    number = next(n for n in given if n is not None)
    c = np.array(number, np.float32)
    if options.kind == "Multiply":
        return [Part(fixed(Scale(())), {"gamma": c})]
    if options.kind == "Add" or given[0] is None:
        return [Part(fixed(Shift(())), {"beta": c if options.kind == "Add" else -c})]
    return [
        Part(fixed(Scale(())), {"gamma": np.array(-1, np.float32)}, "_negative"),
        Part(fixed(Shift(())), {"beta": c}),
    ]


@reads("Concatenate", merges=True)
def _concatenate(request: Request) -> Parts:
    (axis,) = request.options.axes("axis", -1, len(request.shape))
    return [Part(Concat(axis - len(request.shape)))]
