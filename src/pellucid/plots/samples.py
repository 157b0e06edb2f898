"""A sample of the data, and the samples that a network got wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pellucid import checks
from pellucid.checked import checked
from pellucid.errors import ArgumentError, ShapeError
from pellucid.pictures import classes, palette, pixels
from pellucid.plots import grid, style
from pellucid.plots.grid import Caption
from pellucid.typing import Array, IntArray

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@checked
def sample_grid(
    images: Any,
    labels: Any = None,
    predicted: Any = None,
    probabilities: Any = None,
    columns: int = 10,
    class_names: Any = None,
    title: str | None = None,
    count: int | None = 100,
) -> Figure:
    """The first `count` images with their labels; where a prediction is wrong, it stands above the truth.

    `images` are (N, H, W), (N, H, W, C) or flat (N, H·W). `probabilities` are those of all classes (N, K),
    which also give the prediction, or those of the predicted class alone (N,).

    Examples
    --------
    >>> images = np.random.default_rng(0).random((4, 8, 8, 1))
    >>> pl.plots.sample_grid(images, labels=[3, 1, 4, 1], columns=2).savefig("samples.png")
    """
    who = "plots.sample_grid"
    pictures = pixels.batch(who, images)
    chances = None if probabilities is None else _probabilities(who, probabilities, len(pictures))
    if predicted is None and chances is not None and chances.ndim == 2:
        predicted = chances.argmax(axis=1)
    truth = None if labels is None else classes.labels(who, labels, len(pictures))
    guess = None if predicted is None else classes.predicted(who, predicted, len(pictures))
    seen = [*(() if truth is None else truth), *(() if guess is None else guess)]
    names = classes.names(who, class_names, seen)
    shown = pixels.at_most(who, "count", count, len(pictures))
    captions = [_caption(names, i, truth, guess, chances) for i in range(shown)]
    return _draw(who, pixels.unit(pictures[:shown], pictures), captions, columns, title or "", 0.56)


@checked
def mistakes(
    images: Any,
    labels: Any,
    probabilities: Any,
    count: int | None = 25,
    columns: int = 5,
    class_names: Any = None,
    title: str | None = None,
) -> Figure:
    """The samples classified wrongly, worst first: those whose true class had the least probability.

    Under each image: what was predicted and what is true, with the probability of either.

    Examples
    --------
    >>> images = np.random.default_rng(0).random((3, 8, 8, 1))
    >>> probabilities = np.array([[0.9, 0.1], [0.8, 0.2], [0.3, 0.7]])
    >>> figure = pl.plots.mistakes(images, [0, 1, 1], probabilities)  # the second one
    >>> figure.savefig("mistakes.png")
    """
    who = "plots.mistakes"
    pictures = pixels.batch(who, images)
    chances = _probabilities(who, probabilities, len(pictures))
    if chances.ndim != 2:
        raise ShapeError(
            f"{who}: probabilities must be those of all classes, shape ({len(pictures)}, K), "
            f"got {chances.shape}. Pass what predict_proba(images) returns."
        )
    truth = checks.class_indices(who, labels, classes=chances.shape[1], samples=len(pictures))
    guess = chances.argmax(axis=1)
    names = classes.names(who, class_names, range(chances.shape[1]))
    wrong = classes.worst_first(truth, chances)
    if not len(wrong):
        return _no_mistakes(who, title or f"No mistakes among {len(truth):,} samples")
    shown = wrong[: pixels.at_most(who, "count", count, len(wrong))]
    captions = [
        _wrong(f"predicted {names[guess[i]]}", names[truth[i]], chances[i, guess[i]], chances[i, truth[i]])
        for i in shown
    ]
    if title is None:
        title = f"{_some(len(shown), len(wrong))} among {len(truth):,} samples, worst first"
    return _draw(who, pixels.unit(pictures[shown], pictures), captions, columns, title, 1.12)


def _probabilities(who: str, values: Any, samples: int) -> Array:
    chances = pixels.numbers(who, "probabilities", values)
    if chances.ndim not in (1, 2) or len(chances) != samples:
        raise ShapeError(
            f"{who}: probabilities must have shape ({samples}, K) or ({samples},), one row per image, "
            f"got {chances.shape}."
        )
    low, high = float(chances.min()), float(chances.max())
    if low < 0 or high > 1.0001:
        raise ArgumentError(
            f"{who}: probabilities must lie in [0, 1], got values from {low:.4g} to {high:.4g}. "
            "Are they scores before softmax? Pass what predict_proba(images) returns."
        )
    return chances


def _caption(
    names: dict[int, str], i: int, truth: IntArray | None, guess: IntArray | None, chances: Array | None
) -> Caption:
    """What stands under image `i` of a sample."""
    if guess is None:
        return Caption("" if truth is None else names[truth[i]])
    of_guess = None if chances is None else chances[i] if chances.ndim == 1 else chances[i, guess[i]]
    if truth is not None and truth[i] != guess[i]:
        return _wrong(names[guess[i]], names[truth[i]], of_guess)
    return Caption(_with_chance(names[guess[i]], of_guess))


def _wrong(said: str, true: str, of_guess: float | None, of_truth: float | None = None) -> Caption:
    second = _with_chance(f"truth {true}", of_truth)
    return Caption(_with_chance(said, of_guess), palette.VERMILION, second, bold=True)


def _with_chance(text: str, chance: float | None) -> str:
    return text if chance is None else f"{text} · {classes.percent(float(chance))}"


def _some(shown: int, available: int) -> str:
    noun = "mistake" if available == 1 else "mistakes"
    return f"{shown:,} of {available:,} {noun}" if shown < available else f"{available:,} {noun}"


def _draw(who: str, pictures: Array, captions: list[Caption], columns: int, title: str, target: float) -> Figure:
    columns = checks.size(who, "columns", columns)
    size = grid.picture_size(pictures.shape[1], pictures.shape[2], target)
    with style.house(who):
        fig, axes = grid.sheet(title, captions, columns, size)
        for place, picture in zip(axes, pictures, strict=True):
            grid.show_image(place, picture, pictures)
    return fig


def _no_mistakes(who: str, title: str) -> Figure:
    with style.house(who):
        return grid.page(0, grid.HEADING + grid.MARGIN, title)
