"""Pooling, of windows and of whole images."""

from __future__ import annotations

from pellucid.interop.keras.kinds.images import on_rows, spatial
from pellucid.interop.keras.kinds.part import Part, Parts, Reader, Request, reads
from pellucid.layers import AveragePool2D, GlobalAveragePool2D, GlobalMaxPool2D, MaxPool2D, Reshape


def _window(layer: type[MaxPool2D] | type[AveragePool2D], axes: int) -> Reader:
    def read(request: Request) -> Parts:
        options = request.options
        size = spatial(options, "pool_size", axes, 2)
        stride = size if options.config.get("strides") is None else spatial(options, "strides", axes)
        return [Part(layer(size, stride, options.choice("padding", "valid", "same")))]

    return read


def _whole(layer: type[GlobalMaxPool2D] | type[GlobalAveragePool2D], axes: int) -> Reader:
    def read(request: Request) -> Parts:
        kept = [Part(Reshape((*(1,) * axes, -1)), suffix="_kept")] if request.options.flag("keepdims", False) else []
        return [Part(layer()), *kept]

    return read


reads("MaxPooling2D")(_window(MaxPool2D, 2))
reads("MaxPooling1D")(on_rows(_window(MaxPool2D, 1)))
reads("AveragePooling2D")(_window(AveragePool2D, 2))
reads("AveragePooling1D")(on_rows(_window(AveragePool2D, 1)))
reads("GlobalMaxPooling2D")(_whole(GlobalMaxPool2D, 2))
reads("GlobalMaxPooling1D")(on_rows(_whole(GlobalMaxPool2D, 1)))
reads("GlobalAveragePooling2D")(_whole(GlobalAveragePool2D, 2))
reads("GlobalAveragePooling1D")(on_rows(_whole(GlobalAveragePool2D, 1)))
