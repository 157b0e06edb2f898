"""Activation maximisation: the input that excites a class, a unit or a filter most."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from pellucid import checks
from pellucid.errors import ArgumentError, StateError
from pellucid.explain.maximized import Maximized, Nearest
from pellucid.explain.parts import before_softmax, upto
from pellucid.explain.priors import blurred, likeness, power_penalty, total_variation
from pellucid.functions import sigmoid, softmax
from pellucid.layers import Container, ReLU
from pellucid.optimizers import Adam, Optimizer
from pellucid.schedules import Cosine
from pellucid.typing import Array, Arrays, Config, IntArray

WHO = "maximize"
# Penalties whose weight is left out cost an image that was made without any this share of what its score gained:
# the same strength for every network and range.
SIZE, VARIATION, APART = 0.35, 0.13, 0.2
TRIAL = 48  # the steps of that image
RATE = 0.05
MEASUREMENTS = 64  # how often the objective is taken, about, and the best image kept


def maximize(
    network: Any,
    target: int | Sequence[int],
    *,
    layer: str | None = None,
    position: str | tuple[int, int] = "mean",
    starts: int = 1,
    steps: int = 256,
    bounds: tuple[float, float] | None | str = "data",
    size_weight: float | None = None,
    size_power: float = 2.0,
    variation_weight: float | None = None,
    variation_power: float = 1.0,
    diversity: float | None = None,
    jitter: int = 2,
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
    position : "mean", "max", "centre" or (row, column)
        Which place of a channel counts.
    starts : int, default=1
        Images for each target, from different noise, which `diversity` keeps apart.
    steps : int, default=256
    bounds : (low, high), None or "data"
        The range of x; "data" is that of `data`, or (0, 1). None leaves x unbounded, and then u = x.
    size_weight, variation_weight, diversity : float, optional
        λ, τ and δ. Left out, they are such that an image made in 48 steps without penalties would lose 35 % of what
        its score gained for its size, 13 % for its variation, and 20 % for being the same as its siblings.
    size_power, variation_power : float
        p ≥ 1 and b > 0.
    jitter : int, default=2
        Pixels by which the image is shifted at random in each step.
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
    """
    whole = getattr(network, "network", network)
    if not isinstance(whole, Container):
        raise ArgumentError(f"{WHO}: expected a network such as Sequential, got {type(network).__name__}.")
    checks.expect_built(WHO, whole.input_shape)
    for name, value in (("steps", steps), ("starts", starts), ("film", film)):
        checks.size(WHO, name, value)
    for name, number in (("noise", noise), ("blur", blur), ("jitter", jitter)):
        checks.expect_range(WHO, name, number, 0, float("inf"), open_high=True)
    checks.expect_range(WHO, "size_power", size_power, 1, float("inf"), open_high=True)
    checks.expect_positive(WHO, "variation_power", variation_power)
    samples = None if data is None else np.asarray(getattr(data, "x", data))
    low, high = _bounds(bounds, samples)
    score = Score.of(whole, target, layer, position)
    images = score.part.input_shape is not None and len(score.part.input_shape) == 3
    ascent = Ascent(
        score, low, 1.0 if high is None or low is None else high - low, high is not None, starts, seed,
        size_power, variation_power, int(jitter) if images else 0, float(noise), float(blur) if images else 0.0,
    )  # fmt: skip
    ascent.begin(size_weight, variation_weight if images else 0.0, diversity if starts > 1 else 0.0)
    ascent.run(steps, optimizer, film)
    return ascent.result(whole, layer, samples, getattr(data, "t", None))


@dataclass
class Score:
    """What is raised: for each target one number of the part's output."""

    part: Container[Any]
    targets: tuple[int, ...]
    position: str | tuple[int, int]
    ending: str

    @classmethod
    def of(cls, network: Container[Any], target: Any, layer: str | None, position: Any) -> Score:
        part, ending = before_softmax(network) if layer is None else (upto(network, layer), "")
        shape = part.output_shape or ()
        if len(shape) not in (1, 3):
            raise ArgumentError(f"{WHO}: the layer must give a vector or a picture (H, W, C), got {shape}.")
        targets = tuple(np.atleast_1d(np.asarray(target)).tolist())
        for one in targets:
            if not isinstance(one, int) or isinstance(one, bool) or not 0 <= one < shape[-1]:
                raise ArgumentError(f"{WHO}: target must lie in 0..{shape[-1] - 1}, got {one!r}.")
        if not targets:
            raise ArgumentError(f"{WHO}: target must name at least one class, got {target!r}.")
        return cls(part, targets, cls._place(shape, position), ending)

    @staticmethod
    def _place(shape: tuple[int, ...], position: Any) -> str | tuple[int, int]:
        if position in ("mean", "max") or len(shape) == 1:
            return str(position)
        if position == "centre":
            return shape[0] // 2, shape[1] // 2
        if isinstance(position, (tuple, list)) and len(position) == 2:
            row, column = position
            if 0 <= row < shape[0] and 0 <= column < shape[1]:
                return int(row), int(column)
        raise ArgumentError(
            f"{WHO}: position must be 'mean', 'max', 'centre' or (row, column) within {shape[:2]}, got {position!r}."
        )

    def read(self, y: Array, starts: int) -> tuple[Array, Array]:
        """Return the numbers (T·S,) in outputs y of that many images, and their gradient by y."""
        dy = np.zeros_like(y)
        rows, channel = np.arange(len(y)), np.repeat(self.targets, starts)
        if y.ndim == 2:
            dy[rows, channel] = 1
            return y[rows, channel], dy
        maps = y[rows, :, :, channel]  # (T·S, OH, OW)
        if self.position == "mean":
            dy[rows, :, :, channel] = 1 / maps[0].size
            return maps.mean(axis=(1, 2)), dy
        if self.position == "max":
            at = np.unravel_index(maps.reshape(len(maps), -1).argmax(axis=1), maps.shape[1:])
        else:
            at = (np.full(len(y), self.position[0]), np.full(len(y), self.position[1]))
        dy[rows, at[0], at[1], channel] = 1
        return maps[rows, at[0], at[1]], dy

    def gradient(self, x: Array, starts: int) -> tuple[Array, Array]:
        """Return the numbers, and the gradient by x; past the ReLUs for images from which none gets through."""
        y, tape = self.part.forward(x)
        value, dy = self.read(y, starts)
        dx, _ = self.part.backward(dy, tape, need_grads=False)
        assert dx is not None  # noqa: S101  # asked for
        dead = ~dx.reshape(len(dx), -1).any(axis=1)
        if dead.any():
            through, _ = self.part.backward(dy, tape, {ReLU: _straight}, need_grads=False)
            assert through is not None  # noqa: S101
            dx = np.where(dead.reshape(-1, *(1,) * (dx.ndim - 1)), through, dx)
        return value, dx


def _straight(layer: ReLU, dy: Array, cache: Any) -> tuple[Array, Arrays]:
    return dy, {}


@dataclass
class Ascent:
    """The images on their way: u (T·S, …), in units of the range."""

    score: Score
    low: float | None
    scale: float
    bounded: bool
    starts: int
    seed: int
    p: float
    b: float
    jitter: int
    noise: float
    blur: float

    def begin(self, size: float | None, variation: float | None, apart: float | None) -> None:
        """Draw the starts, and choose the weights that were left out by a trial without penalties."""
        shape, dtype = self.score.part.input_shape or (), self.score.part.dtype
        # A start depends on its target and number alone: a target in a batch begins as it does by itself.
        seeds = [(self.seed, t, s) for t in self.score.targets for s in range(self.starts)]
        drawn = np.stack([np.random.default_rng(key).random(shape) for key in seeds])
        self.u = (0.1 * drawn if self.bounded else 0.1 * (drawn - 0.5)).astype(dtype)
        if not self.score.gradient(self.x(self.u), self.starts)[1].any():
            raise StateError(
                f"{WHO}: no gradient reaches the image from any start, so nothing can rise. The unit may not depend "
                "on its input: look at pl.summary(network, x) for layers that are dead."
            )
        given = {"size": size, "variation": variation, "apart": apart}
        zero = np.zeros(len(self.u), dtype)
        self.weights = {key: zero if value is None else np.full_like(zero, value) for key, value in given.items()}
        if None in given.values():
            chosen = self._weights_by_trial()
            self.weights |= {key: chosen[key].astype(dtype) for key, value in given.items() if value is None}

    def _weights_by_trial(self) -> Arrays:
        """The weights at which the penalties of an image made without any cost a share of what its score gained."""
        given, self.weights = self.weights, {key: np.zeros_like(w) for key, w in self.weights.items()}
        u = self.u.copy()
        for _ in self._climb(u, TRIAL, None):
            pass
        gain = np.maximum(self.objective(u) - self.objective(self.u), 0)
        self.weights = given
        size = power_penalty(u, self.p)[0]
        variation = total_variation(u, self.b)[0] if u.ndim == 4 else np.ones_like(size)
        return {
            "size": SIZE * self._by_target(gain) / (self._by_target(size) + 1e-12),
            "variation": VARIATION * self._by_target(gain) / (self._by_target(variation) + 1e-12),
            "apart": APART * self._by_target(gain),
        }

    def _by_target(self, values: Array) -> Array:
        """The mean over the starts, for each image of a target."""
        return np.repeat(values.reshape(-1, self.starts).mean(axis=1), self.starts)

    def x(self, u: Array) -> Array:
        """The images in the data's units, never a rounding outside the range."""
        if not self.bounded or self.low is None:
            return u
        x = u * u.dtype.type(self.scale) + u.dtype.type(self.low)
        return np.clip(x, self.low, self.low + self.scale, dtype=u.dtype)

    def penalties(self, u: Array) -> tuple[Array, Array]:
        """Return what the priors take off the score of each image, and the gradient by u."""
        cost, slope = np.zeros(len(u), u.dtype), np.zeros_like(u)
        wide = (-1, *(1,) * (u.ndim - 1))
        terms = [("size", lambda: power_penalty(u, self.p)), ("variation", lambda: total_variation(u, self.b))]
        if self.starts > 1:
            terms.append(("apart", lambda: self._likeness(u)))
        for key, term in terms:
            weight = self.weights[key]
            if weight.any():
                value, gradient = term()
                cost += weight * value
                slope += weight.reshape(wide) * gradient
        return cost, slope

    def _likeness(self, u: Array) -> tuple[Array, Array]:
        value, gradient = likeness(u.reshape(-1, self.starts, *u.shape[1:]))
        return value.reshape(-1), gradient.reshape(u.shape)

    def objective(self, u: Array) -> Array:
        """Return the score less the penalties of each image."""
        value, _ = self.score.read(self.score.part(self.x(u)), self.starts)
        return value - self.penalties(u)[0]

    def run(self, steps: int, optimizer: Optimizer | None, film: int) -> None:
        """Climb; keep the best image of each start, the curve and the film."""
        frames = set(np.round(steps * np.linspace(0, 1, film) ** 2).astype(int).tolist()) | {steps}
        measured = set(np.linspace(0, steps, min(steps, MEASUREMENTS) + 1).astype(int).tolist())
        self.film: dict[int, Array] = {}
        self.curve: dict[int, Array] = {}
        u, self.best, self.height = self.u.copy(), self.u.copy(), np.full(len(self.u), -np.inf)
        for step in self._climb(u, steps, optimizer):
            if step in measured:
                self._measure(step, u)
            if step in frames:
                self.film[step] = self.best.copy() if step == steps else u.copy()
        self.settings: Config = {"steps": steps, "optimizer": repr(optimizer or Adam(Cosine(RATE, steps)))}

    def _climb(self, u: Array, steps: int, optimizer: Optimizer | None) -> Iterator[int]:
        """Change u in place, step by step; yield the number of steps taken, 0 first."""
        rng = np.random.default_rng(self.seed)
        climb = optimizer or Adam(Cosine(RATE, steps))
        for step in range(steps):
            yield step
            g = self._direction(u, 1 - step / steps, rng)
            if optimizer is None:
                g /= np.sqrt(_mean(g * g)).reshape(-1, *(1,) * (u.ndim - 1)) + 1e-30
            climb.step({"u": u}, {"u": -g})
            if self.bounded:
                np.clip(u, 0, 1, out=u)
        yield steps

    def _measure(self, step: int, u: Array) -> None:
        self.curve[step] = self.objective(u)
        higher = self.curve[step] > self.height
        self.best[higher], self.height[higher] = u[higher], self.curve[step][higher]

    def _direction(self, u: Array, left: float, rng: np.random.Generator) -> Array:
        """The gradient of the objective by u, seen through this step's shift, noise and blur."""
        seen, shift = u, (0, 0)
        if self.noise:  # one draw for all images: a target in a batch sees what it would see by itself
            seen = seen + (left * self.noise * rng.standard_normal(u.shape[1:])).astype(u.dtype)
        if self.jitter:
            shift = tuple(rng.integers(-self.jitter, self.jitter + 1, 2).tolist())
            seen = np.roll(seen, shift, (1, 2))
        x = seen * u.dtype.type(self.scale) + u.dtype.type(self.low or 0)
        g = self.score.gradient(x, self.starts)[1] * u.dtype.type(self.scale)
        if self.jitter:
            g = np.roll(g, (-shift[0], -shift[1]), (1, 2))
        g = g - self.penalties(u)[1]
        return blurred(g, left * self.blur) if self.blur else g

    def result(self, whole: Container[Any], layer: str | None, samples: Array | None, labels: Any) -> Maximized:
        t, s = len(self.score.targets), self.starts
        grid = (t, s)
        x = self.x(self.best)
        y = self.score.part(x)
        scores = self.score.read(y, s)[0]
        winners = self.height.reshape(grid).argmax(axis=1)
        at = np.arange(t) * s + winners
        part_layers = self.score.part.layers
        return Maximized(
            layer=layer or (part_layers[-1].name if part_layers else ""),
            targets=self.score.targets,
            images=x.reshape(*grid, *x.shape[1:]),
            scores=scores.reshape(grid),
            objectives=self.height.reshape(grid),
            probabilities=None if layer is not None else self._probabilities(y).reshape(grid),
            curve=np.stack(list(self.curve.values())).reshape(-1, *grid),
            curve_steps=np.array(list(self.curve)),
            film=np.stack([self.x(frame[at]) for frame in self.film.values()]),
            film_steps=np.array(list(self.film)),
            nearest=None if samples is None else _nearest(x[at], samples, labels, self.low or 0.0),
            settings=self._settings(),
        )

    def _probabilities(self, y: Array) -> Array:
        rows, channel = np.arange(len(y)), np.repeat(self.score.targets, self.starts)
        return np.asarray((sigmoid(y) if self.score.ending == "Sigmoid" else softmax(y))[rows, channel])

    def _settings(self) -> Config:
        chosen = {f"{key}_weight": w[:: self.starts].tolist() for key, w in self.weights.items()}
        bounds = (self.low, (self.low or 0.0) + self.scale) if self.bounded else None
        return {
            **self.settings, **chosen, "seed": self.seed, "starts": self.starts, "bounds": bounds,
            "position": self.score.position, "size_power": self.p, "variation_power": self.b,
            "jitter": self.jitter, "noise": self.noise, "blur": self.blur,
        }  # fmt: skip


def _mean(values: Array) -> Array:
    """The mean of each image."""
    return np.asarray(values.reshape(len(values), -1).mean(axis=1))


def _bounds(bounds: Any, samples: Array | None) -> tuple[float | None, float | None]:
    if bounds is None:
        return None, None
    if bounds == "data":
        return (0.0, 1.0) if samples is None else (float(samples.min()), float(samples.max()))
    if not isinstance(bounds, (tuple, list)) or len(bounds) != 2 or not bounds[0] < bounds[1]:
        raise ArgumentError(f"{WHO}: bounds must be (low, high) with low < high, None or 'data', got {bounds!r}.")
    return float(bounds[0]), float(bounds[1])


def _nearest(images: Array, samples: Array, labels: Any, blank: float) -> Nearest:
    """For each image the sample with the largest cosine, some thousand samples at a time."""
    flat = images.reshape(len(images), -1) - blank
    flat = flat / (np.linalg.norm(flat, axis=1, keepdims=True) + 1e-12)
    index, best = np.zeros(len(flat), int), np.full(len(flat), -np.inf)
    for start in range(0, len(samples), 4096):
        block = samples[start : start + 4096].reshape(-1, flat.shape[1]) - blank
        cosine = flat @ (block / (np.linalg.norm(block, axis=1, keepdims=True) + 1e-12)).T
        winner = cosine.argmax(axis=1)
        value = cosine[np.arange(len(flat)), winner]
        index[value > best] = start + winner[value > best]
        best = np.maximum(best, value)
    found: IntArray | None = None if labels is None else np.asarray(labels)[index]
    return Nearest(index, samples[index], best, found)
