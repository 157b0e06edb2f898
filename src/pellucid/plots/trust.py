"""The trust card as a picture: the checks with their marks, an example, and the curves under two of the checks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from pellucid import checks
from pellucid.checked import checked
from pellucid.pictures import palette, pixels
from pellucid.pictures.scale import Scale
from pellucid.plots import grid, style
from pellucid.shown import shown
from pellucid.typing import Array

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

WIDTH, ROW, PICTURE, PANEL, LINE = 9.4, 0.36, 1.5, 2.1, 0.17  # inches
GREEN, OCHRE = "#009E73", "#B98300"
MARKS = {
    "passes": ("✓", GREEN),
    "fails": ("✗", palette.VERMILION),
    "open": ("?", OCHRE),
    "none": ("–", palette.MUTED),
}
COLUMNS = (0.0, 0.28, 1.62, 4.92, 6.12)  # inches: mark, check, question, value, controls
CONTROLS = (("random", palette.MUTED, (0, (1.5, 1.8))), ("edges", "#E69F00", (0, (4, 2))))


@checked
def trust_card(card: Any, *, title: str | None = None) -> Figure:
    """A picture of what `explain.evaluate.trust_card` found.

    Above the checks: ✓ better than every control, ✗ not better, ? the images do not decide; then what was measured
    (mean ± standard error over images) and the hardest controls. Below: an image and its map, the likeness of the map
    to those of randomised networks, and the score while pixels are removed, each with its controls.

    Examples
    --------
    >>> from pellucid.explain import evaluate
    >>> network = pl.Sequential([pl.Flatten(), pl.Affine(3)], input_shape=(8, 8, 1))
    >>> x = np.random.default_rng(0).random((2, 8, 8, 1), np.float32)
    >>> card = evaluate.trust_card(network, pl.explain.saliency, x, images=2)
    >>> pl.plots.trust_card(card).savefig("card.png")
    """
    who = "plots.trust_card"
    checks.expect_made_by(who, "card", card, "TrustCard", "explain.evaluate.trust_card")
    asked = sum(row.verdict != "none" for row in card.rows)
    heading = f"{card.method}: passes {card.passed} of {asked} checks" if title is None else title
    top = grid.MARGIN + grid.HEADING + 0.1
    below = top + (len(card.rows) + 1) * ROW + 0.3
    with style.house(who):
        settings = _settings(card)
        fig = grid.page(WIDTH - grid.MARGIN, below + PANEL + 0.3 + 0.62 + len(settings) * LINE, heading)
        _write_checks(fig, card, top)
        _show_example(fig, card, below + 0.3)
        _draw_randomization(_panel(fig, 4.2, below + 0.3, 2.0, "Layers drawn anew"), card.randomization)
        curves = _panel(fig, 6.95, below + 0.3, 2.2, "Pixels removed")
        _draw_deletion(curves, card.deletion)
        handles, labels = curves.get_legend_handles_labels()
        width, height = fig.get_size_inches()
        corner = ((grid.MARGIN - 0.05) / width, (0.3 + len(settings) * LINE) / height)
        fig.legend(handles, labels, loc="lower left", bbox_to_anchor=corner, ncols=3, borderpad=0, columnspacing=1.2)
        for i, text in enumerate(settings):
            place = grid.MARGIN / width, (0.16 + (len(settings) - 1 - i) * LINE) / height
            fig.text(*place, text, size=style.SMALL - 1, color=palette.MUTED, va="bottom")
    return fig


def _settings(card: Any) -> list[str]:
    """Return the settings of every check in as few lines as the page is wide, those of the card first."""
    images = f"settings: {card.settings['images']} images, seed {card.settings['seed']}"
    parts = [images, *(f"{row.check}: {row.settings}" for row in card.rows if row.settings)]
    lines = [""]
    for part in map(shown, parts):
        longer = f"{lines[-1]} · {part}" if lines[-1] else part
        if style.text_width(longer, style.SMALL - 1) <= WIDTH - 2 * grid.MARGIN or not lines[-1]:
            lines[-1] = longer
        else:
            lines.append(part)
    return lines


def _write_checks(fig: Figure, card: Any, top: float) -> None:
    names = ("", "check", "what it asks", "measured", "to pass: the controls")
    height = (len(card.rows) + 1) * ROW
    axes = grid.place(fig, grid.MARGIN, top, WIDTH - 2 * grid.MARGIN, height)
    axes.axis("off")
    axes.set(xlim=(0, WIDTH - 2 * grid.MARGIN), ylim=(height, 0))
    place: dict[str, Any] = {"va": "center", "size": style.SMALL}
    for x, name in zip(COLUMNS, names, strict=True):
        axes.text(x, ROW / 2, name, color=palette.MUTED, **place)
    for i, row in enumerate(card.rows):
        y = (i + 1.5) * ROW
        axes.axhline(y - ROW / 2, color=palette.FAINT, lw=0.8)
        sign, colour = MARKS[row.verdict]
        axes.text(COLUMNS[0], y, sign, color=colour, va="center", size=style.TITLE, weight="bold")
        axes.text(COLUMNS[1], y, row.check, color=palette.INK, weight="bold", **place)
        axes.text(COLUMNS[2], y, row.question, color=palette.INK, **place)
        if not row.value:
            continue
        axes.text(COLUMNS[3], y, row.value, color=palette.INK, **place)
        axes.text(COLUMNS[4], y, _controls(row), color=palette.MUTED, **place)


def _controls(row: Any) -> str:
    if not row.measure.controls:
        return "there is none for vectors" if row.verdict == "none" else "share of images on which it holds"
    means = sorted((float(values.mean()), name) for name, values in row.measure.controls.items())
    hardest = means[:2] if row.measure.better == "lower" else means[:-3:-1]  # more would not fit into the line
    return f"{row.measure.better} than " + ", ".join(f"{name} {mean:.2f}" for mean, name in hardest)


def _show_example(fig: Figure, card: Any, top: float) -> None:
    images = pixels.shown_images("plots.trust_card", np.asarray(card.image)[None], "image")
    found = pixels.batch("plots.trust_card", np.asarray(card.map)[None], "map")[0]
    height, width = grid.picture_size(images.shape[1], images.shape[2], PICTURE)
    first = grid.place(fig, grid.MARGIN, top, width, height)
    grid.show_image(first, images[0], images)
    second = grid.place(fig, grid.MARGIN + width + 0.15, top, width, height)
    scale = Scale.of_map(found)
    second.imshow(found, cmap=style.colour_map(scale.evidence), vmin=scale.low, vmax=scale.high, aspect="auto")
    for axes, text in ((first, "an image"), (second, "its map")):
        grid.write_caption(axes, grid.Caption(text))


def _panel(fig: Figure, left: float, top: float, width: float, title: str) -> Axes:
    full_width, full_height = fig.get_size_inches()
    box = (left / full_width, 1 - (top + PANEL - 0.3) / full_height, width / full_width, (PANEL - 0.3) / full_height)
    axes = style.panel(fig.add_axes(box), title)
    axes.set_title(style.drawable(title), fontsize=style.TEXT)
    axes.set_ylim(0, 1.04)
    axes.set_yticks([0, 0.5, 1])
    return axes


def _draw_randomization(axes: Axes, found: Any) -> None:
    """Likeness after each layer, from the last; the edge detector's is a line that a method should fall below."""
    points = found.curve()
    x = np.arange(len(points) + 1)
    mean = np.array([1.0, *(p.mean for p in points)])
    error = np.array([0.0, *(p.error for p in points)])
    _curve(axes, x, mean, error)
    if found.edges.size:
        _, colour, dashes = CONTROLS[1]
        axes.axhline(float(found.edges.mean()), color=colour, ls=dashes, lw=1.4)
    axes.set_ylabel("likeness of the maps")
    axes.set_xticks(x, ["none", *_short(found.layers)], rotation=40, ha="right", rotation_mode="anchor")


def _short(layers: tuple[str, ...]) -> list[str]:
    return ["+ " + (layer if len(layer) <= 10 else "…" + layer[-9:]) for layer in map(shown, layers)]


def _draw_deletion(axes: Axes, curves: Any) -> None:
    for name, colour, dashes in CONTROLS:
        if name in curves.curves:
            axes.plot(curves.fractions, curves.mean_curve(name)[0], color=colour, ls=dashes, lw=1.4, label=name)
    mean, error = curves.mean_curve()
    _curve(axes, curves.fractions, mean, error)
    axes.set_xlabel("share of pixels")
    axes.set_ylabel(str(curves.settings["scalar"]))
    axes.xaxis.set_major_formatter("{x:.0%}")
    axes.set_xticks([0, 0.5, 1])


def _curve(axes: Axes, x: Array, mean: Array, error: Array) -> None:
    axes.fill_between(x, mean - error, mean + error, color=palette.BLUE, alpha=0.18, lw=0)
    few = len(x) < 12
    axes.plot(x, mean, color=palette.BLUE, marker="o" if few else None, markersize=4, label="this method")
