"""Layers that move numbers, and those that do nothing while a network only predicts."""

from __future__ import annotations

from collections.abc import Callable

from pellucid.interop.keras.kinds.images import on_rows, spatial
from pellucid.interop.keras.kinds.part import Part, Parts, Request, reads
from pellucid.layers import Dropout, Flatten, Reshape, SpatialDropout2D, Transpose, Upsample2D, ZeroPad2D


@reads("Reshape")
def _reshape(request: Request) -> Parts:
    target = request.options.config.get("target_shape")
    if not isinstance(target, list) or not target or not all(type(n) is int and (n > 0 or n == -1) for n in target):
        request.options.wrong("target_shape", "sizes, of which one may be -1")
    return [Part(Reshape(tuple(target)))]


@reads("Permute")
def _permute(request: Request) -> Parts:
    dims = request.options.config.get("dims")
    if not isinstance(dims, list) or sorted(map(str, dims)) != sorted(map(str, range(1, len(request.shape) + 1))):
        request.options.wrong("dims", f"the axes 1 to {len(request.shape)} in an order")
    return [Part(Transpose(tuple(axis - 1 for axis in dims)))]


def _pad(axes: int) -> Callable[[Request], Parts]:
    def read(request: Request) -> Parts:
        return [Part(ZeroPad2D(both(request.options.borders("padding", axes))))]

    return read


def both(borders: tuple[tuple[int, int], ...]) -> tuple[tuple[int, int], tuple[int, int]]:
    """The borders of an image; a sequence has none above and below."""
    return borders if len(borders) == 2 else ((0, 0), borders[0])


def _enlarge(axes: int) -> Callable[[Request], Parts]:
    def read(request: Request) -> Parts:
        factor = spatial(request.options, "size", axes, 2)
        return [Part(Upsample2D(factor, mode=request.options.choice("interpolation", "nearest", "bilinear")))]

    return read


@reads("Dropout")
def _dropout(request: Request) -> Parts:
    return [Part(Dropout(request.options.number("rate", 0.0)))]


def _channels(request: Request) -> Parts:
    return [Part(SpatialDropout2D(request.options.number("rate", 0.0)))]


@reads("Flatten")
def _flatten(request: Request) -> Parts:
    return [Part(Flatten())] if len(request.shape) != 1 else []


@reads("RepeatVector")
def _repeat(request: Request) -> Parts:
    (columns,) = request.shape
    return [
        Part(Reshape((1, 1, columns)), suffix="_row"),
        Part(Upsample2D((request.options.size("n"), 1)), suffix="_rows"),
        Part(Reshape((-1, columns))),
    ]


IDLE = (
    "Identity",
    "GaussianNoise",
    "GaussianDropout",
    "AlphaDropout",
    "ActivityRegularization",
    "RandomFlip",
    "RandomRotation",
    "RandomZoom",
    "RandomTranslation",
    "RandomContrast",
    "RandomBrightness",
    "RandomHeight",
    "RandomWidth",
    "RandomShear",
    "RandomGrayscale",
    "RandomErasing",
    "RandomHue",
    "RandomSaturation",
    "RandomSharpness",
    "RandomInvert",
    "RandomPosterization",
    "RandomGaussianBlur",
    "RandomColorJitter",
    "RandomColorDegeneration",
    "RandomElasticTransform",
    "RandomPerspective",
    "RandAugment",
)
"""Which act while training alone."""

reads("ZeroPadding2D")(_pad(2))
reads("ZeroPadding1D")(on_rows(_pad(1)))
reads("UpSampling2D")(_enlarge(2))
reads("UpSampling1D")(on_rows(_enlarge(1)))
reads("SpatialDropout2D")(_channels)
reads("SpatialDropout1D")(on_rows(_channels))
reads(*IDLE)(lambda request: [])
