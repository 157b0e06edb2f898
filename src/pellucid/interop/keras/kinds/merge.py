"""Where branches meet."""

from __future__ import annotations

import numpy as np

from pellucid.interop.keras.kinds.part import Part, Parts, Reader, Request, fixed, reads
from pellucid.layers import Add, Concat, Multiply, Scale, Subtract
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


@reads("Concatenate", merges=True)
def _concatenate(request: Request) -> Parts:
    (axis,) = request.options.axes("axis", -1, len(request.shape))
    return [Part(Concat(axis - len(request.shape)))]
