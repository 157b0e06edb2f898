"""The way up of activation maximisation: what is raised, and the steps that raise it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from pellucid.errors import ArgumentError, StateError
from pellucid.explain.machinery.rules import is_relu, only_where
from pellucid.explain.maximization.maximized import Maximized, Nearest
from pellucid.explain.maximization.priors import blurred, likeness, power_penalty, total_variation
from pellucid.explain.target import Reading, class_scalar
from pellucid.layers import Container
from pellucid.layers.door import outward
from pellucid.layers.parts import upto
from pellucid.optimizers import Adam, Optimizer
from pellucid.schedules import Cosine
from pellucid.shown import came
from pellucid.specs import LAYOUTS
from pellucid.typing import Array, Arrays, Config, IntArray

WHO = "maximize"
# Penalties whose weight is left out cost an image that was made without any this share of what its score gained:
# the same strength for every network and range.
SIZE, VARIATION, APART = 0.35, 0.13, 0.05
SIZE_OF_VECTORS = 1.2  # which have no variation to hold them
TRIAL = 48  # the steps of that image
RATE = 0.05
MEASUREMENTS = 64  # how often the objective is taken, about, and the best image kept


@dataclass
class Score:
    """What is raised: for each target one number of the part's output."""

    reading: Reading
    targets: tuple[int, ...]
    position: str | tuple[int, int]

    @classmethod
    def of(cls, network: Container[Any], target: Any, layer: str | None, position: Any) -> Score:
        reading = Reading.of(network) if layer is None else Reading(upto(network, layer))
        shape = reading.network.output_shape or ()
        if len(shape) not in (1, 3):
            raise ArgumentError(f"{WHO}: the layer must give a vector or a picture (H, W, C), got {shape}.")
        targets = tuple(np.atleast_1d(np.asarray(target)).tolist())
        count = reading.classes(shape[-1])
        for one in targets:
            if not isinstance(one, int) or isinstance(one, bool) or not 0 <= one < count:
                raise ArgumentError(f"{WHO}: target must lie in 0..{count - 1}, got {came(one)}.")
        if not targets:
            raise ArgumentError(f"{WHO}: target must name at least one class, got {came(target)}.")
        return cls(reading, targets, cls._place(shape, position))

    @property
    def part(self) -> Container[Any]:
        """The network up to what is raised."""
        return self.reading.network

    @staticmethod
    def _place(shape: tuple[int, ...], position: Any) -> str | tuple[int, int]:
        if len(shape) == 1:
            return ""  # a vector has no places
        if position in ("mean", "max"):
            return str(position)
        if position == "centre":
            return shape[0] // 2, shape[1] // 2
        if isinstance(position, (tuple, list)) and len(position) == 2:
            row, column = position
            if 0 <= row < shape[0] and 0 <= column < shape[1]:
                return int(row), int(column)
        raise ArgumentError(
            f"{WHO}: position must be 'centre', 'max', 'mean' or (row, column) within {shape[:2]}, "
            f"got {came(position)}."
        )

    def read(self, y: Array, starts: int) -> tuple[Array, Array]:
        """Return the numbers (T·S,) in outputs y of that many images, and their gradient by y."""
        dy = np.zeros_like(y)
        rows, channel = np.arange(len(y)), np.repeat(self.targets, starts)
        if y.ndim == 2:
            return class_scalar("logit", y, channel, self.reading)
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
        dx = self.part.pull(dy, tape)
        dead = ~dx.reshape(len(dx), -1).any(axis=1)
        if dead.any():
            through = self.part.pull(dy, tape, only_where(is_relu, _straight))
            dx = np.where(dead.reshape(-1, *(1,) * (dx.ndim - 1)), through, dx)
        return value, dx


def _straight(layer: Any, dy: Array, cache: Any) -> tuple[Array, Arrays]:
    return dy, {}


@dataclass
class Ascent:
    """The images on their way: u (T·S, …), in units of the range."""

    score: Score
    low: Array | None
    scale: Array
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
        pictures = u.ndim == 4
        variation = total_variation(u, self.b)[0] if pictures else np.ones_like(size)
        return {
            "size": (SIZE if pictures else SIZE_OF_VECTORS) * self._by_target(gain) / (self._by_target(size) + 1e-12),
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
        x = u * self.scale.astype(u.dtype) + self.low.astype(u.dtype)
        return np.asarray(np.clip(x, self.low, self.low + self.scale, dtype=u.dtype))

    def penalties(self, u: Array) -> tuple[Array, Array]:
        """Return what the priors take off the score of each image, and the gradient by u."""
        cost, slope = np.zeros(len(u), u.dtype), np.zeros_like(u)
        wide = (-1, *(1,) * (u.ndim - 1))
        terms: dict[str, Callable[[], tuple[Array, Array]]] = {
            "size": lambda: power_penalty(u, self.p),
            "variation": lambda: total_variation(u, self.b),
            "apart": lambda: self._likeness(u),
        }
        for key, term in terms.items():
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
        return np.asarray(value - self.penalties(u)[0])

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
        scale, low = self.scale.astype(u.dtype), u.dtype.type(0) if self.low is None else self.low.astype(u.dtype)
        g = self.score.gradient(seen * scale + low, self.starts)[1] * scale
        if self.jitter:
            g = np.roll(g, (-shift[0], -shift[1]), (1, 2))
        g = g - self.penalties(u)[1]
        return blurred(g, left * self.blur) if self.blur else g

    def result(self, layer: str | None, find: Callable[[Array], Nearest] | None, turned: bool) -> Maximized:
        """Return the best images with all that is known about them; `find` looks for the samples like them.

        Turned, their channels come before rows and columns.
        """
        as_given: Callable[[Array], Array] = outward if turned else np.asarray
        nearest = None if find is None else find(self.x(self.best)[self._winners()])
        t, s = len(self.score.targets), self.starts
        grid = (t, s)
        x = self.x(self.best)
        y = self.score.part(x)
        scores = self.score.read(y, s)[0]
        at = self._winners()
        return Maximized(
            layer=layer or next(reversed(self.score.part.names), ""),
            targets=self.score.targets,
            images=as_given(x.reshape(*grid, *x.shape[1:])),
            scores=scores.reshape(grid),
            objectives=self.height.reshape(grid),
            probabilities=None if layer is not None else self._probabilities(y, grid),
            curve=np.stack(list(self.curve.values())).reshape(-1, *grid),
            curve_steps=np.array(list(self.curve)),
            film=as_given(np.stack([self.x(frame[at]) for frame in self.film.values()])),
            film_steps=np.array(list(self.film)),
            nearest=None if nearest is None else nearest._replace(samples=as_given(nearest.samples)),
            settings=self._settings(),
            layout=LAYOUTS[turned],
        )

    def _winners(self) -> IntArray:
        """Where the best start of each target stands."""
        best = self.height.reshape(-1, self.starts).argmax(axis=1)
        return np.asarray(np.arange(len(best)) * self.starts + best)

    def _probabilities(self, y: Array, grid: tuple[int, int]) -> Array | None:
        rows, channel = np.arange(len(y)), np.repeat(self.score.targets, self.starts)
        p = self.score.reading.probabilities(y)
        return None if p is None else np.asarray(p[rows, channel]).reshape(grid)

    def _settings(self) -> Config:
        chosen = {f"{key}_weight": w[:: self.starts].tolist() for key, w in self.weights.items()}
        bounds = None if self.low is None or not self.bounded else (self.low.tolist(), (self.low + self.scale).tolist())
        return {
            **self.settings, **chosen, "seed": self.seed, "starts": self.starts, "bounds": bounds,
            "position": self.score.position, "size_power": self.p, "variation_power": self.b,
            "jitter": self.jitter, "noise": self.noise, "blur": self.blur,
        }  # fmt: skip


def _mean(values: Array) -> Array:
    """The mean of each image."""
    return np.asarray(values.reshape(len(values), -1).mean(axis=1))
