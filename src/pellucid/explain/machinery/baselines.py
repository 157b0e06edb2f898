"""Baselines: what an input is compared with. None is neutral for every network, so several can be averaged."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

import numpy as np

from pellucid import checks
from pellucid.arrays import numbers
from pellucid.errors import ArgumentError, ShapeError
from pellucid.explain.resize import gaussian_blur
from pellucid.shown import came
from pellucid.typing import Array, ArrayLike

if TYPE_CHECKING:
    from pellucid.explain.target import Question

BaselineLike: TypeAlias = "str | float | ArrayLike"
"""A name, one number, an array of one sample or of all, or a list of these."""

NAMES = ("black", "grey", "white", "mean", "blurred")


class Baseline(NamedTuple):
    """A baseline in words, and its values (N, …) for a batch."""

    text: str
    values: Array


def as_baselines(question: Question, given: Any) -> list[Baseline]:
    """Return one baseline, or the several of a list."""
    several = isinstance(given, (list, tuple))
    return [as_baseline(question, one) for one in (given if several else [given])]


def as_baseline(question: Question, given: Any, name: str = "baseline") -> Baseline:
    """Return the baseline of each sample of a question, as its `x` is.

    "black" is 0; "white" the sample's largest value and "grey" the middle of its range; "mean" its mean in each
    channel; "blurred" is the image under a Gaussian of an eighth of its shorter side. Where it is known that a mean was
    subtracted from the pictures, "black", "grey" and "white" are the pictures of that colour, so prepared.
    """
    who, x = question.who, question.x
    axes = tuple(range(1, x.ndim - 1)) if x.ndim > 2 else (1,)
    if isinstance(given, str):
        checks.expect_known(who, name, given, NAMES)
        colour = _of_colour(question, given)
        if colour is not None:
            return Baseline(given, np.broadcast_to(colour, x.shape).astype(x.dtype))
        return Baseline(given, np.broadcast_to(_named(who, name, given, x, axes), x.shape).astype(x.dtype))
    with np.errstate(over="ignore"):  # what is too large for the dtype is infinite, and refused
        values = numbers(who, name, given, x.dtype)
    taken = question.given.shape
    if values.shape not in ((), taken[1:], taken):
        raise ShapeError(f"{who}: {name} must be a number or have shape {taken[1:]}, got {values.shape}.")
    values = question.inward(values)
    if not np.isfinite(values).all():
        raise ArgumentError(f"{who}: {name} must be finite in {x.dtype}, got {came(given)}.")
    text = f"{values:g}" if values.ndim == 0 else "given"
    return Baseline(text, np.broadcast_to(values, x.shape).astype(x.dtype))


COLOURS = {"black": 0.0, "grey": 0.5, "white": 1.0}


def _of_colour(question: Question, name: str) -> Array | None:
    """Return a sample that is a picture of one colour, where pictures were prepared by more than a scale."""
    spec = question.spec
    if spec is None or name not in COLOURS or not spec.mean or spec.white is None:
        return None
    picture = np.full((1, *spec.picture_shape), COLOURS[name], question.x.dtype)
    return question.inward(spec.prepared(picture).reshape(question.given.shape[1:]))


def _named(who: str, argument: str, name: str, x: Array, axes: tuple[int, ...]) -> Array:
    everything = tuple(range(1, x.ndim))
    if name == "blurred":
        if x.ndim != 4:
            raise ShapeError(f"{who}: {argument}='blurred' needs images (N, H, W, C), got {x.shape}. Use 'mean'.")
        return gaussian_blur(x, min(x.shape[1:3]) / 8)
    if name == "mean":
        return np.asarray(x.mean(axis=axes, keepdims=True))
    high = x.max(axis=everything, keepdims=True)
    if name == "grey":
        return np.asarray((high + x.min(axis=everything, keepdims=True)) / 2)
    return np.asarray(high if name == "white" else np.zeros_like(high))
