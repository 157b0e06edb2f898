"""Layers that slide over images; those that slide over sequences do so over images of one row."""

from __future__ import annotations

from pellucid.interop.keras.kinds.part import Part, Parts, Reader, Request, shape_after
from pellucid.interop.keras.options import Options
from pellucid.layers import Reshape


def spatial(options: Options, key: str, axes: int, default: int | None = None, *, least: int = 1) -> tuple[int, int]:
    """Return an option for height and width; a sequence has the height 1."""
    sizes = options.sizes(key, axes, default, least)
    return sizes if len(sizes) == 2 else (least, sizes[0])


def on_images(request: Request, read: Reader) -> Parts:
    """The parts of a layer on sequences (L, C): an image (1, L, C), what is done to it, and a sequence again."""
    if len(request.shape) != 2:
        request.options.refuse(f"a sample of shape {request.shape}")
    image = (1, *request.shape)
    parts = [Part(Reshape(image), suffix="_image"), *read(request._replace(shapes=[image]))]
    after = shape_after(parts, request.shapes)
    return [*parts, Part(Reshape(after[1:]), suffix="_sequence")] if len(after) == 3 else parts


def on_rows(read: Reader) -> Reader:
    """The reader of a layer on sequences, from that of the layer on images."""
    return lambda request: on_images(request, read)
