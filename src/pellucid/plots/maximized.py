"""Activation maximisation as a picture: each target's image with its score, what is most like it, and the way there."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from pellucid import checks
from pellucid.checked import checked
from pellucid.pictures import classes, palette, pixels
from pellucid.plots import grid, style
from pellucid.plots.grid import Caption
from pellucid.shown import bounded, shown
from pellucid.typing import Array, IntArray

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

LARGE, SMALL, LEAST = 1.12, 0.44, 0.25  # inches of an image, and of a frame of its film
LONGEST = 28  # signs of a class's name
WHO = "plots.maximized"


@checked
def maximized(
    result: Any, title: str | None = None, columns: int = 5, class_names: Any = None, film: bool = True
) -> Figure:
    """The best image of each target, with the score that it reaches and, for a class, its probability.

    Below each stand the frames of its film, and at its right the sample that is most like it, where data were given.
    `result` is what `explain.maximize` returns.

    Examples
    --------
    >>> network = pl.Sequential([pl.Flatten(), pl.Affine(3)], input_shape=(8, 8, 1))
    >>> best = pl.explain.maximize(network, [0, 1], steps=8)
    >>> pl.plots.maximized(best, film=False).savefig("maximized.png")
    """
    checks.expect_made_by(WHO, "result", result, "Maximized", "explain.maximize")
    columns = checks.size(WHO, "columns", columns)
    best = pixels.batch(WHO, result.pictures(result.best), "images")
    low, high = _range(result, best)
    names = classes.names(WHO, class_names, result.targets) if result.probabilities is not None else {}
    captions = [_caption(result, i, names) for i in range(len(best))]
    beside = None if result.nearest is None else pixels.batch(WHO, result.pictures(result.nearest.samples), "samples")
    frames = _frames(result) if film and len(result.film) > 1 else best[:0]
    if title is None:
        title = f"What excites {shown(result.layer)} most"
    with style.house(WHO):
        return _draw(best, beside, frames, captions, _second(result, names), title, columns, low, high)


def _range(result: Any, best: Array) -> tuple[float, float]:
    bounds = result.settings.get("bounds")
    if bounds and np.ndim(bounds[0]):  # of each channel: the pictures are shown as they were before
        return 0.0, 1.0
    return (float(bounds[0]), float(bounds[1])) if bounds else (float(best.min()), float(best.max()) + 1e-12)


def _frames(result: Any) -> Array:
    """(F, T, H, W[, 3])."""
    f, t = result.film.shape[:2]
    flat = pixels.batch(WHO, result.pictures(result.film.reshape(f * t, *result.film.shape[2:])), "film")
    return flat.reshape(f, t, *flat.shape[1:])


def _caption(result: Any, i: int, names: dict[int, str]) -> Caption:
    target, winner = result.targets[i], result.winners[i]
    score = f"{result.scores[i, winner]:.3g}"
    if result.probabilities is None:
        return Caption(str(target), palette.INK, f"activation {score}", bold=True)
    chance = classes.percent(float(result.probabilities[i, winner]))
    return Caption(bounded(names[target], LONGEST), palette.INK, f"logit {score} · {chance}", bold=True)


def _second(result: Any, names: dict[int, str]) -> list[Caption]:
    """What stands under the samples."""
    if result.nearest is None:
        return []
    labels = result.nearest.labels
    captions = []
    for i, target in enumerate(result.targets):
        if labels is None or np.ndim(labels) != 1 or not names:
            captions.append(Caption("nearest", palette.MUTED, f"no. {result.nearest.indices[i]:,}"))
            continue
        label = int(labels[i])
        colour = palette.MUTED if label == target else palette.VERMILION
        captions.append(
            Caption(
                f"nearest: {bounded(names.get(label, str(label)), LONGEST)}",
                colour,
                f"no. {result.nearest.indices[i]:,}",
            )
        )
    return captions


def _draw(
    best: Array,
    beside: Array | None,
    film: Array,
    captions: Sequence[Caption],
    seconds: Sequence[Caption],
    title: str,
    columns: int,
    low: float,
    high: float,
) -> Figure:
    tall, wide = grid.picture_size(best.shape[1], best.shape[2], LARGE)
    step = max(wide, *(c.width() for c in [*captions, *seconds])) + grid.GAP
    pair = step * (1 if beside is None else 2) - grid.GAP
    frames = film[_as_many_as_fit(len(film), pair)]
    many = len(frames)
    small = _frame_size(best, pair, many)
    block = tall + 2 * grid.LINE + 0.12 + (small[0] + 0.1 if many else 0.0)
    rows, used = -(-len(best) // columns), min(columns, len(best))
    top = grid.MARGIN + (grid.HEADING if title else 0.0)
    across, middle = pair + 0.3, (step - grid.GAP - wide) / 2
    right = grid.MARGIN + used * across - 0.3
    fig = grid.page(right, top + rows * (block + 0.16) - 0.16 + grid.MARGIN, title)
    for i, caption in enumerate(captions):
        row, column = divmod(i, columns)
        x, y = grid.MARGIN + column * across, top + row * (block + 0.16)
        _image(grid.place(fig, x + middle, y, wide, tall), best[i], caption, low, high)
        if beside is not None:
            _image(grid.place(fig, x + step + middle, y, wide, tall), beside[i], seconds[i], low, high)
        gap = (pair - many * small[1]) / max(many - 1, 1)
        for k, frame in enumerate(frames):
            at = grid.place(fig, x + k * (small[1] + gap), y + block - small[0], small[1], small[0])
            _image(at, frame[i], Caption(""), low, high)
    return fig


def _as_many_as_fit(available: int, width: float) -> IntArray:
    """Frames evenly chosen, the first and the last among them, none narrower than LEAST."""
    shown = min(available, max(int((width + 0.03) / (LEAST + 0.03)), 2))
    return np.round(np.linspace(0, available - 1, shown)).astype(int)


def _frame_size(best: Array, pair: float, many: int) -> tuple[float, float]:
    """Frames as large as fit side by side below an image, and no larger than SMALL."""
    width = min(SMALL, (pair - 0.03 * (many - 1)) / max(many, 1))
    return width * best.shape[1] / best.shape[2], width


def _image(axes: Axes, picture: Array, caption: Caption, low: float, high: float) -> None:
    shown = picture if picture.ndim == 2 else np.clip((picture - low) / (high - low), 0, 1)
    axes.imshow(shown, cmap="gray_r", vmin=low, vmax=high, aspect="auto")
    grid.write_caption(axes, caption)
