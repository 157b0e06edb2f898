"""How the columns of a table are brought to a network: as they are, as pixels, or with mean 0 and deviation 1."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from pellucid.data.dataset import Dataset
from pellucid.data.digits import are_digits
from pellucid.data.ranges import expect_near
from pellucid.errors import ArgumentError, DataError
from pellucid.specs import InputSpec
from pellucid.typing import Array

SCALES = ("none", "pixels", "standard", "auto")


def spec_of(who: str, x: Array, features: Sequence[str], scale: str) -> InputSpec:
    """How the columns are brought to the network: as they are, as pixels, or with mean 0 and deviation 1."""
    pixels = x.min() >= 0 and x.max() <= 255
    side = math.isqrt(len(features))
    if scale == "auto":
        looks = pixels and x.max() > 1 and side >= 8 and side * side == len(features) and bool((x == np.round(x)).all())
        scale = "pixels" if looks else "standard"
    if scale == "pixels":
        if not pixels or side * side != len(features):
            raise ArgumentError(
                f"{who}: pixels must lie in 0..255 and their number be a square; {len(features)} columns from "
                f"{x.min():g} to {x.max():g} are something else. Take scale='standard'."
            )
        return InputSpec("images", (side, side, 1), 0.0, 1.0)
    plain = InputSpec("table", (len(features),), float(x.min()), float(x.max()), tuple(features))
    if scale == "none":
        return plain
    wide = x.astype(np.float64)
    deviation = wide.std(axis=0)
    deviation[deviation < 1e-12 * np.abs(wide).max(axis=0, initial=0)] = 1.0  # a constant column says nothing
    deviation[deviation == 0] = 1.0
    return plain.replace(mean=tuple(wide.mean(axis=0).tolist()), deviation=tuple(deviation.tolist()))


def prepared(train: Dataset, test: Dataset, scale: str = "auto") -> tuple[Dataset, Dataset]:
    """Both parts of a table as it was read, scaled by what the training part says."""
    assert train.inputs is not None  # noqa: S101  # load_csv has seen to that
    spec = spec_of("prepared", train.x, train.inputs.columns, scale)
    if spec.kind == "images" and are_digits(train.x.reshape(-1, *spec.shape[:2]), train.classes or 0):
        spec = spec.replace(kind="digits")
    return _with(train, spec), _with(test, spec)


def _with(data: Dataset, spec: InputSpec) -> Dataset:
    x = scaled("prepared", data.x, spec).astype(np.float32)
    return Dataset._trusted(x, data.t, data.classes, data.class_names, spec, data.weights)


def scaled(who: str, x: Array, spec: InputSpec) -> Array:
    """Return samples (N, D) as the specification says."""
    if spec.size != x.shape[1]:
        raise DataError(f"{who}: holds {x.shape[1]} columns of features, those it is to be like have {spec.size}.")
    if spec.kind == "table":
        return spec.standardised(x)
    # Numbers up to 1 are pixels that were divided before, or black and white.
    if spec.white == 1 and x.max(initial=0) > 1:
        return spec.standardised(np.asarray(x / x.dtype.type(255)))
    expect_near(who, x, spec)
    return spec.standardised(x)
