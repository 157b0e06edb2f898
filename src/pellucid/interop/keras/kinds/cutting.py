"""Pictures cut to a part of them."""

from __future__ import annotations

from pellucid.interop.keras.kinds.images import on_rows
from pellucid.interop.keras.kinds.part import Part, Parts, Reader, Request, reads
from pellucid.interop.keras.kinds.shape import both
from pellucid.layers import Pad


def _crop(axes: int) -> Reader:
    def read(request: Request) -> Parts:
        borders = both(request.options.borders("cropping", axes))
        return [Part(Pad((*((-before, -after) for before, after in borders), (0, 0))))]

    return read


@reads("CenterCrop")
def _centre(request: Request) -> Parts:
    options, (h, w, _) = request.options, request.shape
    height, width = options.size("height"), options.size("width")
    if height > h or width > w:
        options.refuse(f"a middle of {height} x {width} from pictures of {h} x {w}, which enlarges them,")
    top, left = (h - height) // 2, (w - width) // 2
    return [Part(Pad(((-top, top + height - h), (-left, left + width - w), (0, 0))))]


reads("Cropping2D")(_crop(2))
reads("Cropping1D")(on_rows(_crop(1)))
