"""What occlusion saw: where a covered image loses the score, how sure the network stays, and which class it sees."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from pellucid import checks
from pellucid.checked import checked
from pellucid.errors import ArgumentError
from pellucid.pictures import classes, palette, pixels
from pellucid.pictures.legend import entries
from pellucid.pictures.scale import Scale
from pellucid.plots import grid, style
from pellucid.plots.heatmaps import paint
from pellucid.plots.legend import draw_legend, legend_width
from pellucid.typing import Array

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.cm import ScalarMappable
    from matplotlib.figure import Figure

WHO = "plots.occlusion_maps"
SIDE, HEAD, APART = 1.5, 0.26, 0.2  # inches: a map, what stands above the first row, and between columns
HEADS = ("image", "fall of the score", "probability of the class", "class predicted")


@checked
def occlusion_maps(result: Any, class_names: Any = None, title: str | None = None) -> Figure:
    """A row for each image of what `explain.occlusion` returns for classes.

    The image; by how much the score falls where a pixel is covered, on one scale for all images; the probability of
    the class where the patch lies at each place, from 0 to 1; the class that is predicted there, and how often each.
    The last two have one pixel for each place of the patch. Below the image stands what was explained.

    Examples
    --------
    >>> network = pl.Sequential([pl.Flatten(), pl.Affine(3)], input_shape=(8, 8, 1))
    >>> said = pl.explain.occlusion(network, np.ones((1, 8, 8, 1)), patch=4, stride=4)
    >>> pl.plots.occlusion_maps(said).savefig("occlusion.png")
    """
    checks.expect_made_by(WHO, "result", result, "Explanation", "explain.occlusion")
    if "predicted" not in result.extras:
        raise ArgumentError(
            f"{WHO}: needs what explain.occlusion found for a class, got an explanation of {result.scalar} by "
            f"{result.method}. explain.occlusion(network, x, target) with classes as targets gives it."
        )
    images = pixels.shown_images(WHO, result.pictures(), "result.inputs")
    names = list(classes.names(WHO, class_names, range(result.extras["counts"].shape[1])).values())
    counted = [entries(counts, names) for counts in result.extras["counts"]]
    if title is None:
        height, width = result.settings["patch"]
        title = f"Occlusion by a patch of {height} × {width}, filled with {result.baseline}"
    with style.house(WHO):
        size = grid.picture_size(images.shape[1], images.shape[2], SIDE)
        lefts = grid.MARGIN + np.cumsum([0, size[1] + APART, *[size[1] + grid.BAR + 0.1] * 2])
        captions = [f"{_number(result, i, names)} = {score:.3g}" for i, score in enumerate(result.scores)]
        down = size[0] + grid.LINE + 0.14
        right = lefts[3] + size[1] + 0.12 + max(legend_width(shown) for shown in counted)
        top = grid.MARGIN + grid.HEADING * bool(title) + HEAD
        fig = grid.page(right, top + len(images) * down, title)
        scale = Scale.of(result.maps())
        for i, shown in enumerate(counted):
            axes = [grid.place(fig, left, top + i * down, size[1], size[0]) for left in lefts]
            grid.write_caption(axes[0], grid.Caption(captions[i]))
            falls, chances = _draw(axes, result, images, scale, i)
            draw_legend(fig, lefts[3] + size[1] + 0.12, top + i * down, shown, size[0])
            if i == 0:
                for place, text in zip(axes, HEADS, strict=True):
                    grid.write(place, text, (0, 1), (0, 4), ha="left", va="bottom")
                grid.colour_bar(fig, axes[1:2], falls)
                grid.colour_bar(fig, axes[2:3], chances)
    return fig


def _number(result: Any, i: int, names: Sequence[str]) -> str:
    """What is explained, with the class by its name."""
    k = int(result.target[i])
    return str(result.scalars[i].replace(f"of class {k}", f"of {names[k]}"))


def _draw(
    axes: Sequence[Axes], result: Any, images: Array, scale: Scale, i: int
) -> tuple[ScalarMappable, ScalarMappable]:
    """Draw one row, and return the scales of the two maps that have one."""
    grid.show_image(axes[0], images[i], images)
    falls = paint(axes[1], result.maps()[i], scale, style.colour_map(scale.evidence))
    unknown = np.full_like(result.extras["drop"], np.nan)  # blank where the network knows none
    chance = result.extras.get("probability", unknown)[i]
    chances = axes[2].imshow(chance, cmap=style.colour_map(palette.SEQUENTIAL), vmin=0, vmax=1, aspect="auto")
    axes[3].imshow(palette.of_classes(result.extras["predicted"][i]), aspect="auto")
    return falls, chances
