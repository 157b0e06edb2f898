"""Activation maximisation: the input that excites a class, a unit or a filter most."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from pellucid import checks
from pellucid.arrays import numbers
from pellucid.checked import checked
from pellucid.data import Dataset
from pellucid.errors import ArgumentError
from pellucid.explain.maximization.ascent import WHO, Ascent, Score
from pellucid.explain.maximization.maximized import Maximized, Nearest
from pellucid.layers.container import network_of
from pellucid.layers.door import behind_door, has_door, inward
from pellucid.optimizers import Optimizer
from pellucid.shown import came
from pellucid.specs import PICTURES, InputSpec
from pellucid.typing import Array, IntArray

JITTER = 2
"""Pixels by which an image is shifted, unless said otherwise."""


@checked
def maximize(
    network: Any,
    target: int | Sequence[int],
    *,
    layer: str | None = None,
    position: str | tuple[int, int] = "centre",
    starts: int = 1,
    steps: int = 256,
    bounds: tuple[float, float] | None | str = "data",
    size_weight: float | None = None,
    size_power: float = 2.0,
    variation_weight: float | None = None,
    variation_power: float = 1.0,
    diversity: float | None = None,
    jitter: int | None = None,
    noise: float = 0.1,
    blur: float = 1.0,
    optimizer: Optimizer | None = None,
    seed: int = 0,
    film: int = 8,
    data: Any = None,
) -> Maximized:
    """Return images that make one score as large as it gets, within the range of the data.

    Objective   S(x) − λ Σ|u|^p − τ Σ (Δu² + ε²)^(b/2) − δ · likeness of the starts,   u = (x − low) / (high − low)
    Ascent      u ← clip(u + step(∂ / rms ∂), 0, 1), where the step is Adam's, with a rate that falls to 0

    S is the score of a class before any softmax or sigmoid at the network's end; a saturated softmax has no
    gradient, and it rises where the other classes fall. Where a ReLU blocks every way to the image (a dead start),
    the gradient goes through it until it does not.

    Parameters
    ----------
    network : a network, or a model that holds one in `.network`. It is not changed.
    target : int or sequence of int
        The class; with `layer` a unit of a vector or a channel of a picture. A sequence is done in one batch.
    layer : str, optional
        A layer by its name, such as "conv2d_2", or "residual1.branch.conv2d1". The scores where left out.
    position : "centre", (row, column), "max" or "mean", default="centre"
        Which place of a channel counts. One place shows the pattern that a filter looks for; the mean over all places
        asks for it everywhere at once, which fills the image with an even texture. Classes and vectors have no places.
    starts : int, default=1
        Images for each target, from different noise, which `diversity` keeps apart.
    steps : int, default=256
    bounds : (low, high), None or "data"
        The range of x; "data" is that of `data`, or of pictures as the network wants them, or (0, 1). None leaves x
        unbounded, and then u = x.
    size_weight, variation_weight, diversity : float, optional
        λ, τ and δ. Left out, they are such that an image made in 48 steps without penalties would lose 35 % of what
        its score gained for its size (120 % for vectors, which have no variation), 13 % for its variation, and 5 %
        for being the same as its siblings.
    size_power, variation_power : float
        p ≥ 1 and b > 0.
    jitter : int, optional
        Pixels by which the image is shifted at random in each step; default: 2, and 0 where one place counts, whose
        pattern a shift would smear.
    noise : float, default=0.1
        The standard deviation of what is added to u in each step; it falls to 0.
    blur : float, default=1
        The pixels by which the gradient is blurred; they fall to 0. It leaves the objective as it is.
    optimizer : Optimizer, optional
        Takes the place of Adam, without the normalisation of the gradient: `SGD(0.1)` is plain ascent.
    seed : int, default=0
    film : int, default=8
        Frames that are kept of the way.
    data : Dataset or array (N, …), optional
        Gives the range, and the sample that is most like each image.

    References
    ----------
    Erhan et al. (2009), "Visualizing higher-layer features of a deep network"; Simonyan et al. (2013),
    arXiv:1312.6034, §2; Mahendran & Vedaldi (2015), arXiv:1512.02017; Olah et al. (2017), "Feature visualization".

    Limits
    ------
    It shows what this network asks for, not what its classes look like: weak penalties give patterns that no person
    reads, and the network is as sure of them.

    Examples
    --------
    >>> W, b = [[2.0, 0.0], [-1.0, 0.0]], [0.5, 0.0]
    >>> network = pl.Sequential([pl.Affine.from_arrays(W, b)], input_shape=2)
    >>> best = pl.explain.maximize(network, 0, steps=32)
    >>> bool(best.image[0] > best.image[1])  # the weights of class 0 are (2, −1)
    True
    """
    given = network_of(network, WHO, built=True)
    whole, turned = behind_door(given), has_door(given)
    for name, value in (("steps", steps), ("starts", starts), ("film", film)):
        checks.size(WHO, name, value)
    for name, number in (("noise", noise), ("blur", blur), ("jitter", jitter or 0)):
        checks.expect_range(WHO, name, number, 0, float("inf"), open_high=True)
    checks.expect_range(WHO, "size_power", size_power, 1, float("inf"), open_high=True)
    checks.expect_positive(WHO, "variation_power", variation_power)
    labels = data.t if isinstance(data, Dataset) else None
    samples = None if data is None else numbers(WHO, "data", data.x if isinstance(data, Dataset) else data)
    if samples is not None and samples.shape[1:] != given.input_shape:
        checks.expect_batch(WHO, samples, given.input_shape or (), "data")
    if samples is not None and turned:
        samples = inward(samples)
    low, high = _bounds(bounds, samples, whole.inputs)
    score = Score.of(whole, target, layer, position)
    images = len(whole.input_shape or ()) == 3
    shift = int(jitter) if jitter is not None else 0 if isinstance(score.position, tuple) else JITTER
    if variation_weight and not images:
        raise ArgumentError(f"{WHO}: variation_weight is for images (H, W, C); samples are {whole.input_shape}.")
    ascent = Ascent(
        score, low, np.ones(()) if high is None or low is None else high - low, high is not None, starts, seed,
        size_power, variation_power, shift if images else 0, float(noise), float(blur) if images else 0.0,
    )  # fmt: skip
    ascent.begin(size_weight, variation_weight if images else 0.0, diversity if starts > 1 else 0.0)
    ascent.run(steps, optimizer, film)
    blank = np.zeros(()) if low is None else low
    find = None if samples is None else (lambda found: _nearest(found, samples, labels, blank))
    return replace(ascent.result(layer, find, turned), spec=given.inputs)


def _bounds(bounds: Any, samples: Array | None, spec: InputSpec | None) -> tuple[Array, Array] | tuple[None, None]:
    """Return the range of x, for each channel where a mean was subtracted from it."""
    if bounds is None:
        return None, None
    if isinstance(bounds, str) and bounds == "data":
        if samples is not None:
            return np.asarray(float(samples.min())), np.asarray(float(samples.max()))
        if spec is not None and spec.mean and spec.kind in PICTURES:
            black, white = (spec.prepared(np.full((1, *spec.shape), shade))[0, 0, 0] for shade in (0.0, 1.0))
            return black, white
        return np.zeros(()), np.ones(())
    two = isinstance(bounds, (tuple, list)) and len(bounds) == 2
    if not two or not all(isinstance(b, (int, float, np.number)) for b in bounds) or not bounds[0] < bounds[1]:
        raise ArgumentError(f"{WHO}: bounds must be (low, high) with low < high, None or 'data', got {came(bounds)}.")
    return np.asarray(float(bounds[0])), np.asarray(float(bounds[1]))


def _nearest(images: Array, samples: Array, labels: IntArray | None, blank: Array) -> Nearest:
    """For each image the sample with the largest cosine, some thousand samples at a time."""
    flat = (images - blank).reshape(len(images), -1)
    flat = flat / (np.linalg.norm(flat, axis=1, keepdims=True) + 1e-12)
    index, best = np.zeros(len(flat), int), np.full(len(flat), -np.inf)
    for start in range(0, len(samples), 4096):
        block = (samples[start : start + 4096] - blank).reshape(-1, flat.shape[1])
        cosine = flat @ (block / (np.linalg.norm(block, axis=1, keepdims=True) + 1e-12)).T
        winner = cosine.argmax(axis=1)
        value = cosine[np.arange(len(flat)), winner]
        index[value > best] = start + winner[value > best]
        best = np.maximum(best, value)
    found: IntArray | None = None if labels is None else labels[index]
    return Nearest(index, samples[index], best, found)
