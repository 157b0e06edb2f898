"""Pictures cut to a part of them, or brought to another size."""

from __future__ import annotations

from pellucid.interop.keras.kinds.images import on_rows
from pellucid.interop.keras.kinds.part import Part, Parts, Reader, Request, reads
from pellucid.interop.keras.kinds.shape import both
from pellucid.layers import Pad, Resize2D

MAX_WEIGHTS = 1 << 24
"""Of one axis, from its pixels to the new ones: 4,096 pixels to as many."""


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


@reads("Resizing")
def _resize(request: Request) -> Parts:
    options = request.options
    mode = options.choice("interpolation", "bilinear", "nearest")
    for key in ("crop_to_aspect_ratio", "pad_to_aspect_ratio", "antialias"):
        options.expect(key, False)
    size = options.size("height"), options.size("width")
    if max(new * old for new, old in zip(size, request.shape, strict=False)) > MAX_WEIGHTS:
        options.refuse(f"a picture of {size} from one of {request.shape[:2]}")
    if mode == "nearest":
        return [Part(Resize2D(size, rounding="round_prefer_ceil"))]
    return [Part(Resize2D(size, mode="linear"))]


reads("Cropping2D")(_crop(2))
reads("Cropping1D")(on_rows(_crop(1)))
